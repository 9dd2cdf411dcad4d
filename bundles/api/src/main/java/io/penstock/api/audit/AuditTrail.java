// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.audit;

import io.penstock.api.audit.AuditLog.Kept;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A room's way to the audit log, which may be away: what could not be recorded meanwhile is counted and the count recorded
 * when it is back; what was insisted on is held. Thread-safe; {@link #append} takes no lock and waits for nobody.
 */
public final class AuditTrail {
    private static final int HELD = 64;

    private final String subject;
    private final Clock clock;
    private final AtomicReference<@Nullable AuditLog> log = new AtomicReference<>();
    private final AtomicLong missed = new AtomicLong();
    private final ArrayDeque<AuditRecord> held = new ArrayDeque<>();

    /** @param subject whose records they are, for the record of what was missed. */
    public AuditTrail(String subject, Clock clock) {
        this.subject = subject;
        this.clock = clock;
    }

    /** The log came. */
    public void set(AuditLog came) {
        log.set(came);
        handOver(came);
        long lost = missed.getAndSet(0);
        if (lost > 0) {
            came.append(new AuditRecord(
                    nowNs(),
                    AuditRecord.GATEWAY,
                    AuditRecord.GATEWAY,
                    "AUDIT_MISSED",
                    subject,
                    lost + " records were not kept: there was no audit log; was its bundle stopped?",
                    Double.NaN,
                    (double) lost));
        }
    }

    private void handOver(AuditLog came) {
        synchronized (held) {
            while (!held.isEmpty()) {
                came.insist(held.removeFirst(), 0);
            }
        }
    }

    /** The log goes. */
    public void unset(AuditLog goes) {
        log.compareAndSet(goes, null);
    }

    /** Null while it is away. */
    public @Nullable AuditLog log() {
        return log.get();
    }

    /** Whether records are kept at present. */
    public boolean writable() {
        AuditLog there = log.get();
        return there != null && there.writable();
    }

    /** As {@link AuditLog#append}; false and counted while there is no log. */
    public boolean append(AuditRecord entry) {
        AuditLog there = log.get();
        if (there == null) {
            missed.incrementAndGet();
            return false;
        }
        return there.append(entry);
    }

    /** As {@link AuditLog#commit}; false and counted while there is no log. */
    public boolean commit(AuditRecord entry, long timeoutMs) {
        AuditLog there = log.get();
        if (there == null) {
            missed.incrementAndGet();
            return false;
        }
        return there.commit(entry, timeoutMs);
    }

    /** As {@link AuditLog#insist}; held in memory, as far as there is room, while there is no log. */
    public Kept insist(AuditRecord entry, long timeoutMs) {
        AuditLog there = log.get();
        if (there != null) {
            return there.insist(entry, timeoutMs);
        }
        boolean room;
        synchronized (held) {
            room = held.size() < HELD;
            if (room) {
                held.addLast(entry);
            }
        }
        if (!room) {
            missed.incrementAndGet();
            return Kept.LOST;
        }
        AuditLog came = log.get(); // between the first look and now
        if (came != null) {
            handOver(came);
        }
        return Kept.IN_MEMORY;
    }

    /** As {@link AuditLog#tally}; counted while there is no log. */
    public void tally(AuditRecord entry) {
        AuditLog there = log.get();
        if (there == null) {
            missed.incrementAndGet();
        } else {
            there.tally(entry);
        }
    }

    /** The time now as records have it. */
    public long nowNs() {
        Instant now = clock.instant();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }
}
