// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The audit log of this gateway. Callers put records into a ring; one thread gives them number and hash, writes them in
 * groups and waits for the disk, and all who wait share that. While the disk refuses, the group in hand is tried again every
 * second and the ring fills; what it cannot take is counted and recorded as a gap once the disk is back. What was insisted on
 * has places of its own in the ring, and goes to the {@link Reserve} meanwhile.
 */
@Component(
        configurationPid = AuditJournal.PID,
        configurationPolicy = ConfigurationPolicy.OPTIONAL,
        immediate = true,
        service = AuditLog.class)
@Designate(ocd = AuditJournal.Config.class)
public final class AuditJournal implements AuditLog {
    static final String PID = "io.penstock.audit";
    static final String ACTOR = "audit";
    private static final String ENDED_CLOSED =
            "the process ended while it was closed; the plant keeps the last value it was given, or falls back by itself";

    private static final Logger LOG = LoggerFactory.getLogger(AuditJournal.class);
    private static final int GROUP = 1_024;
    /** Places of the ring for what is insisted on. */
    private static final int INSISTED = 256;

    private static final long RETRY_NANOS = MILLISECONDS.toNanos(1_000);
    private static final long STUCK_NANOS = MILLISECONDS.toNanos(5_000);
    private static final long STOP_MS = 1_800;

    private final Path directory;
    private final Settings settings;
    private final Disk disk;
    private final Clock clock;
    /** Records as they are, and {@link Awaited} ones. */
    private final Ring<Object> ring;

    private final Repeats repeats = new Repeats(System::nanoTime);
    /** What was insisted on and is not in the log yet. */
    private final Queue<Awaited> insisted = new ConcurrentLinkedQueue<>();

    private final AtomicLong dropped = new AtomicLong();
    private final Thread writer = new Thread(this::write, "audit-writer-log");

    private final ReentrantLock waiting = new ReentrantLock();
    private final Condition progress = waiting.newCondition();

    // Below: the writer's thread only.

    private boolean saidRefused;
    /** The last record of a log that was removed meanwhile. */
    private long acknowledged;

    private long anchorDueNanos;
    private boolean reserveFull;

    // Below: written by the writer's thread, read by others.

    private volatile boolean stopping;
    private volatile boolean healthy;
    private volatile boolean flushWanted;
    private volatile long committed;
    /** When the commit in progress began, 0 if there is none: a disk may hang without an error. */
    private volatile long commitSinceNanos;

    /** A record that somebody waits for. */
    private static final class Awaited {
        final AuditRecord entry;
        volatile Kept kept = Kept.IN_MEMORY;
        /** The disk refused it at least once. */
        volatile boolean refused;

        Awaited(AuditRecord entry) {
            this.entry = entry;
        }
    }

    @ObjectClassDefinition(name = "Audit log", description = "Append-only, hash-chained record of who did what.")
    @interface Config {
        @AttributeDefinition(description = "Records that wait for the disk, 64 to 1000000; more are counted as a gap.")
        int queueLength() default 8_192;

        @AttributeDefinition(description = "A file of the log is closed at this size in MiB, 1 to 1024.")
        int segmentMiB() default 64;

        @AttributeDefinition(description = "Records go to disk together every so many milliseconds, 1 to 10000.")
        long flushIntervalMs() default 200;

        @AttributeDefinition(description = "How many files are kept, at least 2; 0 keeps all.")
        int retainSegments() default 0;
    }

    /** Refuses nonsense. */
    record Settings(int queueLength, int segmentMiB, long flushIntervalMs, int retainSegments) {
        Settings {
            within("queueLength", queueLength, 64, 1_000_000);
            within("segmentMiB", segmentMiB, 1, 1_024);
            within("flushIntervalMs", flushIntervalMs, 1, 10_000);
            if (retainSegments != 0) {
                within("retainSegments", retainSegments, 2, 1_000_000);
            }
        }

        static Settings of(Config config) {
            return new Settings(
                    config.queueLength(), config.segmentMiB(), config.flushIntervalMs(), config.retainSegments());
        }

        private static void within(String key, long value, long low, long high) {
            if (value < low || value > high) {
                throw new IllegalArgumentException(key + ": " + low + " to " + high
                        + (key.equals("retainSegments") ? ", or 0 to keep all" : "") + ", was " + value);
            }
        }
    }

