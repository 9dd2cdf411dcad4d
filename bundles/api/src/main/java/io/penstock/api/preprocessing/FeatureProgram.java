// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.preprocessing;

import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import java.util.Map;
import org.osgi.annotation.versioning.ProviderType;

/** The compiled features of one contract, with the state of their operators. One thread; allocates nothing per cycle. */
@ProviderType
public interface FeatureProgram {
    /** New features in the layout of the contract. */
    Features newFeatures();

    /**
     * Computes the features of a frame whose inputs are the contract's, in its order, and the status the prediction inherits:
     * missing and stale inputs, substitutes, warm-up and values outside the range seen in training all show in it.
     */
    void apply(Frame frame, Features features);

    /** State by key; the key names input, operators and parameters up to and including the one whose state it is. */
    Map<String, byte[]> saveState();

    /**
     * Takes over what has a matching key.
     *
     * @return how many operators with state took theirs over, and how many there are.
     */
    Restored restoreState(Map<String, byte[]> state);

    /** Result of {@link #restoreState}. */
    record Restored(int restored, int total) {}
}
