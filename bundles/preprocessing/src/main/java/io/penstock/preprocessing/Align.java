// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.StatusCode;
import io.penstock.api.memory.HeapSize;
import io.penstock.api.preprocessing.GridOperator;
import io.penstock.api.preprocessing.Signal;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * {@code align}: the value as it stood {@code delayMs} ago, the last sample not newer than {@code t_k - delayMs}, with its own
 * status; for water that takes its time from one instrument to the next.
 *
 * <p>Warm-up: the oldest sample there is, UncertainInitialValue unless Bad; before the first BadWaitingForInitialData. Bad
 * samples come out Bad, later. Gaps: where the value had not been known to be true (sample or keep-alive) for more than
 * {@code maxAgeMs}, BadNoCommunication. O(1) amortised; memory for the samples of {@code delayMs}, at most {@code mostSamples} (65 536):
 * the oldest go early.
 */
final class Align implements GridOperator, AgeAware {
    private static final int LEAST_CAPACITY = 64;

    private final long delayNs;
    private final long maxAgeNs;
    private final int mostSamples;
    private long ageNanos = Long.MAX_VALUE;
    private long[] times = new long[LEAST_CAPACITY];
    private long[] knowns = new long[LEAST_CAPACITY];
    private double[] values = new double[LEAST_CAPACITY];
    private int[] statuses = new int[LEAST_CAPACITY];
    private long head;
    private long next;

    Align(Parameters parameters) {
        delayNs = parameters.timeNs("delayMs", 1);
        maxAgeNs = parameters.timeNs("maxAgeMs", 1);
        mostSamples = parameters.mostSamples();
    }

    /** It also keeps what comes between two cycles, and the sample before the delay. */
    static long bytes(Parameters parameters, long shortestMs) {
        int samples = parameters.samplesWithin(parameters.timeNs("delayMs", 1), shortestMs);
        int places = Math.max(LEAST_CAPACITY, Integer.highestOneBit(2 * samples - 1));
        return HeapSize.plus(
                HeapSize.object(116),
                HeapSize.times(3, HeapSize.array(places, Long.BYTES)),
                HeapSize.array(places, Integer.BYTES));
    }

    @Override
    public void age(long ageNanos) {
        this.ageNanos = ageNanos;
    }

    @Override
    public void apply(Signal signal) {
        add(signal.timeNs, signal.timeNs, signal.value, signal.status);
    }

    private void add(long timeNs, long knownNs, double value, int status) {
        if (next - head == mostSamples) {
            head++;
        } else if (next - head == times.length) {
            grow();
        }
        int at = at(next++);
        times[at] = timeNs;
        knowns[at] = knownNs;
        values[at] = value;
        statuses[at] = status;
    }

    private void grow() {
        int capacity = 2 * times.length;
        long[] moreTimes = new long[capacity];
        long[] moreKnowns = new long[capacity];
        double[] moreValues = new double[capacity];
        int[] moreStatuses = new int[capacity];
        for (long slot = head; slot < next; slot++) {
            int to = (int) (slot & (capacity - 1));
            moreTimes[to] = times[at(slot)];
            moreKnowns[to] = knowns[at(slot)];
            moreValues[to] = values[at(slot)];
            moreStatuses[to] = statuses[at(slot)];
        }
        times = moreTimes;
        knowns = moreKnowns;
        values = moreValues;
        statuses = moreStatuses;
    }

    private int at(long slot) {
        return (int) (slot & (times.length - 1));
    }

    @Override
    public void emit(Signal signal) {
        if (next == head) {
            signal.value = Double.NaN;
            signal.status = StatusCode.BAD_WAITING_FOR_INITIAL_DATA;
            return;
        }
        int newest = at(next - 1);
        if (ageNanos < signal.timeNs - knowns[newest]) {
            knowns[newest] = signal.timeNs - ageNanos;
        }
        long wantedNs = signal.timeNs - delayNs;
        while (next - head > 1 && times[at(head + 1)] <= wantedNs) {
            head++;
        }
        int at = at(head);
        signal.value = values[at];
        signal.status = statuses[at];
        if (StatusCode.isBad(signal.status)) {
            return;
        }
        if (times[at] > wantedNs) {
            signal.status = StatusCode.UNCERTAIN_INITIAL_VALUE;
        } else if (wantedNs - knowns[at] > maxAgeNs) {
            signal.value = Double.NaN;
            signal.status = StatusCode.BAD_NO_COMMUNICATION;
        }
    }

    @Override
    public void save(DataOutput out) throws IOException {
        StateFormat.writeVersion(out);
        out.writeInt((int) (next - head));
        for (long slot = head; slot < next; slot++) {
            out.writeLong(times[at(slot)]);
            out.writeLong(knowns[at(slot)]);
            out.writeDouble(values[at(slot)]);
            out.writeInt(statuses[at(slot)]);
        }
    }

    @Override
    public void restore(DataInput in) throws IOException {
        StateFormat.readVersion(in);
        int size = StateFormat.readCount(in, mostSamples);
        head = 0;
        next = 0;
        long last = Long.MIN_VALUE;
        for (int i = 0; i < size; i++) {
            long timeNs = in.readLong();
            StateFormat.require(timeNs > last, "times ascend, was " + timeNs + " after " + last);
            last = timeNs;
            long knownNs = in.readLong();
            double value = in.readDouble();
            add(timeNs, knownNs, value, in.readInt());
        }
    }
}