    @Activate
    public AuditJournal(BundleContext context, Config config) {
        this(home(context).resolve("data").resolve("audit"), Settings.of(config), Disk.REAL, Clock.systemUTC());
    }

    private static Path home(BundleContext context) {
        String home = context.getProperty("penstock.home");
        if (home == null) {
            throw new IllegalStateException("penstock.home is not set; start the gateway by bin/penstock-gateway");
        }
        return Path.of(home);
    }

    AuditJournal(Path directory, Settings settings, Disk disk, Clock clock) {
        this.directory = directory;
        this.settings = settings;
        this.disk = disk;
        this.clock = clock;
        ring = new Ring<>(settings.queueLength() + INSISTED);
        writer.setDaemon(true);
    }

    @Activate
    void start() {
        writer.start();
    }

    @Deactivate
    void stop() {
        stopping = true;
        LockSupport.unpark(writer);
        try {
            writer.join(STOP_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (writer.isAlive()) {
            LOG.warn("audit: the disk under {} did not take the last records in {} ms", directory, STOP_MS);
            writer.interrupt();
        }
    }

    @Override
    public boolean append(AuditRecord entry) {
        return take(entry, settings.queueLength());
    }

    private boolean take(Object entry, int most) {
        if (!stopping && ring.offer(entry, most)) {
            return true;
        }
        dropped.incrementAndGet();
        return false;
    }

    @Override
    public boolean commit(AuditRecord entry, long timeoutMs) {
        Awaited awaited = new Awaited(entry);
        return take(awaited, settings.queueLength())
                && await(timeoutMs, () -> awaited.kept == Kept.ON_DISK || awaited.refused)
                && awaited.kept == Kept.ON_DISK;
    }

    @Override
    public Kept insist(AuditRecord entry, long timeoutMs) {
        Awaited awaited = new Awaited(entry);
        insisted.add(awaited);
        if (!take(awaited, Integer.MAX_VALUE)) {
            insisted.remove(awaited);
            return Kept.LOST;
        }
        if (timeoutMs > 0) {
            await(timeoutMs, () -> awaited.kept != Kept.IN_MEMORY || awaited.refused);
        } else { // perhaps a pipeline's thread: it takes no lock
            flushWanted = true;
            LockSupport.unpark(writer);
        }
        return awaited.kept;
    }

    @Override
    public void tally(AuditRecord entry) {
        if (repeats.passes(entry)) {
            append(entry);
        }
    }

    @Override
    public boolean writable() {
        long since = commitSinceNanos;
        return healthy && !stopping && (since == 0 || System.nanoTime() - since < STUCK_NANOS);
    }

    @Override
    public boolean flush(long timeoutMs) {
        long wanted = ring.offered();
        return await(timeoutMs, () -> committed >= wanted);
    }

    /** Has the writer go on at once, and waits until something is so; false if it is not in time. */
    private boolean await(long timeoutMs, BooleanSupplier what) {
        long left = MILLISECONDS.toNanos(timeoutMs);
        waiting.lock();
        try {
            while (!what.getAsBoolean()) {
                if (left <= 0 || !writer.isAlive()) {
                    return false;
                }
                flushWanted = true;
                LockSupport.unpark(writer);
                left = progress.awaitNanos(left);
            }
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            waiting.unlock();
        }
    }

    /** How many records were refused and not yet recorded as a gap. */
    long dropped() {
        return dropped.get();
    }

    private void write() {
        List<Object> group = new ArrayList<>();
        Segments segments = null;
        anchorDueNanos = System.nanoTime();
        try {
            while (true) {
                boolean last = stopping;
                try {
                    segments = segments == null ? open(group) : segments;
                    collect(group, last);
                    if (group.isEmpty() && last) {
                        sayStopped(segments);
                        return;
                    }
                    boolean more = group.size() >= GROUP;
                    commit(segments, group);
                    anchor(segments);
                    well(segments);
                    if (!more && !last) {
                        rest(MILLISECONDS.toNanos(settings.flushIntervalMs()));
                    }
                } catch (IOException e) {
                    if (e instanceof NoSuchFileException && segments != null) {
                        acknowledged = segments.seq();
                        close(segments);
                        segments = null;
                    }
                    collect(group, last);
                    refused(e, group.size());
                    reserve(segments, group);
                    if (last) {
                        return;
                    }
                    flushWanted = false;
                    LockSupport.parkNanos(this, RETRY_NANOS);
                }
            }
        } catch (RuntimeException e) {
            LOG.error("audit: the writer ended by a defect; no loop can close until the audit bundle is restarted", e);
        } finally {
            healthy = false;
            close(segments);
            signal();
        }
    }

    private Segments open(List<Object> group) throws IOException {
        Segments opened = Segments.open(directory, disk, (long) settings.segmentMiB() << 20, settings.retainSegments());
        try {
            group.addAll(begin(opened));
            return opened;
        } catch (IOException | RuntimeException e) {
            opened.close();
            throw e;
        }
    }

    /** What the log must say first. */
    private List<AuditRecord> begin(Segments opened) throws IOException {
        List<AuditRecord> first = new ArrayList<>();
        List<Segments.Finding> findings = new ArrayList<>(opened.findings());
        Segments.Finding lost = opened.lost(acknowledged);
        if (lost != null) {
            findings.add(lost);
        }
        for (Segments.Finding finding : findings) {
            if (finding.action().equals("AUDIT_BROKEN")) {
                LOG.error("audit: {}: {}; look with 'penstock audit verify'", finding.subject(), finding.detail());
            } else {
                LOG.warn("audit: {}: {}", finding.subject(), finding.detail());
            }
            first.add(own(finding.action(), finding.subject(), finding.detail(), Double.NaN));
        }
        Reserve reserve = opened.reserve();
        List<AuditRecord> held = reserve == null || !insisted.isEmpty() ? List.of() : reserve.found();
        Set<AuditRecord> there = new HashSet<>();
        Intents intents = new Intents();
        opened.tail(line -> {
            intents.see(line);
            if (!held.isEmpty()) {
                there.add(line.entry());
            }
        });
        held.stream().filter(entry -> !there.contains(entry)).forEach(first::add);
        String process = process();
        if (!intents.process().equals(process)) {
            for (Line intent : intents.open()) {
                LOG.warn("audit: loop {}: {}", intent.subject(), Intents.words(intent));
                first.add(new AuditRecord(
                        nowNs(),
                        ACTOR,
                        AuditRecord.GATEWAY,
                        "WRITE_UNKNOWN",
                        intent.subject(),
                        Intents.words(intent),
                        intent.offered(),
                        intent.value()));
            }
            for (String loop : intents.closed()) {
                LOG.warn("audit: loop {}: {}", loop, ENDED_CLOSED);
                first.add(own("LOOP_OPENED", loop, ENDED_CLOSED, Double.NaN));
            }
        }
        first.add(own("AUDIT_STARTED", "audit", "after record " + opened.seq() + ", " + process, Double.NaN));
        acknowledged = 0;
        return first;
    }

    /** Tells this process from one before it. */
    private static String process() {
        ProcessHandle self = ProcessHandle.current();
        return "process " + self.pid() + " of "
                + self.info().startInstant().map(Instant::toString).orElse("an unknown time");
    }

    private void collect(List<Object> group, boolean last) {
        Object next = group.size() < GROUP ? ring.poll() : null;
        while (next != null) {
            group.add(next);
            next = group.size() < GROUP ? ring.poll() : null;
        }
        if (group.size() <= GROUP) {
            if (dropped.get() > 0) {
                long gap = dropped.getAndSet(0);
                group.add(own(
                        "AUDIT_GAP",
                        "audit",
                        gap + " records were not kept: the queue of " + settings.queueLength() + " was full",
                        (double) gap));
            }
            group.addAll(repeats.due(last, nowNs()));
        }
    }

    private void commit(Segments segments, List<Object> group) throws IOException {
        if (!group.isEmpty()) {
            commitSinceNanos = System.nanoTime() | 1;
            try {
                segments.commit(group.stream().map(AuditJournal::entryOf).toList());
            } finally {
                commitSinceNanos = 0;
            }
            for (Object element : group) {
                if (element instanceof Awaited awaited) {
                    awaited.kept = Kept.ON_DISK;
                }
            }
            group.clear();
            committed = ring.taken();
            insisted.removeIf(awaited -> awaited.kept == Kept.ON_DISK);
            well(segments);
        }
        signal();
    }

    private void well(Segments segments) {
        if (!healthy) {
            healthy = true;
            reserveFull = false;
            LOG.info("audit: writes to {}, last record {}", directory, segments.seq());
        }
    }

    private static AuditRecord entryOf(Object element) {
        return element instanceof Awaited awaited ? awaited.entry : (AuditRecord) element;
    }

    /** Not with every group: who waits for a record need not wait for it. */
    private void anchor(Segments segments) throws IOException {
        long now = System.nanoTime();
        if (now - anchorDueNanos < 0 && !stopping) {
            return;
        }
        commitSinceNanos = now | 1;
        try {
            segments.anchor();
            anchorDueNanos = now + MILLISECONDS.toNanos(settings.flushIntervalMs());
            Reserve reserve = segments.reserve();
            if (reserve != null && !reserve.empty() && insisted.isEmpty()) {
                reserve.clear();
            }
            prune(segments);
        } finally {
            commitSinceNanos = 0;
        }
    }

    /** The log takes nothing: what was insisted on goes where there is room for it. */
    private void reserve(@Nullable Segments segments, List<Object> group) {
        List<Awaited> waiters = insisted.stream()
                .filter(awaited -> awaited.kept == Kept.IN_MEMORY)
                .toList();
        Reserve reserve = segments == null ? null : segments.reserve();
        if (reserve != null && !waiters.isEmpty()) {
            commitSinceNanos = System.nanoTime() | 1;
            try {
                boolean room = reserve.append(
                        waiters.stream().map(awaited -> awaited.entry).toList());
                if (room) {
                    waiters.forEach(awaited -> awaited.kept = Kept.RESERVED);
                } else if (!reserveFull) {
                    reserveFull = true;
                    LOG.error("audit: the reserve in {} is full; further acts are kept in memory only", directory);
                }
            } catch (IOException e) {
                LOG.debug("audit: the reserve is refused too", e);
            } finally {
                commitSinceNanos = 0;
            }
        }
        insisted.forEach(awaited -> awaited.refused = true);
        for (Object element : group) {
            if (element instanceof Awaited awaited) {
                awaited.refused = true;
            }
        }
        signal();
    }

    private void prune(Segments segments) {
        Segments.Finding finding = segments.pruneFinding();
        if (finding == null) {
            return;
        }
        try {
            segments.commit(List.of(own(finding.action(), finding.subject(), finding.detail(), Double.NaN)));
            segments.prune();
        } catch (IOException e) {
            LOG.warn("audit: old segments stay for now: {}", e.toString());
        }
    }

    private void signal() {
        waiting.lock();
        try {
            progress.signalAll();
        } finally {
            waiting.unlock();
        }
    }

    private void rest(long nanos) {
        long end = System.nanoTime() + nanos;
        long left = nanos;
        while (left > 0 && !flushWanted && !stopping) {
            LockSupport.parkNanos(this, left);
            left = end - System.nanoTime();
        }
        flushWanted = false;
    }

    private void refused(IOException e, int held) {
        LOG.debug("audit: refused", e);
        if (healthy || !saidRefused) {
            saidRefused = true;
            LOG.error(
                    "audit: {} takes no records ({}); {} wait, loops open after 60 s; {}",
                    directory,
                    e.toString(),
                    held,
                    e instanceof NoSuchFileException
                            ? "a new log is begun; find out who touched the old one"
                            : "free disk space or repair the disk");
        }
        healthy = false;
    }

    private void sayStopped(Segments segments) throws IOException {
        segments.commit(List.of(own("AUDIT_STOPPED", "audit", "", Double.NaN)));
        anchor(segments);
    }

    private static void close(@Nullable Segments segments) {
        try {
            if (segments != null) {
                segments.close();
            }
        } catch (IOException e) {
            LOG.warn("audit: closing failed: {}", e.toString());
        }
    }

    private AuditRecord own(String action, String subject, String detail, double value) {
        return new AuditRecord(nowNs(), ACTOR, AuditRecord.GATEWAY, action, subject, detail, Double.NaN, value);
    }

    private long nowNs() {
        Instant now = clock.instant();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }
}
