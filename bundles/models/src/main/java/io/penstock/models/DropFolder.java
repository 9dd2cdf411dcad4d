// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
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
    /** As many as the state can remember to be done with. */
    private static final int MOST_FILES = State.MOST_HANDLED;

    private final Path folder;
    private final Settings settings;
    private final Rollouts rollouts;
    private final LongSupplier nanoTime;
    private final Map<String, Watch> watched = new HashMap<>();
    private volatile boolean hurried;
    private boolean missing;
    private boolean crowded;

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
        private boolean unreadable;
        private HeldBack.Seen seen = new HeldBack.Seen(0, Map.of());
    }

    /**
     * Looks once and works on one file that is ready, the first in alphabetical order.
     *
     * @return whether it did, so that others may be ready too.
     */
    boolean poll() throws InterruptedException {
        if (hurried) {
            hurried = false;
            watched.values().forEach(watch -> watch.nextNanos = nanoTime.getAsLong());
        }
        long look = rollouts.heldBack().order();
        Map<String, Path> files = files();
        if (missing) {
            return false; // an unmounted disk is no sign that somebody took files away
        }
        if (watched.keySet().retainAll(files.keySet()) || watched.isEmpty()) {
            rollouts.keepHandled(files.keySet());
        }
        meet(files, look);
        for (Map.Entry<String, Path> file : files.entrySet()) {
            Watch watch = watched.computeIfAbsent(file.getKey(), key -> new Watch());
            try {
                if (look(file.getKey(), file.getValue(), watch)) {
                    return true;
                }
            } catch (NoSuchFileException e) {
                LOG.debug("{} went away", file.getKey());
            } catch (IOException e) {
                watch.nextNanos = nanoTime.getAsLong() + AGAIN_NANOS;
                if (!watch.unreadable) {
                    LOG.warn(
                            "Release {} cannot be read: {}; it is tried again, repair its permissions or the disk",
                            file.getKey(),
                            Names.printable(e.toString()));
                }
                watch.unreadable = true;
            }
        }
        return false;
    }

    /** Notes since when files are there: what was there when a person went back does not undo it. */
    private void meet(Map<String, Path> files, long look) {
        boolean times = rollouts.heldBack().wantsTimes();
        for (Map.Entry<String, Path> file : files.entrySet()) {
            if (!watched.containsKey(file.getKey())) {
                Watch watch = new Watch();
                watch.seen = rollouts.heldBack().firstSeen(look, times ? came(file.getValue()) : Instant.MAX);
                watched.put(file.getKey(), watch);
            }
        }
        rollouts.heldBack().listed(look);
    }

    /** When it came under its name, whatever its author's clock said. */
    private static Instant came(Path file) {
        try {
            return ((FileTime) Files.getAttribute(file, "unix:ctime")).toInstant();
        } catch (IOException | UnsupportedOperationException e) {
            return Instant.MIN; // rather held back once too often
        }
    }

    private Map<String, Path> files() {
        TreeMap<String, Path> files = new TreeMap<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder, "*" + ReleaseFile.SUFFIX)) {
            for (Path file : stream) {
                String name = Names.printable(file.getFileName().toString());
                if (!name.startsWith(".")) {
                    files.put(name, file);
                }
            }
            missing = false;
            bound(files);
        } catch (IOException | DirectoryIteratorException e) {
            if (!missing) {
                LOG.warn(
                        "Drop folder {} cannot be read: {}; create it or repair its permissions", folder, e.toString());
            }
            missing = true;
        }
        return files;
    }

    /** Files that are done with come first: they must not be forgotten for newcomers. */
    private void bound(SortedMap<String, Path> files) {
        if (files.size() > MOST_FILES && !crowded) {
            LOG.error(
                    "Drop folder {} holds {} files, at most {} are looked at; remove some",
                    folder,
                    files.size(),
                    MOST_FILES);
        }
        crowded = files.size() > MOST_FILES;
        if (crowded) {
            Set<String> kept = rollouts.handledFiles();
            kept.retainAll(files.keySet());
            for (String name : files.keySet()) {
                if (kept.size() < MOST_FILES) {
                    kept.add(name);
                }
            }
            files.keySet().retainAll(kept);
        }
    }

    private boolean look(String name, Path file, Watch watch) throws IOException, InterruptedException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        long now = nanoTime.getAsLong();
        boolean changed = attributes.size() != watch.size
                || !attributes.lastModifiedTime().equals(watch.modified);
        if (changed) {
            watch.size = attributes.size();
            watch.modified = attributes.lastModifiedTime();
            watch.changedNanos = now;
            watch.nextNanos = now;
            if (watch.done) { // something new under an old name
                watch.seen = new HeldBack.Seen(rollouts.heldBack().order(), Map.of());
            }
            watch.done = false;
            watch.unreadable = false;
        }
        if (watch.done || watch.nextNanos - now > 0) {
            return false;
        }
        if (!attributes.isRegularFile()) { // to read a pipe or a device would never end
            return refuse(name, watch, "release: is no plain file; remove it and copy the release itself");
        }
        boolean stable = now - watch.changedNanos >= TimeUnit.MILLISECONDS.toNanos(settings.stableMs());
        if (watch.size > settings.maximumReleaseBytes()) {
            return stable
                    && refuse(
                            name,
                            watch,
                            "release: " + watch.size + " bytes, at most " + settings.maximumReleaseBytes()
                                    + " are allowed (maximumReleaseMiB " + settings.maximumReleaseMiB() + ")");
        }
        return (stable || isWhole(file, watch.size)) && take(name, file, watch, stable);
    }

    private boolean refuse(String name, Watch watch, String reason) {
        watch.done = true;
        String id = Names.sha256(watch.size + " " + watch.modified);
        if (rollouts.handled(name, id)) {
            return false;
        }
        rollouts.refuse(name, id, reason);
        return true;
    }

    private static boolean isWhole(Path file, long size) throws IOException {
        try {
            OptionalLong whole = ReleaseFile.wholeLength(file);
            return whole.isPresent() && size >= whole.getAsLong();
        } catch (ModelRejectedException e) {
            return false; // it may get its right head last; time will tell
        }
    }

    private boolean take(String name, Path file, Watch watch, boolean stable) throws IOException, InterruptedException {
        String id = Names.sha256(file, watch.size);
        if (rollouts.handled(name, id)) {
            watch.done = true;
        } else if (rollouts.handle(name, file, id, stable, watch.seen) == Rollouts.Handling.DONE) {
            watch.done = true;
            return true;
        } else {
            watch.nextNanos = nanoTime.getAsLong() + AGAIN_NANOS;
        }
        return false;
    }

    /** Looks at waiting files again at the next turn: what they waited for may have come. Any thread. */
    void hurry() {
        hurried = true;
    }
}
