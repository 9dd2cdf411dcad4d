// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.preprocessing;

import io.penstock.api.model.OperatorSpec;
import org.osgi.annotation.versioning.ConsumerType;

/** Makes one kind of operator. Whiteboard service; thread-safe. */
@ConsumerType
public interface OperatorFactory {
    /** The name contracts use, e.g. {@code hampel}. */
    String operator();

    /**
     * @throws IllegalArgumentException naming operator, parameter, value and limit; unknown parameters are refused.
     */
    Operator create(OperatorSpec spec);

    /**
     * Most heap in bytes that such an operator ever takes, its window full. Asked before {@link #create}: what does not fit into
     * the gateway is never made.
     *
     * @param shortestMs the samples it sees are at least so far apart, 0 if nothing is known of it.
     * @throws IllegalArgumentException as {@link #create}.
     */
    long bytes(OperatorSpec spec, long shortestMs);
}
