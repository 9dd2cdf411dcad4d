// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A text that is kept on a full disk too: two slots of fixed size, taken beforehand and written in turn, in place, each with its
 * number and checksum. A loss of power leaves the one before. A file system that never writes in place (copy on write) needs room
 * for it all the same. One thread at a time.
 */
final class Slots {
    private static final Pattern HEADER = Pattern.compile("penstock-slot (\\d{1,18}) (\\d{1,9}) ([0-9a-f]{64})");

    private final Path file;
    private final int slot;
    private final Writer writer;
    private long sequence;
    private boolean damaged;

    /** Puts bytes on disk; tests stand in for a disk that refuses or hangs. */
    interface Writer {
        /** The real one. */
        Writer REAL = (file, bytes, position) -> {
            long at = position;
            while (bytes.hasRemaining()) {
                at += file.write(bytes, at);
            }
            file.force(false);
        };

        void write(FileChannel file, ByteBuffer bytes, long position) throws IOException;
    }

    /** @param slot bytes of a slot, its header of about 100 bytes among them. */
    Slots(Path file, int slot, Writer writer) {
        this.file = file;
        this.slot = slot;
        this.writer = writer;
    }

    /** The text that was saved last, empty if none ever was. To be called first. */
    String load() throws IOException {
        String found = "";
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            return found;
        }
        for (int i = 0; i < 2 && bytes.length >= 2 * slot; i++) {
            String text = new String(bytes, i * slot, slot, StandardCharsets.UTF_8);
            int end = text.indexOf('\n');
            Matcher header = HEADER.matcher(end < 0 ? "" : text.substring(0, end));
            if (header.matches()) {
                long number = Long.parseLong(header.group(1));
                int from = i * slot + end + 1;
                int length = Math.min(Integer.parseInt(header.group(2)), slot - end - 1);
                String payload = new String(bytes, from, length, StandardCharsets.UTF_8);
                if (!sha256(number, payload).equals(header.group(3))) {
                    damaged = true;
                } else if (number > sequence) {
                    sequence = number;
                    found = payload;
                }
            } else {
                damaged |= !text.isBlank();
            }
        }
        return found;
    }

    /** Whether a slot was found damaged, as after a loss of power while it was written; the other one counts. */
    boolean damaged() {
        return damaged;
    }

    /** Takes the space, if it is not taken yet. */
    void take() throws IOException {
        if (Files.exists(file) && Files.size(file) >= 2L * slot) {
            return;
        }
        Files.createDirectories(file.getParent());
        byte[] blank = new byte[2 * slot];
        Arrays.fill(blank, (byte) ' ');
        try (FileChannel channel = open()) {
            writer.write(channel, ByteBuffer.wrap(blank), 0);
        }
        try (FileChannel folder = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
            folder.force(true);
        }
    }

    /** On disk when it returns; the one before stays when it throws. */
    void save(String text) throws IOException {
        take();
        long next = sequence + 1;
        byte[] payload = text.getBytes(StandardCharsets.UTF_8);
        byte[] header = ("penstock-slot " + next + " " + payload.length + " " + sha256(next, text) + "\n")
                .getBytes(StandardCharsets.UTF_8);
        if (header.length + payload.length > slot) {
            throw new IOException(file + ": at most " + (slot - header.length) + " bytes, was " + payload.length);
        }
        byte[] bytes = new byte[slot];
        Arrays.fill(bytes, (byte) ' ');
        System.arraycopy(header, 0, bytes, 0, header.length);
        System.arraycopy(payload, 0, bytes, header.length, payload.length);
        try (FileChannel channel = open()) {
            writer.write(channel, ByteBuffer.wrap(bytes), next % 2 * slot);
        }
        sequence = next;
    }

    private FileChannel open() throws IOException {
        return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    }

    private static String sha256(long number, String payload) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256")
                            .digest((number + "\n" + payload).getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java runtime has no SHA-256; install a complete one", e);
        }
    }
}
