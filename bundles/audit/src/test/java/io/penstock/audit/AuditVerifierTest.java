// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Had one of these failed, somebody could change what the plant's records say without anybody seeing it. */
class AuditVerifierTest {
    @TempDir
    Path directory;

    private Path second;

    @BeforeEach
    void aLogOfThreeSegments() throws IOException {
        Journals.fill(directory, 2_500, 1_000);
        second = directory.resolve("audit-000002.jsonl");
        assertTrue(verify().whole());
        assertTrue(Files.exists(directory.resolve("audit-000003.jsonl")));
    }

    private AuditVerifier.Verdict verify() throws IOException {
        return new AuditVerifier(directory).verify();
    }

    private void broken(String file, long line, String reason) throws IOException {
        AuditVerifier.Verdict verdict = verify();
        assertFalse(verdict.whole());
        assertEquals(file, verdict.breaks().get(0).file());
        assertEquals(line, verdict.breaks().get(0).line());
        assertTrue(Journals.reason(verdict).contains(reason), Journals.reason(verdict));
    }

    @Test
    void anEditedRecordIsFound() throws IOException {
        List<String> lines = new ArrayList<>(Files.readAllLines(second));
        lines.set(4, lines.get(4).replace("\"value\":2.25", "\"value\":2.35"));
        Files.write(second, lines);
        broken("audit-000002.jsonl", 5, "edited: record");
    }

    // Whoever edits may also compute the hash anew; the next record still tells.
    @Test
    void anEditedRecordWithAFreshHashIsFound() throws IOException {
        List<String> lines = new ArrayList<>(Files.readAllLines(second));
        Line old = Line.parse(lines.get(4).getBytes(StandardCharsets.UTF_8), Line.sha256());
        byte[] forged = Line.render(old.seq(), Journals.entry(7, "harmless"), old.prev(), Line.sha256());
        lines.set(4, new String(forged, StandardCharsets.UTF_8));
        Files.write(second, lines);
        broken("audit-000002.jsonl", 6, "does not follow");
    }

    @Test
    void aRemovedRecordIsFound() throws IOException {
        List<String> lines = new ArrayList<>(Files.readAllLines(second));
        lines.remove(9);
        Files.write(second, lines);
        broken("audit-000002.jsonl", 10, "missing before record");
    }

    @Test
    void anInsertedRecordIsFound() throws IOException {
        List<String> lines = new ArrayList<>(Files.readAllLines(second));
        lines.add(9, lines.get(3));
        Files.write(second, lines);
        broken("audit-000002.jsonl", 10, "inserted");
    }

    @Test
    void reorderedRecordsAreFound() throws IOException {
        List<String> lines = new ArrayList<>(Files.readAllLines(second));
        lines.add(9, lines.remove(10));
        Files.write(second, lines);
        broken("audit-000002.jsonl", 10, "missing before record");
    }

    @Test
    void aForeignLineIsFound() throws IOException {
        Files.writeString(directory.resolve("audit-000003.jsonl"), "hello\n", StandardOpenOption.APPEND);
        AuditVerifier.Verdict verdict = verify();
        assertFalse(verdict.whole());
        assertTrue(Journals.reason(verdict).contains("not an audit record"), Journals.reason(verdict));
    }

    @Test
    void aMissingSegmentIsFound() throws IOException {
        Files.delete(second);
        broken("audit-000002.jsonl", 0, "is missing");
    }

    @Test
    void aMissingFirstSegmentIsFound() throws IOException {
        Files.delete(directory.resolve("audit-000001.jsonl"));
        broken("audit-000001.jsonl", 0, "is missing");
    }

    @Test
    void aMissingLastSegmentIsFound() throws IOException {
        Path last = Segments.list(directory).lastEntry().getValue();
        Files.delete(last);
        broken(String.valueOf(last.getFileName()), 0, "is missing");
    }

    @Test
    void aTailCutOffAtALineIsFound() throws IOException {
        Path last = Segments.list(directory).lastEntry().getValue();
        List<String> lines = Files.readAllLines(last);
        Files.write(last, lines.subList(0, lines.size() - 2));
        broken(String.valueOf(last.getFileName()), 0, "the tail is cut off");
    }

    @Test
    void aTailCutOffInALineIsFound() throws IOException {
        Path last = Segments.list(directory).lastEntry().getValue();
        byte[] bytes = Files.readAllBytes(last);
        Files.write(last, java.util.Arrays.copyOf(bytes, bytes.length - 7));
        AuditVerifier.Verdict verdict = verify();
        assertFalse(verdict.whole());
        assertTrue(Journals.reason(verdict).contains("cut off"), Journals.reason(verdict));
    }

    @Test
    void aRewrittenLastRecordIsFound() throws IOException {
        Path last = Segments.list(directory).lastEntry().getValue();
        List<String> lines = new ArrayList<>(Files.readAllLines(last));
        int end = lines.size() - 1;
        Line old = Line.parse(lines.get(end).getBytes(StandardCharsets.UTF_8), Line.sha256());
        byte[] forged = Line.render(old.seq(), Journals.entry(7, "harmless"), old.prev(), Line.sha256());
        lines.set(end, new String(forged, StandardCharsets.UTF_8));
        Files.write(last, lines);
        broken(String.valueOf(last.getFileName()), lines.size(), "not the one that was acknowledged");
    }

    @Test
    void aMissingAnchorIsFound() throws IOException {
        Files.delete(directory.resolve("head.json"));
        broken("head.json", 0, "is missing");
    }

