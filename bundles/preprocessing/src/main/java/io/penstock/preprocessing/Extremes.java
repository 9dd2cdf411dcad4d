// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.memory.HeapSize;

/** The smallest or largest value of a sliding window in amortised O(1): a deque of the values that may still become it. */
final class Extremes {
    private static final int LEAST_CAPACITY = 16;

    private final int sign;
    private long[] slots = new long[LEAST_CAPACITY];
    private double[] values = new double[LEAST_CAPACITY];
    private long head;
    private long next;

    private Extremes(int sign) {
        this.sign = sign;
    }

    static Extremes smallest() {
        return new Extremes(1);
    }

    static Extremes largest() {
        return new Extremes(-1);
    }

    /** What it takes beside a window of so many places, a power of two. */
    static long bytes(int places) {
        return HeapSize.plus(
                HeapSize.object(28), HeapSize.times(2, HeapSize.array(Math.max(LEAST_CAPACITY, places), Long.BYTES)));
    }

    /** Slots ascend. */
    void enter(long slot, double value) {
        int mask = slots.length - 1;
        while (next > head && sign * values[(int) ((next - 1) & mask)] >= sign * value) {
            next--;
        }
        if (next - head == slots.length) {
            grow();
            mask = slots.length - 1;
        }
        slots[(int) (next & mask)] = slot;
        values[(int) (next & mask)] = value;
        next++;
    }

    private void grow() {
        long[] moreSlots = new long[2 * slots.length];
        double[] moreValues = new double[2 * slots.length];
        for (long i = head; i < next; i++) {
            moreSlots[(int) (i & (moreSlots.length - 1))] = slots[(int) (i & (slots.length - 1))];
            moreValues[(int) (i & (moreSlots.length - 1))] = values[(int) (i & (slots.length - 1))];
        }
        slots = moreSlots;
        values = moreValues;
    }

    void leave(long slot) {
        if (next > head && slots[(int) (head & (slots.length - 1))] == slot) {
            head++;
        }
    }

    void clear() {
        head = 0;
        next = 0;
    }

    boolean isEmpty() {
        return head == next;
    }

    double value() {
        return head == next ? Double.NaN : values[(int) (head & (slots.length - 1))];
    }
}
