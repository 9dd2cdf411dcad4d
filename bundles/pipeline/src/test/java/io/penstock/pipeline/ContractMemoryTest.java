// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.StatusCode;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.memory.ContractMemory;
import io.penstock.api.memory.HeapSize;
import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelContract.FeatureSpec;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.MissingPolicy;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.OperatorSpec;
import io.penstock.api.pipeline.Pipeline.Binding;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.preprocessing.FeatureProgram;
import io.penstock.api.publication.CycleResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.openjdk.jol.info.GraphLayout;

/** What a contract is said to take in a pipeline, against the objects that are there. */
class ContractMemoryTest {
    private static final long NOISE = 16 << 10;
    private static final int SAMPLES = 256;
    private static final int RESULTS = 64;

    static {
        System.setProperty("jol.magicFieldOffset", "true"); // records
    }

    static Stream<Arguments> contracts() {
        List<Arguments> matrix = new ArrayList<>();
        for (int inputs : new int[] {1, 10, 500}) {
            for (int features : new int[] {1, 100, 2000}) {
                for (int rows : new int[] {1, 2, 100, 500}) {
                    for (int outputs : new int[] {1, 200}) {
                        matrix.add(Arguments.of(inputs, features, rows, outputs));
                    }
                }
            }
        }
        return matrix.stream();
    }

    private static ModelContract contract(int inputs, int features, int rows, int outputs) {
        List<InputSpec> in = IntStream.range(0, inputs)
                .mapToObj(i -> new InputSpec(
                        "input" + i, new String("NTU"), true, 0, 1, 1000, MissingPolicy.FAIL, 0, Double.NaN))
                .toList();
        List<FeatureSpec> made = IntStream.range(0, features)
                .mapToObj(i -> new FeatureSpec(
                        "feature" + i,
                        new String("input0"),
                        List.of(
                                new OperatorSpec(new String("clip"), Map.of("low", 1000.0 + i, "high", 2000.0 + i)),
                                new OperatorSpec(new String("lag"), Map.of("cycles", 3.0 + i)))))
                .toList();
        List<String> columns =
                IntStream.range(0, features).mapToObj(i -> "feature" + i).toList();
        List<OutputSpec> out = IntStream.range(0, outputs)
                .mapToObj(i -> new OutputSpec("output" + i, new String("y"), i, new String("M1"), 0, 1, "", ""))
                .toList();
        return new ModelContract(
                "model",
                "1.0.0",
                1000,
                in,
                made,
                List.of(new TensorSpec(
                        "x", ElementType.FLOAT32, List.of(1L, (long) rows, (long) features), rows, columns)),
                out,
                new ModelContract.Budget(100, 10));
    }

    /** Knows no operators: what those take is measured in their own room. */
    private record Tensors(ModelContract contract) implements FeatureEngine {
        @Override
        public FeatureProgram compile(ModelContract ignored) {
            return new FeatureProgram() {
                @Override
                public Features newFeatures() {
                    return features(contract);
                }

                @Override
                public void apply(Frame frame, Features features) {}

                @Override
                public Map<String, byte[]> saveState() {
                    return Map.of();
                }

                @Override
                public Restored restoreState(Map<String, byte[]> state) {
                    return new Restored(0, 0);
                }
            };
        }

        @Override
        public ProgramMemory memory(ModelContract ignored, long shortestCycleMs) {
            return new ProgramMemory(20L * contract.tensors().get(0).features().size(), ""); // the layout's numbers
        }

        @Override
        public Optional<UnitConversion> conversion(String fromUnit, String toUnit) {
            return Optional.empty();
        }
    }

    private static Features features(ModelContract contract) {
        TensorSpec tensor = contract.tensors().get(0);
        return new Features(
                contract.features().stream().map(FeatureSpec::name).toList(),
                List.of(new Features.Layout(
                        tensor.name(),
                        tensor.rows(),
                        IntStream.range(0, tensor.features().size()).boxed().toList())));
    }

    private static final class Session implements InferenceSession {
        @Override
        public ModelIdentity model() {
            throw new UnsupportedOperationException();
        }

        @Override
        public int run(Features features, Prediction prediction) {
            return StatusCode.GOOD;
        }

        @Override
        public String lastError() {
            return "";
        }

        @Override
        public void close() {}
    }

