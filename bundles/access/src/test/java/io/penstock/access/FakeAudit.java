// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import java.util.List;

/** Keeps records in a list. */
class FakeAudit implements AuditLog {
    private final List<AuditRecord> records;

    FakeAudit(List<AuditRecord> records) {
        this.records = records;
    }

    @Override
    public boolean append(AuditRecord entry) {
        return records.add(entry);
    }

    @Override
    public boolean commit(AuditRecord entry, long timeoutMs) {
        return records.add(entry);
    }

    @Override
    public Kept insist(AuditRecord entry, long timeoutMs) {
        records.add(entry);
        return Kept.ON_DISK;
    }

    @Override
    public void tally(AuditRecord entry) {
        records.add(entry);
    }

    @Override
    public boolean writable() {
        return true;
    }

    @Override
    public boolean flush(long timeoutMs) {
        return true;
    }
}
