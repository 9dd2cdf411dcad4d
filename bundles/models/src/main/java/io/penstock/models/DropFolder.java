// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches {@code releases/}. A file is taken when it is as long as its own statement says, or when it has not changed for
 * a while; each once. It is polled: file systems that gateways mount do not all notify.
 */
final class DropFolder {
    private static final Logger LOG = LoggerFactory.getLogger(DropFolder.class);
    private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Path folder;
    private final Settings settings;
    private final Rollouts rollouts;
    private final LongSupplier nanoTime;
    private final Map<String, Watch> watched = new HashMap<>();
    private boolean missing;

    DropFolder(Path folder, Settings settings, Rollouts rollouts, LongSupplier nanoTime) {
        this.folder = folder;
        this.settings = settings;
        this.rollouts = rollouts;
        this.nanoTime = nanoTime;
    }

    private static final class Watch {
        private long size = -1;
        private FileTime modified = FileTime.fromMillis(0);
        private long changedNanos;
        private long nextNanos;
        private boolean done;
    }

    /** Looks once and hands over what is ready, in alphabetical order. */
    void poll() throws InterruptedException {
        Map<String, Path> files = files();
        if (missing) {
            return; // an unmounted disk is no sign that somebody took files away
        }
        if (watched.keySet().retainAll(files.keySet()) || watched.isEmpty()) {
            rollouts.keepHandled(files.keySet());
        }
        for (Map.Entry<String, Path> file : files.entrySet()) {
            try {
                look(file.getKey(), file.getValue());
            } catch (IOException e) {
                LOG.debug("{} cannot be read at present: {}", file.getValue(), e.toString());
            }
        }
    }

    private Map<String, Path> files() {
        Map<String, Path> files = new TreeMap<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder, "*" + ReleaseFile.SUFFIX)) {
            for (Path file : stream) {
                String name = file.getFileName().toString();
                if (!name.startsWith(".") && Files.isRegularFile(file)) {
                    files.put(name, file);
                }
            }
            missing = false;
        } catch (IOException e) {
            if (!missing) {
                LOG.warn(
                        "Drop folder {} cannot be read: {}; create it or repair its permissions", folder, e.toString());
            }
            missing = true;
        }
        return files;
    }

    private void look(String name, Path file) throws IOException, InterruptedException {
        Watch watch = watched.computeIfAbsent(name, key -> new Watch());
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        long now = nanoTime.getAsLong();
        boolean changed = attributes.size() != watch.size
                || !attributes.lastModifiedTime().equals(watch.modified);
        if (changed) {
            watch.size = attributes.size();
            watch.modified = attributes.lastModifiedTime();
            watch.changedNanos = now;
            watch.nextNanos = now;
            watch.done = false;
        }
        if (watch.done || watch.nextNanos - now > 0) {
            return;
        }
        boolean stable = now - watch.changedNanos >= TimeUnit.MILLISECONDS.toNanos(settings.stableMs());
        if (watch.size > settings.maximumReleaseBytes()) {
            if (stable) {
                refuseTooLarge(name, watch);
            }
        } else if (stable || isWhole(file, watch.size)) {
            take(name, file, watch, stable);
        }
    }

    private void refuseTooLarge(String name, Watch watch) {
        String id = Names.sha256(watch.size + " " + watch.modified);
        if (!rollouts.handled(name, id)) {
            rollouts.refuse(
                    name,
                    id,
                    "release: " + watch.size + " bytes, at most " + settings.maximumReleaseBytes()
                            + " are allowed (maximumReleaseMiB " + settings.maximumReleaseMiB() + ")");
        }
        watch.done = true;
    }

    private static boolean isWhole(Path file, long size) throws IOException {
        try {
            OptionalLong whole = ReleaseFile.wholeLength(file);
            return whole.isPresent() && size >= whole.getAsLong();
        } catch (ModelRejectedException e) {
            return false; // it may get its right head last; time will tell
        }
    }

    private void take(String name, Path file, Watch watch, boolean stable) throws IOException, InterruptedException {
        String id = Names.sha256(file, watch.size);
        if (rollouts.handled(name, id)) {
            watch.done = true;
        } else if (rollouts.handle(name, file, id, stable) == Rollouts.Handling.DONE) {
            watch.done = true;
        } else {
            watch.nextNanos = nanoTime.getAsLong() + AGAIN_NANOS;
        }
    }

    /** Looks at waiting files again at once: what they waited for may have come. */
    void hurry() {
        watched.values().forEach(watch -> watch.nextNanos = nanoTime.getAsLong());
    }
}
