// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.StatusCode;
import io.penstock.api.preprocessing.FeatureEngine.UnitConversion;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.Signal;

/**
 * Operators without state: no warm-up, gaps do not matter, Bad and NaN pass untouched, Uncertain is computed and stays
 * Uncertain.
 */
final class Arithmetic {
    private static final double LEAST_CURRENT = 3.6;
    private static final double MOST_CURRENT = 21;
    private static final int LIMIT_BITS = StatusCode.LIMIT_LOW | StatusCode.LIMIT_HIGH;

    private Arithmetic() {}

    private interface Function {
        void compute(Signal signal);
    }

    private static Operator elementwise(Function function) {
        return signal -> {
            if (!Verdict.isMissing(signal)) {
                function.compute(signal);
            }
        };
    }

    /**
     * {@code scale}: {@code (v - rawLow) / (rawHigh - rawLow) * (euHigh - euLow) + euLow}, or {@code v * factor + offset}.
     * {@code squareRoot} extracts the root of the fraction first (below zero counts as zero); {@code clamp} limits to the
     * engineering range and sets the limit bits; {@code ne43} takes the raw value as mA and turns currents below 3.6 or above
     * 21 mA into BadSensorFailure.
     */
    static Operator scale(Parameters parameters) {
        if (parameters.has("factor") || parameters.has("offset")) {
            for (String other : new String[] {"rawLow", "rawHigh", "euLow", "euHigh", "squareRoot", "clamp", "ne43"}) {
                if (parameters.has(other)) {
                    throw parameters.refused(other, "not together with factor or offset", "both");
                }
            }
            double factor = parameters.number("factor", -Double.MAX_VALUE, Double.MAX_VALUE, 1);
            double offset = parameters.number("offset", -Double.MAX_VALUE, Double.MAX_VALUE, 0);
            return elementwise(signal -> signal.value = signal.value * factor + offset);
        }
        double rawLow = parameters.number("rawLow");
        double rawHigh = parameters.number("rawHigh");
        double euLow = parameters.number("euLow");
        double euHigh = parameters.number("euHigh");
        if (rawLow == rawHigh) {
            throw parameters.refused("rawHigh", "other than rawLow", Parameters.text(rawHigh));
        }
        boolean squareRoot = parameters.flag("squareRoot");
        boolean ne43 = parameters.flag("ne43");
        boolean clamp = parameters.flag("clamp");
        double low = Math.min(euLow, euHigh);
        double high = Math.max(euLow, euHigh);
        return elementwise(signal -> {
            if (ne43 && (signal.value < LEAST_CURRENT || signal.value > MOST_CURRENT)) {
                signal.value = Double.NaN;
                signal.status = StatusCode.BAD_SENSOR_FAILURE;
                return;
            }
            double fraction = (signal.value - rawLow) / (rawHigh - rawLow);
            if (squareRoot) {
                fraction = Math.sqrt(Math.max(0, fraction));
            }
            signal.value = fraction * (euHigh - euLow) + euLow;
            if (clamp) {
                limit(signal, low, high);
            }
        });
    }

    /**
     * {@code convert}: {@code from} one UNECE code {@code to} another. {@code difference} converts a difference of two values
     * (5 K are 9 °F), which leaves the offset out.
     */
    static Operator convert(Parameters parameters, Units units) {
        String from = parameters.text("from");
        String to = parameters.text("to");
        for (String key : new String[] {"from", "to"}) {
            if (!units.knows(parameters.text(key))) {
                throw parameters.refused(key, "a UNECE common code known to this gateway", parameters.text(key));
            }
        }
        UnitConversion conversion = units.conversion(from, to)
                .orElseThrow(() -> parameters.refused("to", "a unit of the same quantity as " + from, to));
        double factor = conversion.factor();
        double offset = parameters.flag("difference") ? 0 : conversion.offset();
        return elementwise(signal -> signal.value = factor * signal.value + offset);
    }

