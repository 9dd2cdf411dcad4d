// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder {@code data/models}: accepted releases by id, {@code desired.json}, and a lock that tells that a gateway runs.
 * Used by one thread, except {@link #state}.
 */
final class ReleaseStore implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ReleaseStore.class);
    static final String DESIRED = "desired.json";
    static final String LOCK = "lock";

    private final Path folder;
    private final Disk disk;
    private final FileChannel lock;
    private volatile State state;
    private boolean unsaved;
    private String reported = "";

    private ReleaseStore(Path folder, Disk disk, FileChannel lock, State state) {
        this.folder = folder;
        this.disk = disk;
        this.lock = lock;
        this.state = state;
    }

    /** @throws IOException if the folder cannot be used, another gateway uses it, or the desired state cannot be read. */
    static ReleaseStore open(Path folder, Disk disk) throws IOException {
        Files.createDirectories(folder);
        FileChannel channel =
                FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            FileLock held = channel.tryLock();
            if (held == null) {
                throw new IOException(folder + ": another gateway uses this home; stop it first");
            }
            return new ReleaseStore(folder, disk, channel, readState(folder));
        } catch (OverlappingFileLockException e) {
            channel.close();
            throw new IOException(folder + ": this folder is in use already", e);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    static State readState(Path folder) throws IOException {
        Path file = folder.resolve(DESIRED);
        try {
            return State.parse(DESIRED, Files.readAllBytes(file));
        } catch (NoSuchFileException e) {
            return State.EMPTY; // the first start; a file that is there and cannot be read is another matter
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    file + " is damaged (" + e.getMessage()
                            + "); restore it from a backup, or remove it to start without models and sequences",
                    e);
        }
    }

    State state() {
        return state;
    }

    /** Writes a new state; where the disk refuses, the old one stays. */
    void commit(State next) throws IOException {
        disk.write(folder.resolve(DESIRED), next.toBytes());
        state = next;
        unsaved = false;
        reported = "";
    }

    /** Takes a new state about what has happened already; where the disk refuses, it is written later by {@link #retry}. */
    void record(State next) {
        state = next;
        unsaved = true;
        retry();
    }

    void retry() {
        if (unsaved) {
            try {
                commit(state);
            } catch (IOException e) {
                if (!reported.equals(e.toString())) { // once: a full disk must not be filled with lines about it
                    LOG.error(
                            "{} cannot be written: {}; it is tried again, make room or repair the disk",
                            folder.resolve(DESIRED),
                            e.toString());
                }
                reported = e.toString();
            }
        }
    }

    boolean saved() {
        return !unsaved;
    }

    void put(Release release) throws IOException {
        disk.write(file(release.id()), release.head(), release.bundle());
    }

    boolean contains(String id) {
        return Files.isRegularFile(file(id));
    }

    /** Whether its file is there and byte for byte what was accepted. */
    boolean isWhole(String id) {
        try {
            return contains(id) && Names.sha256(file(id), Files.size(file(id))).equals(id);
        } catch (IOException e) {
            return false;
        }
    }

    /** Deletes releases that are not to be kept, and what a crash left half-written. */
    void keepOnly(Set<String> ids) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*{.penstock,.tmp}")) {
            for (Path file : files) {
                String name = file.getFileName().toString();
                if (!ids.contains(name.replace(ReleaseFile.SUFFIX, ""))) {
                    disk.delete(file);
                }
            }
        } catch (IOException e) {
            LOG.warn("{}: old releases cannot be deleted: {}", folder, e.toString());
        }
    }

    CrashLedger crashLedger() {
        return CrashLedger.open(folder, disk);
    }

    Path file(String id) {
        return folder.resolve(id + ReleaseFile.SUFFIX);
    }

    /** Remembers who serves, for the case that the process crashes. */
    void markServing(List<String> ids) {
        try {
            disk.write(
                    folder.resolve("serving"),
                    (ProcessHandle.current().pid() + " " + String.join(" ", ids)).getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            LOG.warn("{} cannot be written: {}", folder.resolve("serving"), e.toString());
        }
    }

    /** Process id and releases of a process that did not stop cleanly; empty if it did. */
    List<String> servingAtEnd() {
        try {
            return Files.exists(folder.resolve("serving"))
                    ? List.of(Files.readString(folder.resolve("serving")).split(" "))
                    : List.of();
        } catch (IOException e) {
            return List.of();
        }
    }

    void clearServing() {
        try {
            disk.delete(folder.resolve("serving"));
        } catch (IOException e) {
            LOG.warn("{} cannot be deleted: {}", folder.resolve("serving"), e.toString());
        }
    }

    @Override
    public void close() throws IOException {
        lock.close();
    }
}
