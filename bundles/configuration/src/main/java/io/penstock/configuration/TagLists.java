// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagListReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;

/** Reads tag lists out of {@code etc/tags}. */
@Component
public final class TagLists implements TagListReader {
    private static final long LARGEST_BYTES = 4L << 20;
    private final Path directory;

    @Activate
    public TagLists(BundleContext context) {
        this(Home.of(context).resolve("etc").resolve("tags"));
    }

    TagLists(Path directory) {
        this.directory = directory;
    }

    @Override
    public List<TagDefinition> read(String name) {
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
            return new TagListParser(name).parse(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "tags: cannot read " + file + " (" + e.getClass().getSimpleName() + "); put the tag list there", e);
        }
    }
}
