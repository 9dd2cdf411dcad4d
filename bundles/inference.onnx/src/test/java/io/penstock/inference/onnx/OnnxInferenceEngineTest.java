// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import static io.penstock.api.model.ModelContract.ElementType.FLOAT32;
import static io.penstock.api.model.ModelContract.ElementType.FLOAT64;
import static io.penstock.api.model.ModelContract.ElementType.INT64;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.inference.InferenceSession;
import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelRejectedException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What is refused when a model is opened, and with which words. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OnnxInferenceEngineTest {
    private OnnxInferenceEngine engine;

    @BeforeAll
    void start() {
        engine = new OnnxInferenceEngine();
    }

    @AfterEach
    void nothingRefusedStaysOpen() {
        assertEquals(0, engine.sessions().size());
    }

    @AfterAll
    void stop() {
        engine.close();
    }

    private String refusal(TestModels model) {
        return refusal(engine, model);
    }

    private static String refusal(OnnxInferenceEngine engine, TestModels model) {
        return assertThrows(ModelRejectedException.class, () -> engine.open(model.artifact())
                        .close())
                .getMessage();
    }

    private static void says(String message, String... parts) {
        assertAll(
                message,
                Stream.of(parts).map(part -> () -> assertTrue(message.contains(part), part + " in " + message)));
    }

    // The receipt of a rollout would name the wrong runtime.
    @Test
    void runtimeIsNamedWithItsVersion() {
        assertEquals("ONNX Runtime 1.29.0", engine.runtime());
    }

    // Every start would leave 30 MB in /tmp until the gateway's disk is full.
    @Test
    void librariesDoNotStayInTheTemporaryDirectory() throws Exception {
        String mapped = Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .filter(line -> line.contains("/libonnxruntime.so"))
                .findFirst()
                .orElseThrow();
        Path library = Path.of(mapped.substring(mapped.indexOf('/')).replace(" (deleted)", ""));
        says(library.toString(), "penstock-onnxruntime"); // out of our own jar, not the upstream one
        assertFalse(Files.exists(library.getParent()), () -> library + " is still there");
    }

    // On an unsupported gateway the operator would see a NullPointerException instead of the reason.
    @Test
    void otherPlatformsAreRefusedByName() {
        assertEquals("linux-x64", NativeLibrary.platform("Linux", "amd64"));
        assertEquals("linux-aarch64", NativeLibrary.platform("Linux", "aarch64"));
        String message = assertThrows(IllegalStateException.class, () -> NativeLibrary.platform("Windows 11", "amd64"))
                .getMessage();
        says(message, "Windows 11", "amd64", "x86-64 and aarch64");
    }

    // A feature would go into another tensor than the one it was trained for.
    @Test
    void unknownInputTensorIsRefused() {
        says(
                refusal(TestModels.named("mlp").input("z", FLOAT32, 1, 8).output("y", "y", 0)),
                "mlp 1.0.0",
                "input tensor z",
                "[x]",
                "model.json");
    }

    // The model would compute with whatever lies in an input nobody fills.
    @Test
    void unboundGraphInputIsRefused() {
        says(
                refusal(TestModels.named("two").input("a", FLOAT32, 1, 2).output("p", "p", 0)),
                "graph inputs [b]",
                "not in the contract");
    }

    // float64 numbers read as float32 are noise, and noise would move the actuator.
    @Test
    void typeMismatchIsRefused() {
        says(
                refusal(TestModels.named("mlp").input("x", FLOAT64, 1, 8).output("y", "y", 0)),
                "input tensor x",
                "FLOAT64 in the contract",
                "FLOAT32 in the graph");
    }

    // Nine features into eight columns would shift every one of them.
    @Test
    void shapeMismatchIsRefused() {
        says(
                refusal(TestModels.named("mlp").input("x", FLOAT32, 1, 9).output("y", "y", 0)),
                "[1, 9] in the contract",
                "[any, 8] in the graph");
        says(refusal(TestModels.named("mlp").input("x", FLOAT32, 8).output("y", "y", 0)), "[8] in the contract");
        says(refusal(TestModels.named("mlp").input("x", FLOAT32, 0, 8).output("y", "y", 0)), "[0, 8] in the contract");
    }

    // Rows and columns of a window would be read in the wrong order.
    @Test
    void shapeThatIsNotRowsTimesFeaturesIsRefused() {
        says(
                refusal(TestModels.named("mlp").window("x", FLOAT32, 2, 3, 1, 8).output("y", "y", 0)),
                "has 8 elements",
                "2 rows of 3 features make 6");
    }

    // The dose would be read from a tensor that is not there.
    @Test
    void unknownOutputTensorIsRefused() {
        says(
                refusal(TestModels.named("mlp").input("x", FLOAT32, 1, 8).output("dose", "dose", 0)),
                "output tensor dose",
                "[y]");
    }

    // Reading past the end of native memory would give anything, or end the process.
    @Test
    void indexOutOfRangeIsRefused() {
        says(
                refusal(TestModels.named("linear64").input("x", FLOAT64, 1, 3).output("dose", "y", 2)),
                "element 2 of tensor y",
                "has 2");
        says(
                refusal(TestModels.named("mlp").input("x", FLOAT32, 1, 8).output("dose", "y", 1)),
                "element 1 of tensor y",
                "has 1"); // graph shape is dynamic, known only after a run
        says(refusal(TestModels.named("mlp").input("x", FLOAT32, 1, 8).output("dose", "y", -1)), "element -1");
    }

    // A plant engineer would get a ClassCastException for a model exported the scikit-learn way.
    @Test
    void outputsThatAreNoNumbersAreRefused() {
        says(
                refusal(TestModels.named("classifier").input("x", FLOAT32, 1, 2).output("p", "probabilities", 0)),
                "output probabilities is no tensor",
                "zipmap=False");
        says(
                refusal(TestModels.named("classifier").input("x", FLOAT32, 1, 2).output("label", "label", 0)),
                "output tensor label is STRING",
                "FLOAT32, FLOAT64 and INT64");
        says(refusal(TestModels.named("half").input("x", FLOAT32, 1).output("y", "y", 0)), "FLOAT16");
    }

    // A contract without outputs would run and tell nobody.
    @Test
    void contractWithoutOutputsIsRefused() {
        says(refusal(TestModels.named("mlp").input("x", FLOAT32, 1, 8)), "no outputs");
    }

    // A signed model could read any file of the gateway as its weights.
    @Test
    void dataInAnotherFileIsRefusedEvenIfTheFileIsThere() throws Exception {
        Path weights = Path.of("weights.bin"); // ONNX Runtime looks in the working directory
        Files.write(weights, new byte[8]);
        try {
            says(
                    refusal(TestModels.named("external").input("x", FLOAT32, 2).output("y", "y", 0)),
                    "tensor w lies in another file");
        } finally {
            Files.delete(weights);
        }
    }

    // The same, hidden in a branch of a branch; and a damaged file must never be more than a refusal.
    @Test
    void scanFindsNestedDataAndSurvivesDamage() {
        says(
                refusal(TestModels.named("nested").input("x", FLOAT32, 2).output("y", "y", 0)),
                "tensor w lies in another");
        byte[] good = TestModels.bytes("nested.onnx");
        assertEquals("w", GraphScan.of(good).external());
        assertEquals(17, GraphScan.of(good).opset());
        assertEquals(3, GraphScan.of(TestModels.bytes("trees.onnx")).mlOpset());
        int refused = 0;
        for (int i = 0; i < good.length; i++) {
            for (byte flip : new byte[] {1, 2, 7, 64, -128, -1}) {
                byte[] bad = good.clone();
                bad[i] ^= flip;
                try {
                    GraphScan.of(bad);
                } catch (IllegalArgumentException e) {
                    refused++;
                }
            }
        }
        assertTrue(refused > good.length, "refused " + refused);
    }

    // Tensors of all models together took the memory outside the heap, and the next model ended the process.
    @Test
    void tensorsOfAllModelsAreBoundedTogether() throws Exception {
        TestModels model =
                TestModels.named("mlp").input("x", FLOAT32, 100_000, 8).output("y", "y", 0);
        MemoryBudget budget = MemoryBudget.ofGateway(34); // a quarter: 8 MiB
        try (var small = new OnnxInferenceEngine(NativeLibrary::fromClassPath, new Settings(9, 1_024, 10_000), budget);
                InferenceSession first = small.open(model.artifact())) {
            small.open(model.artifact()).close(); // what is closed leaves room
            try (InferenceSession second = small.open(model.artifact())) {
                says(
                        refusal(small, model),
                        "its tensors take 3.",
                        "of 8.0 MiB on a gateway with a heap of 34 MiB",
                        "6.9 MiB are taken by other open models",
                        "PENSTOCK_OPTS");
                assertEquals(2, small.sessions().size());
                assertEquals(first.model(), second.model());
            }
            small.open(model.artifact()).close();
        }
    }

    // An answer or an input of any size would be copied into memory that nobody has counted.
    @Test
    void oneTensorIsBounded() {
        says(
                refusal(TestModels.named("mlp").input("x", FLOAT32, 131_073, 8).output("y", "y", 0)),
                "has more than 1048576 elements");
        says(
                refusal(TestModels.named("wide").input("x", FLOAT32, 1).output("y", "y", 0)),
                "output tensor y of shape [8388608] has more than 1048576 elements");
    }

    // A line break in a name would let a model write lines of its own into log and receipt.
    @Test
    void namesOfAGraphCannotBreakTheLine() {
        byte[] bytes = TestModels.bytes("identity.onnx");
        for (int i = 0; i + 2 < bytes.length; i++) {
            if (bytes[i] == 0x0A && bytes[i + 1] == 1 && bytes[i + 2] == 'x') {
                bytes[i + 2] = '\n';
            }
        }
        String message = assertThrows(ModelRejectedException.class, () -> engine.open(TestModels.named("identity")
                                .input("x", FLOAT64, 2)
                                .output("y", "y", 0)
                                .artifact(bytes))
                        .close())
                .getMessage();
        says(message, "input tensor x of the contract is not in the graph, which has [ ]");
    }

    // The central team would not learn which operator the gateway lacks.
    @Test
    void unknownOperatorIsRefusedByName() {
        String message =
                refusal(TestModels.named("custom").input("x", FLOAT32, 1).output("y", "y", 0));
        says(message, "custom 1.0.0: ", "evil.corp:Evil");
        assertTrue(!message.contains("ORT_FAIL"), message);
    }

    // The same for a model that is newer than the gateway.
    @Test
    void newerOperatorSetIsRefusedWithBothNumbers() {
        says(
                refusal(TestModels.named("future").input("x", FLOAT32, 1).output("y", "y", 0)),
                "operator set 99",
                "this runtime has 26");
    }

    // The resolver would promise an operator set the runtime does not take, or withhold one it does.
    @Test
    void declaredOperatorSetsAreThoseOfTheRuntime() throws Exception {
        byte[] future = TestModels.bytes("future.onnx");
        int at = indexOf(future, (byte) 99);
        byte[] newest = future.clone();
        newest[at] = OnnxInferenceEngine.OPSET;
        engine.open(TestModels.named("future")
                        .input("x", FLOAT32, 1)
                        .output("y", "y", 0)
                        .artifact(newest))
                .close();
        byte[] beyond = future.clone();
        beyond[at] = OnnxInferenceEngine.OPSET + 1;
        var environment = NativeLibrary.fromClassPath();
        String message = assertThrows(
                        ai.onnxruntime.OrtException.class,
                        () -> environment.createSession(beyond).close())
                .getMessage();
        says(message, "ai.onnx is till opset " + OnnxInferenceEngine.OPSET);
    }

    private static int indexOf(byte[] bytes, byte value) {
        for (int i = bytes.length - 1; i >= 0; i--) {
            if (bytes[i] == value) {
                return i;
            }
        }
        throw new AssertionError("not there: " + value);
    }

    // A release that was cut off or damaged must not reach the native parser's corners.
    @Test
    void bytesThatAreNoModelAreRefused() {
        var model = TestModels.mlp();
        for (byte[] bytes : List.of(
                new byte[0],
                "not a model at all, but text".getBytes(StandardCharsets.UTF_8),
                Arrays.copyOf(TestModels.bytes("mlp.onnx"), 400))) {
            String message = assertThrows(ModelRejectedException.class, () -> engine.open(model.artifact(bytes))
                            .close())
                    .getMessage();
            says(message, "mlp 1.0.0: ");
        }
    }

    // A model of a gigabyte would push the pipelines out of memory.
    @Test
    void memoryBudgetIsHeld() {
        says(
                refusal(TestModels.named("greedy")
                        .input("x", FLOAT32, 1)
                        .output("y", "y", 0)
                        .memoryMiB(32)),
                "the process grew by ",
                "budget.memoryMiB is 32");
        says(
                refusal(TestModels.named("mlp")
                        .input("x", FLOAT32, 60_000, 8)
                        .output("y", "y", 0)
                        .memoryMiB(2)),
                "the input and output tensors take 3 MiB",
                "budget.memoryMiB is 2");
    }

    // The same, asked for at once.
    @Test
    void impossibleAllocationIsRefused() {
        says(refusal(TestModels.named("huge").input("x", FLOAT32, 1).output("y", "y", 0)), "huge 1.0.0: ");
    }

    // A rollout would hang for ever, and the gateway with it.
    @Test
    void endlessModelIsRefusedAtWarmUp() {
        long begin = System.nanoTime();
        says(
                refusal(TestModels.named("endless")
                        .input("x", FLOAT32, 1)
                        .output("y", "y", 0)
                        .deadlineMs(10)),
                "no answer to neutral input within 2000 ms",
                "budget.deadlineMs is 10");
        assertTrue(System.nanoTime() - begin < 10_000_000_000L);
    }

    // Every cycle would be BadTimeout, found out only after the swap.
    @Test
    void modelSlowerThanItsDeadlineIsRefused() {
        says(
                refusal(TestModels.named("greedy")
                        .input("x", FLOAT32, 1)
                        .output("y", "y", 0)
                        .deadlineMs(1)
                        .memoryMiB(512)),
                "fastest answer took",
                "budget.deadlineMs is 1");
    }

    // A contract could hold the pipeline's thread for an hour.
    @Test
    void limitsOfTheEngineAreHeld() throws Exception {
        says(refusal(TestModels.mlp().deadlineMs(10_001)), "budget.deadlineMs 10001", "1 to 10000", "deadlineLimitMs");
        says(refusal(TestModels.mlp().deadlineMs(0)), "budget.deadlineMs 0");
        says(refusal(TestModels.mlp().memoryMiB(2_000)), "budget.memoryMiB 2000", "1024", "memoryLimitMiB");
        try (var small = new OnnxInferenceEngine(NativeLibrary::fromClassPath, new Settings(2, 100, 1_000));
                InferenceSession first =
                        small.open(TestModels.mlp().memoryMiB(60).artifact())) {
            says(refusal(small, TestModels.mlp().memoryMiB(60)), "60 MiB of other open models");
            small.open(TestModels.mlp().memoryMiB(40).artifact());
            says(refusal(small, TestModels.mlp().memoryMiB(0)), "budget.memoryMiB 0");
            assertEquals("mlp", first.model().name());
        }
        try (var small = new OnnxInferenceEngine(NativeLibrary::fromClassPath, new Settings(1, 100, 1_000))) {
            small.open(
                    TestModels.mlp().artifact().onnx().length > 0
                            ? TestModels.mlp().memoryMiB(10).artifact()
                            : null);
            says(refusal(small, TestModels.mlp().memoryMiB(10)), "1 models are open, the limit is 1");
        }
    }

    // Whole numbers and texts are needed to know what is wrong in the file.
    @Test
    void settingsNameKeyValueAndLimit() {
        says(
                assertThrows(IllegalArgumentException.class, () -> new Settings(0, 1, 1))
                        .getMessage(),
                "sessionLimit",
                "1 to 1000",
                "was 0");
        says(
                assertThrows(IllegalArgumentException.class, () -> new Settings(1, 1, 600_001))
                        .getMessage(),
                "deadlineLimitMs",
                "600000",
                "600001");
    }

    // A wrong file would stop inference at the next start instead of being refused now.
    @Test
    void wrongConfigurationIsRefusedBeforeItIsUsed() {
        var check = new SettingsCheck();
        assertEquals("io.penstock.inference.onnx", check.pid());
        check.check(Map.of());
        check.check(Map.of("sessionLimit", 5L, "memoryLimitMiB", "2048"));
        says(
                assertThrows(IllegalArgumentException.class, () -> check.check(Map.of("memoryLimitMiB", 0)))
                        .getMessage(),
                "memoryLimitMiB",
                "was 0");
        says(
                assertThrows(IllegalArgumentException.class, () -> check.check(Map.of("sessionLimit", "many")))
                        .getMessage(),
                "io.penstock.inference.onnx");
    }

    // Integer features that are categories index tables; the neutral input must not fall outside.
    @Test
    void indexModelOpens() throws Exception {
        engine.open(TestModels.named("gather")
                        .input("x", INT64, 1)
                        .output("y", "y", 0)
                        .artifact())
                .close();
    }

    // A stopped engine that still opens models would leave native memory nobody frees.
    @Test
    void stoppedEngineOpensNothing() {
        var stopped = new OnnxInferenceEngine();
        stopped.close();
        says(refusal(stopped, TestModels.mlp()), "stopped", "start io.penstock.inference.onnx");
    }
}
