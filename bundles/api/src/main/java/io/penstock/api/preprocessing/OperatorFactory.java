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
}
