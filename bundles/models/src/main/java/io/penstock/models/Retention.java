// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Keeps what may be needed again, and removes the rest from store and framework. One thread. */
final class Retention {
    private static final int NEWEST = 5;

    private final ReleaseStore store;
    private final Staging staging;
    private final Map<String, String> staged = new HashMap<>();

    Retention(ReleaseStore store, Staging staging) {
        this.store = store;
        this.staging = staging;
    }

    /**
     * Installs the bundle of a release and remembers it.
     *
     * @return the evidence.
     */
    String stage(Release release) throws ModelRejectedException {
        String evidence = staging.stage(release.identity().sha256(), release.bundle());
        staged.put(release.id(), release.identity().sha256());
        return evidence;
    }

    /** @param underWay ids of releases that are being activated. */
    void cleanUp(Set<String> underWay) {
        State state = store.state();
        Set<String> needed = new HashSet<>(underWay);
        needed.add(state.trying());
        Set<String> keep = new HashSet<>(needed);
        for (State.Serving serving : state.pipelines().values()) {
            keep.add(serving.current());
            keep.addAll(serving.history());
            needed.add(serving.current());
            if (!serving.history().isEmpty()) {
                needed.add(serving.history().get(serving.history().size() - 1));
            }
        }
        state.releases().entrySet().stream()
                .sorted(Comparator.comparing((Map.Entry<String, State.Accepted> entry) ->
                                entry.getValue().acceptedAt())
                        .thenComparing(entry -> entry.getValue().identity().sequence())
                        .reversed())
                .limit(NEWEST)
                .forEach(entry -> keep.add(entry.getKey()));
        uninstall(needed);
        Map<String, State.Accepted> releases = new TreeMap<>(state.releases());
        releases.keySet().retainAll(keep);
        if (releases.size() < state.releases().size()) {
            State next = state.withReleases(releases);
            for (String id : state.releases().keySet()) {
                if (!releases.containsKey(id)) {
                    next = next.withCrashes(id, 0, next.lastCrash()); // what is gone has no crashes to its name
                }
            }
            store.record(next);
        }
        if (store.saved()) { // else the state on disk may still need them
            store.keepOnly(keep);
        }
    }

    private void uninstall(Set<String> needed) {
        Set<String> idle = new HashSet<>(staged.values());
        staged.keySet().retainAll(needed);
        idle.removeAll(staged.values());
        idle.forEach(staging::unstage);
    }
}
