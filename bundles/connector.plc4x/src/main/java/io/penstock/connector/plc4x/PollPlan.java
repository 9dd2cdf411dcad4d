// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.data.StatusCode;
import io.penstock.connector.plc4x.Wire.Code;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What is read when, in which requests, and what is left out because the device refuses it. What a poll learns changes the
 * requests of the next one only: {@link #begin} hands out a list that no longer changes, in which each item stands at most
 * once. One thread.
 */
final class PollPlan {
    private static final int REFUSALS_SHOWN = 5;

    private final Settings settings;
    private final long reprobeNanos;
    private final List<Group> groups = new ArrayList<>();
    private final Map<Item, Refusal> refused = new LinkedHashMap<>();
    private final Set<Item> complained = new HashSet<>();

    /** Tags of one period. */
    static final class Group {
        private final long periodNanos;
        private final List<Item> items = new ArrayList<>();
        private final Map<Item, Long> cuts = new HashMap<>();
        private List<Block> blocks = List.of();
        private boolean outdated = true;
        private long dueNanos;
        private int lateInARow;

        private Group(long periodMs) {
            periodNanos = TimeUnit.MILLISECONDS.toNanos(periodMs);
        }

        long periodMs() {
            return TimeUnit.NANOSECONDS.toMillis(periodNanos);
        }

        long dueNanos() {
            return dueNanos;
        }

        /**
         * Fixed rate: the next poll counts from the last due time; polls that are over before they began are left out.
         *
         * @return how many times in a row some were.
         */
        int advance(long now) {
            long leftOut = Math.max(0, now - dueNanos) / periodNanos;
            dueNanos += periodNanos * (1 + leftOut);
            lateInARow = leftOut > 0 ? lateInARow + 1 : 0;
            return lateInARow;
        }
    }

    /** Why an item is left out of polling, and when it is tried again. */
    private record Refusal(Group group, Code code, long nextProbeNanos) {}

    PollPlan(List<Item> items, Settings settings) {
        this.settings = settings;
        reprobeNanos = TimeUnit.MILLISECONDS.toNanos(settings.reprobeMs());
        Map<Long, Group> byPeriod = new TreeMap<>();
        for (Item item : items) {
            byPeriod.computeIfAbsent(item.definition().periodMs(), Group::new)
                    .items
                    .add(item);
        }
        groups.addAll(byPeriod.values());
    }

    /** The group that is due first. */
    Group next(long now) {
        return groups.stream()
                .min(Comparator.comparingLong(g -> g.dueNanos - now))
                .orElseThrow();
    }

    /** A group of a shorter period that is due while this one is being read; null if none. */
    @Nullable
    Group faster(Group running, long now) {
        return groups.stream()
                .filter(g -> g.periodNanos < running.periodNanos && g.dueNanos - now <= 0)
                .min(Comparator.comparingLong(g -> g.dueNanos - now))
                .orElse(null);
    }

    /** A new connection: everything is read at once, and what was refused is tried again. */
    void restart(long now) {
        for (Group group : groups) {
            group.dueNanos = now;
            group.cuts.clear();
            group.outdated = true;
        }
        refused.replaceAll((item, r) -> new Refusal(r.group(), r.code(), now));
    }

    /** The requests of the poll that begins now, planned around all that is known by now. */
    List<Block> begin(Group group, long now) {
        if (group.cuts.values().removeIf(nextTry -> nextTry - now <= 0)) {
            group.outdated = true;
        }
        if (group.outdated) {
            List<Item> wanted = group.items.stream()
                    .filter(item -> !refused.containsKey(item))
                    .toList();
            group.blocks = List.copyOf(
                    Block.plan(wanted, List.copyOf(refused.keySet()), Set.copyOf(group.cuts.keySet()), settings));
            group.outdated = false;
        }
        return group.blocks;
    }

    /**
     * The device answers on both sides, but not for the range as a whole: what lies before this item is not read together with
     * it until the range is tried again.
     */
    void cut(Group group, Item item, long now) {
        group.cuts.put(item, now + reprobeNanos);
        group.outdated = true;
    }

    /**
     * Leaves an item out until its next probe.
     *
     * @return whether this is news.
     */
    boolean refuse(Group group, Item item, Code code, long now) {
        refused.put(item, new Refusal(group, code, now + reprobeNanos));
        outdate();
        return complained.add(item);
    }

    /** An item answers again; its neighbours are likely to do so too. */
    void accept(Item item, long now) {
        refused.remove(item);
        complained.remove(item);
        refused.replaceAll((other, r) -> other.area() == item.area() ? new Refusal(r.group(), r.code(), now) : r);
        outdate();
    }

    /** Requests of every period keep clear of what is refused. */
    private void outdate() {
        groups.forEach(group -> group.outdated = true);
    }

    /** Refused items of a group whose time to be tried again has come. */
    List<Item> probes(Group group, long now, int limit) {
        return refused.entrySet().stream()
                .filter(e -> e.getValue().group() == group && e.getValue().nextProbeNanos() - now <= 0)
                .map(Map.Entry::getKey)
                .limit(limit)
                .toList();
    }

    /** What is refused, in words; empty if nothing. */
    String refusals() {
        if (refused.isEmpty()) {
            return "";
        }
        StringBuilder text = new StringBuilder();
        text.append(refused.size()).append(" tags are refused by the device: ");
        int shown = 0;
        for (Map.Entry<Item, Refusal> entry : refused.entrySet()) {
            if (shown++ == REFUSALS_SHOWN) {
                text.append("…; ");
                break;
            }
            text.append(describe(entry.getKey(), entry.getValue().code())).append("; ");
        }
        return text.append("correct etc/tags/").append(settings.tags()).toString();
    }

    static String describe(Item item, Code code) {
        return item.definition().id() + " at " + item.address() + ": " + StatusCode.name(code.status);
    }
}
