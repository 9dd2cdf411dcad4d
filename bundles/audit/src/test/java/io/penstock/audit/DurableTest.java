// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.audit.AuditLog.Kept;
import io.penstock.api.audit.AuditRecord;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Had one of these failed, somebody was told that an act is on record and it was not, or the act waited for the disk. */
@Timeout(60)
class DurableTest {
    private static final long LONG_MS = 20_000;

    @TempDir
    Path directory;

    private static AuditRecord act(String action, String detail) {
        return AuditRecord.of(1, "anna", "opc.ua 10.0.0.7", action, "line", detail);
    }

    private List<String> details(String action) throws Exception {
        return Journals.read(directory).stream()
                .filter(e -> e.action().equals(action))
                .map(AuditVerifier.Entry::detail)
                .toList();
    }

    // The operator closes a loop: yes only with the record on disk. She opens it: at once, whatever the disk does, and
    // the
    // record comes later, in order.
    @ParameterizedTest
    @EnumSource(Fault.class)
    void whateverTheDiskDoesNothingIsAnsweredThatIsNotOnIt(Fault fault) throws Exception {
        Fault.Faulty disk = new Fault.Faulty();
        AuditJournal journal = Journals.started(directory, Journals.SETTINGS, disk);
        assertTrue(journal.commit(act("MODE", "0 up"), LONG_MS));
        assertTrue(Journals.within(LONG_MS, journal::writable));

        disk.begin(fault);
        boolean up = journal.commit(act("MODE", "1 up"), fault == Fault.SLOW ? LONG_MS : 300);
        assertEquals(fault == Fault.SLOW, up);
        Kept down = journal.insist(act("MODE", "2 down"), fault == Fault.SLOW ? LONG_MS : 300);
        assertEquals(
                switch (fault) {
                    case SLOW -> Kept.ON_DISK;
                    case FULL, TORN -> Kept.RESERVED;
                    case DEAD, HUNG -> Kept.IN_MEMORY;
                },
                down);
        assertEquals(down == Kept.ON_DISK, down.remark().isEmpty());

        disk.end();
        assertTrue(journal.commit(act("MODE", "3 up"), LONG_MS));
        journal.stop();
        assertEquals(List.of("0 up", "1 up", "2 down", "3 up"), details("MODE"));
        AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
        assertTrue(verdict.whole(), verdict.toString());
    }

    // On a full disk the operator opened the loop, then the power went: the opening was not on record.
    @ParameterizedTest
    @EnumSource(
            value = Fault.class,
            names = {"FULL", "TORN"})
    void theReserveOutlivesTheProcess(Fault fault) throws Exception {
        Fault.Faulty disk = new Fault.Faulty();
        AuditJournal journal = Journals.started(directory, Journals.SETTINGS, disk);
        assertTrue(journal.commit(act("MODE", "up"), LONG_MS));
        disk.begin(fault);
        for (int i = 0; i < 5; i++) {
            assertEquals(Kept.RESERVED, journal.insist(act("LOOP_OPENED", "opened " + i), LONG_MS));
        }
        journal.stop(); // the disk still refuses, so it ends as if it were killed
        AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
        assertTrue(verdict.whole(), verdict.toString());
        assertTrue(verdict.remarks().toString().contains("5 records of acts are in the reserve"), verdict.toString());

        AuditJournal next = Journals.started(directory, Journals.SETTINGS, disk);
        assertFalse(next.commit(act("MODE", "again"), LONG_MS), "the disk is still full");
        disk.end();
        assertTrue(next.commit(act("MODE", "last"), LONG_MS));
        next.stop();
        Journals.fill(directory, 1, 1); // and they do not come a second time
        assertEquals(List.of("opened 0", "opened 1", "opened 2", "opened 3", "opened 4"), details("LOOP_OPENED"));
        assertTrue(new AuditVerifier(directory).verify().whole());
    }

    // Killed between the log and the clearing of the reserve: the plant's record would show the act twice.
    @Test
    void whatIsInTheLogAlreadyDoesNotComeAgainOutOfTheReserve() throws Exception {
        AuditJournal journal = Journals.started(directory);
        AuditRecord opened = act("LOOP_OPENED", "once");
        assertEquals(Kept.ON_DISK, journal.insist(opened, LONG_MS));
        journal.stop();
        try (Reserve reserve = Reserve.open(directory, Disk.REAL)) {
            assertTrue(reserve.append(List.of(opened, act("LOOP_OPENED", "twice"))));
        }
        Journals.fill(directory, 1, 1);
        assertEquals(List.of("once", "twice"), details("LOOP_OPENED"));
        try (Reserve reserve = Reserve.open(directory, Disk.REAL)) {
            assertTrue(reserve.empty());
        }
    }

