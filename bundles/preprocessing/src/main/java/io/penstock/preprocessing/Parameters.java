// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.model.OperatorSpec;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Reads an operator's parameters; refuses what is unknown, absent or out of limits, and never clamps. */
final class Parameters {
    /** Samples a window, lag or delay may hold; bounds memory at two to three MiB per operator. */
    static final int MOST_SAMPLES = 65_536;

    /** Longest time a parameter may name: 31 days. */
    static final long MOST_MS = 31L * 86_400_000L;

    private static final long NANOS_PER_MS = 1_000_000L;

    private final OperatorSpec spec;

    Parameters(OperatorSpec spec, List<String> known) {
        this.spec = spec;
        for (String name : spec.parameterNames()) {
            if (!known.contains(name)) {
                throw new IllegalArgumentException(spec.operator() + "." + name + ": unknown parameter; "
                        + (known.isEmpty() ? "it takes none" : "known are " + String.join(", ", known)));
            }
        }
    }

    boolean has(String key) {
        return spec.parameterNames().contains(key);
    }

    double number(String key, double low, double high) {
        double value = spec.number(key);
        if (!(value >= low && value <= high) || Double.isInfinite(value)) {
            throw refused(key, "a number " + limits(low, high), text(value));
        }
        return value;
    }

    double number(String key) {
        return number(key, -Double.MAX_VALUE, Double.MAX_VALUE);
    }

    double number(String key, double low, double high, double absent) {
        return has(key) ? number(key, low, high) : absent;
    }

    /** A number above {@code low}, which itself is refused. */
    double above(String key, double low) {
        double value = number(key);
        if (value <= low) {
            throw refused(key, "a number above " + text(low), text(value));
        }
        return value;
    }

    int whole(String key, int low, int high) {
        double value = spec.number(key);
        if (!(value >= low && value <= high) || value != Math.rint(value)) {
            throw refused(key, "a whole number from " + low + " to " + high, text(value));
        }
        return (int) value;
    }

    int whole(String key, int low, int high, int absent) {
        return has(key) ? whole(key, low, high) : absent;
    }

    /** A time in ms, returned in ns. */
    long timeNs(String key, long lowMs) {
        double value = spec.number(key);
        if (!(value >= lowMs && value <= MOST_MS)) {
            throw refused(key, "milliseconds from " + lowMs + " to " + MOST_MS, text(value));
        }
        return Math.round(value * NANOS_PER_MS);
    }

    long timeNs(String key, long lowMs, long absentNs) {
        return has(key) ? timeNs(key, lowMs) : absentNs;
    }

    /** Samples that a window or delay of this time may hold, {@code mostSamples} where it is given. */
    int mostSamples() {
        return whole("mostSamples", 64, MOST_SAMPLES, MOST_SAMPLES);
    }

    /** Most samples that are within this time, where they are at least so many ms apart, 0 if nothing is known of it. */
    int samplesWithin(long spanNs, long shortestMs) {
        int most = mostSamples();
        long fitting = shortestMs < 1 ? most : spanNs / NANOS_PER_MS / shortestMs + 2;
        return (int) Math.min(most, fitting);
    }

    boolean flag(String key) {
        return spec.flag(key, false);
    }

    String text(String key) {
        return spec.text(key);
    }

    String choice(String key, String absent, String... choices) {
        String value = spec.text(key, absent);
        if (!Arrays.asList(choices).contains(value)) {
            throw refused(key, "one of " + String.join(", ", choices), value);
        }
        return value;
    }

    String requiredChoice(String key, String... choices) {
        if (!has(key)) {
            throw refused(key, "one of " + String.join(", ", choices), "absent");
        }
        return choice(key, "", choices);
    }

    /** Exactly one of two parameters must be there. */
    void exactlyOne(String first, String second) {
        if (has(first) == has(second)) {
            throw refused(first, "exactly one of " + first + " and " + second, has(first) ? "both" : "neither");
        }
    }

    /** Refuses an inverted or empty interval. */
    void ascending(String low, String high) {
        if (has(low) && has(high) && spec.number(low) >= spec.number(high)) {
            throw refused(low, "below " + high + " (" + text(spec.number(high)) + ")", text(spec.number(low)));
        }
    }

    IllegalArgumentException refused(String key, String limit, String was) {
        return new IllegalArgumentException(spec.operator() + "." + key + ": " + limit + ", was " + was);
    }

    private static String limits(double low, double high) {
        if (low == -Double.MAX_VALUE && high == Double.MAX_VALUE) {
            return "that is finite";
        }
        return high == Double.MAX_VALUE ? "of at least " + text(low) : "from " + text(low) + " to " + text(high);
    }

    static String text(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e15
                ? String.format(Locale.ROOT, "%.0f", value)
                : Double.toString(value);
    }
}
