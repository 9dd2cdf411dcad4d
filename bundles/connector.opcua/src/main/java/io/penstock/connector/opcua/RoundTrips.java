// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import java.util.Arrays;

/** The last request round trips. Thread-safe. */
final class RoundTrips {
    private final long[] nanos = new long[64];
    private long count;

    synchronized void add(long duration) {
        nanos[(int) (count++ % nanos.length)] = duration;
    }

    /** Median in microseconds, 0 where there was none. */
    synchronized long medianMicros() {
        int n = (int) Math.min(count, nanos.length);
        if (n == 0) {
            return 0;
        }
        long[] sorted = Arrays.copyOf(nanos, n);
        Arrays.sort(sorted);
        return sorted[n / 2] / 1000;
    }
}
