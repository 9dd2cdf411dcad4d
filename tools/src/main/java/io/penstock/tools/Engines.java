// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.inference.onnx.OnnxInferenceEngine;
import io.penstock.preprocessing.FeatureEngines;

/** The engines of the gateway, on this machine. */
final class Engines implements AutoCloseable {
    private final OnnxInferenceEngine inference = new OnnxInferenceEngine();

    FeatureEngine features() {
        return FeatureEngines.standard();
    }

    InferenceEngine inference() {
        return inference;
    }

    @Override
    public void close() {
        inference.close();
    }
}
