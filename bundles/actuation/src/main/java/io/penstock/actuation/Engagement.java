// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import io.penstock.api.actuation.TagWriter;
import org.jspecify.annotations.Nullable;

/**
 * One time of being closed: from an actor's closing to the next opening. A new closing is a new object, so nothing decided
 * before can be taken for a decision of now.
 */
final class Engagement {
    final TagWriter writer;
    final String actor;
    /** When the plant's setpoint was read for the closing. */
    final long closedNanos;

    /** When a prediction was offered last. Written by the pipeline's thread. */
    volatile long offeredNanos;
    /** Since when predictions are refused, 0 if the last one was not. Written by the pipeline's thread. */
    volatile long holdSinceNanos;
    /** Why the last refused prediction was. Written by the pipeline's thread, before {@link #holdSinceNanos}. */
    volatile String refusal = "";

    /** Nothing came between its guards and it; before that nothing is decided for it. Written by the closing thread. */
    volatile boolean stands;

    /** A write was acknowledged, so the setpoint is ours; before that it is the plant's and may move. Written by the lane. */
    volatile boolean acknowledged;

    // Below: the pipeline's thread only.

    /** The model that passed the step limit. */
    @Nullable
    Serving entered;

    /** The plant's setpoint that it passed it from. */
    double enteredFrom;

    long refusals;
    /** The setpoint that the rate limits let through, ahead of the plant's by less than the deadband. */
    double ramp;

    long rampNanos;
    boolean restart;
    int resyncsSeen;
    long askedNanos;
    boolean asked;

    // Below: the lane's thread only.

    long failures;
    long mismatches;
    /** Since when no write could be put on record, 0 if the last one was. */
    long unrecordedSinceNanos;

    Engagement(TagWriter writer, String actor, Setpoint setpoint, int resyncs) {
        this.writer = writer;
        this.actor = actor;
        closedNanos = setpoint.nanos();
        offeredNanos = closedNanos;
        ramp = setpoint.value();
        rampNanos = setpoint.nanos();
        resyncsSeen = resyncs;
    }
}
