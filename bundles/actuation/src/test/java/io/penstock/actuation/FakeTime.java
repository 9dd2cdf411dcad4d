// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.concurrent.atomic.AtomicLong;

/** Wall and monotonic time that move together until the wall is stepped. */
final class FakeTime extends Clock {
    private final AtomicLong nanos = new AtomicLong(1_000_000_000_000L);
    private final AtomicLong stepNanos = new AtomicLong();

    long nanos() {
        return nanos.get();
    }

    void advanceNanos(long by) {
        nanos.addAndGet(by);
    }

    void advanceMs(long ms) {
        advanceNanos(ms * 1_000_000);
    }

    void stepWallMs(long ms) {
        stepNanos.addAndGet(ms * 1_000_000);
    }

    @Override
    public ZoneId getZone() {
        return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
        return this;
    }

    @Override
    public Instant instant() {
        long wall = nanos.get() + stepNanos.get();
        return Instant.ofEpochSecond(
                1_790_000_000L + Math.floorDiv(wall, 1_000_000_000L), Math.floorMod(wall, 1_000_000_000L));
    }
}
