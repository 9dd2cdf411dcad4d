// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.memory.MemoryBudget;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;

/** The heap that all pipelines share, for models that serve and for those that come. Thread-safe. */
@Component(service = ContractShares.class)
public final class ContractShares {
    private final MemoryBudget budget;
    private final MemoryShare serving;
    private final MemoryShare coming;

    @Activate
    public ContractShares() {
        this(MemoryBudget.ofThisProcess());
    }

    ContractShares(MemoryBudget budget) {
        this.budget = budget;
        serving = new MemoryShare("all models that serve and their sample queues", budget.servingBytes(), budget);
        coming = new MemoryShare("all models that are to take over", budget.comingBytes(), budget);
    }

    MemoryBudget budget() {
        return budget;
    }

    MemoryShare serving() {
        return serving;
    }

    MemoryShare coming() {
        return coming;
    }
}
