// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What was dropped before a person went back, or cancelled, does not come to that pipeline any more: it would undo what they
 * did. Before is what the drop folder had shown by then, and what it shows at its next look with an older time. Thread-safe.
 */
final class HeldBack {
    private final Map<String, Barrier> barriers = new HashMap<>();
    /** Pipelines whose barrier is younger than the last look into the drop folder. */
    private final Set<String> unlisted = new TreeSet<>();

    private long order;

    private record Barrier(long order, Instant at, String words) {}

    /**
     * What one file of the drop folder is held back from.
     *
     * @param order of the look that first showed it.
     * @param held by pipeline, the reason.
     */
    record Seen(long order, Map<String, String> held) {}

    /** Holds back what was dropped up to now. */
    synchronized void before(String pipeline, Instant at, String words) {
        barriers.put(pipeline, new Barrier(++order, at, words));
        unlisted.add(pipeline);
    }

    /** Counts what was held back so far; a look into the drop folder begins by asking. */
    synchronized long order() {
        return order;
    }

    synchronized boolean wantsTimes() {
        return !unlisted.isEmpty();
    }

    /** Of a file that a look shows for the first time. */
    synchronized Seen firstSeen(long look, Instant came) {
        Map<String, String> held = new TreeMap<>();
        for (String pipeline : unlisted) {
            Barrier barrier = barriers.get(pipeline);
            if (barrier != null && barrier.order() <= look && !came.isAfter(barrier.at())) {
                held.put(pipeline, barrier.words());
            }
        }
        return new Seen(look, held);
    }

    /** A look that began then has shown all there was. */
    synchronized void listed(long look) {
        unlisted.removeIf(pipeline -> {
            Barrier barrier = barriers.get(pipeline);
            return barrier == null || barrier.order() <= look;
        });
    }

    /** By pipeline, why a file is held back from it at this moment. */
    synchronized Map<String, String> from(Seen seen) {
        Map<String, String> held = new TreeMap<>(seen.held());
        barriers.forEach((pipeline, barrier) -> {
            if (barrier.order() > seen.order()) {
                held.put(pipeline, barrier.words());
            }
        });
        return held;
    }
}
