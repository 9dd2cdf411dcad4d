// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.memory.HeapSize;
import java.util.Arrays;

/** The values of a sliding window in ascending order, for medians. O(window) per sample, by block moves. */
final class Sorted {
    private static final int LEAST_CAPACITY = 16;

    private double[] values = new double[LEAST_CAPACITY];
    private int size;

    /** What it takes beside a window of so many places, a power of two. */
    static long bytes(int places) {
        return HeapSize.plus(HeapSize.object(8), HeapSize.array(Math.max(LEAST_CAPACITY, places), Double.BYTES));
    }

    void enter(double value) {
        if (size == values.length) {
            values = Arrays.copyOf(values, 2 * size);
        }
        int at = Arrays.binarySearch(values, 0, size, value);
        at = at < 0 ? -at - 1 : at;
        System.arraycopy(values, at, values, at + 1, size - at);
        values[at] = value;
        size++;
    }

    void leave(double value) {
        int at = Arrays.binarySearch(values, 0, size, value);
        System.arraycopy(values, at + 1, values, at, size - at - 1);
        size--;
    }

    void clear() {
        size = 0;
    }

    int size() {
        return size;
    }

    /** Mean of the middle two where their number is even. */
    double median() {
        int middle = size / 2;
        return size % 2 == 1 ? values[middle] : middleOf(values[middle - 1], values[middle]);
    }

    /** Median of {@code |value - centre|}: the two sorted runs left and right of the centre are merged up to their middle. */
    double medianDeviation(double centre) {
        int right = Arrays.binarySearch(values, 0, size, centre);
        right = right < 0 ? -right - 1 : right;
        int left = right - 1;
        double before = 0;
        double last = 0;
        for (int taken = 0; taken <= size / 2; taken++) {
            before = last;
            double below = left >= 0 ? centre - values[left] : Double.POSITIVE_INFINITY;
            double above = right < size ? values[right] - centre : Double.POSITIVE_INFINITY;
            if (below <= above) {
                last = below;
                left--;
            } else {
                last = above;
                right++;
            }
        }
        return size % 2 == 1 ? last : middleOf(before, last);
    }

    private static double middleOf(double low, double high) {
        return low + (high - low) / 2;
    }
}
