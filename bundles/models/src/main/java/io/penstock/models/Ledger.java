// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.access.Actor;
import io.penstock.api.audit.AuditLog.Kept;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.audit.AuditTrail;
import io.penstock.api.model.Receipt;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes down what was decided: state with receipt, log, audit. */
final class Ledger {
    private static final Logger LOG = LoggerFactory.getLogger(Ledger.class);
    private static final long RECORD_MS = 1_000;
    private static final Actor GATEWAY = new Actor(AuditRecord.GATEWAY, Set.of(), AuditRecord.GATEWAY);

    private final ReleaseStore store;
    private final Retention retention;
    private final Swaps swaps;
    private final AuditTrail audit;
    private final ReentrantLock deciding;
    private final Runnable tidied;

    /** @param tidied called after each change of what is needed. */
    Ledger(
            ReleaseStore store,
            Retention retention,
            Swaps swaps,
            AuditTrail audit,
            ReentrantLock deciding,
            Runnable tidied) {
        this.store = store;
        this.retention = retention;
        this.swaps = swaps;
        this.audit = audit;
        this.deciding = deciding;
        this.tidied = tidied;
    }

    /** Whether what is decided can be recorded at present. */
    boolean recording() {
        return audit.writable();
    }

    /** What the gateway did by itself. */
    Receipt recorded(Receipt receipt, String action) {
        return recorded(receipt, action, GATEWAY);
    }

    /**
     * Puts a decision into the audit, before it is answered; what has happened is answered all the same. Waits for the disk,
     * unless the caller holds {@link Parts#deciding}: an urgent act must not wait for the record of another.
     *
     * @return the receipt, which tells also that its record is not on disk yet.
     */
    Receipt recorded(Receipt receipt, String action, Actor actor) {
        String model = receipt.model() == null ? "" : " (" + receipt.model().label() + ")";
        Instant time = receipt.time();
        AuditRecord entry = AuditRecord.of(
                time.getEpochSecond() * 1_000_000_000L + time.getNano(),
                actor,
                action,
                receipt.file() + model,
                receipt.outcome() + " on " + receipt.pipelines()
                        + (receipt.reason().isEmpty() ? "" : ": " + receipt.reason()));
        boolean waits = !deciding.isHeldByCurrentThread();
        Kept kept = audit.insist(entry, waits ? RECORD_MS : 0);
        if (kept == Kept.ON_DISK || !waits) {
            return receipt;
        }
        LOG.warn("{} of {} on {}: {}", action, receipt.file(), receipt.pipelines(), kept.remark());
        return with(receipt, "NOT RECORDED " + kept.remark());
    }

    /** Makes a decision the state; who calls holds {@link Parts#deciding}, and nothing waits. */
    void finish(State state, Receipt receipt) {
        store.record(state.withReceipt(receipt));
        tidy();
        tell(receipt);
    }

    private static Receipt with(Receipt receipt, String step) {
        List<String> steps = new ArrayList<>(receipt.steps());
        steps.add(step);
        return new Receipt(
                receipt.file(),
                receipt.model(),
                receipt.pipelines(),
                receipt.outcome(),
                receipt.reason(),
                steps,
                receipt.time());
    }

    private static void tell(Receipt receipt) {
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
