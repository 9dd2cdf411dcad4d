// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** When somebody last changed what the gateway is configured by. */
final class ConfigurationEdits {
    private static final Logger LOG = LoggerFactory.getLogger(ConfigurationEdits.class);

    private ConfigurationEdits() {}

    /** @param etc the folder of the configuration; tag lists lie in one below it. */
    static Blame.Edit newest(Path etc) {
        Blame.Edit newest = Blame.Edit.NONE;
        for (Path folder : List.of(etc, etc.resolve("tags"))) {
            if (!Files.isDirectory(folder)) {
                continue;
            }
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.{json,csv}")) {
                for (Path file : files) {
                    Instant time = changed(file);
                    if (time.isAfter(newest.time())) {
                        newest = new Blame.Edit("etc/" + etc.relativize(file), time);
                    }
                }
            } catch (IOException | DirectoryIteratorException e) {
                LOG.warn("{} cannot be listed: {}", folder, e.toString());
            }
        }
        return newest;
    }

    /** A file that was copied here keeps the time of its content; when it came tells the time of its entry. */
    private static Instant changed(Path file) throws IOException {
        try {
            return ((FileTime) Files.getAttribute(file, "unix:ctime")).toInstant();
        } catch (UnsupportedOperationException | IllegalArgumentException e) {
            return Files.getLastModifiedTime(file).toInstant();
        }
    }
}
