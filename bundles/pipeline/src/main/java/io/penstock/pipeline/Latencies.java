// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import java.util.Arrays;

/** The last durations of one thing. One thread records, any thread asks. */
final class Latencies {
    private static final int KEPT = 2048;

    private final long[] nanos = new long[KEPT];
    private volatile int recorded;

    void record(long duration) {
        int n = recorded;
        nanos[n & (KEPT - 1)] = duration;
        recorded = n == Integer.MAX_VALUE ? KEPT : n + 1;
    }

    /** The quantile in microseconds over what is kept, 0 if nothing is. */
    double micros(double quantile) {
        int n = Math.min(recorded, KEPT);
        if (n == 0) {
            return 0;
        }
        long[] sorted = Arrays.copyOf(nanos, n);
        Arrays.sort(sorted);
        return sorted[(int) Math.min(n - 1L, Math.round(quantile * (n - 1)))] / 1000.0;
    }
}
