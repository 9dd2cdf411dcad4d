// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelRejectedException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How ONNX Runtime is loaded where the surroundings are poor. */
class LibraryLoadTest {
    /** Run in a process of its own: the library is loaded once per process. */
    static final class Main {
        private Main() {}

        public static void main(String[] arguments) throws InterruptedException {
            Runnable load = () -> {
                try (OnnxInferenceEngine engine = new OnnxInferenceEngine()) {
                    System.out.println(engine.runtime());
                    if (arguments.length > 0) {
                        engine.open(TestModels.named("mlp")
                                        .input("x", ElementType.FLOAT32, 100_000, 8)
                                        .output("y", "y", 0)
                                        .memoryMiB(200)
                                        .artifact())
                                .close();
                    }
                } catch (ModelRejectedException e) {
                    System.out.println(e.getMessage());
                }
            };
            Thread thread = new Thread(null, load, "small", 512 << 10);
            thread.start();
            thread.join();
        }
    }

    // The central team would see an ExceptionInInitializerError and nothing else.
    @Test
    void runtimeThatCannotBeLoadedSaysWhyAndWhatToDo(@TempDir Path directory) throws Exception {
        String missing = failure("-Djava.io.tmpdir=" + directory.resolve("missing"));
        assertTrue(missing.contains("cannot be unpacked to " + directory.resolve("missing")), missing);
        assertTrue(missing.contains("-Djava.io.tmpdir"), missing);
        // what a directory mounted noexec looks like to the JVM: a file that is there and cannot be mapped
        for (String file : List.of("libonnxruntime.so", "libonnxruntime4j_jni.so")) {
            Files.writeString(directory.resolve(file), "no library");
        }
        String broken = failure("-Donnxruntime.native.path=" + directory);
        assertTrue(broken.contains("ONNX Runtime cannot be loaded: "), broken);
        assertTrue(broken.contains(directory.resolve("libonnxruntime.so").toString()), broken);
        assertTrue(broken.contains("noexec"), broken);
    }

    // A rollout of a model that is too large for the gateway would end in an Error nobody catches, not in a receipt.
    @Test
    void tensorsThatFindNoMemoryAreARefusal() throws Exception {
        String output = run("-XX:MaxDirectMemorySize=2m", "open");
        assertTrue(output.contains("mlp 1.0.0: there is no memory for its tensors"), output);
        assertTrue(output.contains("-XX:MaxDirectMemorySize"), output);
    }

    /** The first line of what is thrown. */
    private static String failure(String option) throws Exception {
        String output = run(option);
        assertTrue(output.contains("Exception in thread"), output);
        return output.lines()
                .filter(line -> line.startsWith("Exception in thread"))
                .findFirst()
                .orElseThrow();
    }

    // The gateway would die without a word at its start, whenever the thread that starts bundles has a stack of 1 MiB
    // or less.
    @Test
    void runtimeLoadsOnAThreadWithASmallStack() throws Exception {
        run("-Dnone=none");
    }

    private static String run(String option, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                option,
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                Main.class.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        return output;
    }
}
