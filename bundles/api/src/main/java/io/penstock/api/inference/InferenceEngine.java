// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.inference;

import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelRejectedException;
import org.osgi.annotation.versioning.ProviderType;

/** Opens models. Thread-safe. */
@ProviderType
public interface InferenceEngine {
    /**
     * Opens a verified model and runs it on neutral input until it is warm, so that the first cycle is not slower.
     *
     * @throws ModelRejectedException if the graph does not load, its inputs or outputs differ from the contract, it does not
     *     answer within the contract's deadline, or a budget is exceeded.
     */
    InferenceSession open(ModelArtifact model) throws ModelRejectedException;

    /** Name and version of the runtime, e.g. {@code ONNX Runtime 1.29.0}. */
    String runtime();
}
