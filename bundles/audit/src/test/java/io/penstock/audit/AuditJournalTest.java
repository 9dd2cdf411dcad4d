// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.audit.AuditRecord;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AuditJournalTest {
    @TempDir
    Path directory;

    // The plant would have a record that cannot be read back, or shows another value than was written.
    @Test
    void everyFieldComesBackAsItWasGiven() throws Exception {
        String awkward = "quote \" backslash \\ tab \t line \n umlaut ü pair 😀 half \uD83D del \u007f";
        AuditJournal journal = Journals.started(directory);
        assertTrue(journal.append(new AuditRecord(
                1_790_000_000_000_000_007L,
                "anna",
                "opc.ua 10.0.0.7",
                "MODE",
                "dose",
                awkward,
                Double.NaN,
                Double.NEGATIVE_INFINITY)));
        assertTrue(journal.append(Journals.entry(1, "1.0E-5")));
        assertTrue(journal.flush(5_000));
        journal.stop();

        List<AuditVerifier.Entry> entries = Journals.read(directory);
        assertEquals("AUDIT_STARTED", entries.get(0).action());
        AuditVerifier.Entry first = entries.get(1);
        assertEquals("2026-09-21T14:13:20.000000007Z", first.time());
        assertEquals(awkward, first.detail());
        assertEquals("anna", first.actor());
        assertEquals("opc.ua 10.0.0.7", first.origin());
        assertTrue(Double.isNaN(first.offered()));
        assertEquals(Double.NEGATIVE_INFINITY, first.value());
        assertEquals(3.5, entries.get(2).offered());
        assertEquals("AUDIT_STOPPED", entries.get(3).action());
        assertTrue(new AuditVerifier(directory).verify().whole());
    }

    // The plant would lose what happened before the restart, or get two histories.
    @Test
    void aRestartContinuesTheChain() throws Exception {
        Journals.fill(directory, 10, 10);
        Journals.fill(directory, 10, 10);
        AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
        assertTrue(verdict.whole(), Journals.reason(verdict));
        assertEquals(24, verdict.lastSeq()); // 20 and two starts and stops
        assertEquals(1, verdict.segments());
    }

    // The plant would have one file that grows until the disk is full.
    @Test
    void segmentsAreClosedAtTheirSizeAndChained() throws Exception {
        Journals.fill(directory, 3_000, 1_000);
        AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
        assertTrue(verdict.whole(), Journals.reason(verdict));
        assertTrue(verdict.segments() >= 3, "segments " + verdict.segments());
        assertEquals(3_002, verdict.records());
    }

    // The plant asked for three files and would find its disk full.
    @Test
    void oldSegmentsGoAndTheLogSaysSo() throws Exception {
        AuditJournal journal = Journals.started(directory, new AuditJournal.Settings(1_000, 1, 5, 3), Disk.REAL);
        for (int i = 0; i < 6_000; i++) {
            journal.append(Journals.entry(i, "x".repeat(1_000)));
            if (i % 200 == 0) {
                assertTrue(journal.flush(5_000));
            }
        }
        journal.stop();
        AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
        assertTrue(verdict.whole(), Journals.reason(verdict));
        assertTrue(verdict.segments() <= 3, "segments " + verdict.segments());
        assertFalse(Files.exists(directory.resolve("audit-000001.jsonl")));
        assertTrue(Journals.read(directory).stream().anyMatch(e -> e.action().equals("AUDIT_PRUNED")));

        // and a restart goes on with it
        Journals.fill(directory, 5, 5);
        assertTrue(new AuditVerifier(directory).verify().whole());

        // but a segment that somebody else let go is missed
        long oldest = Segments.list(directory).firstKey();
        Files.delete(directory.resolve(Segments.name(oldest)));
        assertEquals("is missing", Journals.reason(new AuditVerifier(directory).verify()));
    }

    // The plant's loop would stay closed although nobody records what it does, or never recover after space was freed.
    @Test
    void aFullDiskIsSeenAndRecoversByItselfWithTheGapRecorded() throws Exception {
        FakeDisk disk = new FakeDisk();
        AuditJournal journal = Journals.started(directory, new AuditJournal.Settings(64, 1, 5, 0), disk);
        assertTrue(Journals.within(5_000, journal::writable));
        assertTrue(journal.append(Journals.entry(0, "before")));
        assertTrue(journal.flush(5_000));

        disk.full = true;
        assertTrue(journal.append(Journals.entry(1, "refused at first")));
        assertFalse(journal.flush(300));
        assertTrue(Journals.within(5_000, () -> !journal.writable()));
        int lost = 0;
        for (int i = 0; i < 100; i++) {
            lost += journal.append(Journals.entry(2 + i, "waits")) ? 0 : 1;
        }
        assertTrue(lost >= 100 - 64, "lost " + lost);

        disk.full = false;
        assertTrue(Journals.within(10_000, journal::writable));
        assertTrue(journal.append(Journals.entry(200, "after")));
        assertTrue(journal.flush(5_000));
        journal.stop();

        AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
        assertTrue(verdict.whole(), verdict.toString());
        assertEquals(1, verdict.gaps());
        assertEquals(lost, verdict.lost());
        List<String> details = Journals.read(directory).stream()
                .map(AuditVerifier.Entry::detail)
                .toList();
        assertEquals(1, details.stream().filter("refused at first"::equals).count());
        assertEquals(100 - lost, details.stream().filter("waits"::equals).count());
        assertTrue(details.contains("after"));
    }

    // The plant would believe a record that an fsync error has thrown away.
    @Test
    void aFailingFsyncAcknowledgesNothing() throws Exception {
        FakeDisk disk = new FakeDisk();
        AuditJournal journal = Journals.started(directory, Journals.SETTINGS, disk);
        assertTrue(Journals.within(5_000, journal::writable));
        disk.fullOnForce = true;
        assertTrue(journal.append(Journals.entry(1, "once")));
        assertFalse(journal.flush(200));
        disk.fullOnForce = false;
        assertTrue(journal.flush(10_000));
        journal.stop();
        assertTrue(new AuditVerifier(directory).verify().whole());
        assertEquals(
                1,
                Journals.read(directory).stream()
                        .filter(e -> e.detail().equals("once"))
                        .count());
    }

    // The plant's cycle would wait for a hanging disk, or the loop would stay closed behind one.
    @Test
    void aHangingDiskDelaysNobodyAndIsNotWritable() throws Exception {
        FakeDisk disk = new FakeDisk();
        AuditJournal journal = Journals.started(directory, Journals.SETTINGS, disk);
        assertTrue(Journals.within(5_000, journal::writable));
        disk.hang = new CountDownLatch(1);
        long before = System.nanoTime();
        journal.append(Journals.entry(1, "hangs"));
        assertTrue(System.nanoTime() - before < 1_000_000_000L);
        assertFalse(journal.flush(50));
        assertTrue(Journals.within(10_000, () -> !journal.writable()));
        disk.hang.countDown();
        assertTrue(Journals.within(5_000, journal::writable));
        journal.stop();
        assertTrue(new AuditVerifier(directory).verify().whole());
    }

    // Two gateways on one home would tear the chain apart.
    @Test
    void aSecondWriterIsKeptOutAndTakesOverLater() throws Exception {
        AuditJournal first = Journals.started(directory);
        assertTrue(Journals.within(5_000, first::writable));
        AuditJournal second = Journals.started(directory);
        assertFalse(second.flush(100) && second.writable());
        second.append(Journals.entry(1, "of the second"));
        assertFalse(second.flush(100));
        first.stop();
        assertTrue(Journals.within(5_000, second::writable));
        assertTrue(second.flush(5_000));
        second.stop();
        assertTrue(new AuditVerifier(directory).verify().whole());
        assertTrue(Journals.read(directory).stream().anyMatch(e -> e.detail().equals("of the second")));
    }

    // A log that cannot be kept must not look kept: the plant arms its loop on it.
    @Test
    void aDirectoryThatCannotBeMadeIsNotWritable() throws Exception {
        Path file = Files.createFile(directory.resolve("file"));
        AuditJournal journal = Journals.started(file.resolve("audit"));
        journal.append(Journals.entry(1, ""));
        assertFalse(journal.flush(200));
        assertFalse(journal.writable());
        journal.stop();
    }

    // The plant would run with a queue of nothing because of a typing error.
    @Test
    void aWrongConfigurationIsRefusedWithKeyValueAndLimit() {
        AuditCheck check = new AuditCheck();
        check.check(Map.of());
        check.check(Map.of("queueLength", 64L, "retainSegments", 2L));
        for (Map.Entry<String, Object> wrong : Map.<String, Object>of(
                        "queueLength", 63L, "segmentMiB", 0L, "flushIntervalMs", 10_001L, "retainSegments", 1L)
                .entrySet()) {
            IllegalArgumentException e = assertThrows(
                    IllegalArgumentException.class, () -> check.check(Map.of(wrong.getKey(), wrong.getValue())));
            assertTrue(e.getMessage().startsWith(wrong.getKey() + ": "), e.getMessage());
            assertTrue(e.getMessage().endsWith("was " + wrong.getValue()), e.getMessage());
        }
        assertThrows(IllegalArgumentException.class, () -> check.check(Map.of("segmentMiB", "much")));
    }

    // Somebody tidied up data/ while the gateway ran: hours of records went into a file that had no name any more.
    @Test
    void aLogRemovedUnderWayIsSeenAndTold() throws Exception {
        AuditJournal journal = Journals.started(directory);
        journal.append(Journals.entry(1, "before"));
        assertTrue(journal.flush(5_000));
        assertTrue(Journals.within(5_000, () -> Journals.anchored(directory) == 2));
        for (String gone : List.of("audit-000001.jsonl", "head.json", "lock")) {
            Files.delete(directory.resolve(gone));
        }
        journal.append(Journals.entry(2, "after"));
        assertTrue(journal.flush(10_000));
        assertTrue(journal.writable());
        journal.stop();
        assertTrue(Journals.read(directory).stream().anyMatch(e -> e.detail().equals("after")));
        AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
        assertFalse(verdict.whole());
        assertTrue(verdict.toString().contains("record 2 was acknowledged"), verdict.toString());
    }

    // logrotate took the file away: the next start found the log damaged, and the records in between were lost.
    @Test
    void aSegmentMovedAwayIsSeenAndTold() throws Exception {
        AuditJournal journal = Journals.started(directory);
        journal.append(Journals.entry(1, "before"));
        assertTrue(journal.flush(5_000));
        Files.move(directory.resolve("audit-000001.jsonl"), directory.resolve("audit-000001.jsonl.1"));
        journal.append(Journals.entry(2, "after"));
        assertTrue(journal.flush(10_000));
        journal.stop();
        assertTrue(Journals.read(directory).stream().anyMatch(e -> e.detail().equals("after")));
        assertEquals("is missing", Journals.reason(new AuditVerifier(directory).verify()));
        // and where it is brought back, everything follows, but the gap in time is on record
        Files.move(directory.resolve("audit-000001.jsonl.1"), directory.resolve("audit-000001.jsonl"));
        AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
        assertEquals(1, verdict.broken());
        assertEquals(verdict.lastSeq(), verdict.records());
        assertTrue(Journals.reason(verdict).contains("audit-000001.jsonl is missing"), Journals.reason(verdict));
    }

    // Somebody opened the log in an editor and saved it: everything after went into the file without a name, the loop
    // stayed closed.
    @Test
    void aSegmentReplacedUnderWayLosesNothing() throws Exception {
        AuditJournal journal = Journals.started(directory);
        journal.append(Journals.entry(1, "before"));
        assertTrue(journal.flush(5_000));
        Path file = directory.resolve("audit-000001.jsonl");
        Files.copy(file, directory.resolve("copy"));
        Files.move(directory.resolve("copy"), file, StandardCopyOption.REPLACE_EXISTING);
        journal.append(Journals.entry(2, "after"));
        assertTrue(journal.flush(10_000));
        journal.stop();
        AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
        assertTrue(verdict.whole(), Journals.reason(verdict));
        assertTrue(Journals.read(directory).stream().anyMatch(e -> e.detail().equals("after")));
    }

    // Somebody emptied the log to free the disk: the next records were written behind a hole and could not be read.
    @Test
    void aSegmentCutUnderWayIsSeenAndTold() throws Exception {
        AuditJournal journal = Journals.started(directory);
        journal.append(Journals.entry(1, "before"));
        assertTrue(journal.flush(5_000));
        Files.write(directory.resolve("audit-000001.jsonl"), new byte[0]);
        journal.append(Journals.entry(2, "after"));
        assertTrue(journal.flush(10_000));
        journal.stop();
        String next = Files.readString(directory.resolve("audit-000002.jsonl"));
        assertTrue(next.contains("AUDIT_BROKEN") && next.contains("\"after\""), next);
        assertFalse(new AuditVerifier(directory).verify().whole());
    }

    // Texts come from users and devices: one could fill the disk, end a line, or make a record that cannot be read
    // back.
    @Test
    void hostileTextsAreKeptOnOneLineAndCut() throws Exception {
        AuditJournal journal = Journals.started(directory);
        StringBuilder every = new StringBuilder();
        for (int c = 0; c < 0x10000; c++) {
            every.append((char) c);
            if (every.length() == 3_000) {
                assertTrue(journal.append(Journals.entry(c, every.toString())));
                every.setLength(0);
            }
        }
        String pairs = "😀".repeat(3_000_000);
        assertTrue(journal.append(
                new AuditRecord(Long.MIN_VALUE, "x" + pairs, pairs, pairs, "\n" + pairs, "x" + pairs, 0, -0.0)));
        assertTrue(journal.append(
                new AuditRecord(Long.MAX_VALUE, "", "", "", "", "}\n{\"seq\":1,", Double.MIN_VALUE, 1e308)));
        assertTrue(journal.flush(10_000));
        journal.stop();
        AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
        assertTrue(verdict.whole(), Journals.reason(verdict));
        assertEquals(
                verdict.records(),
                Files.readAllLines(directory.resolve("audit-000001.jsonl")).size());
        List<AuditVerifier.Entry> entries = Journals.read(directory);
        assertEquals(21, entries.get(1).detail().indexOf('\u0015'));
        assertTrue(
                entries.get(22).detail().endsWith("more characters)"),
                entries.get(22).detail());
        assertEquals(1e308, entries.get(23).value());
        assertEquals(Double.MIN_VALUE, entries.get(23).offered());
    }

    // After the clock was set back the log would look as if somebody had moved records.
    @Test
    void aClockSetBackBreaksNoChain() throws Exception {
        AuditJournal journal = Journals.started(directory);
        journal.append(AuditRecord.of(2_000_000_000L, "a", "o", "B", "c", "later"));
        journal.append(AuditRecord.of(-1, "a", "o", "B", "c", "before 1970"));
        assertTrue(journal.flush(5_000));
        journal.stop();
        assertTrue(new AuditVerifier(directory).verify().whole());
        assertEquals(
                "1969-12-31T23:59:59.999999999Z",
                Journals.read(directory).get(2).time());
    }
}
