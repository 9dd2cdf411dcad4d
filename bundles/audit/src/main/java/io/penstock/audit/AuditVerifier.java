// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
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
    /**
     * One record.
     *
     * @param seq its number, from 1.
     * @param time when, UTC in ISO form with nanoseconds.
     * @param actor who.
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
            String action,
            String subject,
            String detail,
            double offered,
            double value,
            String hash) {}

    /**
     * What the check found.
     *
     * @param whole whether the chain is unbroken and complete.
     * @param records how many records were read before the end or the break.
     * @param segments how many files were read.
     * @param lastSeq number of the last good record, 0 for none.
     * @param lastHash its hash.
     * @param gaps how often records were not kept, because the disk refused or the queue was full.
     * @param lost how many they were.
     * @param file the file of the first broken place, empty if whole.
     * @param line its line from 1, 0 if it concerns the file.
     * @param reason what is wrong there, or a remark where the log is whole; may be empty.
     */
    public record Verdict(
            boolean whole,
            long records,
            int segments,
            long lastSeq,
            String lastHash,
            long gaps,
            long lost,
            String file,
            long line,
            String reason) {}

    private final Path directory;
    private final MessageDigest sha256 = Line.sha256();
    private long expectedSeq;
    private String expectedHash = "";

    private long records;
    private int segments;
    private long lastSeq;
    private String lastHash = Line.GENESIS;
    private long gaps;
    private long lost;
    private boolean expectedSeen;
    private boolean pruneRecorded;
    private String remark = "";
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
     * Reads everything and tells the first broken place.
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
        records = 0;
        segments = 0;
        gaps = 0;
        lost = 0;
        expectedSeen = false;
        pruneRecorded = false;
        remark = "";
        if (!Files.isDirectory(directory)) {
            return broken(directory.toString(), 0, "there is no audit log here");
        }
        Head head;
        try {
            head = Head.read(directory);
        } catch (NoSuchFileException e) {
            return broken(Head.NAME, 0, "is missing, so a tail that was cut off cannot be seen");
        } catch (IllegalArgumentException e) {
            return broken(Head.NAME, 0, e.getMessage() + ", so a tail that was cut off cannot be seen");
        }
        read = head;
        lastSeq = head.firstSeq() - 1;
        lastHash = head.firstPrev();
        NavigableMap<Long, Path> files = Segments.list(directory);
        files.headMap(head.firstSegment()).clear();
        long wanted = head.firstSegment();
        for (Map.Entry<Long, Path> file : files.entrySet()) {
            if (file.getKey() != wanted) {
                return broken(Segments.name(wanted), 0, "is missing");
            }
            Verdict verdict = segment(Segments.name(wanted), file.getValue(), head, files.higherKey(wanted) == null);
            if (verdict != null) {
                return verdict;
            }
            wanted++;
        }
        if (head.segment() >= wanted && head.length() > 0) {
            return broken(Segments.name(wanted), 0, "is missing; the log is acknowledged to record " + head.seq());
        }
        if (lastSeq < head.seq()) {
            return broken(
                    Segments.name(head.segment()),
                    0,
                    "the tail is cut off after record " + lastSeq + "; record " + head.seq() + " was acknowledged");
        }
        if (head.firstSegment() > 1 && !pruneRecorded) {
            return broken(
                    Segments.name(head.firstSegment()),
                    0,
                    "the log begins here, but no record says that it was pruned");
        }
        if (!expectedHash.isEmpty() && !expectedSeen) {
            return broken(
                    Segments.name(head.segment()),
                    0,
                    "record " + expectedSeq + " is expected, but it is not in the log");
        }
        return new Verdict(true, records, segments, lastSeq, lastHash, gaps, lost, "", 0, remark);
    }

    private @Nullable Verdict segment(String name, Path file, Head head, boolean last) throws IOException {
        segments++;
        long number = 0;
        try (LineReader lines = new LineReader(file, 0)) {
            for (byte[] bytes = lines.next(); bytes != null; bytes = lines.next()) {
                number++;
                boolean acknowledged = !last || !reachesBeyond(head, name, lines.position());
                if (!lines.whole()) {
                    if (acknowledged) {
                        return broken(name, number, "the line is cut off");
                    }
                    remark = name + " line " + number
                            + " is unfinished: the gateway is writing, or was killed and cuts it off at its next start";
                    return null;
                }
                String fault = follow(bytes, head);
                if (!fault.isEmpty()) {
                    return broken(name, number, fault);
                }
                if (lastSeq == head.seq()
                        && (lines.position() != head.length() || !name.equals(Segments.name(head.segment())))) {
                    return broken(
                            Head.NAME,
                            0,
                            "says that record " + lastSeq + " ends at byte " + head.length() + " of "
                                    + Segments.name(head.segment()) + ", it ends at byte " + lines.position() + " of "
                                    + name);
                }
            }
        } catch (NoSuchFileException e) {
            return broken(name, 0, "is missing");
        } catch (IllegalArgumentException e) {
            return broken(name, number + 1, String.valueOf(e.getMessage()));
        }
        return null;
    }

    private static boolean reachesBeyond(Head head, String name, long position) {
        return !name.equals(Segments.name(head.segment())) || position > head.length();
    }

    /** Takes the next line into the chain; says what is wrong with it, empty if nothing is. */
    private String follow(byte[] bytes, Head head) {
        Line line;
        try {
            line = Line.parse(bytes, sha256);
        } catch (IllegalArgumentException e) {
            return String.valueOf(e.getMessage());
        }
        if (line.seq() > lastSeq + 1) {
            return "records " + (lastSeq + 1) + " to " + (line.seq() - 1) + " are missing before record " + line.seq();
        }
        if (line.seq() <= lastSeq) {
            return "record " + line.seq() + " after record " + lastSeq + ": inserted or moved here";
        }
        if (!line.prev().equals(lastHash)) {
            return "record " + line.seq() + " does not follow the record before it: one of them was replaced";
        }
        if (line.seq() == head.seq() && !line.hash().equals(head.hash())) {
            return "record " + line.seq() + " is not the one that was acknowledged: the end of the log was rewritten";
        }
        if (line.seq() == expectedSeq && !expectedHash.isEmpty()) {
            if (!line.hash().equals(expectedHash)) {
                return "record " + line.seq() + " has hash " + line.hash() + ", expected " + expectedHash
                        + ": the log was rewritten";
            }
            expectedSeen = true;
        }
        lastSeq = line.seq();
        lastHash = line.hash();
        records++;
        return line.actor().equals(AuditJournal.ACTOR) ? own(line, head) : "";
    }

    private String own(Line line, Head head) {
        switch (line.action()) {
            case "AUDIT_BROKEN" -> {
                return "the gateway found at its start: " + line.detail();
            }
            case "AUDIT_GAP" -> {
                gaps++;
                lost += (long) line.value();
            }
            case "AUDIT_PRUNED" ->
                pruneRecorded |= line.detail().endsWith(" begins with " + Segments.name(head.firstSegment()));
            default -> {
                // starts, stops and repairs are part of a whole log
            }
        }
        return "";
    }

    private Verdict broken(String file, long line, String reason) {
        return new Verdict(false, records, segments, lastSeq, lastHash, gaps, lost, file, line, reason);
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
                for (byte[] bytes = lines.next(); bytes != null && lines.whole(); bytes = lines.next()) {
                    Entry entry = entry(bytes);
                    if (entry != null) {
                        consumer.accept(entry);
                    }
                }
            }
        }
    }

    private @Nullable Entry entry(byte[] bytes) {
        try {
            Line line = Line.parse(bytes, sha256);
            return new Entry(
                    line.seq(),
                    line.time(),
                    line.actor(),
                    line.action(),
                    line.subject(),
                    line.detail(),
                    line.offered(),
                    line.value(),
                    line.hash());
        } catch (IllegalArgumentException e) {
            return null;
        }
    }
}
