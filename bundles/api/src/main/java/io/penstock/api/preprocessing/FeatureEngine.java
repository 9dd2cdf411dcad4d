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
     * Most heap that a program of this contract takes, in bytes, with its windows full and its state saved beside it. Makes
     * nothing of that size itself, so it is asked before {@link #compile}.
     *
     * @param shortestCycleMs frames are at least so far apart, 0 if nothing is known of it.
     * @throws IllegalArgumentException as {@link #compile}.
     */
    ProgramMemory memory(ModelContract contract, long shortestCycleMs);

    /**
     * What a program takes.
     *
     * @param bytes on the heap.
     * @param largest what takes most of it, for people; empty where nothing stands out.
     */
    record ProgramMemory(long bytes, String largest) {}

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
