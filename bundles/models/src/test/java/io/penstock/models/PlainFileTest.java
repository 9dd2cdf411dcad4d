// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Had one of these failed, who may write into the drop folder could have ended the intake of releases without a trace. */
class PlainFileTest {
    private static final long SOON_MS = 100;

    @TempDir
    Path folder;

    private Path pipe(String name) throws Exception {
        Path pipe = folder.resolve(name);
        assertTrue(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor(10, TimeUnit.SECONDS));
        return pipe;
    }

    @Test
    void aFileIsReadAsItIs() throws Exception {
        for (int length : new int[] {0, 1, 100_000}) {
            byte[] content = new byte[length];
            java.util.Arrays.fill(content, (byte) 7);
            Path file = Files.write(folder.resolve("file" + length), content);
            try (PlainFile opened = PlainFile.open(file)) {
                assertEquals(length, opened.size());
                Files.move(
                        Files.writeString(folder.resolve("other"), "exchanged"),
                        file, // what was opened is read
                        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
                assertArrayEquals(content, opened.content().readAllBytes());
            }
        }
        assertThrows(IOException.class, () -> PlainFile.open(folder.resolve("none")));
        assertThrows(IOException.class, () -> PlainFile.openWhatever(folder.resolve("none"), SOON_MS));
    }

    // Exchanged for a pipe between the look and the opening, in each of its three forms.
    @Test
    void aPipeKeepsNobodyWaiting() throws Exception {
        Path alone = pipe("alone");
        String refusal = assertThrows(IOException.class, () -> PlainFile.openWhatever(alone, SOON_MS))
                .getMessage();
        assertTrue(refusal.contains("alone does not open within 100 ms"), refusal);
        assertThrows(IOException.class, () -> PlainFile.open(alone));
        assertEquals(1, PlainFile.hanging());
        try (FileChannel writer = FileChannel.open(alone, StandardOpenOption.WRITE)) { // lets the one that hangs go
            noneHangs();
            try (PlainFile held = PlainFile.openWhatever(alone, SOON_MS)) { // a writer that writes nothing
                assertEquals(0, held.content().readAllBytes().length);
            }
            try (PlainFile endless = PlainFile.openWhatever(alone, SOON_MS)) {
                writer.write(java.nio.ByteBuffer.wrap(new byte[] {1, 2, 3}));
                assertEquals(0, endless.content().readAllBytes().length);
            }
        }
        try (PlainFile device = PlainFile.openWhatever(Path.of("/dev/zero"), SOON_MS)) {
            assertEquals(0, device.content().readAllBytes().length);
        }
        assertThrows(IOException.class, () -> PlainFile.open(Path.of("/dev/zero")));
    }

    // A storm of pipes must not become a storm of threads; and it passes.
    @Test
    void soManyHangAndNoMore() throws Exception {
        List<Path> pipes = new ArrayList<>();
        for (int i = 0; i < PlainFile.MOST_HANGING; i++) {
            Path pipe = pipe("pipe" + i);
            pipes.add(pipe);
            assertThrows(IOException.class, () -> PlainFile.openWhatever(pipe, 1));
        }
        Path file = Files.writeString(folder.resolve("file"), "a release");
        String refusal =
                assertThrows(IOException.class, () -> PlainFile.open(file)).getMessage();
        assertTrue(refusal.startsWith("8 files hang in being opened"), refusal);
        assertEquals(PlainFile.MOST_HANGING, PlainFile.hanging());
        for (Path pipe : pipes) {
            FileChannel.open(pipe, StandardOpenOption.WRITE).close();
        }
        noneHangs();
        PlainFile.open(file).close();
    }

    private static void noneHangs() {
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
                PlainFile.hanging() > 0;
                Thread.onSpinWait()) {
            assertTrue(System.nanoTime() - end < 0, "threads are left behind");
        }
    }
}
