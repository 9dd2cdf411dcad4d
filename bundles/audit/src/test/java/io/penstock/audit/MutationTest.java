// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.audit.AuditVerifier.Break;
import io.penstock.audit.AuditVerifier.Kind;
import io.penstock.audit.AuditVerifier.Verdict;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Everything that can be done to a log. Had one of these failed, the plant's records could be changed unseen, or one scratch would
 * hide all that was changed behind it.
 */
class MutationTest {
    private static final int RECORDS = 12;
    private static final String FIRST = Segments.name(1);
    private static final String SECOND = Segments.name(2);
    private static final String THIRD = Segments.name(3);

    @TempDir
    Path directory;

    private final List<List<String>> segments = new ArrayList<>();
    private byte[] anchor = new byte[0];

    @BeforeEach
    void threeSegments() throws IOException {
        int number = 0;
        for (int segment = 1; segment <= 3; segment++) {
            try (Segments log = Segments.open(directory, Disk.REAL, segment == 1 ? 1 << 20 : 1, 0)) {
                List<io.penstock.api.audit.AuditRecord> records = new ArrayList<>();
                for (int i = 0; i < RECORDS; i++) {
                    records.add(Journals.entry(number, "record " + number++));
                }
                log.commit(records);
                log.anchor();
            }
        }
        anchor = Files.readAllBytes(directory.resolve(Head.NAME));
        for (int segment = 1; segment <= 3; segment++) {
            segments.add(Files.readAllLines(directory.resolve(Segments.name(segment))));
            assertEquals(RECORDS, segments.get(segment - 1).size());
        }
        restore();
        assertTrue(verify().whole());
    }

    private void restore() throws IOException {
        for (int segment = 1; segment <= 3; segment++) {
            write(segment, segments.get(segment - 1));
        }
        Files.write(directory.resolve(Head.NAME), anchor);
    }

    private void write(int segment, List<String> lines) throws IOException {
        Files.write(directory.resolve(Segments.name(segment)), lines);
    }

    private Verdict verify() throws IOException {
        return new AuditVerifier(directory).verify();
    }

    private static void tells(Verdict verdict, Kind kind, String file, long line) {
        assertTrue(
                verdict.breaks().stream()
                        .anyMatch(b -> b.kind() == kind && b.file().equals(file) && b.line() == line),
                kind + " at " + file + ":" + line + " in " + verdict);
    }

    /** A second scratch far behind, which must be told whatever happened before it. */
    private void scratchTheEnd() throws IOException {
        List<String> lines = new ArrayList<>(Files.readAllLines(directory.resolve(THIRD)));
        lines.set(RECORDS - 2, lines.get(RECORDS - 2).replace("record ", "Record "));
        Files.write(directory.resolve(THIRD), lines);
    }

