// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.audit;

import org.osgi.annotation.versioning.ProviderType;

/** Append-only, hash-chained record. Thread-safe. */
@ProviderType
public interface AuditLog {
    /**
     * Hands a record to the writer; waits for nobody.
     *
     * @return false if the queue is full or the disk refuses, so the record will not be kept. It is counted, and the gap is
     *     itself recorded as soon as possible.
     */
    boolean append(AuditRecord entry);

    /** Whether records are kept at present; a loop does not close while this is false. */
    boolean writable();

    /** Waits until all that was appended before is on disk, at most {@code timeoutMs}; false if it is not by then. */
    boolean flush(long timeoutMs);
}
