// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.StatusCode;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.Signal;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * {@code rateOfChange}: {@code |v_i - v_(i-1)| / (t_i - t_(i-1)) > limit} per {@code perMs} (1000: per second) makes a sample
 * suspect, and so are those after it until {@code release} samples in a row (1) kept the limit. {@code action}: {@code mark}
 * (UncertainSensorNotAccurate) or {@code bad} (BadSensorFailure).
 *
 * <p>Warm-up: the first sample has nothing to be compared with, UncertainInitialValue. Bad samples pass and are left out: the
 * next is compared with the last one before, over the longer time. After a gap of more than {@code maxGapMs} (unlimited) it
 * begins anew. O(1).
 */
final class RateOfChange implements Operator {
    private final double limitPerNs;
    private final int release;
    private final long maxGapNs;
    private final Verdict verdict;
    private boolean hasLast;
    private double last;
    private long lastNs;
    private int untilRelease;

    RateOfChange(Parameters parameters) {
        double limit = parameters.above("limit", 0);
        limitPerNs = limit / parameters.timeNs("perMs", 1, 1_000_000_000L);
        release = parameters.whole("release", 1, Parameters.MOST_SAMPLES, 1);
        maxGapNs = parameters.timeNs("maxGapMs", 1, Long.MAX_VALUE);
        verdict = Verdict.of(parameters);
    }

    @Override
    public void apply(Signal signal) {
        if (Verdict.isMissing(signal)) {
            return;
        }
        double value = signal.value;
        if (!hasLast || signal.timeNs - lastNs > maxGapNs) {
            untilRelease = 0;
            signal.status = StatusCode.UNCERTAIN_INITIAL_VALUE;
        } else if (Math.abs(value - last) > limitPerNs * (signal.timeNs - lastNs)) {
            untilRelease = release;
            verdict.pass(signal);
        } else if (untilRelease > 0 && --untilRelease > 0) {
            verdict.pass(signal);
        }
        hasLast = true;
        last = value;
        lastNs = signal.timeNs;
    }

    @Override
    public void save(DataOutput out) throws IOException {
        StateFormat.writeVersion(out);
        out.writeBoolean(hasLast);
        out.writeDouble(last);
        out.writeLong(lastNs);
        out.writeInt(untilRelease);
    }

    @Override
    public void restore(DataInput in) throws IOException {
        StateFormat.readVersion(in);
        hasLast = in.readBoolean();
        last = StateFormat.readFinite(in);
        lastNs = in.readLong();
        untilRelease = StateFormat.readCount(in, release);
    }
}
