// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.TensorInfo;
import ai.onnxruntime.ValueInfo;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.model.ModelContract.TensorLayout;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.ModelRejectedException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Compares a contract with the graph it came with. */
final class Wiring {
    private static final int ELEMENT_LIMIT = 1 << 27; // 1 GiB of float64

    private final String label;
    private final ModelContract contract;

    Wiring(String label, ModelContract contract) {
        this.label = label;
        this.contract = contract;
    }

    /** Checks that contract and graph have the same inputs. */
    void checkInputs(Map<String, NodeInfo> graph) throws ModelRejectedException {
        var unbound = new TreeSet<>(graph.keySet());
        for (TensorSpec spec : contract.tensors()) {
            NodeInfo node = graph.get(spec.name());
            if (node == null) {
                throw rejected("input tensor " + spec.name() + " of the contract is not in the graph, which has "
                        + graph.keySet() + "; correct tensors in model.json");
            }
            unbound.remove(spec.name());
            TensorInfo info = tensor("input", spec.name(), node.getInfo());
            ElementType type = type("input", spec.name(), info);
            if (type != spec.type()) {
                throw rejected("input tensor " + spec.name() + " is " + spec.type() + " in the contract and " + type
                        + " in the graph; correct tensors in model.json");
            }
            checkShape(spec, info.getShape());
        }
        if (!unbound.isEmpty()) {
            throw rejected(
                    "graph inputs " + unbound + " are not in the contract; name them under tensors in model.json, or"
                            + " make them constants of the graph");
        }
    }

    private void checkShape(TensorSpec spec, long[] graph) throws ModelRejectedException {
        List<Long> shape = spec.shape();
        boolean same = graph.length == shape.size();
        for (int i = 0; same && i < graph.length; i++) {
            same = graph[i] < 0 ? shape.get(i) > 0 : graph[i] == shape.get(i);
        }
        if (!same) {
            throw rejected("input tensor " + spec.name() + " has shape " + shape + " in the contract and " + dims(graph)
                    + " in the graph; correct tensors in model.json");
        }
        long elements = elements(
                "input", spec.name(), shape.stream().mapToLong(Long::longValue).toArray());
        long features = (long) spec.rows() * spec.features().size();
        if (elements != features) {
            throw rejected("input tensor " + spec.name() + " of shape " + shape + " has " + elements + " elements, but "
                    + spec.rows() + " rows of " + spec.features().size() + " features make " + features
                    + "; correct tensors in model.json");
        }
    }

    /**
     * Checks how windows lie in their tensors against the operators that read them: the second dimension of what {@code Conv}
     * takes are channels, the last one of what {@code LSTM}, {@code GRU} and {@code RNN} take is one step of the sequence (ONNX
     * operators, opset 22).
     */
    void checkLayouts(GraphScan scan) throws ModelRejectedException {
        for (TensorSpec spec : contract.tensors()) {
            if (spec.rows() == 1 || spec.features().size() == 1) {
                continue;
            }
            List<Long> shape = spec.shape();
            for (String reader : scan.readers(spec.name())) {
                if (reader.equals("Conv")) {
                    boolean channels =
                            shape.size() > 1 && shape.get(1) == spec.features().size();
                    boolean image = shape.size() > 1 && shape.get(1) == 1;
                    if (!image && (!channels || spec.layout() != TensorLayout.FEATURES_ROWS)) {
                        throw rejected("input tensor " + spec.name() + " of shape " + shape
                                + " is read by Conv, whose channels are its second dimension; with "
                                + spec.features().size() + " features as channels its layout is featuresRows and"
                                + " its shape [1, " + spec.features().size() + ", " + spec.rows()
                                + "]; correct tensors in model.json, or let the graph transpose it");
                    }
                } else if (spec.layout() != TensorLayout.ROWS_FEATURES
                        || shape.get(shape.size() - 1) != spec.features().size()) {
                    throw rejected("input tensor " + spec.name() + " of shape " + shape + " is read by " + reader
                            + ", whose last dimension is one step; with "
                            + spec.features().size()
                            + " features its layout is rowsFeatures and that dimension "
                            + spec.features().size()
                            + "; correct tensors in model.json, or let the graph transpose it");
                }
            }
        }
    }

    /** The output tensors the contract uses, in its order. */
    Map<String, ElementType> checkOutputs(Map<String, NodeInfo> graph) throws ModelRejectedException {
        Map<String, ElementType> used = new LinkedHashMap<>();
        for (OutputSpec spec : contract.outputs()) {
            NodeInfo node = graph.get(spec.tensor());
            if (node == null) {
                throw rejected("output tensor " + spec.tensor() + " of output " + spec.name()
                        + " is not in the graph, which has " + graph.keySet() + "; correct outputs in model.json");
            }
            TensorInfo info = tensor("output", spec.tensor(), node.getInfo());
            used.put(spec.tensor(), type("output", spec.tensor(), info));
            if (Arrays.stream(info.getShape()).allMatch(n -> n >= 0)) {
                checkIndex(spec, info.getShape());
            }
        }
        if (used.isEmpty()) {
            throw rejected("the contract has no outputs; name at least one in model.json");
        }
        return used;
    }

    /** Checks indices against the shapes of an answer. */
    void checkIndices(Map<String, long[]> shapes) throws ModelRejectedException {
        for (OutputSpec spec : contract.outputs()) {
            checkIndex(spec, shapes.getOrDefault(spec.tensor(), new long[] {0}));
        }
    }

    private void checkIndex(OutputSpec spec, long[] shape) throws ModelRejectedException {
        int elements = elements("output", spec.tensor(), shape);
        if (spec.index() < 0 || spec.index() >= elements) {
            throw rejected("output " + spec.name() + " is element " + spec.index() + " of tensor " + spec.tensor()
                    + ", which has " + elements + " (shape " + Arrays.toString(shape)
                    + "); correct outputs in model.json");
        }
    }

    /** Number of elements of a shape. */
    int elements(String side, String name, long[] shape) throws ModelRejectedException {
        long elements = 1;
        for (long n : shape) {
            elements = n < 0 || n > ELEMENT_LIMIT ? ELEMENT_LIMIT + 1L : elements * n;
            if (elements > ELEMENT_LIMIT) {
                throw rejected(side + " tensor " + name + " of shape " + dims(shape) + " has more than " + ELEMENT_LIMIT
                        + " elements; make it smaller");
            }
        }
        return (int) elements;
    }

    private TensorInfo tensor(String side, String name, ValueInfo info) throws ModelRejectedException {
        if (info instanceof TensorInfo tensor) {
            return tensor;
        }
        throw rejected(side + " " + name + " is no tensor but " + info
                + "; use a tensor output (for a scikit-learn classifier" + " export with zipmap=False)");
    }

    private ElementType type(String side, String name, TensorInfo info) throws ModelRejectedException {
        OnnxJavaType type = info.type;
        return switch (type) {
            case FLOAT -> ElementType.FLOAT32;
            case DOUBLE -> ElementType.FLOAT64;
            case INT64 -> ElementType.INT64;
            default ->
                throw rejected(side + " tensor " + name + " is " + type
                        + "; FLOAT32, FLOAT64 and INT64 are supported, add a Cast to the graph");
        };
    }

    ModelRejectedException rejected(String reason) {
        return new ModelRejectedException(Text.line(label + ": " + reason));
    }

    private static String dims(long[] shape) {
        return Arrays.stream(shape)
                .mapToObj(n -> n < 0 ? "any" : Long.toString(n))
                .toList()
                .toString();
    }
}