    // The power went in the middle of the reserve: what was told as kept before must be there.
    @Test
    void aReserveTornAtAnyByteKeepsWhatWasWhole() throws Exception {
        try (Reserve reserve = Reserve.open(directory, Disk.REAL)) {
            assertTrue(reserve.append(List.of(act("MODE", "first"))));
            assertTrue(reserve.append(List.of(act("MODE", "second"))));
        }
        Path file = directory.resolve(Reserve.NAME);
        byte[] whole = Files.readAllBytes(file);
        int first = 0;
        while (whole[first] != '\n') {
            first++;
        }
        int second = first + 1;
        while (whole[second] != '\n') {
            second++;
        }
        for (int at = first + 1; at <= second; at++) {
            byte[] torn = whole.clone();
            java.util.Arrays.fill(torn, at, second + 1, (byte) 0);
            Files.write(file, torn);
            try (Reserve reserve = Reserve.open(directory, Disk.REAL)) {
                assertEquals(1, reserve.found().size(), "torn at " + at);
                assertEquals("first", reserve.found().get(0).detail());
            }
        }
    }

    // A flood of records filled the queue: the record of the opening was not taken.
    @Test
    void whatIsInsistedOnHasItsPlaceInAFullQueue() throws Exception {
        Fault.Faulty disk = new Fault.Faulty();
        AuditJournal journal = Journals.started(directory, new AuditJournal.Settings(64, 1, 5, 0), disk);
        assertTrue(journal.commit(act("MODE", "up"), LONG_MS));
        disk.begin(Fault.HUNG);
        int taken = 0;
        while (journal.append(Journals.entry(taken, "flood"))) {
            assertTrue(++taken < 10_000, "the queue is never full");
        }
        assertFalse(journal.commit(act("MODE", "refused"), 10));
        assertEquals(Kept.IN_MEMORY, journal.insist(act("LOOP_OPENED", "opened"), 10));
        disk.end();
        assertTrue(journal.flush(LONG_MS));
        journal.stop();
        assertEquals(List.of("opened"), details("LOOP_OPENED"));
        assertEquals(1, details("AUDIT_GAP").size());
    }

    // Twenty loops with a write each would wait for twenty forces one after the other.
    @Test
    void manyWaitersShareAForce() throws Exception {
        AtomicInteger forces = new AtomicInteger();
        CountDownLatch gate = new CountDownLatch(1);
        Disk disk = new Disk() {
            @Override
            public void write(FileChannel file, java.nio.ByteBuffer bytes, long position) throws java.io.IOException {
                REAL.write(file, bytes, position);
            }

            @Override
            public void force(FileChannel file) throws java.io.IOException {
                forces.incrementAndGet();
                if (forces.get() > 20) {
                    return;
                }
                REAL.force(file);
            }
        };
        AuditJournal journal =
                new AuditJournal(directory, new AuditJournal.Settings(1_000, 1, 10_000, 0), disk, Clock.systemUTC());
        journal.start();
        assertTrue(journal.commit(act("MODE", "up"), LONG_MS));
        int before = forces.get();
        List<Thread> threads = new ArrayList<>();
        AtomicInteger kept = new AtomicInteger();
        for (int i = 0; i < 50; i++) {
            int number = i;
            Thread thread = new Thread(
                    () -> {
                        try {
                            gate.await();
                        } catch (InterruptedException e) {
                            return;
                        }
                        if (journal.commit(act("WRITE_INTENT", "" + number), LONG_MS)) {
                            kept.incrementAndGet();
                        }
                    },
                    "audit-test-" + i);
            thread.start();
            threads.add(thread);
        }
        gate.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(50, kept.get());
        assertTrue(forces.get() - before < 50, "forces " + (forces.get() - before));
        journal.stop();
    }

    // A stranger with a script fills the plant's disk with failed log-ins; or hides one act behind a flood of another
    // kind.
    @Test
    void floodsAreSummedUp() {
        long[] now = {0};
        Repeats repeats = new Repeats(() -> now[0]);
        int passed = 0;
        for (int i = 0; i < 100_000; i++) {
            passed += repeats.passes(AuditRecord.of(1, "eve", "opc.ua 10.0.0." + i % 250, "LOGIN_FAILED", "eve", "x"))
                    ? 1
                    : 0;
        }
        assertEquals(Repeats.KINDS, passed);
        assertTrue(repeats.passes(act("ACCESS_DENIED", "other kinds are not hidden")));
        assertTrue(repeats.due(false, 1).isEmpty(), "the minute is not over");
        now[0] += Repeats.MINUTE_NANOS;
        List<AuditRecord> sums = repeats.due(false, 1);
        assertEquals(Repeats.KINDS + 1, sums.size());
        assertEquals(
                100_000 - passed, sums.stream().mapToDouble(AuditRecord::value).sum());
        assertTrue(repeats.due(true, 1).isEmpty());
        assertTrue(
                repeats.passes(AuditRecord.of(1, "eve", "opc.ua 10.0.0.1", "LOGIN_FAILED", "eve", "x")),
                "a new minute");
    }

