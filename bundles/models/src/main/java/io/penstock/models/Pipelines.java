// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.pipeline.Pipeline;
import io.penstock.api.pipeline.Pipeline.ModelRequirement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.osgi.framework.Version;
import org.osgi.framework.VersionRange;

/** The pipelines that are there. Thread-safe. */
final class Pipelines {
    private final Map<String, Pipeline> byName = new ConcurrentHashMap<>();
    private final ConcurrentLinkedQueue<Pipeline> appeared = new ConcurrentLinkedQueue<>();

    void add(Pipeline pipeline) {
        byName.put(pipeline.name(), pipeline);
        appeared.add(pipeline);
    }

    void remove(Pipeline pipeline) {
        byName.remove(pipeline.name(), pipeline);
    }

    /** Those that came since the last call and are still there. */
    List<Pipeline> takeAppeared() {
        List<Pipeline> taken = new ArrayList<>();
        for (Pipeline pipeline = appeared.poll(); pipeline != null; pipeline = appeared.poll()) {
            if (byName.get(pipeline.name()) == pipeline) {
                taken.add(pipeline);
            }
        }
        return taken;
    }

    Optional<Pipeline> get(String name) {
        return Optional.ofNullable(byName.get(name));
    }

    Set<String> names() {
        return new TreeSet<>(byName.keySet());
    }

    boolean isThere(Pipeline pipeline) {
        return byName.get(pipeline.name()) == pipeline;
    }

    /** Those that want this model and that the release is for, in alphabetical order. */
    List<Pipeline> wanting(Statement statement) {
        return new TreeMap<>(byName)
                .values().stream()
                        .filter(pipeline -> wants(pipeline, statement.name(), statement.version())
                                && statement.isFor(pipeline.name()))
                        .toList();
    }

    static boolean wants(Pipeline pipeline, String model, String version) {
        ModelRequirement requirement = pipeline.requirement();
        return requirement.model().equals(model)
                && VersionRange.valueOf(requirement.versionRange()).includes(Version.parseVersion(version));
    }

    /** What the pipelines that are there want, for a message. */
    String requirements() {
        return byName.isEmpty()
                ? "no pipeline is configured"
                : "configured are "
                        + String.join(
                                ", ",
                                new TreeMap<>(byName)
                                        .values().stream()
                                                .map(pipeline -> pipeline.name() + " (wants "
                                                        + pipeline.requirement().model() + " "
                                                        + pipeline.requirement().versionRange() + ")")
                                                .toList());
    }
}
