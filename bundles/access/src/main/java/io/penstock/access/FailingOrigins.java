// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Who keeps failing to log in, and until when they are refused unheard: after a number of failures in a row the wait doubles
 * from one second to a minute. Holds {@link #LIMIT} of them; the one that failed longest ago is forgotten first. Not
 * thread-safe; {@link FileUsers} guards it.
 */
final class FailingOrigins {
    static final int LIMIT = 1_000;
    private static final long FIRST_WAIT_NANOS = 1_000_000_000L;
    private static final long LONGEST_WAIT_NANOS = 60_000_000_000L;

    private final int free;
    private final long forgiveNanos;
    private final Map<String, State> states = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, State> eldest) {
            return size() > LIMIT;
        }
    };

    private static final class State {
        long failures;
        long failedAt;
        long refusedUntil;
        long refused;
    }

    /**
     * @param free failures without a wait.
     * @param forgiveNanos after how long each failure is forgotten; 0 for never, but see {@link #succeeded}.
     */
    FailingOrigins(int free, long forgiveNanos) {
        this.free = free;
        this.forgiveNanos = forgiveNanos;
    }

    /** Nanoseconds it still has to wait, 0 if it may try; an attempt in the wait is counted. */
    long waitNanos(String origin, long now) {
        State state = states.get(origin);
        if (state == null || state.failures < free || state.refusedUntil - now <= 0) {
            return 0;
        }
        state.refused++;
        return state.refusedUntil - now;
    }

    /** Notes a failure and returns how many attempts were refused unheard since the failure before. */
    long failed(String origin, long now) {
        State state = states.computeIfAbsent(origin, o -> new State());
        if (forgiveNanos > 0 && state.failures > 0) {
            state.failures -= Math.min(state.failures, (now - state.failedAt) / forgiveNanos);
        }
        state.failures++;
        state.failedAt = now;
        if (state.failures >= free) {
            long doublings = Math.min(state.failures - free, 6);
            state.refusedUntil = now + Math.min(LONGEST_WAIT_NANOS, FIRST_WAIT_NANOS << doublings);
        }
        long refused = state.refused;
        state.refused = 0;
        return refused;
    }

    void succeeded(String origin) {
        states.remove(origin);
    }

    int size() {
        return states.size();
    }
}
