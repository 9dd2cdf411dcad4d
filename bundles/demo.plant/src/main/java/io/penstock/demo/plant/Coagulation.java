// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

/**
 * The chemistry of alum in water: pH, demand, settled turbidity, organic carbon left. Plausible, not fitted to a plant.
 *
 * <p>{@link StrictMath}, so that a model trained on this plant has the same bytes on every machine.
 */
public final class Coagulation {
    /** Grams of aluminium per litre of product: alum with 8 % Al2O3 at 1.32 kg/l. */
    static final double ALUMINIUM_PER_LITRE = 55.9;

    private static final double ALUMINIUM_MOLAR_MASS = 26.98;
    /** mg CaCO3 of alkalinity used per mg of aluminium: three equivalents per mole. */
    private static final double ALKALINITY_PER_ALUMINIUM = 5.56;

    private static final double OPTIMAL_PH = 6.8;
    private static final double ENOUGH = 1.15;

    private Coagulation() {}

    /** First dissociation constant of carbonic acid at a temperature in °C. */
    static double pk1(double temperature) {
        return 6.58 - 0.0125 * temperature + 0.00013 * temperature * temperature;
    }

    /** pH after a dose in mg Al/l, of water with this alkalinity (mg/l CaCO3) and pH. */
    static double ph(double alkalinity, double rawPh, double temperature, double dose) {
        double pk1 = pk1(temperature);
        double carbonDioxide = alkalinity * StrictMath.pow(10, pk1 - rawPh);
        double left = alkalinity - ALKALINITY_PER_ALUMINIUM * dose;
        return left > 1 ? pk1 + StrictMath.log10(left / (carbonDioxide + ALKALINITY_PER_ALUMINIUM * dose)) : 4.5;
    }

    /** Dose in mg Al/l that just destabilises the particles at the best pH. */
    static double demand(double turbidity, double uv254, double temperature) {
        return (0.30 + 0.12 * StrictMath.pow(turbidity, 0.62) + 0.105 * uv254) * (1 + 0.010 * (15 - temperature));
    }

    /** What a dose achieves over what the water demands; below 0.75 the flocs do not form. */
    static double ratio(double turbidity, double uv254, double temperature, double ph, double dose) {
        double off = (ph - OPTIMAL_PH) / 0.9;
        return dose * StrictMath.exp(-0.5 * off * off) / demand(turbidity, uv254, temperature);
    }

    /** Turbidity in NTU that the clarifier would reach if this lasted. */
    static double settled(double turbidity, double ratio, double dose) {
        double destabilised = 1 / (1 + StrictMath.exp(-(ratio - 0.75) / 0.07));
        double good = 0.25 + 0.25 * StrictMath.pow(turbidity, 0.4);
        return destabilised * good + (1 - destabilised) * 0.7 * turbidity + 0.10 * Math.max(0, ratio - 1.5) * dose;
    }

    /** Organic carbon in mg/l left by a dose: Langmuir sorption, constants "General-Al" of Edwards (1997). */
    static double carbonLeft(double carbon, double uv254, double ph, double dose) {
        double suva = uv254 / carbon;
        double nonSorbing = Math.min(0.95, Math.max(0.05, -0.054 * suva + 0.54));
        double sorbing = 1 - nonSorbing;
        double a = Math.max(6.42 * ph * ph * ph - 98.6 * ph * ph + 383.0 * ph, 1.0);
        double b = 0.145;
        double metal = Math.max(dose, 1e-3) / ALUMINIUM_MOLAR_MASS;
        double p = carbon * sorbing * b - 1 - metal * a * b;
        return (-p - StrictMath.sqrt(p * p + 4 * b * carbon * sorbing)) / (-2 * b) + nonSorbing * carbon;
    }

    /**
     * The smallest dose of 1 to 8 mg Al/l that exceeds the demand by 15 % at the pH it causes itself; where no dose does, as
     * in water with little alkalinity, the one that comes nearest. What a series of jar tests would find.
     */
    public static double bestDose(Water water) {
        double best = Plc.DOSE_LOW;
        double bestRatio = ratioAt(water, best);
        for (double dose = Plc.DOSE_LOW; dose <= Plc.DOSE_HIGH; dose += 0.125) {
            double ratio = ratioAt(water, dose);
            if (ratio >= ENOUGH) {
                return dose == Plc.DOSE_LOW ? dose : between(water, dose - 0.125, dose);
            }
            if (ratio > bestRatio) {
                bestRatio = ratio;
                best = dose;
            }
        }
        return best;
    }

    private static double between(Water water, double tooLittle, double enough) {
        double low = tooLittle;
        double high = enough;
        for (int i = 0; i < 12; i++) {
            double middle = (low + high) / 2;
            if (ratioAt(water, middle) < ENOUGH) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return high;
    }

    private static double ratioAt(Water water, double dose) {
        double ph = ph(water.alkalinity(), water.ph(), water.temperature(), dose);
        return ratio(water.turbidity(), water.uv254(), water.temperature(), ph, dose);
    }
}
