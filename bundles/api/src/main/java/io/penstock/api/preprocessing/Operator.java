// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.preprocessing;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A stateful, causal, deterministic function on one signal. Called by one thread; allocates nothing per sample.
 *
 * <p>It sees samples in strictly ascending time. Implementations state in their Javadoc: warm-up, what Bad and Uncertain
 * samples do, what a gap does.
 */
@ConsumerType
public interface Operator {
    /** Takes the sample in {@code signal} and replaces its value and status by the result. */
    void apply(Signal signal);

    /** Writes the state, so that {@link #restore} on a new operator with the same parameters continues as if nothing happened. */
    default void save(DataOutput out) throws IOException {}

    default void restore(DataInput in) throws IOException {}
}
