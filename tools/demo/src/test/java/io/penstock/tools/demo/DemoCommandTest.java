// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.tools.demo.DemoHome.DemoFailed;
import java.io.BufferedReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What cannot work is told in one line before anything starts. */
class DemoCommandTest {
    @TempDir
    Path folder;

    private String refusal(String... arguments) {
        DemoCommand command = new DemoCommand();
        new CommandLine(command).parseArgs(arguments);
        return String.valueOf(assertThrows(DemoFailed.class, command::call).getMessage());
    }

    // After a run of 90 s the account was lost and a stack trace of NoSuchFileException stood there instead.
    @Test
    void aReportThatCannotBeWrittenIsToldFirst() {
        Path missing = folder.resolve("none");
        assertEquals(
                "--report: folder " + missing + " does not exist; create it first",
                refusal("--report", missing.resolve("a.json").toString()));
        assertEquals("--report: " + folder + " is a folder; name a file in it", refusal("--report", folder.toString()));
    }

    // It ended with a stack trace of IllegalArgumentException.
    @Test
    void aPortThatIsNoneIsToldWithTheLimit() {
        assertEquals(
                "ports are 0 to 65535, 0 for any that is free; was 99999",
                refusal("--root", folder.toString(), "--modbus-port", "0", "--results-port", "99999"));
    }

    // With other ports than the first, it built over the first one's programs and deleted the folder of its gateway.
    @Test
    void aSecondDemoInTheSameCheckoutIsRefused() throws Exception {
        Path root = Path.of("..", "..").toAbsolutePath().normalize();
        Files.copy(root.resolve("demo"), folder.resolve("demo"), StandardCopyOption.COPY_ATTRIBUTES);
        Files.copy(
                root.resolve("scripts/need"),
                Files.createDirectories(folder.resolve("scripts")).resolve("need"));
        Files.createDirectories(folder.resolve("target"));
        Process first = new ProcessBuilder("flock", "target/demo.lock", "sh", "-c", "echo held; cat")
                .directory(folder.toFile())
                .start();
        try (BufferedReader lines = first.inputReader()) {
            assertEquals("held", lines.readLine());
            Process second = new ProcessBuilder(folder.resolve("demo").toString())
                    .redirectErrorStream(true)
                    .start();
            String said = new String(second.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertEquals(1, second.waitFor());
            assertEquals(
                    "demo: another demo runs in " + folder + "; end it first, or run this one in another checkout\n",
                    said);
        } finally {
            first.destroy();
        }
    }

    // The plant or the gateway of somebody else would have been taken for the demo's.
    @Test
    void aPortInUseIsTold() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = Integer.toString(taken.getLocalPort());
            String said = refusal(
                    "--root", folder.toString(), "--results-port", "0", "--plant-port", "0", "--modbus-port", port);
            assertTrue(said.startsWith("port " + port + " (Modbus) is in use; "), said);
        }
    }

    // Stopped while it made the archive of classes, it went on to start a gateway that nobody ended.
    @Test
    void whatStartsAfterTheStopEnds() {
        DemoHome demo = new DemoHome(folder, "demo", 60, 1, 1, 2, 3);
        demo.close();
        AtomicBoolean ended = new AtomicBoolean();
        assertThrows(DemoFailed.class, () -> demo.own(() -> ended.set(true)));
        assertTrue(ended.get());
    }
}
