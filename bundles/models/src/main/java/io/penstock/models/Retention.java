// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/** Keeps what may be needed again, and removes the rest from store and framework. One thread. */
final class Retention {
    private static final int NEWEST = 5;

    private final ReleaseStore store;
    private final Staging staging;
    private final Map<String, String> staged = new ConcurrentHashMap<>();

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

    /**
     * Forgets releases that are no longer needed, and has their files and bundles removed.
     *
     * @param underWay ids of releases that are being activated.
     */
    void cleanUp(Set<String> underWay) {
        Needs needs = needs(store.state(), underWay);
        State state = store.state();
        Map<String, State.Accepted> releases = new TreeMap<>(state.releases());
        releases.keySet().retainAll(needs.keep());
        if (releases.size() < state.releases().size()) {
            State next = state.withReleases(releases);
            for (String id : state.releases().keySet()) {
                if (!releases.containsKey(id)) {
                    next = next.withCrashes(id, 0, next.lastCrash()); // what is gone has no crashes to its name
                }
            }
            store.record(next);
        }
    }

    /** On the thread of the disk, with what is needed at this moment. */
    void remove(Supplier<Set<String>> underWay) {
        Set<String> now = underWay.get();
        boolean saved = store.saved();
        Needs needs = needs(store.state(), now);
        uninstall(needs.installed());
        if (saved) { // else the state on disk may still need them
            store.keepOnly(needs.keep());
        }
    }

    private record Needs(Set<String> keep, Set<String> installed) {}

    private static Needs needs(State state, Set<String> underWay) {
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
        return new Needs(keep, needed);
    }

    private void uninstall(Set<String> needed) {
        Set<String> idle = new HashSet<>(staged.values());
        staged.keySet().retainAll(needed);
        idle.removeAll(staged.values());
        idle.forEach(staging::unstage);
    }
}
