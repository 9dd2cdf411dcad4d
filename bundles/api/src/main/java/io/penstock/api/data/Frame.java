// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.data;

import java.util.Arrays;
import java.util.List;

/**
 * The inputs of one cycle, by the order of the model's inputs: per input the last sample not newer than the frame's own
 * instant, and every sample that came since the frame before ("pending"), oldest first, for operators that want them all.
 *
 * <p>One thread fills it ({@link #begin}, {@link #set}, {@link #addPending}) and then only reads it; while a cycle runs
 * nothing in it changes. Steady state allocates nothing. Not thread-safe.
 */
public final class Frame {
    private static final int FIRST_PENDING = 4;
    private static final int MOST_PENDING = 65_536;

    private final List<String> inputs;
    private final int mostPending;
    private final double[] values;
    private final int[] statuses;
    private final long[] sourceTimesNs;
    private final long[] agesNanos;
    private final int[] pendingCounts;
    private final double[][] pendingValues;
    private final int[][] pendingStatuses;
    private final long[][] pendingTimesNs;
    private long instantNs;
    private long cycle;
    private long lostPending;

    /** @param inputs names of the model's inputs, in the contract's order. */
    public Frame(List<String> inputs) {
        this(inputs, MOST_PENDING);
    }

    /**
     * @param inputs names of the model's inputs, in the contract's order.
     * @param mostPending pending samples per input that it holds, the newest ones; 0 for a frame that others are copied into
     *     without them.
     */
    public Frame(List<String> inputs, int mostPending) {
        this.inputs = List.copyOf(inputs);
        this.mostPending = mostPending;
        int n = inputs.size();
        int pending = mostPending == 0 ? 0 : n;
        values = new double[n];
        statuses = new int[n];
        sourceTimesNs = new long[n];
        agesNanos = new long[n];
        int first = Math.min(FIRST_PENDING, mostPending);
        pendingCounts = new int[pending];
        pendingValues = new double[pending][first];
        pendingStatuses = new int[pending][first];
        pendingTimesNs = new long[pending][first];
        Arrays.fill(values, Double.NaN);
        Arrays.fill(statuses, StatusCode.BAD_WAITING_FOR_INITIAL_DATA);
        Arrays.fill(agesNanos, Long.MAX_VALUE);
    }

    /** Starts a new frame: the instant and number of its cycle; pending samples of the one before are dropped. */
    public void begin(long cycle, long instantNs) {
        this.cycle = cycle;
        this.instantNs = instantNs;
        Arrays.fill(pendingCounts, 0);
    }

    /** Moves the frame's instant, where what is pending was gathered before it was known. */
    public void instant(long newInstantNs) {
        instantNs = newInstantNs;
    }

    public void set(int input, double value, int status, long sourceTimeNs, long ageNanos) {
        values[input] = value;
        statuses[input] = status;
        sourceTimesNs[input] = sourceTimeNs;
        agesNanos[input] = ageNanos;
    }

    /**
     * Adds a sample that arrived since the frame before; source times ascend strictly per input. Where there are too many the
     * older half is lost and counted: a frame that waits for its trigger must not grow without end.
     */
    public void addPending(int input, double value, int status, long sourceTimeNs) {
        if (mostPending == 0) {
            lostPending++;
            return;
        }
        int k = pendingCounts[input];
        if (k == mostPending) {
            k = forgetOlderHalf(input);
        } else if (k == pendingValues[input].length) {
            int length = (int) Math.min(2L * k, mostPending);
            pendingValues[input] = Arrays.copyOf(pendingValues[input], length);
            pendingStatuses[input] = Arrays.copyOf(pendingStatuses[input], length);
            pendingTimesNs[input] = Arrays.copyOf(pendingTimesNs[input], length);
        }
        pendingCounts[input] = k + 1;
        pendingValues[input][k] = value;
        pendingStatuses[input][k] = status;
        pendingTimesNs[input][k] = sourceTimeNs;
    }

    private int forgetOlderHalf(int input) {
        int kept = mostPending / 2;
        int from = mostPending - kept;
        System.arraycopy(pendingValues[input], from, pendingValues[input], 0, kept);
        System.arraycopy(pendingStatuses[input], from, pendingStatuses[input], 0, kept);
        System.arraycopy(pendingTimesNs[input], from, pendingTimesNs[input], 0, kept);
        lostPending += from;
        return kept;
    }

    /** Copies values, statuses, times and ages (not the pending samples) of a frame with the same inputs. */
    public void copyFrom(Frame other) {
        cycle = other.cycle;
        instantNs = other.instantNs;
        System.arraycopy(other.values, 0, values, 0, values.length);
        System.arraycopy(other.statuses, 0, statuses, 0, statuses.length);
        System.arraycopy(other.sourceTimesNs, 0, sourceTimesNs, 0, sourceTimesNs.length);
        System.arraycopy(other.agesNanos, 0, agesNanos, 0, agesNanos.length);
        Arrays.fill(pendingCounts, 0);
    }

    /** Copies one input with its pending samples out of another frame. */
    public void copyInput(int input, Frame other, int from) {
        set(input, other.values[from], other.statuses[from], other.sourceTimesNs[from], other.agesNanos[from]);
        pendingCounts[input] = 0;
        for (int k = 0; k < other.pendingCount(from); k++) {
            addPending(
                    input, other.pendingValues[from][k], other.pendingStatuses[from][k], other.pendingTimesNs[from][k]);
        }
    }

    public List<String> inputs() {
        return inputs;
    }

    public int size() {
        return values.length;
    }

    /** Running number of the cycle, from 1 at the pipeline's start. */
    public long cycle() {
        return cycle;
    }

    /** The instant the frame stands for, UTC nanoseconds since 1970: a point of the trigger's grid, or the source time that triggered. */
    public long instantNs() {
        return instantNs;
    }

    /** Value in the unit of the model's contract; {@code NaN} where the status is Bad. */
    public double value(int input) {
        return values[input];
    }

    public int status(int input) {
        return statuses[input];
    }

    public long sourceTimeNs(int input) {
        return sourceTimesNs[input];
    }

    /** Monotonic time since the value was last known to be true, {@link Long#MAX_VALUE} where there never was one. */
    public long ageNanos(int input) {
        return agesNanos[input];
    }

    public int pendingCount(int input) {
        return mostPending == 0 ? 0 : pendingCounts[input];
    }

    /** Pending samples that had to make room for newer ones, since it was made. */
    public long lostPending() {
        return lostPending;
    }

    public double pendingValue(int input, int k) {
        return pendingValues[input][k];
    }

    public int pendingStatus(int input, int k) {
        return pendingStatuses[input][k];
    }

    public long pendingTimeNs(int input, int k) {
        return pendingTimesNs[input][k];
    }
}
