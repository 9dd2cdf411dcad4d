// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.audit;

import org.osgi.annotation.versioning.ProviderType;

/** Append-only, hash-chained record. Thread-safe. */
@ProviderType
public interface AuditLog {
    /** Where a record is. */
    enum Kept {
        /** In the log, and a loss of power does not take it away. */
        ON_DISK(""),
        /** In space that was taken beforehand, because the log has none; it goes into the log as soon as that takes it. */
        RESERVED("the audit log takes no records, this one is on disk in its reserve; free disk space"),
        /** Written as soon as the disk takes it; lost if the process ends before. */
        IN_MEMORY("the audit record is not on disk yet, it is written as soon as the disk takes it; free disk space or"
                + " repair the disk"),
        /** Not kept; the log counts it. */
        LOST("the audit keeps no record of it; free disk space or repair the disk");

        private final String remark;

        Kept(String remark) {
            this.remark = remark;
        }

        /** What to tell who asked for the act, empty where all is well. */
        public String remark() {
            return remark;
        }
    }

    /**
     * Hands a record to the writer; waits for nobody.
     *
     * @return false if the queue is full or the log is closing, so the record will not be kept. It is counted, and the gap is
     *     itself recorded as soon as possible: the caller has nothing to do about it but must not act where the record counts.
     */
    boolean append(AuditRecord entry);

    /**
     * For acts that need the record first: waits until it is on disk, together with all that others append meanwhile.
     *
     * @return false if it is not within {@code timeoutMs}; it may still come to disk later, so a record that takes it back must
     *     follow.
     */
    boolean commit(AuditRecord entry, long timeoutMs);

    /**
     * For acts that have happened already because they need no disk: takes the record where the queue is full too, and where
     * the log takes none, puts it into space that was taken beforehand. Waits {@code timeoutMs} at most, and not that long
     * where the disk refuses at once.
     */
    Kept insist(AuditRecord entry, long timeoutMs);

    /**
     * For what others may cause as often as they like: the first is recorded at once, what is like it in the minute that
     * follows is counted and recorded as one. Waits for nobody.
     */
    void tally(AuditRecord entry);

    /** Whether records are kept at present; a loop does not close while this is false. */
    boolean writable();

    /** Waits until all that was appended before is on disk, at most {@code timeoutMs}; false if it is not by then. */
    boolean flush(long timeoutMs);
}
