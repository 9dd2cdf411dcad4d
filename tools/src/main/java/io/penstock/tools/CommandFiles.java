// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.api.memory.MemoryBudget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/** Reading and writing files that were named as options. */
final class CommandFiles {
    private static final long LARGEST = (1L << 30) + (1 << 20);

    private CommandFiles() {}

    static MemoryBudget budget(int gatewayHeapMiB) throws IOException {
        if (gatewayHeapMiB < 64 || gatewayHeapMiB > 1 << 20) {
            throw new IOException("--gateway-heap: 64 to " + (1 << 20) + " MiB, was " + gatewayHeapMiB);
        }
        return MemoryBudget.ofGateway(gatewayHeapMiB);
    }

    static byte[] read(String option, Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException(option + ": there is no file " + file);
        }
        if (Files.size(file) > LARGEST) {
            throw new IOException(option + ": at most " + LARGEST + " bytes, " + file + " has " + Files.size(file));
        }
        return Files.readAllBytes(file);
    }

    /**
     * Writes beside and renames, so that a drop folder never sees half a file.
     *
     * @throws IOException also if the file is there with another content: it may be a key, or a release that was given out.
     */
    static void write(Path file, byte[] bytes) throws IOException {
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            if (Files.isRegularFile(file)
                    && Files.size(file) == bytes.length
                    && Arrays.equals(Files.readAllBytes(file), bytes)) {
                return;
            }
            throw new IOException(
                    "--out: " + file + " is there already with another content; remove it or choose another file");
        }
        Path folder = file.toAbsolutePath().getParent();
        Files.createDirectories(folder);
        Path temporary = Files.createTempFile(folder, "." + file.getFileName(), ".tmp");
        try {
            Files.write(temporary, bytes);
            Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rw-r--r--"));
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java platform has SHA-256
        }
    }
}
