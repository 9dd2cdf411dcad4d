// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Writes files so that a reader sees the old or the new one, whole, whatever instant the power fails at. */
class Disk {
    /** Replaces a file: temporary file beside it, forced to disk, renamed, folder forced to disk. */
    void write(Path file, byte[]... parts) throws IOException {
        uninterrupted(() -> writeOnce(file, parts));
    }

    private void writeOnce(Path file, byte[]... parts) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        Path temporary = folder.resolve(file.getFileName() + ".tmp");
        step("open " + temporary.getFileName());
        try (FileChannel channel = FileChannel.open(
                temporary, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            for (byte[] bytes : parts) {
                writeAll(channel, ByteBuffer.wrap(bytes, 0, bytes.length / 2));
                step("half " + temporary.getFileName());
                writeAll(channel, ByteBuffer.wrap(bytes, bytes.length / 2, bytes.length - bytes.length / 2));
            }
            channel.force(true);
        } catch (IOException e) {
            discard(temporary);
            throw e;
        }
        step("rename " + file.getFileName());
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        step("force " + file.getFileName());
        force(folder);
    }

    private static void writeAll(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    void delete(Path file) throws IOException {
        step("delete " + file.getFileName());
        uninterrupted(() -> {
            if (Files.deleteIfExists(file)) {
                force(file.toAbsolutePath().getParent());
            }
        });
    }

    private interface Work {
        void run() throws IOException;
    }

    /** A stop interrupts the thread, which closes the channel it writes to; what was begun is finished first. */
    private static void uninterrupted(Work work) throws IOException {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    work.run();
                    return;
                } catch (ClosedByInterruptException e) {
                    interrupted |= Thread.interrupted();
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static void force(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void discard(Path temporary) {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            // it is overwritten by the next write
        }
    }

    /** Tests end the process here. */
    void step(String what) throws IOException {}
}
