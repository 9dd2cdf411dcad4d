// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.Budget;
import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelContract.FeatureSpec;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.MissingPolicy;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.OperatorSpec;
import io.penstock.api.preprocessing.FeatureProgram;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Makes contracts for tests, and runs their programs cycle by cycle. */
final class Contracts {
    static final long MS = 1_000_000L;

    private final List<InputSpec> inputs = new ArrayList<>();
    private final List<FeatureSpec> features = new ArrayList<>();
    private final List<TensorSpec> tensors = new ArrayList<>();
    private long cycleMs = 1000;

    static InputSpec input(String name) {
        return new InputSpec(name, "NTU", true, 0, 100, 5000, MissingPolicy.FAIL, 0, Double.NaN);
    }

    static InputSpec optional(InputSpec in) {
        return new InputSpec(
                in.name(),
                in.unit(),
                false,
                in.low(),
                in.high(),
                in.maximumAgeMs(),
                in.missing(),
                in.holdMs(),
                in.constant());
    }

    static InputSpec holding(String name, long holdMs) {
        return new InputSpec(name, "NTU", true, 0, 100, 5000, MissingPolicy.HOLD_LAST, holdMs, Double.NaN);
    }

    static InputSpec constant(String name, double constant) {
        return new InputSpec(name, "NTU", true, 0, 100, 5000, MissingPolicy.CONSTANT, 0, constant);
    }

    static InputSpec nan(String name) {
        return new InputSpec(name, "NTU", true, 0, 100, 5000, MissingPolicy.NAN, 0, Double.NaN);
    }

    Contracts with(InputSpec input) {
        inputs.add(input);
        return this;
    }

    Contracts cycleMs(long ms) {
        cycleMs = ms;
        return this;
    }

    /** @param chain e.g. {@code "hampel window=7 | log1p"}. */
    Contracts feature(String name, String input, String chain) {
        features.add(new FeatureSpec(name, input, Operators.specs(chain)));
        return this;
    }

    Contracts tensor(int rows, String... names) {
        List<Long> shape = rows == 1 ? List.of(1L, (long) names.length) : List.of(1L, (long) rows, (long) names.length);
        return tensor(shape, rows, names);
    }

    Contracts tensor(List<Long> shape, int rows, String... names) {
        tensors.add(new TensorSpec("x" + tensors.size(), ElementType.FLOAT32, shape, rows, List.of(names)));
        return this;
    }

    ModelContract contract() {
        return new ModelContract("test", "1.0.0", cycleMs, inputs, features, tensors, List.of(), new Budget(50, 64));
    }

    /** Names of the operators in it. */
    Set<String> operators() {
        return features.stream()
                .flatMap(feature -> feature.operators().stream())
                .map(OperatorSpec::operator)
                .collect(Collectors.toSet());
    }

    CompiledProgram program() {
        return (CompiledProgram) FeatureEngines.standard().compile(contract());
    }

    Run run() {
        return new Run(program(), contract().inputNames());
    }

    Run run(FeatureProgram program) {
        return new Run((CompiledProgram) program, contract().inputNames());
    }

    /** A program and its frame; the grid is one second unless told otherwise. */
    static final class Run {
        final CompiledProgram program;
        final Frame frame;
        final Features features;
        private long cycle;

        Run(CompiledProgram program, List<String> inputs) {
            this.program = program;
            frame = new Frame(inputs);
            features = program.newFeatures();
        }

        Run at(double seconds) {
            frame.begin(++cycle, Operators.T0 + Math.round(seconds * Operators.SECOND));
            return this;
        }

        /** A fresh sample of this instant. */
        Run value(int input, double value, int status) {
            return sample(input, value, status, 0);
        }

        Run sample(int input, double value, int status, long ageMs) {
            frame.set(input, value, status, frame.instantNs() - ageMs * MS, ageMs * MS);
            return this;
        }

        Run pending(int input, double seconds, double value, int status) {
            long timeNs = Operators.T0 + Math.round(seconds * Operators.SECOND);
            frame.addPending(input, value, status, timeNs);
            frame.set(input, value, status, timeNs, frame.instantNs() - timeNs);
            return this;
        }

        Features apply() {
            program.apply(frame, features);
            return features;
        }

        /** One input, one fresh value. */
        Features step(double seconds, double value, int status) {
            return at(seconds).value(0, value, status).apply();
        }
    }
}
