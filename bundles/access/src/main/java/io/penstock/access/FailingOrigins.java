// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Which addresses keep failing to log in, and until when they are refused unheard. After {@link #FREE} failures in a row the
 * wait doubles from one second to a minute. Holds {@link #LIMIT} addresses; the one that failed longest ago is forgotten
 * first. Not thread-safe; {@link FileUsers} guards it.
 */
final class FailingOrigins {
    static final int LIMIT = 1_000;
    static final int FREE = 3;
    private static final long FIRST_WAIT_NANOS = 1_000_000_000L;
    private static final long LONGEST_WAIT_NANOS = 60_000_000_000L;

    private final Map<String, State> states = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, State> eldest) {
            return size() > LIMIT;
        }
    };

    private static final class State {
        int failures;
        long refusedUntil;
        long refused;
    }

    /** Nanoseconds this origin still has to wait, 0 if it may try. */
    long waitNanos(String origin, long now) {
        State state = states.get(origin);
        return state == null || state.failures < FREE ? 0 : Math.max(0, state.refusedUntil - now);
    }

    void refused(String origin) {
        State state = states.get(origin);
        if (state != null) {
            state.refused++;
        }
    }

    /** Notes a failure and returns how many attempts were refused unheard since the failure before. */
    long failed(String origin, long now) {
        State state = states.computeIfAbsent(origin, o -> new State());
        state.failures++;
        if (state.failures >= FREE) {
            int doublings = Math.min(state.failures - FREE, 6);
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
