// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.acquisition;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How a connection fares. Immutable snapshot.
 *
 * @param state what it is doing.
 * @param detail the last error with address and next step, or empty.
 * @param warning what must stay visible, e.g. that security is off; empty where all is well.
 * @param lastGood when data last arrived, null if never.
 * @param reconnects how often it was rebuilt since start.
 * @param roundTripMicrosP50 median round trip of the last requests, 0 if unknown.
 */
public record ConnectionStatus(
        State state,
        String detail,
        String warning,
        @Nullable Instant lastGood,
        long reconnects,
        long roundTripMicrosP50) {
    /** States of a connection. */
    public enum State {
        /** not tried yet, or trying. */
        CONNECTING,
        /** data flows. */
        CONNECTED,
        /** lost or never had; it is retried with back-off. */
        LOST,
        /** closed on purpose. */
        CLOSED
    }
}
