// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

/**
 * The setpoint as the plant showed it last.
 *
 * @param value engineering units, NaN if unknown.
 * @param nanos since when at the latest the plant has had it, monotonic; the rate limits count from here.
 */
record Setpoint(double value, long nanos) {
    static final Setpoint UNKNOWN = new Setpoint(Double.NaN, 0);

    boolean known() {
        return !Double.isNaN(value);
    }
}
