// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.preprocessing;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * An operator that takes samples at their own pace and gives values on the grid of the cycles: operators before it see
 * every sample, operators after it one value per cycle. A chain has at most one; without it the frame's last value is taken.
 */
@ConsumerType
public interface GridOperator extends Operator {
    /** Takes a sample; its result is of no interest. */
    @Override
    void apply(Signal signal);

    /** Sets value and status of {@code signal} for its {@code timeNs}, out of samples not newer than that. */
    void emit(Signal signal);
}
