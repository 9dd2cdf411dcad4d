// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalLong;

/** How much memory the process holds outside the Java heap, as Linux counts it. */
final class NativeMemory {
    /** The heap lies below 32 GiB while object pointers are compressed, native allocations lie far above. */
    private static final long HEAP_END = 0x10_0000_0000L;

    private static final byte[] LABEL = "Anonymous:".getBytes(StandardCharsets.US_ASCII);
    private static final int LONGEST_LINE = 64; // what is of interest stands within
    private static final Path MAPS = Path.of("/proc/self/smaps");

    private NativeMemory() {}

    /** Anonymous memory outside the heap in KiB, empty where it cannot be read. */
    static OptionalLong anonymousKiB() {
        try (InputStream maps = Files.newInputStream(MAPS)) {
            return OptionalLong.of(sum(maps));
        } catch (IOException e) {
            return OptionalLong.empty();
        }
    }

    /** Byte by byte: as strings the file is half a megabyte of garbage, and models are opened beside cycles of a millisecond. */
    private static long sum(InputStream maps) throws IOException {
        byte[] buffer = new byte[8192];
        byte[] line = new byte[LONGEST_LINE];
        int length = 0;
        long sum = 0;
        boolean counts = false;
        for (int n = maps.read(buffer); n > 0; n = maps.read(buffer)) {
            for (int i = 0; i < n; i++) {
                if (buffer[i] != '\n') {
                    if (length < LONGEST_LINE) {
                        line[length++] = buffer[i];
                    }
                    continue;
                }
                if (length > 0 && (line[0] <= '9' || line[0] >= 'a')) { // labels begin with a capital
                    counts = number(line, 0, 16) - HEAP_END > 0;
                } else if (counts && startsWithLabel(line, length)) {
                    sum += number(line, LABEL.length, 10);
                }
                length = 0;
            }
        }
        return sum;
    }

    private static boolean startsWithLabel(byte[] line, int length) {
        return length > LABEL.length && Arrays.equals(line, 0, LABEL.length, LABEL, 0, LABEL.length);
    }

    /** The first number from there on; the line ends, or goes on with another character. */
    private static long number(byte[] line, int from, int radix) {
        int i = from;
        while (line[i] == ' ') {
            i++;
        }
        long number = 0;
        for (int digit = Character.digit(line[i], radix); digit >= 0; digit = Character.digit(line[++i], radix)) {
            number = number * radix + digit;
        }
        return number;
    }
}
