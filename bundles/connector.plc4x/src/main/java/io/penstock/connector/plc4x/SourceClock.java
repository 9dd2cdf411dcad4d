// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import java.time.Clock;
import java.time.Instant;

/**
 * Source times for a device that has none: UTC, strictly ascending. Where the wall clock is set back, they go on at the
 * monotonic clock's pace until it has caught up; source times never repeat and never turn round. One thread.
 */
final class SourceClock {
    private final Clock wall;
    private boolean started;
    private long lastNs;
    private long lastNanos;
    private long aheadNs;

    SourceClock(Clock wall) {
        this.wall = wall;
    }

    /** UTC nanoseconds of an instant of the monotonic clock in the recent past. */
    long at(long nanos) {
        Instant now = wall.instant();
        long nowNs = Math.addExact(Math.multiplyExact(now.getEpochSecond(), 1_000_000_000L), now.getNano());
        long time = nowNs - (System.nanoTime() - nanos);
        if (started && time <= lastNs) {
            long continued = lastNs + Math.max(1, nanos - lastNanos);
            aheadNs = continued - time;
            time = continued;
        } else {
            aheadNs = 0;
        }
        started = true;
        lastNs = time;
        lastNanos = nanos;
        return time;
    }

    /** How far source times are ahead of the wall clock, because it was set back. */
    long aheadNs() {
        return aheadNs;
    }
}
