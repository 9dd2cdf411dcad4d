// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.penstock.api.data.Features;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.Budget;
import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelContract.FeatureSpec;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.MissingPolicy;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.model.ModelContract.TensorLayout;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.ModelIdentity;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** The models that make_models.py made, with contracts that fit. */
final class TestModels {
    private final String name;
    private final List<TensorSpec> tensors = new ArrayList<>();
    private final List<OutputSpec> outputs = new ArrayList<>();
    private long deadlineMs = 1_000;
    private long memoryMiB = 64;
    private boolean takesNaN;

    private TestModels(String name) {
        this.name = name;
    }

    /** A model without tensors and outputs yet. */
    static TestModels named(String name) {
        return new TestModels(name);
    }

    /** One that most tests use: 8 inputs, one hidden layer, one output. */
    static TestModels mlp() {
        return named("mlp").input("x", ElementType.FLOAT32, 1, 8).output("y", "y", 0);
    }

    TestModels input(String tensor, ElementType type, long... shape) {
        long elements = product(shape);
        return window(tensor, type, 1, (int) elements, shape);
    }

    private static long product(long... shape) {
        long elements = 1;
        for (long n : shape) {
            elements *= n;
        }
        return elements;
    }

    TestModels window(String tensor, ElementType type, int rows, int columns, long... shape) {
        return window(tensor, type, rows, columns, TensorLayout.ROWS_FEATURES, shape);
    }

    TestModels window(String tensor, ElementType type, int rows, int columns, TensorLayout layout, long... shape) {
        List<String> features =
                IntStream.range(0, columns).mapToObj(i -> tensor + i).toList();
        List<Long> dims = new ArrayList<>();
        for (long n : shape) {
            dims.add(n);
        }
        tensors.add(new TensorSpec(tensor, type, dims, rows, features, layout));
        return this;
    }

    TestModels output(String output, String tensor, int index) {
        outputs.add(new OutputSpec(output, tensor, index, "", -1e9, 1e9, "", ""));
        return this;
    }

    TestModels deadlineMs(long value) {
        deadlineMs = value;
        return this;
    }

    /** Its inputs' missing policy is {@code nan}. */
    TestModels takingNaN() {
        takesNaN = true;
        return this;
    }

    TestModels memoryMiB(long value) {
        memoryMiB = value;
        return this;
    }

    ModelArtifact artifact() {
        return artifact(bytes(name + ".onnx"));
    }

    ModelArtifact artifact(byte[] onnx) {
        MissingPolicy missing = takesNaN ? MissingPolicy.NAN : MissingPolicy.FAIL;
        List<FeatureSpec> features = tensors.stream()
                .flatMap(tensor -> tensor.features().stream())
                .map(feature -> new FeatureSpec(feature, "in", List.of()))
                .toList();
        ModelContract contract = new ModelContract(
                name,
                "1.0.0",
                1_000,
                List.of(new InputSpec("in", "", true, -1e9, 1e9, 1_000, missing, 0, Double.NaN)),
                features,
                tensors,
                outputs,
                new Budget(deadlineMs, memoryMiB));
        return new ModelArtifact(new ModelIdentity(name, "1.0.0", 1, "00", "CN=test"), contract, onnx);
    }

    /** Features in the layout of a contract, all 1. */
    static Features features(ModelContract contract) {
        Features features = new Features(
                List.of(),
                contract.tensors().stream()
                        .map(spec -> new Features.Layout(
                                spec.name(),
                                spec.rows(),
                                spec.features().stream().map(f -> 0).toList()))
                        .toList());
        for (int i = 0; i < contract.tensors().size(); i++) {
            java.util.Arrays.fill(features.tensor(i), 1);
        }
        return features;
    }

    /** What numpy says a model answers. */
    static JsonNode expected(String model) {
        try {
            return new ObjectMapper().readTree(bytes("expected.json")).get(model);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    static byte[] bytes(String file) {
        try (InputStream in = TestModels.class.getResourceAsStream("/models/" + file)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
