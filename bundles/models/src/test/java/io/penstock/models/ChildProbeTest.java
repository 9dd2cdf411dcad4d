// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.model.ModelRejectedException;
import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** A model is tried where it can do no harm. */
class ChildProbeTest {
    private static ChildProbe probe(long timeoutMs) {
        List<Path> classPath = Arrays.stream(
                        System.getProperty("java.class.path").split(Pattern.quote(File.pathSeparator), -1))
                .map(Path::of)
                .toList();
        return new ChildProbe(
                new EngineProbe(() -> null, () -> null, timeoutMs),
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
        assertTrue(message.startsWith("probe: ") || message.contains("OutOfMemoryError"), message);
    }

    // A model that does not come back would stop all releases for ever.
    @Test
    void hangIsBounded() throws Exception {
        assertTrue(refusal("hang", 3_000).contains("within 3000 ms (probeTimeoutMs)"));
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
