// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Who runs into which limit: told in the log at once, then at most once a minute with a count, and shown in the node Warning
 * while it lasts. Neither log nor memory grows with the number of addresses that try. Thread-safe.
 */
final class Limited {
    private static final long QUIET_NS = Duration.ofMinutes(1).toNanos();
    private static final int REMEMBERED = 64;
    private static final int LINES_A_MINUTE = 10;
    private static final int SHOWN = 5;

    private final LongSupplier nanoTime;
    private final Consumer<String> log;
    private final Map<String, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);
    private long minuteSince;
    private int lines;

    private static final class Entry {
        final String what;
        final String who;
        long seen;
        long told;
        long untold;

        Entry(String what, String who) {
            this.what = what;
            this.who = who;
        }
    }

    Limited(LongSupplier nanoTime, Consumer<String> log) {
        this.nanoTime = nanoTime;
        this.log = log;
        minuteSince = nanoTime.getAsLong();
    }

    /**
     * @param what is limited, such as "connections".
     * @param who runs into it.
     * @param words what happened, with the limit and the next step; for the log.
     */
    synchronized void tell(String what, String who, String words) {
        long now = nanoTime.getAsLong();
        Entry entry = entries.get(what + ' ' + who);
        boolean first = entry == null;
        if (entry == null) {
            entry = new Entry(what, who);
            entries.put(what + ' ' + who, entry);
            forgetOldest();
        }
        entry.seen = now;
        if ((!first && now - entry.told < QUIET_NS) || !mayWrite(now)) {
            entry.untold++;
            return;
        }
        log.accept(words + (entry.untold > 0 ? " (and " + entry.untold + " times before, untold)" : ""));
        entry.told = now;
        entry.untold = 0;
    }

    /** Who was limited within the last minute, for the node Warning; without counts, which would change it all the time. */
    synchronized String now() {
        long now = nanoTime.getAsLong();
        List<String> words = new ArrayList<>();
        for (Entry entry : entries.values()) {
            if (now - entry.seen < QUIET_NS) {
                words.add(entry.what + " of " + entry.who);
            }
        }
        words.sort(null);
        if (words.isEmpty()) {
            return "";
        }
        String more = words.size() > SHOWN ? " and " + (words.size() - SHOWN) + " more" : "";
        return "Limited, see the log: " + String.join(", ", words.subList(0, Math.min(SHOWN, words.size()))) + more
                + ".";
    }

    private boolean mayWrite(long now) {
        if (now - minuteSince >= QUIET_NS) {
            minuteSince = now;
            lines = 0;
        }
        return ++lines <= LINES_A_MINUTE;
    }

    private void forgetOldest() {
        Iterator<Entry> oldest = entries.values().iterator();
        while (entries.size() > REMEMBERED) {
            oldest.next();
            oldest.remove();
        }
    }
}
