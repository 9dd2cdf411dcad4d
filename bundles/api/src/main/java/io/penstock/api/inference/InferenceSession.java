// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.inference;

import io.penstock.api.data.Features;
import io.penstock.api.data.Prediction;
import io.penstock.api.model.ModelIdentity;
import org.osgi.annotation.versioning.ProviderType;

/** One open model with preallocated inputs and outputs. One thread at a time; {@link #close} waits for a run to end. */
@ProviderType
public interface InferenceSession extends AutoCloseable {
    ModelIdentity model();

    /**
     * Runs the model and sets the values of {@code prediction} by the order of the contract's outputs, with status Good. Where
     * it fails no output has a value: {@code BadTimeout} past the deadline, {@code BadInternalError} where the model throws
     * or gives NaN or infinity.
     *
     * @return the status set.
     */
    int run(Features features, Prediction prediction);

    /** Why the last run failed, empty if it did not. */
    String lastError();

    @Override
    void close();
}
