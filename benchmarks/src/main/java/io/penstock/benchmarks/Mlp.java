// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.Budget;
import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.ModelIdentity;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;

/** The model of the benchmarks: 8 inputs, 16 hidden units, 1 output, float32. */
public final class Mlp {
    public static final int INPUTS = 8;

    private static final List<String> FEATURES = List.of("f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7");

    private Mlp() {}

    public static byte[] onnx() throws IOException {
        try (InputStream in = Mlp.class.getResourceAsStream("mlp.onnx")) {
            return in.readAllBytes();
        }
    }

    static ModelArtifact artifact() throws IOException {
        ModelContract contract = new ModelContract(
                "mlp",
                "1.0.0",
                0,
                List.of(),
                List.of(),
                List.of(new TensorSpec("x", ElementType.FLOAT32, List.of(1L, (long) INPUTS), 1, FEATURES)),
                List.of(new OutputSpec("y", "y", 0, "", -1e9, 1e9, "", "")),
                new Budget(50, 64));
        return new ModelArtifact(new ModelIdentity("mlp", "1.0.0", 1, "", "CN=benchmark"), contract, onnx());
    }
}
