// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class AuditTortureTest {
    private static final int KILLS = 10;

    @TempDir
    Path directory;

    // After a power cut the plant would miss writes that the gateway had called recorded, or find a log that does not
    // verify.
    @Test
    @Timeout(180)
    void nothingAcknowledgedIsLostByKill9() throws Exception {
        Random random = new Random(20261123);
        Set<String> acknowledged = new HashSet<>();
        for (int kill = 0; kill < KILLS; kill++) {
            int before = acknowledged.size();
            killSomewhere(kill, 1 + random.nextInt(400), acknowledged);
            assertTrue(acknowledged.size() > before, "the child acknowledged nothing");

            AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
            assertTrue(verdict.whole(), verdict.toString());
            Set<String> there = Journals.read(directory).stream()
                    .map(AuditVerifier.Entry::subject)
                    .collect(Collectors.toSet());
            Set<String> lost = new HashSet<>(acknowledged);
            lost.removeAll(there);
            assertEquals(Set.of(), lost);
        }
        assertTrue(Segments.list(directory).size() > 1, "no segment was closed, so its kill was not tried");
    }

    // A second gateway started on the same home by mistake would tear the log of the first apart.
    @Test
    @Timeout(60)
    void anotherProcessIsKeptOutUntilTheFirstIsGone() throws Exception {
        Process first = child(0);
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(first.getInputStream(), StandardCharsets.UTF_8))) {
            lines.readLine(); // it holds the log
            AuditJournal second = Journals.started(directory);
            assertFalse(second.flush(200) && second.writable());
            second.append(Journals.entry(1, "of the second"));
            assertFalse(second.flush(200));
            first.toHandle().destroyForcibly();
            while (lines.readLine() != null) {
                // until it is gone
            }
            assertTrue(second.flush(10_000));
            second.stop();
        }
        AuditVerifier.Verdict verdict = new AuditVerifier(directory).verify();
        assertTrue(verdict.whole(), verdict.toString());
    }

    private Process child(int run) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xshare:auto",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Child.class.getName(),
                        directory.toString(),
                        String.valueOf(run))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    private void killSomewhere(int run, int acknowledgements, Set<String> acknowledged) throws Exception {
        Process child = child(run);
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            int seen = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.endsWith(".")) { // a line the kill cut off has none
                    acknowledged.add(line);
                }
                if (++seen == acknowledgements) {
                    child.toHandle().destroyForcibly(); // SIGKILL; the process itself would close the stream, too
                }
            }
        }
        assertTrue(child.waitFor(10, TimeUnit.SECONDS));
        assertEquals(137, child.exitValue());
    }

    /** Appends from two threads until it is killed, and prints what was acknowledged. */
    static final class Child {
        private Child() {}

        public static void main(String[] arguments) throws IOException, InterruptedException {
            AuditJournal journal = new AuditJournal(
                    Path.of(arguments[0]), new AuditJournal.Settings(1_000, 1, 1, 0), Disk.REAL, Clock.systemUTC());
            journal.start();
            Thread other = new Thread(() -> append(journal, arguments[1] + "-b-"), "audit-torture-b");
            other.start();
            append(journal, arguments[1] + "-a-");
            other.join();
        }

        private static void append(AuditJournal journal, String prefix) {
            for (int i = 0; ; i++) {
                String subject = prefix + i + ".";
                boolean kept = journal.append(new io.penstock.api.audit.AuditRecord(
                        i, "gateway", "gateway", "WRITE_ASKED", subject, "y".repeat(3_000), i, i));
                if (kept && journal.flush(10_000)) {
                    synchronized (System.out) {
                        System.out.println(subject);
                        System.out.flush();
                    }
                }
            }
        }
    }
}
