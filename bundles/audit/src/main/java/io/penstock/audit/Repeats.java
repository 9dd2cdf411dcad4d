// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import io.penstock.api.audit.AuditRecord;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * Sums up what somebody may cause as often as they like, so that no stranger fills the disk: the first of a kind (action, actor,
 * origin, subject) passes, the others of the minute that follows become one record with their number. At most {@link #KINDS} kinds
 * of an action pass a minute; what is beyond is summed up together. Thread-safe.
 */
final class Repeats {
    static final int KINDS = 60;
    static final long MINUTE_NANOS = 60_000_000_000L;
    private static final int ACTIONS = 32;
    private static final String OTHERS = "others";

    private final LongSupplier nanoTime;
    private final Map<String, Minute> minutes = new LinkedHashMap<>();

    private record Kind(String actor, String origin, String subject) {}

    private static final class Count {
        final AuditRecord first;
        long more;
        AuditRecord last;

        Count(AuditRecord first) {
            this.first = first;
            last = first;
        }
    }

    private static final class Minute {
        final long endNanos;
        final Map<Kind, Count> counts = new LinkedHashMap<>();
        long others;

        Minute(long endNanos) {
            this.endNanos = endNanos;
        }
    }

    Repeats(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** Whether this one is to be recorded now; if not, it is counted. */
    synchronized boolean passes(AuditRecord entry) {
        long now = nanoTime.getAsLong();
        Minute minute = minutes.get(entry.action());
        if (minute == null) {
            if (minutes.size() >= ACTIONS) {
                return true; // actions are words of ours, so there are not many
            }
            minute = new Minute(now + MINUTE_NANOS);
            minutes.put(entry.action(), minute);
        }
        Kind kind = new Kind(entry.actor(), entry.origin(), entry.subject());
        Count count = minute.counts.get(kind);
        if (count != null) {
            count.more++;
            count.last = entry;
            return false;
        }
        if (minute.counts.size() >= KINDS) {
            minute.others++;
            return false;
        }
        minute.counts.put(kind, new Count(entry));
        return true;
    }

    /** The sums of the minutes that are over, of all if {@code atOnce}. */
    synchronized List<AuditRecord> due(boolean atOnce, long wallNs) {
        if (minutes.isEmpty()) {
            return List.of();
        }
        long now = nanoTime.getAsLong();
        List<AuditRecord> sums = new ArrayList<>();
        minutes.entrySet().removeIf(entry -> {
            Minute minute = entry.getValue();
            if (!atOnce && now - minute.endNanos < 0) {
                return false;
            }
            for (Count count : minute.counts.values()) {
                if (count.more > 0) {
                    AuditRecord first = count.first;
                    sums.add(sum(
                            wallNs,
                            first.actor(),
                            first.origin(),
                            first.action(),
                            first.subject(),
                            count.more + " more within a minute, last: " + count.last.detail(),
                            count.more));
                }
            }
            if (minute.others > 0) {
                sums.add(sum(
                        wallNs,
                        OTHERS,
                        OTHERS,
                        entry.getKey(),
                        OTHERS,
                        minute.others + " more within a minute, beyond the " + KINDS + " that are told one by one",
                        minute.others));
            }
            return true;
        });
        return sums;
    }

    private static AuditRecord sum(
            long wallNs, String actor, String origin, String action, String subject, String detail, long number) {
        return new AuditRecord(wallNs, actor, origin, action, subject, detail, Double.NaN, (double) number);
    }
}
