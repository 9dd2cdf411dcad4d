// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.preprocessing.OperatorFactory;
import java.util.Collection;
import java.util.List;

/**
 * The engine outside OSGi: the command line and the central team make training features with the very code that runs on the
 * gateway.
 */
public final class FeatureEngines {
    private FeatureEngines() {}

    /** An engine with the operators of this room. */
    public static FeatureEngine standard() {
        return standard(List.of());
    }

    /** The same, with further operators. */
    public static FeatureEngine standard(Collection<OperatorFactory> further) {
        return new OperatorFeatureEngine(further);
    }
}