    // A gateway that takes in a contract it believes to be small runs out of memory, with every pipeline on it, in
    // operation.
    @ParameterizedTest
    @MethodSource("contracts")
    void noModelTakesMoreThanComputed(int inputs, int features, int rows, int outputs) {
        ModelContract contract = contract(inputs, features, rows, outputs);
        byte[] graph = new byte[12_345];
        ModelArtifact artifact =
                new ModelArtifact(new ModelIdentity("model", "1.0.0", 1, "00", "CN=test"), contract, graph);
        Tensors engine = new Tensors(contract);
        Acquisition acquisition = new Acquisition(settings(inputs), () -> 0, () -> {});
        ServingModel serving =
                new ServingModel(artifact, engine.compile(contract), new Session(), acquisition, SAMPLES);
        CycleResult[] ring = new CycleResult[RESULTS];
        for (int input = 0; input < inputs; input++) {
            for (int k = 0; k < 3 * SAMPLES; k++) {
                serving.frame.addPending(input, 1, StatusCode.GOOD, k);
            }
        }
        for (int i = 0; i < RESULTS; i++) {
            ring[i] = new CycleResult();
            ring[i].set(
                    "p",
                    artifact.identity(),
                    contract,
                    Mode.ADVISORY,
                    serving.frame,
                    serving.features,
                    serving.prediction,
                    WriteOutcome.NOT_OFFERED,
                    1,
                    1);
        }
        GraphLayout queues = GraphLayout.parseInstance(acquisition);
        long measuredQueues = queues.totalSize();
        long measuredModel =
                GraphLayout.parseInstance(serving, ring).subtract(queues).totalSize();
        ContractMemory computed = ContractMemory.of(
                contract, graph.length, engine, new ContractMemory.Surroundings(SAMPLES, RESULTS, 1, 1000));
        String figures = computed + ", in bytes " + computed.modelBytes() + " and " + computed.queueBytes()
                + ", measured " + measuredModel + " and " + measuredQueues;
        assertTrue(computed.modelBytes() >= measuredModel, figures);
        assertTrue(computed.modelBytes() <= 3 * measuredModel + NOISE, figures);
        assertTrue(computed.queueBytes() >= measuredQueues, figures);
        assertTrue(computed.queueBytes() <= 2 * measuredQueues + 5 * NOISE, figures);
    }

    private static Settings settings(int inputs) {
        return new Settings(
                "p",
                "model",
                "[1,2)",
                Settings.Trigger.GRID,
                1000,
                Set.of(),
                IntStream.range(0, inputs)
                        .mapToObj(i -> new Binding("input" + i, "T" + i))
                        .toList(),
                Mode.ADVISORY,
                SAMPLES,
                RESULTS,
                1000);
    }

    // A trigger that waits for a change, beside a tag of a thousand samples a second, filled the heap within the hour.
    @Test
    void aFrameThatWaitsForItsTriggerDoesNotGrow() {
        Frame frame = new Frame(List.of("a", "b"), 100);
        for (int k = 0; k < 10_000; k++) {
            frame.addPending(0, k, StatusCode.GOOD, k);
        }
        assertTrue(frame.pendingCount(0) <= 100, "was " + frame.pendingCount(0));
        assertTrue(frame.pendingCount(0) >= 50, "was " + frame.pendingCount(0));
        assertEquals(10_000, frame.pendingCount(0) + frame.lostPending(), "each is there or counted");
        for (int k = 0; k < frame.pendingCount(0); k++) {
            assertEquals(10_000 - frame.pendingCount(0) + k, frame.pendingTimeNs(0, k), "the newest, in order");
        }
        assertEquals(0, frame.pendingCount(1));
    }

    // A ring of a slow cycle kept the graphs of models that had been replaced days before.
    @Test
    void aRingLetsGoOfModelsThatServeNoMore() {
        List<ModelContract> seen = new ArrayList<>();
        Fakes.Publisher publisher = new Fakes.Publisher();
        ResultQueue queue = new ResultQueue("p", publisher, 8);
        try {
            for (int model = 0; model < 3; model++) {
                ModelContract contract = contract(1, 2, 1, 1);
                seen.add(contract);
                queue.exchange(contract);
                int before = publisher.copy().size();
                for (int i = 0; i < 3; i++) {
                    offer(queue, contract);
                }
                Fakes.await("taken", () -> publisher.copy().size() == before + 3);
            }
            publisher.gate.shut();
            ModelContract former = seen.get(2);
            offer(queue, former);
            Fakes.await("it is in the publisher's hands", () -> publisher.gate.reached);
            ModelContract last = contract(1, 2, 1, 1);
            queue.exchange(last);
            publisher.gate.open();
            offer(queue, last);
            Fakes.await("all taken", () -> publisher.copy().size() == 11);
            Fakes.await("none of the former models is left", () -> {
                return seen.stream().noneMatch(queue::keeps);
            });
        } finally {
            publisher.gate.open();
            queue.close();
        }
    }

