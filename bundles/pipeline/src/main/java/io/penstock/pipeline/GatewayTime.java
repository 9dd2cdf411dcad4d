// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import java.time.Clock;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * UTC for one thread, without allocation: the wall clock is looked at ten times a second, in between time goes on by the
 * monotonic clock. A wall clock that jumps by more than two seconds is a step and is reported once.
 */
final class GatewayTime {
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long STEP_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final Clock clock;
    private final LongSupplier nanoTime;
    private long anchorNanos;
    private long anchorNs;
    private long stepNs;

    GatewayTime(Clock clock, LongSupplier nanoTime) {
        this.clock = clock;
        this.nanoTime = nanoTime;
        anchor(nanoTime.getAsLong());
    }

    /** UTC nanoseconds since 1970. */
    long nowNs() {
        long nanos = nanoTime.getAsLong();
        if (nanos - anchorNanos >= LOOK_NANOS) {
            long expected = anchorNs + (nanos - anchorNanos);
            anchor(nanos);
            long difference = anchorNs - expected;
            if (Math.abs(difference) > STEP_NANOS) {
                stepNs += difference;
            }
        }
        return anchorNs + (nanos - anchorNanos);
    }

    /** By how much the wall clock has jumped since the last call, 0 if it has not. */
    long takeStepNs() {
        long step = stepNs;
        stepNs = 0;
        return step;
    }

    private void anchor(long nanos) {
        Instant now = clock.instant();
        anchorNanos = nanos;
        anchorNs = TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
    }
}
