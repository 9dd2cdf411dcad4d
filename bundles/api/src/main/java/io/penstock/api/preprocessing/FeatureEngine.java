// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.preprocessing;

import io.penstock.api.model.ModelContract;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/** Turns a contract's features into a program. Thread-safe. */
@ProviderType
public interface FeatureEngine {
    /**
     * @throws IllegalArgumentException naming feature, operator, parameter, value and limit.
     */
    FeatureProgram compile(ModelContract contract);

    /**
     * The conversion between two units given by UNECE common code.
     *
     * @return empty if they measure different things or one is unknown.
     */
    Optional<UnitConversion> conversion(String fromUnit, String toUnit);

    /** {@code to = factor * from + offset}. */
    record UnitConversion(double factor, double offset) {
        public double apply(double value) {
            return factor * value + offset;
        }
    }
}
