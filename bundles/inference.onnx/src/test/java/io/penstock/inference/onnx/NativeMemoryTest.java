// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class NativeMemoryTest {
    // A model that eats the gateway's memory would be taken in, or a modest one refused.
    @Test
    void sumsWhatLinuxCountsOutsideTheHeap() throws Exception {
        long expected = 0;
        boolean counts = false;
        long before = NativeMemory.anonymousKiB().orElseThrow();
        List<String> lines = Files.readAllLines(Path.of("/proc/self/smaps"));
        long after = NativeMemory.anonymousKiB().orElseThrow();
        for (String line : lines) {
            if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
                String begin = line.substring(0, line.indexOf('-'));
                counts = begin.length() > 10; // above 2^40, where the heap is not
            } else if (counts && line.startsWith("Anonymous:")) {
                expected += Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        assertEquals((double) expected, (before + after) / 2.0, 2_048, "MiB that came and went while it was read");
    }
}
