// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/**
 * One request: a contiguous range and the items it serves. Immutable.
 *
 * @param area address space.
 * @param start first offset.
 * @param count registers or bits.
 * @param items what is in it, by offset.
 */
record Block(Area area, int start, int count, List<Item> items) {
    /** PLC4X splits reads of discrete inputs after 125 of them; a block is one request on the wire. */
    private static final int MAX_DISCRETE_INPUTS = 125;

    private static final Comparator<Item> BY_ADDRESS =
            Comparator.comparing(Item::area).thenComparingInt(Item::start).thenComparingInt(Item::end);

    Block {
        items = List.copyOf(items);
    }

    /** The smallest range that serves these items, which share an area. */
    static Block of(List<Item> items) {
        int start = items.stream().mapToInt(Item::start).min().orElseThrow();
        int end = items.stream().mapToInt(Item::end).max().orElseThrow();
        return new Block(items.get(0).area(), start, end - start, items);
    }

    /**
     * Fewest requests for these items: neighbours share one while the gap between them, and the whole, stay within the
     * limits.
     *
     * @param barriers items the device refuses; no merged range touches them.
     * @param cuts items with which a new request begins.
     * @return each item exactly once.
     */
    static List<Block> plan(List<Item> items, List<Item> barriers, Set<Item> cuts, Settings settings) {
        List<Block> blocks = new ArrayList<>();
        List<Item> open = new ArrayList<>();
        int end = 0;
        for (Item item : items.stream().sorted(BY_ADDRESS).toList()) {
            if (!open.isEmpty() && (cuts.contains(item) || !joins(open.get(0), end, item, barriers, settings))) {
                blocks.add(of(open));
                open.clear();
            }
            end = open.isEmpty() ? item.end() : Math.max(end, item.end());
            open.add(item);
        }
        if (!open.isEmpty()) {
            blocks.add(of(open));
        }
        return blocks;
    }

    private static boolean joins(Item first, int end, Item item, List<Item> barriers, Settings settings) {
        Area area = first.area();
        if (item.area() != area) {
            return false;
        }
        int limit = area.bits ? settings.maxBitsPerRequest() : settings.maxRegistersPerRequest();
        if (area == Area.DISCRETE_INPUT) {
            limit = Math.min(limit, MAX_DISCRETE_INPUTS);
        }
        int joined = Math.max(end, item.end());
        return item.start() - end <= settings.maxGap()
                && joined - first.start() <= limit
                && barriers.stream().noneMatch(b -> b.area() == area && b.start() < joined && b.end() > first.start());
    }

    @Override
    public String toString() {
        return area.notation + ":" + (start + 1) + (count == 1 ? "" : ".." + (start + count));
    }
}
