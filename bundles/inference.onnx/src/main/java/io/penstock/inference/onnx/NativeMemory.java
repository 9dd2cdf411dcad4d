// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** How much memory the process holds outside the Java heap, as Linux counts it. */
final class NativeMemory {
    /** The heap lies below 32 GiB while object pointers are compressed, native allocations lie far above. */
    private static final long HEAP_END = 0x10_0000_0000L;

    private static final Path MAPS = Path.of("/proc/self/smaps");

    private NativeMemory() {}

    /** Anonymous memory outside the heap in KiB, empty where it cannot be read. */
    static OptionalLong anonymousKiB() {
        try (BufferedReader maps = Files.newBufferedReader(MAPS)) {
            long sum = 0;
            boolean counts = false;
            for (String line = maps.readLine(); line != null; line = maps.readLine()) {
                if (Character.digit(line.charAt(0), 16) >= 0 && line.indexOf('-') > 0) {
                    counts = Long.parseUnsignedLong(line, 0, line.indexOf('-'), 16) - HEAP_END > 0;
                } else if (counts && line.startsWith("Anonymous:")) {
                    sum += Long.parseLong(line.substring(10, line.length() - 3).trim());
                }
            }
            return OptionalLong.of(sum);
        } catch (IOException | NumberFormatException e) {
            return OptionalLong.empty();
        }
    }
}
