// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import java.time.Clock;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * UTC for one thread, without allocation: the wall clock is looked at ten times a second, in between time goes on by the
 * monotonic clock. A wall clock that jumps by more than two seconds is a step and is reported once. One that goes ahead by less
 * is followed at once; one that goes back by less is waited for at three quarters of the pace, so that this time turns round
 * only where a step was reported.
 */
final class GatewayTime {
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long STEP_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final Clock clock;
    private final LongSupplier nanoTime;
    private long anchorNanos;
    private long anchorNs;
    /** What the time until the next look is to lose. */
    private long loseNs;

    private long stepNs;

    GatewayTime(Clock clock, LongSupplier nanoTime) {
        this.clock = clock;
        this.nanoTime = nanoTime;
        anchorNanos = nanoTime.getAsLong();
        anchorNs = wallNs();
    }

    /** UTC nanoseconds since 1970. */
    long nowNs() {
        long nanos = nanoTime.getAsLong();
        if (nanos - anchorNanos >= LOOK_NANOS) {
            look(nanos);
        }
        return atNs(nanos);
    }

    /** The same for another instant of the monotonic clock; of two the later is never earlier. Does not look at the wall clock. */
    long atNs(long nanos) {
        long since = nanos - anchorNanos;
        return since <= 0 || loseNs == 0
                ? anchorNs + since
                : anchorNs + since - loseNs * Math.min(since, LOOK_NANOS) / LOOK_NANOS;
    }

    private void look(long nanos) {
        long expected = atNs(nanos);
        long actual = wallNs();
        long difference = actual - expected;
        anchorNanos = nanos;
        anchorNs = actual;
        loseNs = 0;
        if (Math.abs(difference) > STEP_NANOS) {
            stepNs += difference;
        } else if (difference < 0) {
            anchorNs = expected;
            loseNs = Math.min(-difference, LOOK_NANOS / 4);
        }
    }

    /** By how much the wall clock has jumped since the last call, 0 if it has not. */
    long takeStepNs() {
        long step = stepNs;
        stepNs = 0;
        return step;
    }

    private long wallNs() {
        Instant now = clock.instant();
        return TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
    }
}