    @Test
    void everyOperationOnEveryLineIsToldWhereItIs() throws IOException {
        List<String> lines = segments.get(1);
        for (int at = 0; at < RECORDS; at++) {
            for (String operation :
                    List.of("edit", "forge", "remove", "repeat", "swap", "foreign", "empty", "glue", "huge", "latin")) {
                List<String> changed = new ArrayList<>(lines);
                Kind kind;
                long line = at + 1L;
                String file = SECOND;
                switch (operation) {
                    case "edit" -> {
                        changed.set(at, changed.get(at).replace("record ", "Record "));
                        kind = Kind.HASH;
                    }
                    case "forge" -> {
                        Line old = Line.read(bytes(changed.get(at)));
                        changed.set(
                                at,
                                new String(
                                        Line.render(
                                                old.seq(), Journals.entry(7, "harmless"), old.prev(), Line.sha256()),
                                        StandardCharsets.UTF_8));
                        kind = Kind.CHAIN;
                        line++;
                        if (at == RECORDS - 1) {
                            file = THIRD;
                            line = 1;
                        }
                    }
                    case "remove" -> {
                        changed.remove(at);
                        kind = Kind.GAP;
                        if (at == RECORDS - 1) {
                            file = THIRD;
                            line = 1;
                        }
                    }
                    case "repeat" -> {
                        changed.add(at, changed.get(at));
                        kind = Kind.MOVED;
                        line++;
                    }
                    case "swap" -> {
                        if (at == RECORDS - 1) {
                            continue;
                        }
                        changed.add(at, changed.remove(at + 1));
                        kind = Kind.GAP;
                    }
                    case "foreign" -> {
                        changed.set(at, "hello");
                        kind = Kind.FORM;
                    }
                    case "empty" -> {
                        changed.set(at, "");
                        kind = Kind.FORM;
                    }
                    case "glue" -> {
                        if (at == RECORDS - 1) {
                            continue;
                        }
                        changed.set(at, changed.get(at) + changed.remove(at + 1));
                        kind = Kind.FORM;
                    }
                    case "huge" -> {
                        changed.set(at, "x".repeat(3 * Line.LONGEST));
                        kind = Kind.FORM;
                    }
                    default -> {
                        changed.set(at, changed.get(at).replace("record ", "r\u0001cord "));
                        kind = Kind.HASH;
                    }
                }
                restore();
                write(2, changed);
                Verdict verdict = verify();
                tells(verdict, kind, file, line);
                assertTrue(verdict.broken() <= 3, operation + " is told " + verdict.broken() + " times: " + verdict);
                assertTrue(verdict.records() >= 3 * RECORDS - 2, "the rest is read: " + verdict);
                scratchTheEnd();
                tells(verify(), Kind.HASH, THIRD, RECORDS - 1);
            }
        }
    }

