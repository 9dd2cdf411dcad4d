// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.penstock.models.CrashReports.Crash;
import io.penstock.models.CrashReports.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A report that is read wrongly blames the wrong model. */
class CrashReportsTest {
    private static final String HEAD = """
            #
            # A fatal error has been detected by the Java Runtime Environment:
            #
            """;
    private static final String FRAME = """
            # Problematic frame:
            # C  [libonnxruntime.so+0x84bdca]
            #
            """;

    @TempDir
    Path folder;

    private Optional<Crash> find(String told) {
        return new CrashReports(List.of(folder.resolve("log"), folder)).find("7", told, Instant.EPOCH);
    }

    private Crash report(String text) throws IOException {
        Files.createDirectories(folder.resolve("log"));
        Files.writeString(folder.resolve("log/hs_err_pid7.log"), text);
        return find("").orElseThrow();
    }

    private static String threads(String line) {
        return "\n---------------  T H R E A D  ---------------\n\n" + line + "\n\nStack: \n";
    }

    @Test
    void readsWhatJava17And25Write() throws IOException {
        Crash crash = report(HEAD + "#  SIGFPE (0x8) at pc=0x7f, pid=7, tid=8\n#\n" + FRAME
                + threads("Current thread (0x00007fc5f40ca7a0):  JavaThread \"pipeline-cycle-x\" daemon"
                        + " [_thread_in_native, id=10345, stack(0x00007fc5a6cff000,0x00007fc5a6dff000)]"));
        assertEquals(Kind.CRASH, crash.kind());
        assertEquals("pipeline-cycle-x", crash.thread());
        assertEquals("C  [libonnxruntime.so+0x84bdca]", crash.place());
        assertEquals(
                "pipeline-cycle-x",
                report(HEAD
                                + FRAME
                                + threads(
                                        "Current thread (0x00007fb6f409d4e0):  JavaThread \"pipeline-cycle-x\"        "
                                                + "[_thread_in_vm, id=10529, stack(0x1,0x2) (1024K)]"))
                        .thread());
        assertEquals(
                "VM Thread",
                report(HEAD + FRAME + threads("Current thread (0x7f):  VMThread \"VM Thread\" [id=3]"))
                        .thread());
        assertEquals(
                "",
                report(HEAD + FRAME + threads("Current thread is native thread"))
                        .thread());

        crash = report(HEAD + "#  Internal Error (debug.cpp:362), pid=7, tid=8\n"
                + "#  fatal error: OutOfMemory encountered: Java heap space\n#\n"
                + threads("Current thread (0x7f):  JavaThread \"pipeline-cycle-x\" [_thread_in_vm]"));
        assertEquals(Kind.MEMORY, crash.kind());
        assertEquals("OutOfMemory encountered: Java heap space", crash.place());
        assertEquals(Kind.MEMORY, report("""
                                #
                                # There is insufficient memory for the Java Runtime Environment to continue.
                                # Native memory allocation (mmap) failed to map 65536 bytes
                                """).kind());
        assertEquals(
                Kind.CRASH,
                report(HEAD + "#  fatal error: something else\n#\n" + threads(""))
                        .kind());
    }

    // A full disk leaves an empty report, or half of one; it is a crash all the same.
    @Test
    void readsWhatIsCutOffOrHuge() throws IOException {
        String whole =
                HEAD + FRAME + threads("Current thread (0x7f):  JavaThread \"pipeline-cycle-x\" [_thread_in_vm]");
        for (int length = 0; length <= whole.length(); length += 7) {
            Crash crash = report(whole.substring(0, length));
            assertEquals(Kind.CRASH, crash.kind());
        }
        assertEquals("place unknown", report("").place());
        assertEquals("pipeline-cycle-x", report(whole + "x".repeat(5_000_000)).thread());
        assertEquals("", report("\u0000\u00ff\u00fe".repeat(100_000)).thread());
    }

    // A kill or a power cut would quarantine an innocent model; an abort would be forgiven for ever.
    @Test
    void whatTheSupervisorToldCountsWhereThereIsNoReport() throws IOException {
        assertEquals(Optional.empty(), find(""));
        assertEquals(Optional.empty(), find("signal killed KILL\n"));
        assertEquals(Optional.empty(), find("success exited 0"));
        assertEquals(Optional.empty(), find("exit-code exited 143"));
        assertEquals(Optional.empty(), find("no such words at all; rm -rf"));
        assertEquals(Kind.CRASH, find("signal killed ABRT").orElseThrow().kind());
        assertEquals(Kind.CRASH, find("core-dump dumped SEGV").orElseThrow().kind());
        assertEquals(Kind.HANG, find("watchdog killed ABRT").orElseThrow().kind());
        assertEquals(Kind.MEMORY, find("oom-kill killed KILL").orElseThrow().kind());
        assertEquals("CRASH", report(HEAD + FRAME).kind().name());
        assertEquals(Kind.CRASH, find("oom-kill killed KILL").orElseThrow().kind(), "the report knows better");
    }
}
