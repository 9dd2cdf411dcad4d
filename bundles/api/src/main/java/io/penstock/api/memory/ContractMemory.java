// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.memory;

import static io.penstock.api.memory.HeapSize.array;
import static io.penstock.api.memory.HeapSize.object;
import static io.penstock.api.memory.HeapSize.plus;
import static io.penstock.api.memory.HeapSize.text;
import static io.penstock.api.memory.HeapSize.times;
import static io.penstock.api.memory.HeapSize.words;

import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.FeatureSpec;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.model.ModelContract.TensorLayout;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.preprocessing.FeatureEngine;
import java.util.Optional;

/**
 * Most heap that one model takes in one pipeline, in bytes, computed before any of it is taken. The only place where this is
 * computed: packing, verifying, intake and activation all ask here.
 *
 * @param graphBytes the ONNX file.
 * @param contractBytes the contract itself.
 * @param programBytes operators with full windows, rows of tensors, and their saved state.
 * @param tensorBytes features and input tensors of a cycle, and those it is tried with when it is opened.
 * @param frameBytes inputs of a cycle with the samples since the one before.
 * @param resultBytes result rings of all publishers.
 * @param nodeBytes what a server makes of its inputs, features and outputs once it serves.
 * @param queueBytes sample queues of the inputs, which belong to the pipeline and stay when the model is exchanged.
 * @param largest what is largest in it, for people; empty where nothing stands out.
 */
