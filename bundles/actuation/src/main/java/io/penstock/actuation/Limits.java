// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

/** The arithmetic of the limits; without state. */
final class Limits {
    private static final double NANOS_PER_MINUTE = 60e9;

    private Limits() {}

    static double clamp(double value, double low, double high) {
        return value < low ? low : Math.min(value, high);
    }

    /** The plant's envelope, the last thing a value passes. */
    static double within(Settings settings, double value) {
        return clamp(value, settings.low(), settings.high());
    }

    /** As far towards {@code value} as the plant's rates allow since it got its setpoint. */
    static double rate(Settings settings, Setpoint from, double value, long nowNanos) {
        return towards(settings, from.value(), value, nowNanos - from.nanos());
    }

    static double towards(Settings settings, double from, double value, long nanos) {
        double minutes = Math.max(nanos, 0) / NANOS_PER_MINUTE;
        return clamp(value, from - settings.rateDownPerMinute() * minutes, from + settings.rateUpPerMinute() * minutes);
    }
}
