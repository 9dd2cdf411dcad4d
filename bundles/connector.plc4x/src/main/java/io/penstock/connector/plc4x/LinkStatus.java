// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.acquisition.ConnectionStatus;
import io.penstock.api.acquisition.ConnectionStatus.State;
import java.time.Instant;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Figures of the connection; one thread changes them and now and then takes a snapshot for everyone. */
final class LinkStatus {
    private static final int ROUND_TRIPS = 64;

    private final long[] roundTrips = new long[ROUND_TRIPS];
    private int roundTripCount;
    private State state = State.CONNECTING;
    private String loss = "";
    private @Nullable Instant lastGood;
    private long connections;

    /**
     * An answer came.
     *
     * @return whether it is the first of a connection.
     */
    boolean answered(long roundTripNanos, Instant now) {
        roundTrips[roundTripCount++ % ROUND_TRIPS] = roundTripNanos;
        lastGood = now;
        if (state == State.CONNECTED) {
            return false;
        }
        state = State.CONNECTED;
        loss = "";
        connections++;
        return true;
    }

    void lost(String reason) {
        state = State.LOST;
        loss = reason;
    }

    void closed() {
        state = State.CLOSED;
        loss = "";
    }

    ConnectionStatus snapshot(String refusals) {
        long[] sorted = Arrays.copyOf(roundTrips, Math.min(roundTripCount, ROUND_TRIPS));
        Arrays.sort(sorted);
        long p50 = sorted.length == 0 ? 0 : TimeUnit.NANOSECONDS.toMicros(sorted[sorted.length / 2]);
        return new ConnectionStatus(
                state, loss.isEmpty() ? refusals : loss, "", lastGood, Math.max(0, connections - 1), p50);
    }
}
