// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.tools.demo.Demo.DemoFailed;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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

    // With other ports than the first, it deleted the folder in which the first one's gateway ran.
    @Test
    void aSecondDemoInTheSameCheckoutIsRefused() throws Exception {
        Path target = Files.createDirectories(folder.resolve("target"));
        Path kept = Files.writeString(
                Files.createDirectories(target.resolve("demo")).resolve("kept"), "of the first");
        try (FileChannel first = FileChannel.open(
                        target.resolve("demo.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                var held = first.lock()) {
            assertTrue(held.isValid());
            String said = refusal(
                    "--root", folder.toString(), "--results-port", "0", "--plant-port", "0", "--modbus-port", "0");
            assertTrue(said.startsWith("another demo runs in " + folder), said);
        }
        assertTrue(Files.exists(kept));
    }
}
