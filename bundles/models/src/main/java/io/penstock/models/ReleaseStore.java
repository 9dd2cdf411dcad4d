// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.kit.Disk;
import io.penstock.kit.WholeFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder {@code data/models}: accepted releases by id, {@code desired.json}, and a lock that tells that a gateway runs.
 * Whoever changes the state holds the lock of {@link Parts#deciding}; the state itself is written by {@link #writeBy another
 * thread}, so that nobody who decides waits for a disk.
 */
final class ReleaseStore implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ReleaseStore.class);
    static final String DESIRED = "desired.json";
    static final String LOCK = "lock";
    /** Room for the receipts of what a person does while the disk is full. */
    private static final int RESERVE = 128 << 10;

    private final Path folder;
    private final Disk disk;
    private final WholeFile desired;
    private final FileChannel lock;
    private final Object disking = new Object();
    /** Ids whose file is being written and of which the state knows nothing yet. */
    private final Set<String> incoming = ConcurrentHashMap.newKeySet();

    private volatile Executor writer = Runnable::run;
    private volatile State state;
    private final AtomicLong version = new AtomicLong();
    private volatile long saved;
    private volatile String fault = "";
    private volatile String reserve = "";
    /** What is in the reserve only; like what follows, of the thread that writes. */
    private byte[] written = {};

    private String reported = "";

    private ReleaseStore(Path folder, Disk disk, WholeFile desired, FileChannel lock, State state) {
        this.folder = folder;
        this.disk = disk;
        this.desired = desired;
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
            WholeFile desired = desired(folder, disk);
            Optional<WholeFile.Found> found = desired.heal(ReleaseStore::check);
            found.ifPresent(content -> content.told().forEach(told -> LOG.warn("{}", told)));
            return new ReleaseStore(folder, disk, desired, channel, parsed(found));
        } catch (OverlappingFileLockException e) {
            channel.close();
            throw new IOException(folder + ": this folder is in use already", e);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** As it is on disk, which is not touched. */
    static State readState(Path folder) throws IOException {
        return parsed(desired(folder, new Disk()).read(ReleaseStore::check));
    }

    /** What is or was wrong with the desired state, for people; empty if nothing. */
    static List<String> troubles(Path folder) throws IOException {
        List<String> troubles = new ArrayList<>();
        desired(folder, new Disk()).read(ReleaseStore::check).ifPresent(found -> troubles.addAll(found.told()));
        Path aside = folder.resolve(DESIRED + ".damaged");
        if (Files.exists(aside)) {
            troubles.add(aside + " is what was found damaged or changed by hand on "
                    + Files.getLastModifiedTime(aside).toInstant() + " and was put right; delete it once you know why");
        }
        return troubles;
    }

    private static WholeFile desired(Path folder, Disk disk) {
        return new WholeFile(
                disk,
                folder.resolve(DESIRED),
                Disk.Access.ANYONE,
                WholeFile.Edits.REFUSED,
                RESERVE,
                "restore both from a backup, or end the gateway and delete both to start without models and sequences,"
                        + " then drop the releases again");
    }

    private static void check(byte[] bytes) {
        State.parse(DESIRED, bytes);
    }

    private static State parsed(Optional<WholeFile.Found> found) {
        return found.map(content -> State.parse(DESIRED, content.bytes())).orElse(State.EMPTY); // none: the first start
    }

    State state() {
        return state;
    }

    /** Names the one thread that writes from now on; without it whoever records does. */
    void writeBy(Executor one) {
        writer = one;
    }

    /** Does something on the disk, after what was recorded before; nobody waits for it. */
    void later(Runnable work) {
        writer.execute(work);
    }

    /** Takes a new state; it is on disk as soon as that allows, see {@link #awaitSaved}. */
    void record(State next) {
        state = next;
        version.incrementAndGet();
        writer.execute(this::write);
    }

    /** Tries again what the disk refused. */
    void retry() {
        if (!saved()) {
            writer.execute(this::write);
        } else if (!reserve.isEmpty()) {
            writer.execute(this::catchUp);
        }
    }

    private void write() {
        long now = version.get();
        State next = state;
        if (saved >= now) {
            return; // one that was recorded later took it along
        }
        String refused = "";
        byte[] bytes = next.toBytes();
        try {
            desired.write(bytes);
            behind(bytes);
        } catch (IOException e) {
            refused = Failures.reason(e);
            report(e.toString(), "cannot be written");
        }
        synchronized (disking) {
            fault = refused;
            if (refused.isEmpty()) {
                saved = now;
            }
            disking.notifyAll();
        }
    }

    private void catchUp() {
        if (saved()) { // else a write comes, and takes it along
            desired.catchUp(written);
            behind(written);
        }
    }

    private void behind(byte[] bytes) {
        reserve = desired.behind();
        written = reserve.isEmpty() ? new byte[0] : bytes;
        report(reserve, "takes changes into its reserve only");
    }

    /** Once: a full disk must not be filled with lines about it. */
    private void report(String fault, String what) {
        if (!fault.isEmpty() && !reported.equals(fault)) {
            LOG.error(
                    "{} {}: {}; it is tried again, make room or repair the disk", folder.resolve(DESIRED), what, fault);
        }
        reported = fault;
    }

    boolean saved() {
        return saved >= version.get();
    }

    /**
     * Waits until what was recorded last is on disk.
     *
     * @return why it is not: what the disk said, or that it says nothing; empty if it is.
     */
    String awaitSaved(long timeoutMs) throws InterruptedException {
        long wanted = version.get();
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        synchronized (disking) {
            while (saved < wanted && fault.isEmpty()) {
                long leftMs = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
                if (leftMs <= 0) {
                    return "the disk does not answer within " + timeoutMs + " ms";
                }
                disking.wait(leftMs);
            }
            return saved >= wanted ? "" : fault;
        }
    }

    /** Why what was saved last is in the reserve only, which survives a restart all the same; empty where it is not. */
    String inReserve() {
        return reserve;
    }

    /** Keeps a release; its file is safe from {@link #keepOnly} until {@link #known}. */
    void put(Release release) throws IOException {
        incoming.add(release.id());
        disk.replace(file(release.id()), Disk.Access.ANYONE, release.head(), release.bundle());
    }

    /** From here on the state says whether the file is needed. */
    void known(String id) {
        writer.execute(() -> incoming.remove(id)); // not while one looks for what may go
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
                boolean arrives = incoming.stream().anyMatch(name::startsWith)
                        || name.startsWith(CrashLedger.FILE); // written by another thread
                if (!arrives && !ids.contains(name.replace(ReleaseFile.SUFFIX, ""))) {
                    disk.remove(file);
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
        writer.execute(() -> writeServing(ids));
    }

    private void writeServing(List<String> ids) {
        try {
            disk.replace(
                    folder.resolve("serving"),
                    Disk.Access.ANYONE,
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
            disk.remove(folder.resolve("serving"));
        } catch (IOException e) {
            LOG.warn("{} cannot be deleted: {}", folder.resolve("serving"), e.toString());
        }
    }

    @Override
    public void close() throws IOException {
        lock.close();
    }
}
