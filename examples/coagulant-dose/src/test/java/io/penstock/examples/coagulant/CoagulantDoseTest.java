// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.examples.coagulant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.preprocessing.FeatureProgram;
import io.penstock.models.ReleaseFile;
import io.penstock.models.ReleaseVerifier;
import io.penstock.models.TrustStore;
import io.penstock.preprocessing.FeatureEngines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CoagulantDoseTest {
    private static CoagulantDose first;
    private static CoagulantDose second;

    @TempDir
    Path out;

    @BeforeAll
    static void train() throws IOException {
        first = CoagulantDose.train("1.0.0");
        second = CoagulantDose.train("1.1.0");
    }

    // Had this failed, nobody could have told whether a release was made of the data it says it was made of.
    @Test
    void sameInputMakesTheSameBytes() throws IOException {
        CoagulantDose again = CoagulantDose.train("1.0.0");
        Path one = first.write(out.resolve("one"));
        Path two = again.write(out.resolve("two"));
        for (String file : List.of("model.onnx", "model.json", "golden.json", "reference.json", "model-card.md")) {
            assertArrayEquals(Files.readAllBytes(one.resolve(file)), Files.readAllBytes(two.resolve(file)), file);
        }
    }

    // Had this failed, the gateway would have dosed by another forest than the one that was judged.
    @Test
    void graphAnswersAsTheTrainedForest() throws OrtException {
        for (CoagulantDose model : List.of(first, second)) {
            String[] names =
                    Trainer.names(model.contract().tensors().get(0).features().size());
            List<History.Cycle> cycles = History.heldOut(model.contract());
            try (OrtSession session = OrtEnvironment.getEnvironment().createSession(model.onnx())) {
                int compared = 0;
                for (int i = 20; i < cycles.size(); i += 7) {
                    float[] row = cycles.get(i).row();
                    float[] y = run(session, row);
                    double dose = model.trained()
                            .predict(Trainer.example(row, 0, names))
                            .getOutput()
                            .getValues()[0];
                    assertEquals(Math.max(1, Math.min(8, dose)), y[0], 1e-5 * dose, "cycle " + i);
                    double[] predicted = model.predict(row);
                    assertEquals(predicted[1], y[1], 1e-5 * predicted[1]);
                    assertEquals(predicted[2], y[2], 1e-5 * predicted[2]);
                    assertTrue(y[1] <= y[0] && y[0] <= y[2], "the dose lies inside its interval");
                    compared++;
                }
                assertTrue(compared > 500);
            }
        }
    }

    // Had this failed, a sound release would have been refused on every gateway.
    @Test
    void goldenVectorsAreReproducedByEngineAndRuntime() throws IOException, OrtException {
        Path directory = second.write(out);
        JsonNode golden =
                new ObjectMapper().readTree(directory.resolve("golden.json").toFile());
        FeatureProgram program = FeatureEngines.standard().compile(second.contract());
        Frame frame = new Frame(second.contract().inputNames());
        Features features = program.newFeatures();
        int good = 0;
        try (OrtSession session = OrtEnvironment.getEnvironment()
                .createSession(directory.resolve("model.onnx").toString())) {
            long number = 0;
            for (JsonNode cycle : golden.get("cycles")) {
                double[] inputs = new double[frame.size()];
                for (int i = 0; i < inputs.length; i++) {
                    inputs[i] = cycle.get("inputs").get(i).get(0).doubleValue();
                }
                History.fill(frame, ++number, cycle.get("timeNs").longValue(), inputs);
                program.apply(frame, features);
                float[] row = new float[features.tensor(0).length];
                for (int i = 0; i < row.length; i++) {
                    row[i] = (float) features.tensor(0)[i];
                }
                for (int i = 0; i < features.names().size(); i++) {
                    assertEquals(cycle.get("features").get(i).doubleValue(), features.value(i), 1e-9);
                }
                float[] y = run(session, row);
                for (int i = 0; i < y.length; i++) {
                    assertEquals(cycle.get("outputs").get(i).doubleValue(), y[i], 1e-5 * y[i]);
                }
                good += StatusCode.isGood(features.status()) ? 1 : 0;
            }
            assertTrue(good > 60, "the vectors reach past the warm-up, were " + good);
            assertTrue(
                    golden.get("cycles").get(110).get("outputs").get(0).doubleValue()
                            > golden.get("cycles").get(20).get("outputs").get(0).doubleValue() + 1,
                    "and into the storm");
        }
    }

    // Had this failed, the demo would have rolled out a model that is no better.
    @Test
    void secondVersionIsVisiblyBetterOnAStormNeitherHasSeen() {
        CoagulantDose.Score before = first.score();
        CoagulantDose.Score after = second.score();
        assertTrue(after.meanAbsoluteError() < 0.2, after.toString());
        assertTrue(after.meanAbsoluteError() < 0.7 * before.meanAbsoluteError(), before + " and " + after);
        assertTrue(after.coverage() > 0.8, after.toString());
    }

    // Had this failed, every swap would have begun with empty windows.
    @Test
    void operatorStateOfTheFirstVersionCarriesOver() {
        FeatureProgram before = FeatureEngines.standard().compile(first.contract());
        FeatureProgram after = FeatureEngines.standard().compile(second.contract());
        Frame frame = new Frame(first.contract().inputNames());
        Features features = before.newFeatures();
        for (int i = 1; i <= 40; i++) {
            History.fill(frame, i, i * 1_000_000_000L, new double[] {8 + i % 3, 9});
            before.apply(frame, features);
        }
        assertTrue(StatusCode.isGood(features.status()));
        FeatureProgram.Restored restored = after.restoreState(before.saveState());
        assertTrue(restored.restored() >= 6, "frozen and hampel of three features: " + restored);
        assertTrue(restored.restored() < restored.total());
    }

    // Had this failed, a stuck turbidimeter would have been dosed by as calm water, or a broken wire as clear water.
    @Test
    void stuckAndImpossibleTurbidityGiveNoPrediction() {
        FeatureProgram program = FeatureEngines.standard().compile(second.contract());
        Frame frame = new Frame(second.contract().inputNames());
        Features features = program.newFeatures();
        double[] inputs = {8, 9, 12, 7.6, 350, 90};
        for (int i = 1; i <= 29; i++) {
            inputs[2] = 12 + i % 2;
            History.fill(frame, i, i * 1_000_000_000L, inputs);
            program.apply(frame, features);
        }
        assertTrue(StatusCode.isGood(features.status()), StatusCode.name(features.status()));
        History.fill(frame, 30, 30_000_000_000L, inputs);
        program.apply(frame, features);
        assertEquals(StatusCode.BAD_SENSOR_FAILURE, features.status());
        inputs[0] = -250;
        History.fill(frame, 31, 31_000_000_000L, inputs);
        program.apply(frame, features);
        assertTrue(StatusCode.isBad(features.status()), StatusCode.name(features.status()));
    }

    // Had this failed, the demo's releases would be refused, or its tampered one taken.
    @Test
    void releasesAreSignedAndTheTamperedOneDoesNotMatchItsStatement() throws Exception {
        Build.run(out, List.of(first, second));
        ReleaseVerifier verifier = new ReleaseVerifier(TrustStore.read(out.resolve("trust")), List.of(), false);
        long sequence = 0;
        for (String version : CoagulantDose.VERSIONS) {
            byte[] file = Files.readAllBytes(out.resolve("releases/coagulant-dose-" + version + ".penstock"));
            ReleaseFile release = ReleaseFile.parse(file);
            ReleaseVerifier.Verified verified = verifier.verify(release.cms(), Instant.now());
            assertEquals(version, verified.statement().version());
            assertEquals(sha256(release.bundle()), verified.statement().sha256());
            assertEquals(++sequence, verified.statement().sequence());
            assertNotNull(verified.statement().notAfter());
        }
        ReleaseFile tampered =
                ReleaseFile.parse(Files.readAllBytes(out.resolve("tampered/coagulant-dose-1.2.0.penstock")));
        assertFalse(sha256(tampered.bundle())
                .equals(verifier.verify(tampered.cms(), Instant.now())
                        .statement()
                        .sha256()));
        Path key = out.resolve("keys/demo-signer.key.pem");
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(key)));

        byte[] keyBefore = Files.readAllBytes(key);
        byte[] releaseBefore = Files.readAllBytes(out.resolve("releases/coagulant-dose-1.1.0.penstock"));
        Build.run(out, List.of(first, second));
        assertArrayEquals(keyBefore, Files.readAllBytes(key), "a second run keeps the key the gateways trust");
        assertArrayEquals(
                releaseBefore,
                Files.readAllBytes(out.resolve("releases/coagulant-dose-1.1.0.penstock")),
                "and the bytes");
    }

    // Had this failed, a release of another CA would have passed for ours.
    @Test
    void anotherDemoKeyIsNotTrusted() throws Exception {
        Build.run(out.resolve("ours"), List.of(first));
        Build.run(out.resolve("theirs"), List.of(first));
        ReleaseVerifier verifier = new ReleaseVerifier(TrustStore.read(out.resolve("ours/trust")), List.of(), false);
        ReleaseFile theirs =
                ReleaseFile.parse(Files.readAllBytes(out.resolve("theirs/releases/coagulant-dose-1.0.0.penstock")));
        assertThrows(ModelRejectedException.class, () -> verifier.verify(theirs.cms(), Instant.now()));
    }

    // Had this failed, a typing error would have been a stack trace.
    @Test
    void unknownVersionIsNamed() {
        IOException refused = assertThrows(IOException.class, () -> CoagulantDose.train("9.9.9"));
        assertTrue(refused.getMessage().contains("9.9.9"), refused.getMessage());
    }

    private static float[] run(OrtSession session, float[] row) throws OrtException {
        try (OnnxTensor x = OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), new float[][] {row});
                OrtSession.Result result = session.run(Map.of("x", x))) {
            return ((float[][]) result.get("y").orElseThrow().getValue())[0];
        }
    }

    private static String sha256(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }
}
