// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Where the raw water comes from: a base with a slow random wander and a daily course, and storms.
 *
 * @param turbidity base, NTU.
 * @param uv254 base, 1/m.
 * @param temperature mean of the day, °C.
 * @param alkalinity base, mg/l CaCO3.
 * @param ph base.
 * @param conductivity base, µS/cm.
 * @param flow mean of the day, m³/h.
 * @param storms their effects add up.
 */
public record River(
        double turbidity,
        double uv254,
        double temperature,
        double alkalinity,
        double ph,
        double conductivity,
        double flow,
        List<Storm> storms) {
    /** Time constant of the wander, s. */
    private static final double WANDER = 14_400;

    /** Late autumn, no storm in sight. */
    public static final River CALM = new River(8, 12, 9, 90, 7.6, 350, 1000, List.of());

    public River {
        storms = List.copyOf(storms);
    }

    /** The same river with one more storm. */
    public River with(Storm storm) {
        List<Storm> more = new java.util.ArrayList<>(storms);
        more.add(storm);
        return new River(turbidity, uv254, temperature, alkalinity, ph, conductivity, flow, more);
    }

    /** One step of the wander, a logarithm around 0. */
    static double wander(double before, double seconds, RandomGenerator random) {
        return before
                + seconds / WANDER * -before
                + 0.05 * StrictMath.sqrt(2 * seconds / WANDER) * random.nextGaussian();
    }

    /** The water at an hour, given the wander. */
    Water at(double hour, double wander) {
        double mud = 0;
        double peat = 0;
        double dilution = 0;
        for (Storm storm : storms) {
            mud += storm.turbidity() * storm.mud(hour);
            peat += storm.uv254() * storm.peat(hour);
            dilution += storm.uv254() / Storm.TYPICAL_UV254 * storm.peat(hour);
        }
        dilution = Math.min(dilution, 1.5);
        return new Water(
                turbidity * StrictMath.exp(wander) + mud,
                uv254 * StrictMath.exp(0.3 * wander) + peat,
                temperature + daily(hour, 9),
                alkalinity * (1 - 25.0 / 90 * dilution),
                ph - 0.15 * dilution,
                4.0 + 3.2 * dilution,
                conductivity * (1 - 100.0 / 350 * dilution),
                flow * (1 + 0.15 * daily(hour, 7)));
    }

    private static double daily(double hour, double zero) {
        return StrictMath.sin(2 * Math.PI * (hour - zero) / 24);
    }

    /**
     * Mud comes at once and settles within a day, peat comes an hour later and stays for days.
     *
     * @param hour when it begins.
     * @param turbidity what it adds at its height, NTU.
     * @param uv254 what it adds at its height, 1/m; alkalinity, pH and conductivity fall with it.
     * @param rise hours until the turbidity is highest.
     * @param decay hours in which the turbidity falls to a third.
     */
    public record Storm(double hour, double turbidity, double uv254, double rise, double decay) {
        static final double TYPICAL_UV254 = 14;

        /** The storm that the demo brings. */
        public static Storm typical(double hour) {
            return new Storm(hour, 260, TYPICAL_UV254, 1.2, 9);
        }

        private double mud(double now) {
            double x = now - hour;
            if (x < 0) {
                return 0;
            }
            return x < rise ? x / rise * StrictMath.exp(1 - x / rise) : StrictMath.exp(-(x - rise) / decay);
        }

        private double peat(double now) {
            double x = now - hour;
            return x < 1 ? 0 : Math.min(1, (x - 1) / 4) * StrictMath.exp(-Math.max(0, x - 5) / 20);
        }
    }
}
