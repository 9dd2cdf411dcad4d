// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.examples.coagulant;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.List;

/**
 * Two forests, the dose and the half-width of its interval, as one graph: {@code x → TreeEnsembleRegressor → MatMul → Clip →
 * y = [dose, dose - width, dose + width]}. Writes the same bytes for the same forests: nothing in it comes from a clock, a
 * hash order or a provenance.
 */
final class OnnxWriter {
    static final int OPSET = 17;
    private static final int OPSET_ML = 3;
    private static final int IR_VERSION = 8;
    private static final float[] DOSE_AND_INTERVAL = {1, 1, 1, 0, -1, 1};

    private final List<Long> trees = new ArrayList<>();
    private final List<Long> nodes = new ArrayList<>();
    private final List<Long> columns = new ArrayList<>();
    private final List<Float> thresholds = new ArrayList<>();
    private final List<Long> greater = new ArrayList<>();
    private final List<Long> notGreater = new ArrayList<>();
    private final AttributeProto.Builder modes = attribute("nodes_modes", AttributeType.STRINGS);
    private final List<Long> leafTrees = new ArrayList<>();
    private final List<Long> leafNodes = new ArrayList<>();
    private final List<Long> leafTargets = new ArrayList<>();
    private final List<Float> leafWeights = new ArrayList<>();
    private long tree;

    private OnnxWriter() {}

    static byte[] write(Forest dose, Forest halfWidth, int columns, float low, float high) {
        OnnxWriter writer = new OnnxWriter();
        writer.add(dose, 0);
        writer.add(halfWidth, 1);
        return writer.model(columns, low, high).toByteArray();
    }

    private void add(Forest forest, long target) {
        for (List<Forest.Branch> branches : forest.trees()) {
            for (int node = 0; node < branches.size(); node++) {
                Forest.Branch branch = branches.get(node);
                trees.add(tree);
                nodes.add((long) node);
                columns.add((long) Math.max(0, branch.column()));
                thresholds.add(branch.threshold());
                greater.add((long) branch.greater());
                notGreater.add((long) branch.notGreater());
                modes.addStrings(ByteString.copyFromUtf8(branch.isLeaf() ? "LEAF" : "BRANCH_GT"));
                if (branch.isLeaf()) {
                    leafTrees.add(tree);
                    leafNodes.add((long) node);
                    leafTargets.add(target);
                    leafWeights.add((float) branch.value());
                }
            }
            tree++;
        }
    }

    private ModelProto model(int inputs, float low, float high) {
        NodeProto ensemble = NodeProto.newBuilder()
                .setOpType("TreeEnsembleRegressor")
                .setDomain("ai.onnx.ml")
                .addInput("x")
                .addOutput("doseAndWidth")
                .addAttribute(ints("nodes_treeids", trees))
                .addAttribute(ints("nodes_nodeids", nodes))
                .addAttribute(ints("nodes_featureids", columns))
                .addAttribute(floats("nodes_values", thresholds))
                .addAttribute(ints("nodes_truenodeids", greater))
                .addAttribute(ints("nodes_falsenodeids", notGreater))
                .addAttribute(modes)
                .addAttribute(ints("target_treeids", leafTrees))
                .addAttribute(ints("target_nodeids", leafNodes))
                .addAttribute(ints("target_ids", leafTargets))
                .addAttribute(floats("target_weights", leafWeights))
                .addAttribute(text("aggregate_function", "SUM"))
                .addAttribute(text("post_transform", "NONE"))
                .addAttribute(attribute("n_targets", AttributeType.INT).setI(2))
                .build();
        GraphProto graph = GraphProto.newBuilder()
                .setName("coagulant-dose")
                .addInput(value("x", inputs))
                .addNode(ensemble)
                .addNode(node("MatMul", List.of("doseAndWidth", "weights"), "bounds"))
                .addNode(node("Clip", List.of("bounds", "low", "high"), "y"))
                .addInitializer(tensor("weights", List.of(2L, 3L), DOSE_AND_INTERVAL))
                .addInitializer(tensor("low", List.of(), low))
                .addInitializer(tensor("high", List.of(), high))
                .addOutput(value("y", 3))
                .build();
        return ModelProto.newBuilder()
                .setIrVersion(IR_VERSION)
                .setProducerName("penstock")
                .addOpsetImport(opset("", OPSET))
                .addOpsetImport(opset("ai.onnx.ml", OPSET_ML))
                .setGraph(graph)
                .build();
    }

    private static NodeProto node(String operator, List<String> inputs, String output) {
        return NodeProto.newBuilder()
                .setOpType(operator)
                .addAllInput(inputs)
                .addOutput(output)
                .build();
    }

    private static OperatorSetIdProto opset(String domain, long version) {
        return OperatorSetIdProto.newBuilder()
                .setDomain(domain)
                .setVersion(version)
                .build();
    }

    private static ValueInfoProto value(String name, int columns) {
        TensorShapeProto shape = TensorShapeProto.newBuilder()
                .addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(1))
                .addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(columns))
                .build();
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder()
                                .setElemType(TensorProto.DataType.FLOAT.getNumber())
                                .setShape(shape)))
                .build();
    }

    private static TensorProto tensor(String name, List<Long> shape, float... values) {
        TensorProto.Builder tensor = TensorProto.newBuilder()
                .setName(name)
                .setDataType(TensorProto.DataType.FLOAT.getNumber())
                .addAllDims(shape);
        for (float value : values) {
            tensor.addFloatData(value);
        }
        return tensor.build();
    }

    private static AttributeProto.Builder attribute(String name, AttributeType type) {
        return AttributeProto.newBuilder().setName(name).setType(type);
    }

    private static AttributeProto ints(String name, List<Long> values) {
        return attribute(name, AttributeType.INTS).addAllInts(values).build();
    }

    private static AttributeProto floats(String name, List<Float> values) {
        return attribute(name, AttributeType.FLOATS).addAllFloats(values).build();
    }

    private static AttributeProto text(String name, String value) {
        return attribute(name, AttributeType.STRING)
                .setS(ByteString.copyFromUtf8(value))
                .build();
    }
}
