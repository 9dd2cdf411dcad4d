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
 * {@code ewma}: {@code s_k = s_(k-1) + a · (v - s_(k-1))} with {@code alpha}, or with {@code tauMs} and
 * {@code a = 1 - exp(-Δt / tau)} for samples at irregular times. The first usable sample is the first {@code s}.
 *
 * <p>Warm-up: none unless {@code warmup} says how many usable samples are UncertainInitialValue. Bad samples leave {@code s}
 * as it is: without {@code maxGapMs} they pass as they came; with it {@code s} stands in for them, UncertainLastUsableValue,
 * until the last usable sample is older than that. A usable sample after a longer gap starts anew. Uncertain samples count
 * and the result is Uncertain. Where {@code s} would overflow it starts anew. O(1).
 */
final class Ewma implements Operator {
    private final double alpha;
    private final double tauNs;
    private final int warmup;
    private final long maxGapNs;
    private final boolean bridges;
    private int samples;
    private double mean;
    private long lastNs;

    Ewma(Parameters parameters) {
        parameters.exactlyOne("alpha", "tauMs");
        alpha = parameters.has("alpha") ? parameters.above("alpha", 0) : 0;
        if (alpha > 1) {
            throw parameters.refused("alpha", "above 0, at most 1", Parameters.text(alpha));
        }
        tauNs = parameters.timeNs("tauMs", 1, 0);
        warmup = parameters.whole("warmup", 0, Parameters.MOST_SAMPLES, 0);
        bridges = parameters.has("maxGapMs");
        maxGapNs = parameters.timeNs("maxGapMs", 1, Long.MAX_VALUE);
    }

    @Override
    public void apply(Signal signal) {
        boolean inGap = samples > 0 && signal.timeNs - lastNs > maxGapNs;
        if (Verdict.isMissing(signal)) {
            if (bridges && samples > 0 && !inGap && StatusCode.isBad(signal.status)) {
                signal.value = mean;
                signal.status = StatusCode.UNCERTAIN_LAST_USABLE_VALUE;
            }
            return;
        }
        if (samples == 0 || inGap) {
            samples = 0;
            mean = signal.value;
        } else {
            double weight = alpha > 0 ? alpha : -Math.expm1((lastNs - signal.timeNs) / tauNs);
            mean += weight * (signal.value - mean);
            if (!Double.isFinite(mean)) {
                samples = 0; // two garbage values of opposite sign overflow, which no average would ever recover from
                mean = signal.value;
            }
        }
        samples = Math.min(samples + 1, Parameters.MOST_SAMPLES + 1);
        lastNs = signal.timeNs;
        signal.value = mean;
        if (samples <= warmup) {
            signal.status = StatusCode.UNCERTAIN_INITIAL_VALUE;
        }
    }

    @Override
    public void save(DataOutput out) throws IOException {
        StateFormat.writeVersion(out);
        out.writeInt(samples);
        out.writeDouble(mean);
        out.writeLong(lastNs);
    }

    @Override
    public void restore(DataInput in) throws IOException {
        StateFormat.readVersion(in);
        samples = StateFormat.readCount(in, Parameters.MOST_SAMPLES + 1);
        mean = StateFormat.readFinite(in);
        lastNs = in.readLong();
    }
}