    // The sum of a flood would be lost with a stop.
    @Test
    void aStopWritesTheSums() throws Exception {
        AuditJournal journal = Journals.started(directory);
        for (int i = 0; i < 1_000; i++) {
            journal.tally(act("ACCESS_DENIED", "denied " + i));
        }
        journal.stop();
        List<String> details = details("ACCESS_DENIED");
        assertEquals(2, details.size());
        assertEquals("denied 0", details.get(0));
        assertEquals("999 more within a minute, last: denied 999", details.get(1));
    }

    // The process died between a write and its record: the plant has a value that nobody knows of.
    @Test
    void anIntentWithoutOutcomeIsToldAtTheNextStart() throws Exception {
        AuditJournal journal = Journals.started(directory);
        journal.append(intent("a", 2.5));
        journal.append(AuditRecord.ofGateway(1, "WRITE_CONFIRMED", "a", ""));
        journal.append(intent("b", 3.5));
        assertTrue(journal.flush(LONG_MS));
        journal.stop();
        AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
        assertTrue(verdict.whole());
        assertEquals(
                List.of("b"),
                verdict.unknown().stream().map(AuditVerifier.Entry::subject).toList());

        Journals.fill(directory, 1, 1); // the same process: its lane may still tell
        assertEquals(List.of(), details("WRITE_UNKNOWN"));

        Path file = directory.resolve("audit-000001.jsonl");
        pretendAnotherProcess(file);
        Journals.fill(directory, 1, 1);
        List<String> unknown = details("WRITE_UNKNOWN");
        assertEquals(1, unknown.size());
        assertTrue(unknown.get(0).startsWith("asked 3.5 by record "), unknown.get(0));
        Journals.fill(directory, 1, 1);
        assertEquals(1, details("WRITE_UNKNOWN").size(), "once");
    }

    // Who reads the audit after a death sees a loop that was closed and never opened, though it has been open ever
    // since.
    @Test
    void aLoopThatWasClosedAtADeathIsToldAsOpened() throws Exception {
        AuditJournal journal = Journals.started(directory);
        for (String loop : List.of("closed", "opened", "closed again", "refused")) {
            String first = loop.equals("refused") ? "LOOP_CLOSE_REFUSED" : "LOOP_CLOSED";
            journal.append(AuditRecord.ofGateway(1, first, loop, "x"));
            if (loop.startsWith("opened") || loop.endsWith("again")) {
                journal.append(AuditRecord.ofGateway(1, "LOOP_OPENED", loop, "by anna"));
            }
            if (loop.endsWith("again")) {
                journal.append(AuditRecord.ofGateway(1, "LOOP_CLOSED", loop, "x"));
            }
        }
        journal.append(intent("closed long ago", 1));
        assertTrue(journal.flush(LONG_MS));
        journal.stop();
        Journals.fill(directory, 1, 1); // the same process: its loops tell themselves
        assertEquals(2, details("LOOP_OPENED").size());
        pretendAnotherProcess(directory.resolve("audit-000001.jsonl"));
        for (int start = 0; start < 2; start++) { // once
            Journals.fill(directory, 1, 1);
            assertEquals(
                    3,
                    details("LOOP_OPENED").stream()
                            .filter(detail -> detail.startsWith("the process ended while it was closed"))
                            .count());
        }
        assertTrue(new AuditVerifier(directory).verify().whole());
    }

    private static AuditRecord intent(String loop, double value) {
        return new AuditRecord(1, "gateway", "gateway", "WRITE_INTENT", loop, "dose 1.0.0", value, value);
    }

    /** Writes the log anew as another process would have. */
    private void pretendAnotherProcess(Path file) throws Exception {
        List<AuditRecord> records = new ArrayList<>();
        try (LineReader lines = new LineReader(file, 0)) {
            for (byte[] line = lines.next(); line != null; line = lines.next()) {
                AuditRecord r = Line.read(line).entry();
                records.add(AuditRecord.of(
                        r.timeNs(),
                        r.actor(),
                        r.origin(),
                        r.action(),
                        r.subject(),
                        r.action().equals("AUDIT_STARTED") ? "after record 0, process 1 of then" : r.detail()));
            }
        }
        for (int i = 0; i < records.size(); i++) {
            if (records.get(i).action().equals("WRITE_INTENT")) {
                records.set(
                        i,
                        intent(
                                records.get(i).subject(),
                                records.get(i).subject().equals("a") ? 2.5 : 3.5));
            }
        }
        for (Path old : List.of(file, directory.resolve(Head.NAME))) {
            Files.delete(old);
        }
        try (Segments segments = Segments.open(directory, Disk.REAL, 1 << 20, 0)) {
            segments.commit(records);
            segments.anchor();
        }
    }
}