    private static void offer(ResultQueue queue, ModelContract contract) {
        CycleResult slot = queue.claim();
        assertTrue(slot != null, "there is room");
        slot.set(
                "p",
                new ModelIdentity("model", "1.0.0", 1, "00", "CN=test"),
                contract,
                Mode.ADVISORY,
                new Frame(contract.inputNames()),
                features(contract),
                new Prediction(contract.outputNames()),
                WriteOutcome.NOT_OFFERED,
                1,
                1);
        queue.commit();
    }

    // The command line speaks of a gateway that is started otherwise, and lets pass what ends it.
    @Test
    void theDefaultIsThatOfTheStartScript() throws IOException {
        String script = Files.readString(Path.of("../../distribution/src/bin/penstock-gateway"));
        assertTrue(script.contains("-Xmn16m -Xmx" + MemoryBudget.DEFAULT_HEAP_MIB + "m "), "in " + script);
        // what Runtime.maxMemory() says there: one survivor space of a tenth of 16 MiB less
        assertEquals(
                166_133_760,
                MemoryBudget.ofGateway(MemoryBudget.DEFAULT_HEAP_MIB).heapBytes());
    }

    // At the limit a contract is taken, one byte beyond it is not, and the words name need, limit and the heap that
    // would do.
    @Test
    void theLimitIsExact() {
        MemoryBudget budget = MemoryBudget.ofGateway(160);
        long fits = budget.comingBytes();
        assertTrue(of(fits).refusal(budget).isEmpty());
        String refusal = of(fits + 1).refusal(budget).orElseThrow();
        for (String part : List.of(
                "model.json: the contract needs " + HeapSize.words(fits + 1),
                "a heap of 160 MiB has " + HeapSize.words(fits),
                "first of all feature 'f'",
                "PENSTOCK_OPTS=-Xmx")) {
            assertTrue(refusal.contains(part), refusal);
        }
        int enough = Integer.parseInt(refusal.replaceAll(".*--gateway-heap (\\d+).*", "$1"));
        assertTrue(of(fits + 1).refusal(MemoryBudget.ofGateway(enough)).isEmpty(), "what it advises is enough");
        assertFalse(of(Long.MAX_VALUE).refusal(budget).isEmpty());
    }

    private static ContractMemory of(long programBytes) {
        return new ContractMemory(0, 0, programBytes, 0, 0, 0, 0, 0, "feature 'f', operator 1: align");
    }

    // Numbers of a hostile contract must not overflow into something that fits.
    @Test
    void hostileNumbersDoNotOverflow() {
        List<String> columns =
                IntStream.range(0, 2000).mapToObj(i -> "feature" + i).toList();
        ModelContract sane = contract(1, 1, 1, 1);
        for (int rows : new int[] {Integer.MAX_VALUE, 1_000_000_000}) {
            ModelContract contract = new ModelContract(
                    "model",
                    "1.0.0",
                    0,
                    sane.inputs(),
                    sane.features(),
                    IntStream.range(0, 16)
                            .mapToObj(i -> new TensorSpec(
                                    "x" + i, ElementType.FLOAT64, List.of(Long.MAX_VALUE, 2L), rows, columns))
                            .toList(),
                    sane.outputs(),
                    sane.budget());
            ContractMemory computed = ContractMemory.of(
                    contract,
                    Integer.MAX_VALUE,
                    new Tensors(contract),
                    new ContractMemory.Surroundings(1 << 20, 65_536, Integer.MAX_VALUE, 0));
            assertTrue(computed.modelBytes() > 1L << 44, "was " + computed.modelBytes());
            assertFalse(computed.refusal(MemoryBudget.ofGateway(1 << 20)).isEmpty());
        }
        assertEquals(Long.MAX_VALUE, HeapSize.times(Long.MAX_VALUE / 2, 3));
        assertEquals(Long.MAX_VALUE, HeapSize.plus(Long.MAX_VALUE, 1));
        assertEquals(Long.MAX_VALUE, HeapSize.array(Long.MAX_VALUE, 8));
    }
}
