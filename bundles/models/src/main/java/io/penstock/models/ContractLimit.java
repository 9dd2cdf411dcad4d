// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.memory.ContractMemory;
import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.preprocessing.FeatureEngine;
import java.util.Optional;

/** Refuses a contract that a gateway cannot hold: the same figures when packing, verifying and taking in. */
final class ContractLimit {
    private ContractLimit() {}

    /** @return what it takes in a pipeline for which nothing is configured. */
    static ContractMemory check(ModelContract contract, long graphBytes, FeatureEngine engine, MemoryBudget budget)
            throws ModelRejectedException {
        ContractMemory memory;
        try {
            memory = ContractMemory.of(contract, graphBytes, engine, ContractMemory.Surroundings.usual(contract));
        } catch (IllegalArgumentException e) {
            throw new ModelRejectedException("model.json: " + e.getMessage(), e);
        }
        Optional<String> refusal = memory.refusal(budget);
        if (refusal.isPresent()) {
            throw new ModelRejectedException(refusal.get());
        }
        return memory;
    }
}
