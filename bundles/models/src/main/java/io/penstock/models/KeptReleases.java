// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Verified releases in memory, so that to go back to a model needs no disk: those that serve, which pipelines hold anyway, and
 * their fallbacks as far as there is room. Thread-safe.
 */
final class KeptReleases {
    private static final byte[] NOTHING = {};

    private final long mostBytes;
    private final Map<String, Release> byId = new LinkedHashMap<>();
    private final Set<String> without = new HashSet<>();
    private Set<String> serving = Set.of();

    /** @param mostBytes how much the graphs of those may take that do not serve. */
    KeptReleases(long mostBytes) {
        this.mostBytes = mostBytes;
    }

    synchronized @Nullable Release get(String id) {
        return byId.get(id);
    }

    /** Whether it is worth reading: it is not here, and was not found too large or unreadable since the last change. */
    synchronized boolean wants(String id) {
        return !byId.containsKey(id) && !without.contains(id);
    }

    synchronized void cannot(String id) {
        without.add(id);
    }

    /** Keeps what it takes to serve, not the file. */
    synchronized void put(Release release) {
        byId.put(
                release.id(),
                new Release(
                        release.id(),
                        release.statement(),
                        release.identity(),
                        release.artifact(),
                        release.content(),
                        NOTHING,
                        NOTHING,
                        release.evidence()));
        bound();
    }

    /** Forgets the rest. */
    synchronized void keepOnly(Set<String> current, Set<String> fallbacks) {
        serving = Set.copyOf(current);
        Set<String> needed = new HashSet<>(current);
        needed.addAll(fallbacks);
        byId.keySet().retainAll(needed);
        without.clear();
        bound();
    }

    private void bound() {
        long bytes = 0;
        for (Release release : byId.values()) {
            bytes += serving.contains(release.id()) ? 0 : size(release);
        }
        var oldestFirst = byId.values().iterator();
        while (bytes > mostBytes && oldestFirst.hasNext()) {
            Release release = oldestFirst.next();
            if (!serving.contains(release.id())) {
                bytes -= size(release);
                oldestFirst.remove();
                without.add(release.id());
            }
        }
    }

    private static long size(Release release) {
        return release.artifact().onnx().length;
    }
}
