// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class SmallStackTest {
    /** Run in a process of its own: the library is loaded once per process. */
    static final class Main {
        private Main() {}

        public static void main(String[] arguments) throws InterruptedException {
            Runnable load = () -> {
                try (OnnxInferenceEngine engine = new OnnxInferenceEngine()) {
                    System.out.println(engine.runtime());
                }
            };
            Thread thread = new Thread(null, load, "small", 512 << 10);
            thread.start();
            thread.join();
        }
    }

    // The gateway would die without a word at its start, whenever the thread that starts bundles has a stack of 1 MiB
    // or less.
    @Test
    void runtimeLoadsOnAThreadWithASmallStack() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Main.class.getName())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
    }
}