public record ContractMemory(
        long graphBytes,
        long contractBytes,
        long programBytes,
        long tensorBytes,
        long frameBytes,
        long resultBytes,
        long nodeBytes,
        long queueBytes,
        String largest) {
    /** Most elements of one tensor; of an output tensor only an answer of the graph tells how many it has. */
    public static final int MOST_TENSOR_ELEMENTS = 1 << 20;

    private static final long MIB = 1L << 20;
    /** Value, age and tag with unit and range, a value, a value with unit and range; as measured, and half as much again. */
    private static final long INPUT_NODES = 12L << 10;

    private static final long FEATURE_NODES = 2L << 10;
    private static final long OUTPUT_NODES = 6L << 10;
    /** The last latencies of three kinds, and objects that are there once. */
    private static final long PIPELINE = 64L << 10;

    /**
     * The pipeline's part in it.
     *
     * @param samples samples kept per input between two cycles.
     * @param results results kept per publisher.
     * @param publishers how many there are.
     * @param shortestCycleMs cycles are at least so far apart, 0 if anything may start one.
     */
    public record Surroundings(int samples, int results, int publishers, long shortestCycleMs) {
        /** Of a pipeline for which nothing is configured, on the grid the contract asks for. */
        public static Surroundings usual(ModelContract contract) {
            return new Surroundings(1024, 256, 1, contract.cycleMs());
        }
    }

    /**
     * Computes it.
     *
     * @throws IllegalArgumentException where the contract cannot be compiled, naming feature, operator, parameter, value and limit.
     */
    public static ContractMemory of(
            ModelContract contract, long graphBytes, FeatureEngine engine, Surroundings surroundings) {
        int inputs = contract.inputs().size();
        FeatureEngine.ProgramMemory program = engine.memory(contract, surroundings.shortestCycleMs());
        return new ContractMemory(
                array(graphBytes, 1),
                contractBytes(contract),
                program.bytes(),
                tensorBytes(contract),
                frameBytes(inputs, surroundings.samples() + 1),
                times(surroundings.publishers(), ringBytes(contract, surroundings.results())),
                nodeBytes(contract),
                queueBytes(inputs, surroundings.samples()),
                program.largest());
    }

    /** What stands beside the serving model until this one takes over. */
    public long modelBytes() {
        return plus(graphBytes, contractBytes, programBytes, tensorBytes, frameBytes, resultBytes);
    }

    /** What it adds to its pipeline while it serves. */
    public long servingBytes() {
        return plus(modelBytes(), nodeBytes);
    }

    /** All of it. */
    public long bytes() {
        return plus(servingBytes(), queueBytes);
    }

    /** One publisher's ring. */
    public static long ringBytes(ModelContract contract, int results) {
        int inputs = contract.inputs().size();
        int features = contract.features().size();
        int outputs = contract.outputs().size();
        long frame = plus(object(92), times(4, array(inputs, 8)), array(inputs, 4), times(5, array(0, 4)));
        long scalars = plus(object(24), array(features, 8), array(features, 4), array(0, 4));
        long prediction = plus(object(36), array(outputs, 8), array(outputs, 4));
        return plus(array(results, 4), times(results, plus(object(64), frame, scalars, prediction)));
    }

    /** The nodes that a server makes for inputs, features and outputs. */
    public static long nodeBytes(ModelContract contract) {
        return plus(
                times(INPUT_NODES, contract.inputs().size()),
                times(FEATURE_NODES, contract.features().size()),
                times(OUTPUT_NODES, contract.outputs().size()));
    }

    /** A pipeline without a model: the sample queues of so many inputs, and its figures. */
    public static long queueBytes(int inputs, int samples) {
        long ring = plus(times(5, array(samples, 8)), array(samples, 4));
        return plus(
                PIPELINE,
                times(
                        inputs,
                        plus(
                                object(184),
                                256,
                                ring))); // the rest: names, counters, the last sample and its place in tables
    }

    private static long frameBytes(int inputs, int samples) {
        long pending = plus(times(2, array(samples, 8)), array(samples, 4), 12);
        return plus(object(92), times(inputs, plus(44, pending)), times(13, array(0, 8)));
    }

    private static long tensorBytes(ModelContract contract) {
        int features = contract.features().size();
        long bytes = plus(object(24), array(features, 8), array(features, 4));
        for (TensorSpec tensor : contract.tensors()) {
            int places = tensor.layout() == TensorLayout.FEATURES_ROWS ? 4 : 0; // where each element goes
            bytes = plus(bytes, 16, times(2, array(elements(tensor), 8)), array(elements(tensor), places));
        }
        return plus(
                bytes,
                512,
                times(32, contract.outputs().size()),
                times(16, contract.inputs().size()));
    }

    private static long elements(TensorSpec tensor) {
        return times(tensor.rows(), tensor.features().size());
    }

    /** Read, a parameter of an operator takes up to twenty times the characters it has. */
    private static long contractBytes(ModelContract contract) {
        long bytes = 2048;
        for (InputSpec input : contract.inputs()) {
            bytes = plus(bytes, object(68), 8, text(input.name().length()), text(3));
        }
        for (FeatureSpec feature : contract.features()) {
            bytes = plus(
                    bytes,
                    object(12),
                    48,
                    text(feature.name().length()),
                    text(feature.input().length()));
            for (var operator : feature.operators()) {
                bytes = plus(bytes, 224, times(20, operator.toString().length()));
            }
        }
        for (TensorSpec tensor : contract.tensors()) {
            bytes = plus(bytes, 512, text(tensor.name().length()));
            for (String feature : tensor.features()) {
                bytes = plus(bytes, 8, text(feature.length()));
            }
        }
        for (OutputSpec output : contract.outputs()) {
            bytes = plus(
                    bytes,
                    object(44),
                    8,
                    text(output.name().length()),
                    text(output.tensor().length()),
                    3 * text(64));
        }
        return bytes;
    }

    /**
     * Why a gateway with this heap cannot hold the contract, with the figures and the next step.
     *
     * @return empty where it can.
     */
    public Optional<String> refusal(MemoryBudget budget) {
        if (modelBytes() <= budget.comingBytes() && bytes() <= budget.servingBytes()) {
            return Optional.empty();
        }
        boolean beside = modelBytes() > budget.comingBytes();
        String need = beside
                ? words(modelBytes()) + " of heap, a gateway with a heap of " + budget + " has "
                        + words(budget.comingBytes()) + " for a model that comes beside the one that serves"
                : words(bytes()) + " of heap with its nodes and sample queues, a gateway with a heap of " + budget
                        + " has " + words(budget.servingBytes()) + " for all that serve";
        return Optional.of("model.json: the contract needs " + need + ": " + this + "; make "
                + (largest.isEmpty() ? "windows, features or inputs fewer" : "it smaller, first of all " + largest)
                + nextStep());
    }

    private String nextStep() {
        long heapMiB = enough();
        return heapMiB > 1 << 20
                ? ""
                : ", or give the gateway a larger heap: PENSTOCK_OPTS=-Xmx" + heapMiB
                        + "m, which 'penstock model pack' and 'verify' are told by --gateway-heap " + heapMiB;
    }

    private long enough() {
        long bytes = Math.max(times(modelBytes(), 8), times(bytes(), 5));
        return bytes / (32 * MIB) * 32 + 64; // the shares are whole MiB
    }

    /** The parts, for people. */
    @Override
    public String toString() {
        return "operators, rows and state " + words(programBytes) + ", tensors " + words(tensorBytes) + ", frame "
                + words(frameBytes) + ", result rings " + words(resultBytes) + ", graph " + words(graphBytes)
                + ", contract " + words(contractBytes) + ", nodes " + words(nodeBytes) + ", sample queues "
                + words(queueBytes);
    }
}
