// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.StatusCode;
import io.penstock.api.memory.HeapSize;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.Signal;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * {@code lag}: the sample of {@code cycles} samples ago, with its own status: a Bad one comes out Bad, later.
 *
 * <p>Warm-up: the oldest sample there is, UncertainInitialValue unless it is Bad. Gaps: samples are counted, not time; after a
 * gap of more than {@code maxGapMs} (unlimited) it begins anew. O(1).
 */
final class Lag implements Operator {
    private final int cycles;
    private final long maxGapNs;
    private final double[] values;
    private final int[] statuses;
    private int next;
    private int size;
    private long lastNs;

    Lag(Parameters parameters) {
        cycles = parameters.whole("cycles", 1, Parameters.MOST_SAMPLES);
        maxGapNs = parameters.timeNs("maxGapMs", 1, Long.MAX_VALUE);
        values = new double[cycles + 1];
        statuses = new int[cycles + 1];
    }

    static long bytes(Parameters parameters, long shortestMs) {
        int places = parameters.whole("cycles", 1, Parameters.MOST_SAMPLES) + 1;
        return HeapSize.plus(
                HeapSize.object(116), HeapSize.array(places, Double.BYTES), HeapSize.array(places, Integer.BYTES));
    }

    @Override
    public void apply(Signal signal) {
        if (size > 0 && signal.timeNs - lastNs > maxGapNs) {
            size = 0;
            next = 0;
        }
        lastNs = signal.timeNs;
        add(signal.value, signal.status);
        int oldest = size > cycles ? next : 0;
        signal.value = values[oldest];
        signal.status = statuses[oldest];
        if (size <= cycles && !StatusCode.isBad(signal.status)) {
            signal.status = StatusCode.UNCERTAIN_INITIAL_VALUE;
        }
    }

    private void add(double value, int status) {
        values[next] = value;
        statuses[next] = status;
        next = next == cycles ? 0 : next + 1;
        size = Math.min(size + 1, cycles + 1);
    }

    @Override
    public void save(DataOutput out) throws IOException {
        StateFormat.writeVersion(out);
        out.writeLong(lastNs);
        out.writeInt(size);
        for (int i = 0; i < size; i++) {
            int at = size > cycles ? (next + i) % (cycles + 1) : i;
            out.writeDouble(values[at]);
            out.writeInt(statuses[at]);
        }
    }

    @Override
    public void restore(DataInput in) throws IOException {
        StateFormat.readVersion(in);
        lastNs = in.readLong();
        int count = StateFormat.readCount(in, cycles + 1);
        size = 0;
        next = 0;
        for (int i = 0; i < count; i++) {
            double value = in.readDouble();
            add(value, in.readInt());
        }
    }
}
