// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.preprocessing;

/** One value on its way through a chain of operators. Mutable so that a sample costs no allocation; one thread. */
public final class Signal {
    public long timeNs;
    public double value;
    public int status;

    /** Sets all three. */
    public Signal set(long timeNs, double value, int status) {
        this.timeNs = timeNs;
        this.value = value;
        this.status = status;
        return this;
    }
}
