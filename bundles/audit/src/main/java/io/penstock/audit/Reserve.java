// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import io.penstock.api.audit.AuditRecord;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;

/**
 * Space that was taken beforehand, for the few records that must be kept although the log has no room: lines as in the log, a
 * chain of their own, written over zeros that are on disk already. A file system that never writes in place (copy on write)
 * needs room for it all the same. Used by the writer's thread only.
 */
final class Reserve implements Closeable {
    static final String NAME = "reserve";
    static final int BYTES = 256 * 1024;

    private final FileChannel file;
    private final Disk disk;
    private final MessageDigest sha256 = Line.sha256();
    private final List<AuditRecord> found;
    private long seq;
    private String prev = Line.GENESIS;
    private int end;

    private Reserve(FileChannel file, Disk disk) throws IOException {
        this.file = file;
        this.disk = disk;
        found = read();
    }

    /** @throws IOException if there is no room for it; what it held is not touched then. */
    static Reserve open(Path directory, Disk disk) throws IOException {
        Path path = directory.resolve(NAME);
        long size = Files.exists(path) ? Files.size(path) : 0;
        FileChannel file =
                FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            if (size < BYTES) {
                disk.write(file, ByteBuffer.allocate(BYTES - (int) size), size);
                disk.force(file);
            }
            return new Reserve(file, disk);
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** How many records lie in it; changes nothing. */
    static int count(Path directory) throws IOException {
        Path path = directory.resolve(NAME);
        if (!Files.isRegularFile(path) || Files.size(path) != BYTES) {
            return 0;
        }
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
            return new Reserve(file, Disk.REAL).found().size();
        }
    }

    private List<AuditRecord> read() throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(BYTES);
        while (bytes.hasRemaining() && file.read(bytes, bytes.position()) > 0) {
            // until the buffer is full
        }
        List<AuditRecord> records = new ArrayList<>();
        byte[] all = bytes.array();
        for (int at = 0; at < all.length && all[at] == '{'; at = end) {
            int to = at;
            while (to < all.length && all[to] != '\n') {
                to++;
            }
            if (to == all.length) {
                break; // torn, as the one below: nobody was told that it is kept
            }
            try {
                Line line = Line.parse(java.util.Arrays.copyOfRange(all, at, to), sha256);
                if (line.seq() != seq + 1 || !line.prev().equals(prev)) {
                    break; // what was there before it was cleared
                }
                records.add(line.entry());
                seq = line.seq();
                prev = line.hash();
                end = to + 1;
            } catch (IllegalArgumentException e) {
                break;
            }
        }
        return records;
    }

    /** What a process before this one left in it. */
    List<AuditRecord> found() {
        return found;
    }

    boolean empty() {
        return end == 0;
    }

    /** Puts records on disk; false if they have no room here. */
    boolean append(List<AuditRecord> entries) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(entries.size() * 400);
        long number = seq;
        String before = prev;
        for (AuditRecord entry : entries) {
            byte[] line = Line.render(++number, entry, before, sha256);
            bytes.writeBytes(line);
            bytes.write('\n');
            before = Line.hashOf(line);
        }
        if (end + bytes.size() > BYTES) {
            return false;
        }
        disk.write(file, ByteBuffer.wrap(bytes.toByteArray()), end);
        disk.force(file);
        seq = number;
        prev = before;
        end += bytes.size();
        return true;
    }

    /** What was in it is in the log now. */
    void clear() throws IOException {
        disk.write(file, ByteBuffer.allocate(end), 0);
        disk.force(file);
        seq = 0;
        prev = Line.GENESIS;
        end = 0;
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
