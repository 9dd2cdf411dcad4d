// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.model;

import java.util.List;

/**
 * The contract of a model bundle, {@code PENSTOCK-INF/model.json}. Immutable; names are unique per list and references
 * resolve, which the reader of the file checks.
 *
 * @param name model name.
 * @param version model version.
 * @param cycleMs period of the grid the operators were tuned for, 0 if any trigger will do.
 * @param inputs plant signals in the order of the frame.
 * @param features numbers made of them.
 * @param tensors input tensors of the graph.
 * @param outputs what it predicts.
 * @param budget what it may use.
 */
public record ModelContract(
        String name,
        String version,
        long cycleMs,
        List<InputSpec> inputs,
        List<FeatureSpec> features,
        List<TensorSpec> tensors,
        List<OutputSpec> outputs,
        Budget budget) {
    public ModelContract {
        inputs = List.copyOf(inputs);
        features = List.copyOf(features);
        tensors = List.copyOf(tensors);
        outputs = List.copyOf(outputs);
    }

    /** Names of the inputs, in order. */
    public List<String> inputNames() {
        return inputs.stream().map(InputSpec::name).toList();
    }

    /** Names of the outputs, in order. */
    public List<String> outputNames() {
        return outputs.stream().map(OutputSpec::name).toList();
    }

    /**
     * What happens when an input is Bad or too old.
     */
    public enum MissingPolicy {
        /** the prediction is Bad. */
        FAIL,
        /** the last Good value, Uncertain, for at most {@code holdMs}; then as FAIL (or as absent where not required). */
        HOLD_LAST,
        /** a constant of the contract, Uncertain. */
        CONSTANT,
        /** NaN goes into the features; the model was trained for it. */
        NAN
    }

    /**
     * One plant signal the model wants.
     *
     * @param name name in the contract; a pipeline binds it to a tag.
     * @param unit UNECE common code, empty for none.
     * @param required whether the prediction is worthless without it.
     * @param low lowest value seen in training.
     * @param high highest value seen in training.
     * @param maximumAgeMs older than this counts as missing.
     * @param missing what then happens.
     * @param holdMs for {@code HOLD_LAST}.
     * @param constant for {@code CONSTANT}, else NaN.
     */
    public record InputSpec(
            String name,
            String unit,
            boolean required,
            double low,
            double high,
            long maximumAgeMs,
            MissingPolicy missing,
            long holdMs,
            double constant) {}

    /**
     * One number made of one input (operators may refer to further inputs by parameter).
     *
     * @param name name of the feature.
     * @param input name of the input it starts from.
     * @param operators applied in order.
     */
    public record FeatureSpec(String name, String input, List<OperatorSpec> operators) {
        public FeatureSpec {
            operators = List.copyOf(operators);
        }
    }

    /** Element types of tensors. */
    public enum ElementType {
        FLOAT32,
        FLOAT64,
        INT64
    }

    /** In which order a tensor holds a window; the last index changes fastest, as in ONNX. */
    public enum TensorLayout {
        /** all features of one cycle side by side, oldest cycle first; what recurrent networks take. */
        ROWS_FEATURES,
        /** all cycles of one feature side by side, oldest first; what convolutions call channels first. */
        FEATURES_ROWS
    }

    /**
     * One input tensor of the graph.
     *
     * @param name name in the graph.
     * @param type element type.
     * @param shape concrete shape, e.g. {@code [1, 8]} or {@code [1, 64, 8]}; its product is rows times features.
     * @param rows number of past cycles it spans, 1 for none.
     * @param features names of features, one per column.
     * @param layout how rows and features lie in it.
     */
    public record TensorSpec(
            String name, ElementType type, List<Long> shape, int rows, List<String> features, TensorLayout layout) {
        /** Rows by features. */
        public TensorSpec(String name, ElementType type, List<Long> shape, int rows, List<String> features) {
            this(name, type, shape, rows, features, TensorLayout.ROWS_FEATURES);
        }

        public TensorSpec {
            shape = List.copyOf(shape);
            features = List.copyOf(features);
        }
    }

    /**
     * One output.
     *
     * @param name name OT systems see.
     * @param tensor name of the output tensor in the graph.
     * @param index element of that tensor, row-major.
     * @param unit UNECE common code, empty for none.
     * @param low lowest sensible value; the model may only narrow a loop's envelope by it.
     * @param high highest sensible value.
     * @param lower name of the output that is the lower bound of its interval, empty for none.
     * @param upper name of the output that is the upper bound, empty for none.
     */
    public record OutputSpec(
            String name, String tensor, int index, String unit, double low, double high, String lower, String upper) {}

    /**
     * What the model may use.
     *
     * @param deadlineMs longest run; past it the run is terminated and the outputs are BadTimeout.
     * @param memoryMiB memory for graph and weights.
     */
    public record Budget(long deadlineMs, long memoryMiB) {}
}
