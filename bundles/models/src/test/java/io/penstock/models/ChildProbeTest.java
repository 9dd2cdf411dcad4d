// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.model.ModelRejectedException;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model is tried where it can do no harm. */
class ChildProbeTest {
    private static ChildProbe probe(long timeoutMs) {
        List<Path> classPath = Arrays.stream(
                        System.getProperty("java.class.path").split(Pattern.quote(File.pathSeparator), -1))
                .map(Path::of)
                .toList();
        return new ChildProbe(
                new EngineProbe(() -> null, () -> null, timeoutMs, Gateway.BUDGET),
                () -> new ChildProbe.Command(
                        classPath,
                        ProbeEngines.ProbeFeatures.class.getName(),
                        ProbeEngines.ProbeInference.class.getName()),
                timeoutMs);
    }

    private static Release release(String behaviour) throws Exception {
        Keys keys = Keys.p256();
        return Release.verify(
                Samples.release(keys, "1.0.0", 1, behaviour).toBytes(),
                new ReleaseVerifier(keys.trust(), List.of(), false),
                Keys.NOW,
                1 << 20);
    }

    private static String refusal(String behaviour, long timeoutMs) throws Exception {
        Release release = release(behaviour);
        return assertThrows(ModelRejectedException.class, () -> probe(timeoutMs).probe(release))
                .getMessage();
    }

    // A good model would not pass the trial.
    @Test
    void goodModelPassesWithEvidence() throws Exception {
        String evidence = probe(60_000).probe(release("ok"));
        assertTrue(evidence.startsWith("2 golden cycles on fake runtime"), evidence);
        assertTrue(evidence.endsWith("in a process of its own"), evidence);
    }

    // A model that crashes the runtime would take the gateway with it.
    @Test
    void crashEndsTheChildOnly() throws Exception {
        assertTrue(refusal("crash", 60_000).contains("(exit code 134, in [libonnxruntime.so+0x84bdca])"));
    }

    // A model that eats memory would take the gateway with it.
    @Test
    void memoryIsBounded() throws Exception {
        String message = refusal("memory", 60_000);
        assertTrue(
                message.startsWith(
                        "probe: the model needs more than the 256 MiB of heap of the process it was tried in"),
                message);
    }

    // A model that does not come back would stop all releases for ever.
    @Test
    void hangIsBounded() throws Exception {
        assertTrue(refusal("hang", 3_000).contains("within 3000 ms (probeTimeoutMs)"));
    }

    /** A gateway that tries a model that never comes back. */
    static final class Trial {
        public static void main(String[] arguments) throws Exception {
            probe(600_000).probe(release("hang"));
        }
    }

    // After a kill of the gateway a model that hangs would keep a processor busy until somebody looks.
    @Test
    void trialEndsWithTheGateway(@TempDir Path folder) throws Exception {
        Path mark = folder.resolve("hangs");
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Trial.class.getName())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD);
        builder.environment().put(ProbeEngines.MARK, mark.toString());
        Process gateway = builder.start();
        try {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (!Files.exists(mark) && System.nanoTime() < end) {
                Thread.onSpinWait();
            }
            List<ProcessHandle> trial = gateway.descendants().toList();
            assertEquals(1, trial.size());
            assertTrue(trial.get(0).isAlive());
            gateway.destroyForcibly();
            trial.get(0).onExit().get(60, TimeUnit.SECONDS);
        } finally {
            gateway.descendants().forEach(ProcessHandle::destroyForcibly);
            gateway.destroyForcibly();
        }
    }

    // A model that computes something else than was trained would be told as a crash.
    @Test
    void differenceIsNamed() throws Exception {
        assertTrue(refusal("wrong", 60_000).contains("cycle 1: output dose is 7.35"));
    }

    // Without engines a release would be tried, and refused, too early.
    @Test
    void waitsForTheEnginesOfTheGateway() {
        assertEquals(
                "an inference engine; start the bundle io.penstock.inference.onnx",
                probe(1_000).waitsFor());
    }
}
