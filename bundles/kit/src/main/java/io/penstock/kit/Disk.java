// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.kit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What is asked of a disk, one call per thing that it may refuse, tear, or forget when the power fails. This one is real;
 * {@code io.penstock.kit.faults} has one that fails. A stop interrupts the thread, which closes the file it writes to: each
 * call is then begun again and the interrupt kept. Thread-safe.
 */
public class Disk {
    private static final boolean POSIX =
            FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
    private static final int CHUNK = 1 << 20;
    private static final Halt HALT = Halt.of(System.getProperty("penstock.tests.haltAt", ""));

    /** Who may read a file. */
    public enum Access {
        /** As the umask says. */
        ANYONE,
        /** Mode 0600. */
        OWNER
    }

    /**
     * For tests of a whole gateway ({@code scripts/crash}): {@code -Dpenstock.tests.haltAt=models:17} ends the process, as a
     * kill does, before the 17th call that changes something in {@code data/models}.
     */
    private record Halt(String folder, long call, AtomicLong calls) {
        static Halt of(String setting) {
            int colon = setting.indexOf(':');
            return colon < 0
                    ? new Halt("", 0, new AtomicLong())
                    : new Halt(
                            "/data/" + setting.substring(0, colon) + "/",
                            Long.parseLong(setting.substring(colon + 1)),
                            new AtomicLong());
        }

        void before(Path file) {
            if (call > 0 && (file.toAbsolutePath() + "/").contains(folder) && calls.incrementAndGet() == call) {
                Runtime.getRuntime().halt(137);
            }
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    /** @throws java.nio.file.NoSuchFileException if there is none. */
    public byte[] read(Path file) throws IOException {
        return Files.readAllBytes(file);
    }

    /**
     * Makes a file, or empties the one that is there, and writes it; nothing of it is forced. Where the process may give files
     * away, which root may, it belongs to whoever owns its folder.
     */
    public void write(Path file, Access access, byte[]... parts) throws IOException {
        HALT.before(file);
        uninterrupted(() -> {
            if (access == Access.OWNER) {
                Files.deleteIfExists(file); // one that others may read would stay so
            }
            try (FileChannel channel = FileChannel.open(
                    file,
                    Set.<OpenOption>of(
                            StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING),
                    attributes(access))) {
                for (byte[] bytes : parts) {
                    writeAll(channel, bytes);
                }
            }
            giveToOwnerOfFolder(file);
        });
    }

    private static FileAttribute<?>[] attributes(Access access) {
        return access == Access.OWNER && POSIX
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
                }
                : new FileAttribute<?>[0];
    }

    private static void giveToOwnerOfFolder(Path file) throws IOException {
        if (POSIX) {
            UserPrincipal owner = Files.getOwner(file.toAbsolutePath().getParent());
            if (!Files.getOwner(file).equals(owner)) {
                Files.setOwner(file, owner);
            }
        }
    }

    /** The JDK keeps a direct buffer as large as what is written at once, per thread and for ever. */
    private static void writeAll(FileChannel channel, byte[] bytes) throws IOException {
        for (int at = 0; at < bytes.length; at += CHUNK) {
            ByteBuffer chunk = ByteBuffer.wrap(bytes, at, Math.min(CHUNK, bytes.length - at));
            while (chunk.hasRemaining()) {
                channel.write(chunk);
            }
        }
    }

    /** Writes over bytes that are there, which takes no room; not forced. */
    public void overwrite(Path file, long position, byte[] bytes) throws IOException {
        HALT.before(file);
        uninterrupted(() -> {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.position(position);
                writeAll(channel, bytes);
            }
        });
    }

    /** Returns when the content of a file survives a loss of power; its name may not yet. */
    public void force(Path file) throws IOException {
        HALT.before(file);
        uninterrupted(() -> {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.force(true);
            }
        });
    }

    /** Puts one file in the place of another, in one step. */
    public void rename(Path from, Path to) throws IOException {
        HALT.before(to);
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            throw new IOException("the file system of " + to + " cannot rename in one step; put it on a local disk", e);
        }
    }

    /** Does nothing where there is none. */
    public void delete(Path file) throws IOException {
        HALT.before(file);
        Files.deleteIfExists(file);
    }

    /** Returns when the names in a folder survive a loss of power. */
    public void forceFolder(Path folder) throws IOException {
        HALT.before(folder);
        uninterrupted(() -> {
            try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
                channel.force(true);
            }
        });
    }

    /**
     * Replaces a file: written beside as {@code .tmp}, forced, renamed, folder forced. A reader sees the old or the new one,
     * whole, whatever instant the power fails at; where the disk refuses, the old one stays.
     */
    public final void replace(Path file, Access access, byte[]... parts) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        Path temporary = folder.resolve(file.getFileName() + ".tmp");
        try {
            write(temporary, access, parts);
            force(temporary);
            rename(temporary, file);
        } catch (IOException e) {
            try {
                delete(temporary); // half a file on a full disk takes room
            } catch (IOException again) {
                e.addSuppressed(again);
            }
            throw e;
        }
        forceFolder(folder);
    }

    /** Deletes a file for good. */
    public final void remove(Path file) throws IOException {
        if (Files.exists(file)) {
            delete(file);
            forceFolder(file.toAbsolutePath().getParent());
        }
    }

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
}
