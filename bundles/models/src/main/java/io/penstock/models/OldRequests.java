// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What an older command line asked for by a file is not carried out: nobody waits for it any more. */
final class OldRequests {
    private static final Logger LOG = LoggerFactory.getLogger(OldRequests.class);

    private OldRequests() {}

    /** Removes requests and answers, and the folder where that leaves it empty. */
    static void remove(Path folder) {
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        int requests = 0;
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.json")) {
            for (Path file : files) {
                if (!Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS)) {
                    Files.delete(file);
                    requests += file.getFileName().toString().endsWith(".reply.json") ? 0 : 1;
                }
            }
            Files.delete(folder);
        } catch (IOException | DirectoryIteratorException e) {
            LOG.warn("{}: is not used any more and cannot be removed: {}; remove it", folder, e.toString());
        }
        if (requests > 0) {
            LOG.warn(
                    "{} requests of an older command line were removed unread; ask again by 'penstock model rollback'",
                    requests);
        }
    }
}
