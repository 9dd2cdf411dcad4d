// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.acquisition;

/**
 * Linear scaling between the number on the wire and engineering units, two points each.
 *
 * @param rawLow raw value that means {@code low}.
 * @param rawHigh raw value that means {@code high}; differs from {@code rawLow}.
 * @param low engineering value at {@code rawLow}.
 * @param high engineering value at {@code rawHigh}.
 */
public record Scaling(double rawLow, double rawHigh, double low, double high) {
    /** Engineering units are on the wire. */
    public static final Scaling NONE = new Scaling(0, 1, 0, 1);

    /** @throws IllegalArgumentException if a bound is not finite, or both raw or both engineering bounds are equal. */
    public Scaling {
        if (!Double.isFinite(rawLow) || !Double.isFinite(rawHigh) || !Double.isFinite(low) || !Double.isFinite(high)) {
            throw new IllegalArgumentException(
                    "scaling: four finite numbers, were " + rawLow + ", " + rawHigh + ", " + low + ", " + high);
        }
        if (rawLow == rawHigh || low == high) {
            throw new IllegalArgumentException("scaling: low and high must differ, were raw " + rawLow + ".." + rawHigh
                    + ", engineering " + low + ".." + high);
        }
    }

    public double toEngineering(double raw) {
        return equals(NONE) ? raw : low + (raw - rawLow) * (high - low) / (rawHigh - rawLow);
    }

    public double toRaw(double engineering) {
        return equals(NONE) ? engineering : rawLow + (engineering - low) * (rawHigh - rawLow) / (high - low);
    }
}
