// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.data.StatusCode;
import io.penstock.connector.plc4x.Wire.Code;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What is read when, in which requests, and what is left out because the device refuses it. One thread. */
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
        private List<Block> blocks = List.of();
        private long dueNanos;
        private int lateInARow;

        private Group(long periodMs) {
            periodNanos = TimeUnit.MILLISECONDS.toNanos(periodMs);
        }

        long periodMs() {
            return TimeUnit.NANOSECONDS.toMillis(periodNanos);
        }

        List<Block> blocks() {
            return blocks;
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
        groups.forEach(this::plan);
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
        groups.forEach(g -> g.dueNanos = now);
        refused.replaceAll((item, r) -> new Refusal(r.group(), r.code(), now));
    }

    /** Plans a group's requests around what is refused. */
    void plan(Group group) {
        List<Item> wanted =
                group.items.stream().filter(item -> !refused.containsKey(item)).toList();
        group.blocks = Block.plan(wanted, List.copyOf(refused.keySet()), settings);
    }

    /** Reads these blocks in place of one. */
    void split(Group group, Block block, List<Block> parts) {
        List<Block> blocks = new ArrayList<>(group.blocks);
        blocks.remove(block);
        blocks.addAll(parts);
        group.blocks = List.copyOf(blocks);
    }

    /**
     * Leaves an item out until its next probe.
     *
     * @return whether this is news.
     */
    boolean refuse(Group group, Item item, Code code, long now) {
        refused.put(item, new Refusal(group, code, now + reprobeNanos));
        return complained.add(item);
    }

    /** An item answers again; its neighbours are likely to do so too. */
    void accept(Group group, Item item, long now) {
        refused.remove(item);
        complained.remove(item);
        refused.replaceAll((other, r) -> other.area() == item.area() ? new Refusal(r.group(), r.code(), now) : r);
        plan(group);
    }

    /** Refused items of a group whose time to be tried again has come. */
    List<Item> probes(Group group, long now, int limit) {
        return refused.entrySet().stream()
                .filter(e -> e.getValue().group() == group && e.getValue().nextProbeNanos() - now <= 0)
                .map(Map.Entry::getKey)
                .limit(limit)
                .toList();
    }

    int refusedCount() {
        return refused.size();
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
