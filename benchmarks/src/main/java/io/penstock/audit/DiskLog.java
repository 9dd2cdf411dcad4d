// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import io.penstock.api.audit.AuditLog;
import java.nio.file.Path;
import java.time.Clock;

/** The audit log of the product as it is configured by default, in a folder. */
public final class DiskLog implements AutoCloseable {
    private final AuditJournal journal;

    public DiskLog(Path folder) {
        journal = new AuditJournal(folder, new AuditJournal.Settings(8_192, 64, 200, 0), Disk.REAL, Clock.systemUTC());
        journal.start();
    }

    public AuditLog log() {
        return journal;
    }

    @Override
    public void close() {
        journal.stop();
    }
}
