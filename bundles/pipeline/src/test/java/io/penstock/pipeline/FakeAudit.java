// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Keeps records in memory; its disk takes them or not. */
final class FakeAudit implements AuditLog {
    final List<AuditRecord> records = new CopyOnWriteArrayList<>();
    volatile Kept kept = Kept.ON_DISK;
    /** While somebody waits for the disk. */
    volatile Runnable beforeCommit = () -> {};

    @Override
    public boolean append(AuditRecord entry) {
        return records.add(entry);
    }

    @Override
    public boolean commit(AuditRecord entry, long timeoutMs) {
        beforeCommit.run();
        records.add(entry);
        return kept == Kept.ON_DISK;
    }

    @Override
    public Kept insist(AuditRecord entry, long timeoutMs) {
        records.add(entry);
        return kept;
    }

    @Override
    public void tally(AuditRecord entry) {
        records.add(entry);
    }

    @Override
    public boolean writable() {
        return kept == Kept.ON_DISK;
    }

    @Override
    public boolean flush(long timeoutMs) {
        return writable();
    }
}
