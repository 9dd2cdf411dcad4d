// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Checks the whole chain of an audit log and reads its records, for the command line. Needs no gateway and changes nothing;
 * works beside a gateway that is writing. Not thread-safe.
 *
 * <p>The chain has no key: whoever may write the directory may also write it anew from the start. Against that, keep
 * {@link Verdict#lastSeq} and {@link Verdict#lastHash} elsewhere and give them as the expected record.
 */
public final class AuditVerifier {
    /** How many broken places are told one by one. */
    static final int MOST_BREAKS = 1_000;

    private static final long UNKNOWN = Long.MIN_VALUE;

    /**
     * One record.
     *
     * @param seq its number, from 1.
     * @param time when, UTC in ISO form with nanoseconds.
     * @param actor who.
     * @param origin from where.
     * @param action what.
     * @param subject to which thing.
     * @param detail figures and reason.
     * @param offered value offered, NaN if none.
     * @param value value written, NaN if none.
     * @param hash its hash.
     */
    public record Entry(
            long seq,
            String time,
            String actor,
            String origin,
            String action,
            String subject,
            String detail,
            double offered,
            double value,
            String hash) {}

    /** Kinds of broken places. */
    public enum Kind {
        /** a file or folder is not there. */
        MISSING,
        /** the anchor is damaged or contradicts the log. */
        ANCHOR,
        /** a line is no record, or ends in the middle. */
        FORM,
        /** a record does not match its own hash, or not the one noted elsewhere. */
        HASH,
        /** a record does not follow the one before it. */
        CHAIN,
        /** records are missing. */
        GAP,
        /** a record stands a second time or in another place. */
        MOVED,
        /** the end was cut off or written anew. */
        TAIL,
        /** the gateway itself went on behind a damage that it found at a start. */
        FOUND
    }

    /**
     * One broken place.
     *
     * @param kind what kind.
     * @param file the file.
     * @param line its line from 1, 0 if it concerns the file.
     * @param reason what is wrong there.
     */
    public record Break(Kind kind, String file, long line, String reason) {}

    /**
     * What the check found.
     *
     * @param breaks broken places in the order of the log, the first {@link #MOST_BREAKS} of them; empty if the chain is unbroken
     *     and complete.
     * @param broken how many there are.
     * @param records how many records were read.
     * @param segments how many files were read.
     * @param lastSeq number of the last good record, 0 for none.
     * @param lastHash its hash.
     * @param gaps how often records were not kept, because the disk refused or the queue was full.
     * @param lost how many they were.
     * @param remarks where nothing is broken but something is to be known.
     * @param unknown writes that were about to leave and have no outcome on record.
     */
    public record Verdict(
            List<Break> breaks,
            long broken,
            long records,
            int segments,
            long lastSeq,
            String lastHash,
            long gaps,
            long lost,
            List<String> remarks,
            List<Entry> unknown) {
        /** Whether the chain is unbroken and complete. */
        public boolean whole() {
            return broken == 0;
        }
    }

    private final Path directory;
    private final MessageDigest sha256 = Line.sha256();
    private long expectedSeq;
    private String expectedHash = "";

    private final List<Break> breaks = new ArrayList<>();
    private final List<String> remarks = new ArrayList<>();
    private final List<Entry> unknown = new ArrayList<>();
    private Intents intents = new Intents();
    private long broken;
    private long records;
    private int segments;
    /** Number of the last record that was read, damaged or not. */
    private long lastSeq;
    /** Its hash, empty where it cannot be told, so that the next one is believed. */
    private String lastHash = Line.GENESIS;

    private long goodSeq;
    private String goodHash = Line.GENESIS;
    private long gaps;
    private long lost;
    private boolean expectedSeen;
    private boolean pruneRecorded;
    private @Nullable Head read;

    /** @param directory the log's directory, {@code data/audit} of a gateway. */
    public AuditVerifier(Path directory) {
        this.directory = directory;
    }

    /** Also demands that record {@code seq} has this hash, as noted outside the gateway. */
    public AuditVerifier expecting(long seq, String hash) {
        expectedSeq = seq;
        expectedHash = hash;
        return this;
    }

    /**
     * Reads everything and tells all broken places; goes on behind each with the next record that is one.
     *
     * @throws IOException if a file cannot be read.
     */
    public Verdict verify() throws IOException {
        Verdict verdict = pass();
        for (int i = 0; i < 3 && !verdict.whole() && movedOn(); i++) {
            verdict = pass(); // the gateway let old segments go while they were read
        }
        return verdict;
    }

    private boolean movedOn() throws IOException {
        try {
            Head seen = read;
            return seen != null && Head.read(directory).firstSegment() != seen.firstSegment();
        } catch (IllegalArgumentException | NoSuchFileException e) {
            return false;
        }
    }

    private Verdict pass() throws IOException {
        breaks.clear();
        remarks.clear();
        unknown.clear();
        intents = new Intents();
        broken = 0;
        records = 0;
        segments = 0;
        goodSeq = 0;
        goodHash = Line.GENESIS;
        gaps = 0;
        lost = 0;
        expectedSeen = false;
        pruneRecorded = false;
        if (Files.isDirectory(directory)) {
            passOver(anchor());
            int reserved = Reserve.count(directory);
            if (reserved > 0) {
                remarks.add(reserved
                        + " records of acts are in the reserve, which the log takes over as soon as its disk takes"
                        + " records");
            }
        } else {
            tell(Kind.MISSING, directory.toString(), 0, "there is no audit log here");
        }
        intents.lost().forEach(intent -> unknown.add(entry(intent)));
        intents.open().forEach(intent -> unknown.add(entry(intent)));
        return new Verdict(
                List.copyOf(breaks),
                broken,
                records,
                segments,
                goodSeq,
                goodHash,
                gaps,
                lost,
                List.copyOf(remarks),
                List.copyOf(unknown));
    }

    private @Nullable Head anchor() throws IOException {
        read = null;
        try {
            read = Head.read(directory);
        } catch (NoSuchFileException e) {
            tell(Kind.MISSING, Head.NAME, 0, "is missing, so a tail that was cut off cannot be seen");
        } catch (IllegalArgumentException e) {
            tell(Kind.ANCHOR, Head.NAME, 0, e.getMessage() + ", so a tail that was cut off cannot be seen");
        }
        return read;
    }

    private void passOver(@Nullable Head head) throws IOException {
        NavigableMap<Long, Path> files = Segments.list(directory);
        long wanted = head == null ? (files.isEmpty() ? 1 : files.firstKey()) : head.firstSegment();
        lastSeq = head == null ? UNKNOWN : head.firstSeq() - 1;
        lastHash = head == null ? "" : head.firstPrev();
        files.headMap(wanted).clear();
        for (Map.Entry<Long, Path> file : files.entrySet()) {
            if (file.getKey() != wanted) {
                for (; wanted < file.getKey() && broken < MOST_BREAKS; wanted++) {
                    tell(Kind.MISSING, Segments.name(wanted), 0, "is missing");
                }
                wanted = file.getKey();
                lastSeq = UNKNOWN; // what is missing there is told already
            }
            segment(Segments.name(wanted), file.getValue(), head, files.higherKey(wanted) == null);
            wanted++;
        }
        if (head == null) {
            return;
        }
        if (head.segment() >= wanted && head.length() > 0) {
            tell(
                    Kind.MISSING,
                    Segments.name(head.segment()),
                    0,
                    "is missing; the log is acknowledged to record " + head.seq());
        } else if (lastSeq < head.seq()) {
            tell(
                    Kind.TAIL,
                    Segments.name(head.segment()),
                    0,
                    "the tail is cut off after record " + Math.max(lastSeq, 0) + "; record " + head.seq()
                            + " was acknowledged");
        }
        if (head.firstSegment() > 1 && !pruneRecorded) {
            tell(
                    Kind.GAP,
                    Segments.name(head.firstSegment()),
                    0,
                    "the log begins here, but no record says that it was pruned");
        }
        if (!expectedHash.isEmpty() && !expectedSeen) {
            tell(
                    Kind.HASH,
                    Segments.name(head.segment()),
                    0,
                    "record " + expectedSeq + " is expected, but it is not in the log");
        }
    }

    private void segment(String name, Path file, @Nullable Head head, boolean last) throws IOException {
        segments++;
        long number = 0;
        try (LineReader lines = new LineReader(file, 0)) {
            while (true) {
                number++;
                byte[] bytes;
                try {
                    bytes = lines.next();
                } catch (IllegalArgumentException e) {
                    tell(Kind.FORM, name, number, String.valueOf(e.getMessage()));
                    skipOne();
                    continue;
                }
                if (bytes == null) {
                    return;
                }
                if (!lines.whole()) {
                    boolean acknowledged = !last || head == null || !reachesBeyond(head, name, lines.position());
                    if (acknowledged) {
                        tell(Kind.FORM, name, number, "the line is cut off");
                        skipOne();
                    } else {
                        remarks.add(name + " line " + number + " is unfinished: the gateway is writing, or was killed"
                                + " and cuts it off at its next start");
                    }
                    return;
                }
                follow(bytes, head, name, number, lines.position());
            }
        } catch (NoSuchFileException e) {
            tell(Kind.MISSING, name, 0, "is missing");
            lastSeq = UNKNOWN;
        }
    }

    private static boolean reachesBeyond(Head head, String name, long position) {
        return !name.equals(Segments.name(head.segment())) || position > head.length();
    }

    /** A line that cannot be read stands for one record, the hash of which nobody knows. */
    private void skipOne() {
        if (lastSeq != UNKNOWN) {
            lastSeq++;
        }
        lastHash = "";
    }

    /** Takes the next line into the chain, and tells what is wrong with it. */
    private void follow(byte[] bytes, @Nullable Head head, String name, long number, long position) {
        Line line;
        try {
            line = Line.read(bytes);
        } catch (IllegalArgumentException e) {
            tell(Kind.FORM, name, number, String.valueOf(e.getMessage()));
            skipOne();
            return;
        }
        boolean good = line.matches(bytes, sha256);
        if (!good) {
            tell(Kind.HASH, name, number, "edited: record " + line.seq() + " does not match its own hash");
        } else {
            place(line, name, number);
        }
        if (head != null && line.seq() == head.seq() && good) {
            askAnchor(line, head, name, number, position);
        }
        if (line.seq() == expectedSeq && !expectedHash.isEmpty()) {
            expectedSeen = true;
            if (!line.hash().equals(expectedHash)) {
                tell(
                        Kind.HASH,
                        name,
                        number,
                        "record " + line.seq() + " has hash " + line.hash() + ", expected " + expectedHash
                                + ": the log was rewritten");
            }
        }
        if (good) {
            lastSeq = line.seq();
            lastHash = line.hash();
            goodSeq = line.seq();
            goodHash = line.hash();
            records++;
            intents.see(line);
            if (line.actor().equals(AuditJournal.ACTOR)) {
                own(line, head, name, number);
            }
        } else { // any of its members may be the changed one
            String before = line.hash();
            skipOne();
            lastHash = line.seq() == lastSeq ? before : "";
        }
    }

    private void place(Line line, String name, long number) {
        if (lastSeq == UNKNOWN) {
            return;
        }
        if (line.seq() > lastSeq + 1) {
            tell(
                    Kind.GAP,
                    name,
                    number,
                    "records " + (lastSeq + 1) + " to " + (line.seq() - 1) + " are missing before record "
                            + line.seq());
        } else if (line.seq() <= lastSeq) {
            tell(
                    Kind.MOVED,
                    name,
                    number,
                    "record " + line.seq() + " after record " + lastSeq + ": inserted or moved here");
        } else if (!lastHash.isEmpty() && !line.prev().equals(lastHash)) {
            tell(
                    Kind.CHAIN,
                    name,
                    number,
                    "record " + line.seq() + " does not follow the record before it: one of them was replaced");
        }
    }

    private void askAnchor(Line line, Head head, String name, long number, long position) {
        if (!line.hash().equals(head.hash())) {
            tell(
                    Kind.TAIL,
                    name,
                    number,
                    "record " + line.seq() + " is not the one that was acknowledged: the end of the log was rewritten");
        } else if (position != head.length() || !name.equals(Segments.name(head.segment()))) {
            tell(
                    Kind.ANCHOR,
                    Head.NAME,
                    0,
                    "says that record " + line.seq() + " ends at byte " + head.length() + " of "
                            + Segments.name(head.segment()) + ", it ends at byte " + position + " of " + name);
        }
    }

    private void own(Line line, @Nullable Head head, String name, long number) {
        switch (line.action()) {
            case "AUDIT_BROKEN" -> tell(Kind.FOUND, name, number, "the gateway found at its start: " + line.detail());
            case "AUDIT_GAP" -> {
                gaps++;
                lost += (long) line.value();
            }
            case "AUDIT_PRUNED" ->
                pruneRecorded |=
                        head != null && line.detail().endsWith(" begins with " + Segments.name(head.firstSegment()));
            case "WRITE_UNKNOWN" -> unknown.add(entry(line));
            default -> {
                // starts, stops and repairs are part of a whole log
            }
        }
    }

    private void tell(Kind kind, String file, long line, String reason) {
        broken++;
        if (breaks.size() < MOST_BREAKS) {
            breaks.add(new Break(kind, file, line, reason));
        }
    }

    /**
     * Hands over all records that can be read, oldest first, without checking that they follow each other; lines that are
     * damaged are left out.
     *
     * @throws IOException if a file cannot be read.
     */
    public void read(Consumer<Entry> consumer) throws IOException {
        if (!Files.isDirectory(directory)) {
            throw new NoSuchFileException(directory + ": there is no audit log here");
        }
        for (Path file : Segments.list(directory).values()) {
            try (LineReader lines = new LineReader(file, 0)) {
                boolean more = true;
                while (more) {
                    try {
                        byte[] bytes = lines.next();
                        more = bytes != null && lines.whole();
                        if (more) {
                            consumer.accept(entry(Line.parse(bytes, sha256)));
                        }
                    } catch (IllegalArgumentException e) {
                        // damaged; verify() tells
                    }
                }
            }
        }
    }

    private static Entry entry(Line line) {
        return new Entry(
                line.seq(),
                line.time(),
                line.actor(),
                line.origin(),
                line.action(),
                line.subject(),
                line.detail(),
                line.offered(),
                line.value(),
                line.hash());
    }
}
