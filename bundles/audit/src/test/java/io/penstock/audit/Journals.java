// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import io.penstock.api.audit.AuditRecord;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** What the tests of this room share. */
final class Journals {
    static final AuditJournal.Settings SETTINGS = new AuditJournal.Settings(1_000, 1, 5, 0);

    private Journals() {}

    static AuditJournal started(Path directory, AuditJournal.Settings settings, Disk disk) {
        AuditJournal journal = new AuditJournal(directory, settings, disk, Clock.systemUTC());
        journal.start();
        return journal;
    }

    static AuditJournal started(Path directory) {
        return started(directory, SETTINGS, Disk.REAL);
    }

    static AuditRecord entry(int number, String detail) {
        return new AuditRecord(
                1_790_000_000_123_456_789L + number,
                "gateway",
                "gateway",
                "WRITE_ASKED",
                "dose",
                detail,
                2.5 + number,
                2.25);
    }

    static List<AuditVerifier.Entry> read(Path directory) throws IOException {
        List<AuditVerifier.Entry> entries = new ArrayList<>();
        new AuditVerifier(directory).read(entries::add);
        return entries;
    }

    /** The record that the anchor names. */
    static long anchored(Path directory) {
        try {
            return Head.read(directory).seq();
        } catch (IOException e) {
            return -1;
        }
    }

    /** What is wrong first, or else the first remark. */
    static String reason(AuditVerifier.Verdict verdict) {
        return verdict.breaks().isEmpty()
                ? String.join("; ", verdict.remarks())
                : verdict.breaks().get(0).reason();
    }

    /** A log of several segments with {@code records} records, closed. */
    static void fill(Path directory, int records, int detailLength) {
        AuditJournal journal = started(directory);
        for (int i = 0; i < records; i++) {
            journal.append(entry(i, i + " " + "x".repeat(detailLength)));
            if (i % 20 == 0) {
                journal.flush(5_000);
            }
        }
        journal.stop();
    }

    static boolean within(long ms, BooleanSupplier condition) {
        long end = System.nanoTime() + ms * 1_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                return false;
            }
            Thread.onSpinWait();
        }
        return true;
    }
}
