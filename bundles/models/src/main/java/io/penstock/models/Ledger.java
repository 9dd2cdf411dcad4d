// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.audit.AuditRecord;
import io.penstock.api.model.Receipt;
import java.time.Instant;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes down what was decided: state with receipt, log, audit. Whoever calls holds {@link Parts#deciding}; nothing waits. */
final class Ledger {
    private static final Logger LOG = LoggerFactory.getLogger(Ledger.class);

    private final ReleaseStore store;
    private final Retention retention;
    private final Swaps swaps;
    private final Consumer<AuditRecord> audit;
    private final Runnable tidied;

    /** @param tidied called after each change of what is needed. */
    Ledger(ReleaseStore store, Retention retention, Swaps swaps, Consumer<AuditRecord> audit, Runnable tidied) {
        this.store = store;
        this.retention = retention;
        this.swaps = swaps;
        this.audit = audit;
        this.tidied = tidied;
    }

    void finish(State state, Receipt receipt, String action, String actor) {
        store.record(state.withReceipt(receipt));
        tidy();
        String model = receipt.model() == null ? "" : " (" + receipt.model().label() + ")";
        switch (receipt.outcome()) {
            case ACTIVATED ->
                LOG.info(
                        "Release {}{} serves on {}: {}",
                        receipt.file(),
                        model,
                        receipt.pipelines(),
                        receipt.steps().get(receipt.steps().size() - 1));
            case ROLLED_BACK -> LOG.warn("{} returned to{}: {}", receipt.pipelines(), model, receipt.reason());
            case ROLLBACK_FAILED -> LOG.error("No model serves on {}: {}", receipt.pipelines(), receipt.reason());
            default ->
                LOG.warn(
                        "Release {}{} {}: {}{}",
                        receipt.file(),
                        model,
                        receipt.outcome(),
                        receipt.reason(),
                        receipt.file().endsWith(ReleaseFile.SUFFIX)
                                        && !receipt.reason().contains(" again")
                                ? "; to have it tried again, remove the file and drop it anew"
                                : "");
        }
        Instant time = receipt.time();
        audit.accept(AuditRecord.of(
                time.getEpochSecond() * 1_000_000_000L + time.getNano(),
                actor,
                action,
                receipt.file() + model,
                receipt.outcome() + " on " + receipt.pipelines()
                        + (receipt.reason().isEmpty() ? "" : ": " + receipt.reason())));
    }

    /** Removes what is no longer needed, and notes who serves for the case of a crash. */
    void tidy() {
        retention.cleanUp(swaps.ids());
        store.later(() -> retention.remove(swaps::ids));
        markServing();
        tidied.run();
    }

    void markServing() {
        store.markServing(store.state().pipelines().values().stream()
                .map(State.Serving::current)
                .distinct()
                .toList());
    }
}