    private static byte[] bytes(String line) {
        return line.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void everyByteOfTheMiddleIsToldInItsLineOrTheNext() throws IOException {
        byte[] whole = Files.readAllBytes(directory.resolve(SECOND));
        int line = 1;
        for (int at = 0; at < whole.length; at++) {
            byte[] changed = whole.clone();
            changed[at] ^= (byte) (1 << at % 7);
            Files.write(directory.resolve(SECOND), changed);
            Verdict verdict = verify();
            assertFalse(verdict.whole(), "byte " + at);
            Break first = verdict.breaks().get(0);
            boolean near = first.file().equals(SECOND) && first.line() >= line && first.line() <= line + 1;
            assertTrue(
                    near || (line == RECORDS && first.file().equals(THIRD)),
                    "byte " + at + " line " + line + ": " + verdict);
            assertEquals(3L * RECORDS, verdict.lastSeq(), "the rest is read: byte " + at);
            line += whole[at] == '\n' ? 1 : 0;
        }
    }

    @Test
    void everyOperationOnSegmentsIsTold() throws IOException {
        Files.delete(directory.resolve(SECOND));
        Verdict verdict = verify();
        assertEquals(List.of(new Break(Kind.MISSING, SECOND, 0, "is missing")), verdict.breaks());
        assertEquals(2 * RECORDS, verdict.records());

        restore();
        Files.delete(directory.resolve(FIRST));
        tells(verify(), Kind.MISSING, FIRST, 0);

        restore();
        Files.delete(directory.resolve(THIRD));
        tells(verify(), Kind.MISSING, THIRD, 0);

        restore(); // in another order
        write(2, segments.get(2));
        write(3, segments.get(1));
        verdict = verify();
        tells(verdict, Kind.GAP, SECOND, 1);
        tells(verdict, Kind.MOVED, THIRD, 1);

        restore(); // one twice
        write(3, segments.get(1));
        verdict = verify();
        tells(verdict, Kind.MOVED, THIRD, 1);
        tells(verdict, Kind.TAIL, THIRD, 0);

        restore(); // empty
        write(2, List.of());
        tells(verify(), Kind.GAP, THIRD, 1);

        restore(); // the tail at every line
        for (int left = 0; left < RECORDS; left++) {
            write(3, segments.get(2).subList(0, left));
            tells(verify(), Kind.TAIL, THIRD, 0);
        }

        restore();
        Files.delete(directory.resolve(Head.NAME));
        verdict = verify();
        assertEquals(1, verdict.broken());
        assertEquals(3 * RECORDS, verdict.records());
        tells(verdict, Kind.MISSING, Head.NAME, 0);

        verdict = new AuditVerifier(directory.resolve("none")).verify();
        assertEquals(Kind.MISSING, verdict.breaks().get(0).kind());
        assertTrue(verdict.breaks().get(0).reason().contains("no audit log"), verdict.toString());
    }

    // Written anew from the start by somebody who knows how: only what was noted elsewhere tells.
    @Test
    void anotherChainIsToldByTheRecordNotedElsewhere(@TempDir Path other) throws IOException {
        try (Segments log = Segments.open(other, Disk.REAL, 1 << 20, 0)) {
            for (int i = 0; i < 3 * RECORDS; i++) {
                log.commit(List.of(Journals.entry(i, "forged " + i)));
            }
            log.anchor();
        }
        Verdict mine = verify();
        Verdict verdict = new AuditVerifier(other)
                .expecting(mine.lastSeq(), mine.lastHash())
                .verify();
        tells(verdict, Kind.HASH, FIRST, 3L * RECORDS);
    }

    // Several at once, anywhere: the number told may differ, but never none, and it neither throws nor stops.
    @Test
    void anyMixtureIsTold() throws IOException {
        Random random = new Random(20261130);
        for (int round = 0; round < 300; round++) {
            restore();
            int times = 1 + random.nextInt(5);
            for (int i = 0; i < times; i++) {
                Path file = directory.resolve(Segments.name(1 + random.nextInt(3)));
                byte[] bytes = Files.readAllBytes(file);
                if (bytes.length < 2) {
                    continue;
                }
                int at = random.nextInt(bytes.length - 1);
                switch (random.nextInt(3)) {
                    case 0 -> bytes[at] ^= (byte) (1 + random.nextInt(255));
                    case 1 -> bytes = java.util.Arrays.copyOf(bytes, at);
                    default ->
                        System.arraycopy(
                                bytes, at / 2, bytes, at, Math.min(bytes.length - at, 1 + random.nextInt(900)));
                }
                Files.write(file, bytes);
            }
            boolean changed = false;
            for (int segment = 1; segment <= 3; segment++) {
                String text = new String(
                        Files.readAllBytes(directory.resolve(Segments.name(segment))), StandardCharsets.ISO_8859_1);
                changed |= !text.equals(String.join("\n", segments.get(segment - 1)) + "\n");
            }
            assertEquals(changed, !verify().whole(), "round " + round + ": " + verify());
        }
    }

    // Records of before the origin stood by itself: they are whole, and found by the same name.
    @Test
    void linesOfTheOlderFormAreReadAndShown(@TempDir Path old) throws IOException {
        StringBuilder text = new StringBuilder();
        String prev = Line.GENESIS;
        long seq = 0;
        for (String actor : List.of("anna (opc.ua 10.0.0.7)", "cli:anna", "anna", "gateway")) {
            String body = "{\"seq\":" + ++seq + ",\"time\":\"2026-09-21T14:13:20.000000007Z\",\"actor\":\"" + actor
                    + "\",\"action\":\"MODE\",\"subject\":\"line\",\"detail\":\"d\",\"offered\":null,\"value\":null,\"prev\":\""
                    + prev + "\"";
            prev = java.util.HexFormat.of().formatHex(Line.sha256().digest(bytes(body)));
            text.append(body).append(",\"hash\":\"").append(prev).append("\"}\n");
        }
        Files.writeString(old.resolve(FIRST), text);
        Head head = Head.GENESIS.after(seq, prev, text.length());
        head.write(old, Disk.REAL);
        Journals.fill(old, 1, 1); // and a new gateway goes on with them
        Verdict verdict = new AuditVerifier(old).verify();
        assertTrue(verdict.whole(), verdict.toString());
        List<AuditVerifier.Entry> entries = Journals.read(old);
        assertEquals(
                List.of("anna@opc.ua 10.0.0.7", "anna@cli", "anna@", "gateway@"),
                entries.stream().limit(4).map(e -> e.actor() + "@" + e.origin()).toList());
    }
}
