// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import static io.penstock.api.memory.HeapSize.array;
import static io.penstock.api.memory.HeapSize.object;
import static io.penstock.api.memory.HeapSize.plus;
import static io.penstock.api.memory.HeapSize.text;
import static io.penstock.api.memory.HeapSize.times;

import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.FeatureSpec;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.OperatorSpec;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.preprocessing.OperatorFactory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Supplier;

/**
 * What a {@link CompiledProgram} takes, computed without making it: every window full, and the state of all of them saved
 * beside, as it is while models are exchanged.
 */
final class ProgramSize {
    /** While a state is written it stands there up to so many times more: a buffer that is just being doubled. */
    private static final int COPIES_WHILE_SAVING = 3;

    /** What a saved state costs beside its bytes: its place in a table and the sums of an operator. */
    private static final long STATE_ENTRY = 256;

    private static final long NAMED_FROM = 64 << 10;

    private final ModelContract contract;
    private final long shortestCycleMs;
    private final BiFunction<String, OperatorSpec, OperatorFactory> factories;
    private final Map<String, InputSpec> inputs = new HashMap<>();
    private final Map<String, Long> keys = new HashMap<>();
    private long sum = object(124);
    private long largestState;
    private long largest;
    private String largestName = "";

    ProgramSize(
            ModelContract contract, long shortestCycleMs, BiFunction<String, OperatorSpec, OperatorFactory> factories) {
        this.contract = contract;
        this.shortestCycleMs = shortestCycleMs;
        this.factories = factories;
    }

    FeatureEngine.ProgramMemory memory() {
        for (InputSpec input : contract.inputs()) {
            inputs.put(input.name(), input);
            add(object(84), text(input.name().length() + 16L), STATE_ENTRY);
        }
        int features = contract.features().size();
        add(array(features, 8), times(2, array(features, 4)), array(features, 1), times(features, 12));
        contract.features().forEach(this::feature);
        contract.tensors().forEach(this::tensor);
        return new FeatureEngine.ProgramMemory(
                plus(sum, times(COPIES_WHILE_SAVING, largestState)), largest < NAMED_FROM ? "" : largestName);
    }

    private void name(long bytes, Supplier<String> what) {
        if (bytes > largest) {
            largest = bytes;
            largestName = what.get();
        }
    }

    private void add(long... bytes) {
        sum = plus(sum, plus(bytes));
    }

    private void state(long bytes, long keyCharacters) {
        add(bytes, text(keyCharacters), STATE_ENTRY);
        largestState = Math.max(largestState, plus(bytes, text(keyCharacters)));
    }

    private void feature(FeatureSpec feature) {
        InputSpec input = inputs.get(feature.input());
        long key =
                input == null ? 0 : (long) input.name().length() + input.unit().length() + 32;
        List<OperatorSpec> operators = feature.operators();
        add(object(84), object(44), times(3, array(operators.size(), 8)), object(28));
        OperatorFactory[] made = new OperatorFactory[operators.size()];
        int grid = -1; // up to it operators may see every sample of a source, after it one value per cycle
        for (int i = 0; i < made.length; i++) {
            made[i] = factories.apply("feature '" + feature.name() + "', operator " + (i + 1) + ": ", operators.get(i));
            grid = StandardOperators.mayMakeAGrid(made[i]) ? i : grid;
        }
        for (int i = 0; i < made.length; i++) {
            OperatorSpec spec = operators.get(i);
            key = plus(key, 3, spec.toString().length());
            String where = "feature '" + feature.name() + "', operator " + (i + 1) + ": ";
            long operator = bytes(where, made[i], spec, i > grid ? shortestCycleMs : 0);
            add(object(36), text(key), operator);
            state(operator, plus(key, 8));
            String bound = spec.parameterNames().contains("windowMs")
                            || spec.parameterNames().contains("delayMs")
                    ? ", which mostSamples bounds"
                    : "";
            name(operator, () -> where + spec.operator() + bound);
        }
        keys.put(feature.name(), key);
    }

    private static long bytes(String where, OperatorFactory factory, OperatorSpec spec, long shortestMs) {
        try {
            return Math.max(0, factory.bytes(spec, shortestMs));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(where + e.getMessage(), e);
        }
    }

    private void tensor(TensorSpec tensor) {
        long columns = tensor.features().size();
        long elements = times(Math.max(0, tensor.rows()), columns);
        long key = 64;
        for (String feature : tensor.features()) {
            key = plus(key, 4, keys.getOrDefault(feature, 0L));
        }
        add(object(60), text(key), array(elements, 8), array(Math.max(0, tensor.rows()), 4), array(columns, 5));
        add(object(28), times(columns, 20)); // the layout, which numbers its columns
        name(
                array(elements, 8),
                () -> "input tensor '" + tensor.name() + "' of " + tensor.rows() + " rows x " + columns + " features");
        if (tensor.rows() > 1) {
            state(plus(array(elements, 8), array(tensor.rows(), 4)), 0);
        }
        largestState = Math.max(largestState, key);
    }
}
