// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import io.penstock.api.audit.AuditRecord;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of the log. Used by the writer's thread only.
 *
 * <p>Order: lines, fsync, and now and then the anchor, which is a lower bound: what is whole behind it is taken over at the next
 * start. A new segment is begun only when the one before is acknowledged to its end, so a torn line can only be the last of the
 * last segment, and anything else on opening is damage, not a crash.
 */
final class Segments implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(Segments.class);
    private static final long TAIL_BYTES = 16L << 20;
    private static final Pattern NAME = Pattern.compile("audit-(\\d{6,18})\\.jsonl");

    private final Path directory;
    private final Disk disk;
    private final long segmentBytes;
    private final int retain;
    private final MessageDigest sha256 = Line.sha256();
    private final FileChannel lockFile;
    private final List<Finding> findings = new ArrayList<>();

    private Head head = Head.GENESIS;
    private @Nullable FileChannel segment;
    /** Identity of the file that {@link #segment} writes. */
    private @Nullable Object segmentKey;
    /** Set by the first commit after the beginning of a segment that lets old ones go. */
    private boolean pruneDue;

    private boolean anchorDue;
    private @Nullable Reserve reserve;

    /** What opening found and the log itself must say. */
    record Finding(String action, String subject, String detail) {}

    /** @param retain how many segments are kept, 0 for all. */
    private Segments(Path directory, Disk disk, long segmentBytes, int retain, FileChannel lockFile) {
        this.directory = directory;
        this.disk = disk;
        this.segmentBytes = segmentBytes;
        this.retain = retain;
        this.lockFile = lockFile;
    }

    /**
     * Opens the log, cuts off what a kill left unfinished, and tells so by {@link #findings}.
     *
     * @throws IOException if the disk refuses, or another process writes this log.
     */
    static Segments open(Path directory, Disk disk, long segmentBytes, int retain) throws IOException {
        Files.createDirectories(directory);
        Path lock = directory.resolve("lock");
        FileChannel lockFile = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (!locked(lockFile)) {
                throw new IOException(lock + " is held: another gateway writes this log; stop it or use another home");
            }
            Segments opened = new Segments(directory, disk, segmentBytes, retain, lockFile);
            opened.recover();
            opened.takeReserve();
            return opened;
        } catch (IOException | RuntimeException e) {
            lockFile.close();
            throw e;
        }
    }

    /** Where there is no room for it now, it is asked for again with the next anchor. */
    private void takeReserve() {
        if (reserve == null) {
            try {
                reserve = Reserve.open(directory, disk);
            } catch (IOException e) {
                LOG.warn(
                        "audit: no space can be taken beforehand in {} ({}); acts on a full disk are then kept in memory only",
                        directory,
                        e.toString());
            }
        }
    }

    /** Null where the disk had no room for it. */
    @Nullable
    Reserve reserve() {
        return reserve;
    }

    /** Reads what the end of the log says, oldest first: at least {@link #TAIL_BYTES} of it, or all. */
    void tail(Consumer<Line> consumer) throws IOException {
        NavigableMap<Long, Path> files = list(directory);
        long bytes = 0;
        Long from = files.isEmpty() ? null : files.lastKey();
        while (from != null) {
            bytes += Files.size(files.get(from));
            Long before = files.lowerKey(from);
            if (bytes >= TAIL_BYTES || before == null) {
                break;
            }
            from = before;
        }
        if (from == null) {
            return;
        }
        long skip = Math.max(0, bytes - TAIL_BYTES);
        for (Path file : files.tailMap(from).values()) {
            try (LineReader lines = new LineReader(file, skip)) {
                if (skip > 0) {
                    nextOf(lines); // in the middle of one
                }
                for (byte[] line = nextOf(lines); line != null; line = nextOf(lines)) {
                    try {
                        consumer.accept(Line.read(line));
                    } catch (IllegalArgumentException e) {
                        // torn or damaged; told elsewhere
                    }
                }
            }
            skip = 0;
        }
    }

    private static byte @Nullable [] nextOf(LineReader lines) throws IOException {
        try {
            return lines.next();
        } catch (IllegalArgumentException e) {
            return new byte[0];
        }
    }

    private static boolean locked(FileChannel lockFile) throws IOException {
        try {
            FileLock lock = lockFile.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    private void recover() throws IOException {
        NavigableMap<Long, Path> files = list(directory);
        try {
            head = Head.read(directory);
        } catch (NoSuchFileException e) {
            if (files.isEmpty()) {
                head.write(directory, disk);
                syncDirectory();
                return;
            }
            goOnAfterDamage(files, false, Head.NAME + " is missing: a tail cut off before cannot be seen");
            return;
        } catch (IllegalArgumentException e) {
            goOnAfterDamage(files, false, e.getMessage() + ": a tail cut off before cannot be seen");
            return;
        }
        for (Path old : List.copyOf(files.headMap(head.firstSegment()).values())) {
            Files.delete(old);
        }
        files.headMap(head.firstSegment()).clear();
        String damage = damage(files);
        if (damage.isEmpty()) {
            continueTail(files);
        } else {
            goOnAfterDamage(files, true, damage);
        }
    }

    /** What is wrong up to the anchor; empty if nothing is. */
    private String damage(NavigableMap<Long, Path> files) throws IOException {
        if (head.length() == 0) {
            return "";
        }
        Path file = files.get(head.segment());
        if (file == null) {
            return name(head.segment()) + " is missing";
        }
        long size = Files.size(file);
        if (size < head.length()) {
            return name(head.segment()) + " ends at byte " + size + ", but record " + head.seq()
                    + " was acknowledged at byte " + head.length();
        }
        try {
            Line last = Line.parse(lastLine(file, head.length()), sha256);
            return last.seq() == head.seq() && last.hash().equals(head.hash())
                    ? ""
                    : name(head.segment()) + " has record " + last.seq() + " where record " + head.seq()
                            + " was acknowledged";
        } catch (IllegalArgumentException e) {
            return name(head.segment()) + " before byte " + head.length() + ": " + e.getMessage();
        }
    }

    /** The line that ends with the line feed at {@code end - 1}. */
    private static byte[] lastLine(Path file, long end) throws IOException {
        int size = (int) Math.min(end, Line.LONGEST);
        ByteBuffer bytes = ByteBuffer.allocate(size);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long from = end - size;
            while (bytes.hasRemaining() && channel.read(bytes, from + bytes.position()) > 0) {
                // until the buffer is full
            }
        }
        byte[] tail = bytes.array();
        if (bytes.hasRemaining() || tail[size - 1] != '\n') {
            throw new IllegalArgumentException("no line ends here");
        }
        int start = size - 1;
        while (start > 0 && tail[start - 1] != '\n') {
            start--;
        }
        byte[] line = new byte[size - 1 - start];
        System.arraycopy(tail, start, line, 0, line.length);
        return line;
    }

    /** Takes over whole records behind the anchor and cuts off the rest. */
    private void continueTail(NavigableMap<Long, Path> files) throws IOException {
        for (long number : List.copyOf(files.tailMap(head.segment()).keySet())) {
            Path file = files.get(number);
            long from = number == head.segment() ? head.length() : 0;
            if (number > head.segment()) {
                head = head.beginning(number);
            }
            long end = takeOver(file, from);
            long torn = Files.size(file) - end;
            if (torn > 0) {
                if (files.higherKey(number) != null) {
                    goOnAfterDamage(files, true, name(number) + " is damaged at byte " + end);
                    return;
                }
                cut(file, end);
                findings.add(new Finding(
                        "AUDIT_REPAIRED",
                        name(number),
                        "cut off " + torn + " bytes of unacknowledged records after record " + head.seq()
                                + "; the gateway was killed while it wrote them"));
            }
        }
    }

    private long takeOver(Path file, long from) throws IOException {
        long end = from;
        try (LineReader lines = new LineReader(file, from)) {
            byte[] bytes = lines.next();
            while (bytes != null && lines.whole()) {
                Line line = Line.parse(bytes, sha256);
                if (line.seq() != head.seq() + 1 || !line.prev().equals(head.hash())) {
                    return end;
                }
                end = lines.position();
                head = head.after(line.seq(), line.hash(), end);
                bytes = lines.next();
            }
        } catch (IllegalArgumentException e) {
            return end;
        }
        return end;
    }

    private void cut(Path file, long end) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(end);
            disk.force(channel);
        }
    }

    /** Leaves the damage as it is, for evidence, and goes on in a new segment from the last record that is certain. */
    private void goOnAfterDamage(NavigableMap<Long, Path> files, boolean anchored, String damage) throws IOException {
        long next = Math.max(files.isEmpty() ? 0 : files.lastKey(), anchored ? head.segment() : 0) + 1;
        if (anchored) {
            head = head.beginning(next);
        } else {
            Line last = null;
            Line first = null;
            for (Path file : files.values()) {
                try (LineReader lines = new LineReader(file, 0)) {
                    for (byte[] bytes = lines.next(); bytes != null && lines.whole(); bytes = lines.next()) {
                        last = Line.parse(bytes, sha256);
                        first = first == null ? last : first;
                    }
                } catch (IllegalArgumentException e) {
                    // what is whole in the other files still counts
                }
            }
            head = new Head(
                    last == null ? 0 : last.seq(),
                    last == null ? Line.GENESIS : last.hash(),
                    next,
                    0,
                    files.firstKey(),
                    first == null ? 1 : first.seq(),
                    first == null ? Line.GENESIS : first.prev());
        }
        findings.add(new Finding(
                "AUDIT_BROKEN",
                directory.getFileName() + "/" + name(next),
                damage + "; the log goes on here after record " + head.seq()));
    }

    List<Finding> findings() {
        return List.copyOf(findings);
    }

    /** Number of the last record on disk. */
    long seq() {
        return head.seq();
    }

    /** What opening did not find although it was acknowledged; null if it is there. */
    @Nullable
    Finding lost(long acknowledged) {
        return head.seq() >= acknowledged
                ? null
                : new Finding(
                        "AUDIT_BROKEN",
                        name(head.segment()),
                        "the log was removed while it was written; record " + acknowledged
                                + " was acknowledged, it goes on after record " + head.seq());
    }

    /** Size of the current segment; for tests and figures. */
    long length() {
        return head.length();
    }

    /**
     * Puts records on disk: all of them when it returns, none of them when it throws. The anchor follows by {@link #anchor}.
     *
     * @throws NoSuchFileException if somebody removed, replaced or cut the log; it must be opened anew.
     */
    void commit(List<AuditRecord> entries) throws IOException {
        FileChannel file = current();
        checkItIsThere();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(entries.size() * 400);
        long seq = head.seq();
        String prev = head.hash();
        for (AuditRecord entry : entries) {
            byte[] line = Line.render(++seq, entry, prev, sha256);
            bytes.writeBytes(line);
            bytes.write('\n');
            prev = Line.hashOf(line);
        }
        try {
            disk.write(file, ByteBuffer.wrap(bytes.toByteArray()), head.length());
            disk.force(file);
            head = head.after(seq, prev, head.length() + bytes.size());
            anchorDue = true;
        } catch (IOException e) {
            // Cutting off needs no room. The lines are written again from the start, so that no page counts as clean
            // that
            // an fsync has refused; what cannot be cut off now is overwritten then, for the same lines come first.
            try {
                file.truncate(head.length());
            } catch (IOException worse) {
                e.addSuppressed(worse);
            }
            throw e;
        }
    }

    /** Writes down how far the log goes, so that a tail that somebody cuts off is missed. */
    void anchor() throws IOException {
        if (anchorDue) {
            head.write(directory, disk);
            anchorDue = false;
            takeReserve();
        }
    }

    /** A file that was removed, replaced or cut would take the records, and nobody would find them in it. */
    private void checkItIsThere() throws IOException {
        Path file = directory.resolve(name(head.segment()));
        if (!Files.exists(file)) {
            throw new NoSuchFileException(file.toString(), null, "removed while it was written");
        }
        BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
        if (!Objects.equals(now.fileKey(), segmentKey)) {
            throw new NoSuchFileException(file.toString(), null, "replaced by another file while it was written");
        }
        if (now.size() < head.length()) {
            throw new NoSuchFileException(file.toString(), null, "cut off while it was written");
        }
    }

    private FileChannel current() throws IOException {
        if (head.length() >= segmentBytes) {
            anchor();
            closeSegment();
            head = head.beginning(head.segment() + 1);
            pruneDue = retain > 0;
        }
        FileChannel open = segment;
        if (open == null) {
            Path file = directory.resolve(name(head.segment()));
            open = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            segment = open;
            segmentKey = Files.readAttributes(file, BasicFileAttributes.class).fileKey();
            syncDirectory();
        }
        return open;
    }

    /**
     * The record to write before {@link #prune} lets old segments go; null where none are too many.
     */
    @Nullable
    Finding pruneFinding() {
        long keepFrom = head.segment() - retain + 1;
        return pruneDue && keepFrom > head.firstSegment()
                ? new Finding(
                        "AUDIT_PRUNED",
                        name(head.firstSegment()) + " to " + name(keepFrom - 1),
                        "retainSegments " + retain + ": the log begins with " + name(keepFrom))
                : null;
    }

    /** Deletes the segments that {@link #pruneFinding} named: first the anchor forgets them, then they go. */
    void prune() throws IOException {
        long keepFrom = head.segment() - retain + 1;
        Line first;
        try (LineReader lines = new LineReader(directory.resolve(name(keepFrom)), 0)) {
            byte[] bytes = lines.next();
            if (bytes == null) {
                return;
            }
            first = Line.parse(bytes, sha256);
        } catch (IllegalArgumentException | NoSuchFileException e) {
            pruneDue = false; // damaged: leave everything for whoever looks into it
            return;
        }
        Head next = head.keeping(keepFrom, first.seq(), first.prev());
        next.write(directory, disk);
        anchorDue = false;
        syncDirectory(); // or a loss of power brings back an anchor that misses what is deleted now
        head = next;
        pruneDue = false;
        for (Path old : list(directory).headMap(keepFrom).values()) {
            Files.delete(old);
        }
    }

    private void syncDirectory() throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            disk.force(channel);
        }
    }

    /** The segments of a directory by number. */
    static NavigableMap<Long, Path> list(Path directory) throws IOException {
        TreeMap<Long, Path> files = new TreeMap<>();
        try (Stream<Path> paths = Files.list(directory)) {
            for (Path path : (Iterable<Path>) paths::iterator) {
                OptionalLong number = number(path);
                if (number.isPresent()) {
                    files.put(number.getAsLong(), path);
                }
            }
        }
        return files;
    }

    private static OptionalLong number(Path path) {
        Matcher matcher = NAME.matcher(String.valueOf(path.getFileName()));
        return matcher.matches() ? OptionalLong.of(Long.parseLong(matcher.group(1))) : OptionalLong.empty();
    }

    static String name(long number) {
        return String.format("audit-%06d.jsonl", number);
    }

    @Override
    public void close() throws IOException {
        try (lockFile) {
            Reserve held = reserve;
            if (held != null) {
                held.close();
            }
            closeSegment();
        }
    }

    private void closeSegment() throws IOException {
        FileChannel open = segment;
        segment = null;
        if (open != null) {
            open.close();
        }
    }
}
