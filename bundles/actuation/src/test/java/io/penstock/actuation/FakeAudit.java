// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;

/** Keeps records in memory, or refuses them. */
final class FakeAudit implements AuditLog {
    final Queue<AuditRecord> records = new ConcurrentLinkedQueue<>();
    volatile boolean writable = true;
    /** Takes records and throws them away: for counting allocation. */
    volatile boolean forgetful;
    /** While somebody waits for the disk. */
    volatile Consumer<AuditRecord> beforeCommit = entry -> {};

    @Override
    public boolean append(AuditRecord entry) {
        if (writable && !forgetful) {
            records.add(entry);
        }
        return writable;
    }

    @Override
    public boolean commit(AuditRecord entry, long timeoutMs) {
        beforeCommit.accept(entry);
        return append(entry);
    }

    @Override
    public Kept insist(AuditRecord entry, long timeoutMs) {
        if (!forgetful) {
            records.add(entry);
        }
        return writable ? Kept.ON_DISK : Kept.IN_MEMORY;
    }

    @Override
    public void tally(AuditRecord entry) {
        append(entry);
    }

    @Override
    public boolean writable() {
        return writable;
    }

    @Override
    public boolean flush(long timeoutMs) {
        return writable;
    }

    long count(String action) {
        return records.stream().filter(r -> r.action().equals(action)).count();
    }

    AuditRecord last(String action) {
        return records.stream()
                .filter(r -> r.action().equals(action))
                .reduce((first, second) -> second)
                .orElseThrow(() -> new AssertionError("no " + action + " in " + records));
    }
}
