// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import java.util.Arrays;

/**
 * What happens to the water after the dose: rapid mix, clarifier (30 min dead time, then three tanks), filter. Explicit Euler
 * with a fixed step. One thread.
 */
final class Works {
    private static final double MIX_SECONDS = 60;
    private static final double DEAD_SECONDS = 1800;
    private static final double TANK_SECONDS = 1800;
    private static final double FILTER_SECONDS = 900;

    private final double step;
    private final double[] underway;
    private final double[] tanks = {1.2, 1.2, 1.2};
    private int oldest;
    private double mixed = 2.4;
    private double filtered = 0.08;
    private double ph = 7;
    private double ratio = 1;
    private double carbonLeft = 3;

    Works(double stepSeconds) {
        step = stepSeconds;
        underway = new double[(int) Math.max(1, Math.round(DEAD_SECONDS / stepSeconds))];
        Arrays.fill(underway, 1.2);
    }

    /** One step with this raw water and this dose in mg Al/l. */
    void treat(Water water, double dose) {
        mixed += step / MIX_SECONDS * (dose - mixed);
        ph = Coagulation.ph(water.alkalinity(), water.ph(), water.temperature(), mixed);
        ratio = Coagulation.ratio(water.turbidity(), water.uv254(), water.temperature(), ph, mixed);
        double flow = underway[oldest];
        underway[oldest] = Coagulation.settled(water.turbidity(), ratio, mixed);
        oldest = (oldest + 1) % underway.length;
        double fill = step / (TANK_SECONDS / (water.flow() / 1000));
        for (int i = 0; i < tanks.length; i++) {
            tanks[i] += fill * (flow - tanks[i]);
            flow = tanks[i];
        }
        filtered += step / FILTER_SECONDS * (0.03 + 0.05 * StrictMath.pow(flow, 1.1) - filtered);
        carbonLeft = Coagulation.carbonLeft(water.carbon(), water.uv254(), ph, mixed);
    }

    /** pH of the coagulated water. */
    double ph() {
        return ph;
    }

    /** What the dose achieves over what the water demands. */
    double ratio() {
        return ratio;
    }

    /** Settled turbidity, NTU. */
    double settled() {
        return tanks[tanks.length - 1];
    }

    /** Filtered turbidity, NTU. */
    double filtered() {
        return filtered;
    }

    /** Organic carbon left, mg/l. */
    double carbonLeft() {
        return carbonLeft;
    }
}