    // A log written anew from the start with its anchor can only be told by a hash kept elsewhere.
    @Test
    void aHashKeptElsewhereTellsARewrittenLog(@TempDir Path other) throws IOException {
        AuditVerifier.Verdict kept = verify();
        assertTrue(new AuditVerifier(directory)
                .expecting(kept.lastSeq(), kept.lastHash())
                .verify()
                .whole());
        Journals.fill(other, 2_500, 1_000);
        assertTrue(new AuditVerifier(other).verify().whole());
        AuditVerifier.Verdict verdict = new AuditVerifier(other)
                .expecting(kept.lastSeq(), kept.lastHash())
                .verify();
        assertFalse(verdict.whole());
        assertTrue(Journals.reason(verdict).contains("rewritten"), Journals.reason(verdict));
        verdict = new AuditVerifier(directory)
                .expecting(kept.lastSeq() + 1, kept.lastHash())
                .verify();
        assertTrue(Journals.reason(verdict).contains("is not in the log"), Journals.reason(verdict));
    }

    // After the gateway went on behind a damage, the damage must stay visible for ever.
    @Test
    void aDamageStaysVisibleAfterTheGatewayWentOn() throws IOException {
        Path last = Segments.list(directory).lastEntry().getValue();
        byte[] bytes = Files.readAllBytes(last);
        Files.write(last, java.util.Arrays.copyOf(bytes, bytes.length / 2));
        Journals.fill(directory, 20, 5);
        assertFalse(verify().whole());
        List<AuditVerifier.Entry> entries = Journals.read(directory);
        AuditVerifier.Entry broken = entries.stream()
                .filter(e -> e.action().equals("AUDIT_BROKEN"))
                .findFirst()
                .orElseThrow();
        assertEquals(2_503, broken.seq());
        assertTrue(broken.detail().contains("was acknowledged at byte"), broken.detail());

        Files.delete(directory.resolve("head.json"));
        Journals.fill(directory, 1, 5);
        assertFalse(verify().whole());
        assertEquals(
                2,
                Journals.read(directory).stream()
                        .filter(e -> e.action().equals("AUDIT_BROKEN"))
                        .count());
    }

    // A kill in the middle of a line is no damage, and the cutting is itself on record.
    @Test
    void aTornLastLineIsRepairedAtTheNextStart() throws IOException {
        Path last = Segments.list(directory).lastEntry().getValue();
        Files.writeString(last, "{\"seq\":2503,\"time\":\"2026", StandardOpenOption.APPEND);
        AuditVerifier.Verdict verdict = verify();
        assertTrue(verdict.whole());
        assertTrue(Journals.reason(verdict).contains("unfinished"), Journals.reason(verdict));
        Journals.fill(directory, 1, 5);
        assertTrue(verify().whole());
        assertEquals("", Journals.reason(verify()));
        assertTrue(Journals.read(directory).stream()
                .anyMatch(e -> e.action().equals("AUDIT_REPAIRED") && e.detail().startsWith("cut off 24 bytes")));
    }

    @Test
    void anEmptyDirectoryIsNoLog(@TempDir Path empty) throws IOException {
        assertFalse(new AuditVerifier(empty).verify().whole());
        assertFalse(new AuditVerifier(empty.resolve("none")).verify().whole());
    }

    // One changed byte anywhere, in records or anchor, and the plant would be shown something that did not happen.
    @Test
    void everyChangedByteIsFound(@TempDir Path small) throws IOException {
        Journals.fill(small, 2, 20);
        for (String name : List.of("audit-000001.jsonl", "head.json")) {
            Path file = small.resolve(name);
            byte[] whole = Files.readAllBytes(file);
            for (int at = 0; at < whole.length; at++) {
                for (int change : new int[] {1, 0x20}) {
                    byte[] changed = whole.clone();
                    changed[at] ^= (byte) change;
                    Files.write(file, changed);
                    AuditVerifier.Verdict verdict = new AuditVerifier(small).verify();
                    assertFalse(verdict.whole(), name + " byte " + at + " changed by " + change);
                    assertFalse(Journals.reason(verdict).isEmpty());
                }
            }
            Files.write(file, whole);
            assertTrue(new AuditVerifier(small).verify().whole());
        }
    }

    // At whatever byte the power went, the plant would miss a record that was acknowledged, or find a broken log.
    @Test
    void aCommitTornAtAnyByteIsRepaired(@TempDir Path small, @TempDir Path torn) throws IOException {
        Journals.fill(small, 2, 20);
        FakeDisk unsynced = new FakeDisk();
        unsynced.forgetsToForce = true; // a thousand opens
        byte[] anchor = Files.readAllBytes(small.resolve("head.json"));
        Head acknowledged = Head.read(small);
        Journals.fill(small, 3, 5);
        byte[] whole = Files.readAllBytes(small.resolve("audit-000001.jsonl"));
        for (int end = (int) acknowledged.length(); end <= whole.length; end++) {
            Files.write(torn.resolve("audit-000001.jsonl"), java.util.Arrays.copyOf(whole, end));
            Files.write(torn.resolve("head.json"), anchor);
            assertTrue(new AuditVerifier(torn).verify().whole(), "torn at " + end);
            try (Segments opened = Segments.open(torn, unsynced, 1 << 20, 0)) {
                assertTrue(opened.seq() >= acknowledged.seq(), "torn at " + end);
                opened.commit(List.of(Journals.entry(1, "next")));
            }
            AuditVerifier.Verdict verdict = new AuditVerifier(torn).verify();
            assertTrue(verdict.whole() && Journals.reason(verdict).isEmpty(), "torn at " + end + ": " + verdict);
        }
        assertTrue(whole.length - acknowledged.length() > 1_000);
    }
}
