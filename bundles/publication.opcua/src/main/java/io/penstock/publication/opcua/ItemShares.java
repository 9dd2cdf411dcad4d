// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import java.util.HashMap;
import java.util.Map;

/**
 * What monitored items and their queues may take, in bytes and in number, counted as if every queue were full. One user gets at
 * most half, and a quarter is kept for operators. Holds what is taken at one moment and grants on top of it; not thread-safe.
 */
final class ItemShares {
    /** An item with its filter, its places in Milo's lists and ours, and what a filled queue of one needs. */
    static final int ITEM_BYTES = 1_024;
    /** One queued number: a reference and a value with status and time. */
    static final int NUMBER_BYTES = 160;

    private final long mostBytes;
    private final int mostItems;
    private final Map<String, long[]> byUser = new HashMap<>();
    private long bytes;
    private long items;

    ItemShares(long mostBytes, int mostItems) {
        this.mostBytes = mostBytes;
        this.mostItems = mostItems;
    }

    static long cost(long queue, long valueBytes) {
        return ITEM_BYTES + queue * valueBytes;
    }

    /** Adds an item that is there; with a negative sign takes it away again. */
    void hold(String user, long queue, long valueBytes, int sign) {
        long cost = sign * cost(queue, valueBytes);
        long[] his = byUser.computeIfAbsent(user, name -> new long[2]);
        bytes += cost;
        items += sign;
        his[0] += cost;
        his[1] += sign;
    }

    /**
     * Takes an item with the queue that fits, at most as long as asked for; 0 if not even a queue of one fits.
     *
     * @param among how many items of the same request have to share what is left, this one included.
     */
    long grant(String user, boolean operator, long queue, long valueBytes, int among) {
        long left = left(user, operator);
        long fair = (left / among - ITEM_BYTES) / valueBytes;
        long granted = Math.min(queue, Math.max(1, fair));
        if (cost(granted, valueBytes) > left || itemsLeft(user, operator) < 1) {
            return 0;
        }
        hold(user, granted, valueBytes, 1);
        return granted;
    }

    long bytes() {
        return bytes;
    }

    long items() {
        return items;
    }

    private long left(String user, boolean operator) {
        return Math.min(open(mostBytes, operator) - bytes, mostBytes / 2 - his(user)[0]);
    }

    private long itemsLeft(String user, boolean operator) {
        return Math.min(open(mostItems, operator) - items, Math.max(1, mostItems / 2) - his(user)[1]);
    }

    private static long open(long most, boolean operator) {
        return operator ? most : most - most / 4;
    }

    private long[] his(String user) {
        return byUser.getOrDefault(user, new long[2]);
    }
}