    /**
     * {@code range}: below {@code low} or above {@code high} (what the instrument can deliver) is BadOutOfRange; below
     * {@code softLow} or above {@code softHigh} (what is plausible) is UncertainEngineeringUnitsExceeded.
     */
    static Operator range(Parameters parameters) {
        double low = parameters.number("low", -Double.MAX_VALUE, Double.MAX_VALUE, Double.NEGATIVE_INFINITY);
        double high = parameters.number("high", -Double.MAX_VALUE, Double.MAX_VALUE, Double.POSITIVE_INFINITY);
        double softLow = parameters.number("softLow", -Double.MAX_VALUE, Double.MAX_VALUE, low);
        double softHigh = parameters.number("softHigh", -Double.MAX_VALUE, Double.MAX_VALUE, high);
        if (!parameters.has("low")
                && !parameters.has("high")
                && !parameters.has("softLow")
                && !parameters.has("softHigh")) {
            throw parameters.refused("low", "at least one of low, high, softLow, softHigh", "none");
        }
        parameters.ascending("low", "high");
        parameters.ascending("softLow", "softHigh");
        if (softLow < low) {
            throw parameters.refused(
                    "softLow", "at least low (" + Parameters.text(low) + ")", Parameters.text(softLow));
        }
        if (softHigh > high) {
            throw parameters.refused(
                    "softHigh", "at most high (" + Parameters.text(high) + ")", Parameters.text(softHigh));
        }
        if (softLow >= softHigh) {
            throw parameters.refused(
                    parameters.has("softHigh") ? "softHigh" : "softLow",
                    "a pair with values in between",
                    Parameters.text(softLow) + " to " + Parameters.text(softHigh));
        }
        return elementwise(signal -> {
            if (signal.value < low || signal.value > high) {
                signal.value = Double.NaN;
                signal.status = StatusCode.BAD_OUT_OF_RANGE;
            } else if (signal.value < softLow || signal.value > softHigh) {
                signal.status = StatusCode.worse(signal.status, StatusCode.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED);
            }
        });
    }

    /** {@code clip}: limits to {@code low} and {@code high}; the status stays and gets the limit bits. */
    static Operator clip(Parameters parameters) {
        if (!parameters.has("low") && !parameters.has("high")) {
            throw parameters.refused("low", "at least one of low and high", "none");
        }
        parameters.ascending("low", "high");
        double low = parameters.number("low", -Double.MAX_VALUE, Double.MAX_VALUE, Double.NEGATIVE_INFINITY);
        double high = parameters.number("high", -Double.MAX_VALUE, Double.MAX_VALUE, Double.POSITIVE_INFINITY);
        return elementwise(signal -> limit(signal, low, high));
    }

    private static void limit(Signal signal, double low, double high) {
        if (signal.value < low) {
            signal.value = low;
            signal.status = (signal.status & ~LIMIT_BITS) | StatusCode.LIMIT_LOW;
        } else if (signal.value > high) {
            signal.value = high;
            signal.status = (signal.status & ~LIMIT_BITS) | StatusCode.LIMIT_HIGH;
        }
    }

    /** {@code log1p}: {@code ln(1 + v)}, exact near 0; {@code v ≤ -1} is BadOutOfRange. */
    static Operator log1p(Parameters parameters) {
        return elementwise(signal -> {
            if (signal.value > -1) {
                signal.value = Math.log1p(signal.value);
            } else {
                signal.value = Double.NaN;
                signal.status = StatusCode.BAD_OUT_OF_RANGE;
            }
        });
    }

    /** {@code standardise}: {@code (v - mean) / standardDeviation} with the constants of the training. */
    static Operator standardise(Parameters parameters) {
        double mean = parameters.number("mean");
        double deviation = parameters.above("standardDeviation", 0);
        return elementwise(signal -> signal.value = (signal.value - mean) / deviation);
    }
}
