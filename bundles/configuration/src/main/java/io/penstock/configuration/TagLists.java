// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagListReader;
import io.penstock.api.memory.MemoryBudget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;

/** Reads tag lists out of {@code etc/tags}. */
@Component
public final class TagLists implements TagListReader {
    private static final long LARGEST_BYTES = 4L << 20;
    private final Path directory;
    private final MemoryBudget budget;
    /** Of the lists that were read and are still there, guarded by this. */
    private final Map<Path, Integer> elements = new HashMap<>();

    @Activate
    public TagLists(BundleContext context) {
        this(Home.of(context).resolve("etc").resolve("tags"), MemoryBudget.ofThisProcess());
    }

    TagLists(Path directory, MemoryBudget budget) {
        this.directory = directory;
        this.budget = budget;
    }

    @Override
    public synchronized List<TagDefinition> read(String name) {
        Path file = directory.resolve(name).normalize();
        if (!file.startsWith(directory)) {
            throw new IllegalArgumentException("tags: a file inside " + directory + ", was '" + name + "'");
        }
        try {
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new IllegalArgumentException("tags: " + file + " is no plain file; put the tag list there");
            }
            if (Files.size(file) > LARGEST_BYTES) {
                throw new IllegalArgumentException("tags: at most " + LARGEST_BYTES + " bytes, " + file + " has "
                        + Files.size(file) + "; split the list over connectors");
            }
            elements.keySet().removeIf(other -> other.equals(file) || !Files.exists(other));
            int taken = elements.values().stream().mapToInt(Integer::intValue).sum();
            List<TagDefinition> tags =
                    new TagListParser(name, budget.mostTags() - taken).parse(Files.readAllBytes(file));
            elements.put(file, tags.stream().mapToInt(TagDefinition::length).sum());
            return tags;
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "tags: cannot read " + file + " (" + e.getClass().getSimpleName() + "); put the tag list there", e);
        }
    }
}
