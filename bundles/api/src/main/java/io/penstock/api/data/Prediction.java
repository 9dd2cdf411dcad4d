// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.data;

import java.util.Arrays;
import java.util.List;

/**
 * The outputs of a model in one cycle, by the order of the contract. Filled by inference and the pipeline, on the
 * pipeline's thread. Not thread-safe.
 */
public final class Prediction {
    private final List<String> names;
    private final double[] values;
    private final int[] statuses;
    private long instantNs;
    private long computedNanos;
    private long oldestInputNanos = Long.MAX_VALUE;

    public Prediction(List<String> names) {
        this.names = List.copyOf(names);
        values = new double[names.size()];
        statuses = new int[names.size()];
        setAll(StatusCode.BAD_WAITING_FOR_INITIAL_DATA);
    }

    public List<String> names() {
        return names;
    }

    public int size() {
        return values.length;
    }

    /** Value in the contract's unit; {@code NaN} where the status is Bad (OPC UA Part 4 §7.11.1). */
    public double value(int output) {
        return values[output];
    }

    public int status(int output) {
        return statuses[output];
    }

    public void set(int output, double value, int status) {
        values[output] = value;
        statuses[output] = status;
    }

    /** No output has a value, for one reason. */
    public void setAll(int badStatus) {
        Arrays.fill(values, Double.NaN);
        Arrays.fill(statuses, badStatus);
    }

    /** Marks whose frame this is. */
    public void setTimes(long instantNs, long computedNanos, long oldestInputNanos) {
        this.instantNs = instantNs;
        this.computedNanos = computedNanos;
        this.oldestInputNanos = oldestInputNanos;
    }

    /** Source time of the outputs: the frame's instant, UTC nanoseconds since 1970. */
    public long instantNs() {
        return instantNs;
    }

    /** {@link System#nanoTime()} when the model had answered; validity windows count from it. */
    public long computedNanos() {
        return computedNanos;
    }

    /** Age of the oldest required input when the frame was taken, in nanoseconds. */
    public long oldestInputNanos() {
        return oldestInputNanos;
    }

    public void copyFrom(Prediction other) {
        System.arraycopy(other.values, 0, values, 0, values.length);
        System.arraycopy(other.statuses, 0, statuses, 0, statuses.length);
        setTimes(other.instantNs, other.computedNanos, other.oldestInputNanos);
    }
}
