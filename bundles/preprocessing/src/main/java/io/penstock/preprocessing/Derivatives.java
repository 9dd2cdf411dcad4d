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

/** {@code derivative}: a filtered slope, per {@code perMs} (60 000: per minute), by one of two methods. */
final class Derivatives {
    private static final double PER_MINUTE_NS = 60e9;

    private Derivatives() {}

    static Operator of(Parameters parameters) {
        boolean slope = parameters.requiredChoice("method", "slope", "ewma").equals("slope");
        for (String key :
                slope ? new String[] {"tauMs"} : new String[] {"window", "windowMs", "mostSamples", "minFill"}) {
            if (parameters.has(key)) {
                throw parameters.refused(key, "not with this method", slope ? "slope" : "ewma");
            }
        }
        return slope ? new Slope(parameters) : new Filtered(parameters);
    }

    static long bytes(Parameters parameters, long shortestMs) {
        return parameters.has("window") || parameters.has("windowMs")
                ? WindowOperator.bytes(parameters, shortestMs)
                : HeapSize.object(244);
    }

    private static double perNs(Parameters parameters) {
        return parameters.has("perMs") ? parameters.timeNs("perMs", 1) : PER_MINUTE_NS;
    }

    /**
     * {@code method: slope}: least squares line through the usable samples of the window at their own times; 0 with fewer than
     * two. Window, warm-up, Bad and gaps as in {@link WindowOperator}. O(window).
     */
    private static final class Slope extends WindowOperator {
        private final double perNs;

        Slope(Parameters parameters) {
            super(parameters, 2, false);
            perNs = perNs(parameters);
        }

        @Override
        void enter(long slot, double value) {}

        @Override
        void leave(long slot, double value) {}

        @Override
        void clear() {}

        @Override
        void evaluate(Signal signal) {
            signal.status = verdict(signal.status);
            int n = 0;
            double times = 0;
            double values = 0;
            for (long slot = firstSlot(); slot < endSlot(); slot++) {
                if (isUsable(slot)) {
                    n++;
                    times += timeNs(slot) - signal.timeNs;
                    values += value(slot) - signal.value;
                }
            }
            double meanTime = times / n;
            double meanValue = values / n;
            double covariance = 0;
            double variance = 0;
            for (long slot = firstSlot(); slot < endSlot(); slot++) {
                if (isUsable(slot)) {
                    double time = (timeNs(slot) - signal.timeNs) - meanTime;
                    covariance += time * ((value(slot) - signal.value) - meanValue);
                    variance += time * time;
                }
            }
            if (n < 2 && isFull()) {
                signal.status = StatusCode.UNCERTAIN_SUB_NORMAL;
            }
            signal.value = n < 2 ? 0 : covariance / variance * perNs;
        }
    }

    /**
     * {@code method: ewma}: {@code (v - s) / tau} with {@code s} the EWMA of {@code tauMs} after it took {@code v}. Warm-up:
     * UncertainInitialValue for {@code tauMs} after the first sample. Bad samples pass and leave the state; after a gap of
     * more than {@code maxGapMs} (unlimited), or where {@code s} would overflow, it begins anew. O(1).
     */
    private static final class Filtered implements Operator {
        private final double perNs;
        private final long tauNs;
        private final long maxGapNs;
        private boolean hasMean;
        private double mean;
        private long firstNs;
        private long lastNs;

        Filtered(Parameters parameters) {
            perNs = perNs(parameters);
            tauNs = parameters.timeNs("tauMs", 1);
            maxGapNs = parameters.timeNs("maxGapMs", 1, Long.MAX_VALUE);
        }

        @Override
        public void apply(Signal signal) {
            if (Verdict.isMissing(signal)) {
                return;
            }
            double next = mean - Math.expm1((lastNs - signal.timeNs) / (double) tauNs) * (signal.value - mean);
            if (!hasMean || signal.timeNs - lastNs > maxGapNs || !Double.isFinite(next)) {
                hasMean = true;
                mean = signal.value;
                firstNs = signal.timeNs;
            } else {
                mean = next;
            }
            lastNs = signal.timeNs;
            signal.value = (signal.value - mean) / tauNs * perNs;
            if (lastNs - firstNs < tauNs) {
                signal.status = StatusCode.UNCERTAIN_INITIAL_VALUE;
            }
        }

        @Override
        public void save(DataOutput out) throws IOException {
            StateFormat.writeVersion(out);
            out.writeBoolean(hasMean);
            out.writeDouble(mean);
            out.writeLong(firstNs);
            out.writeLong(lastNs);
        }

        @Override
        public void restore(DataInput in) throws IOException {
            StateFormat.readVersion(in);
            hasMean = in.readBoolean();
            mean = StateFormat.readFinite(in);
            firstNs = in.readLong();
            lastNs = in.readLong();
            StateFormat.require(firstNs <= lastNs, "the first sample is newer than the last");
        }
    }
}
