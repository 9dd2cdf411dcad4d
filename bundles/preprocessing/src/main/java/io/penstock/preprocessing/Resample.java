// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.StatusCode;
import io.penstock.api.preprocessing.GridOperator;
import io.penstock.api.preprocessing.Signal;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * {@code resample}: samples at their own pace become one value per cycle, out of the interval {@code (t_(k-1), t_k]}, closed
 * on the right. {@code method}:
 *
 * <ul>
 *   <li>{@code last}: the last sample carried forward. After a Bad sample the last usable value stands in,
 *       UncertainLastUsableValue, while it is not older than {@code maxAgeMs}; then the Bad status shows.
 *   <li>{@code mean}: time-weighted average of the signal taken as steps, the value carried in included. An interval without
 *       any value but one that comes at its very end takes that, UncertainSubNormal.
 *   <li>{@code min}, {@code max}: of the samples in the interval; without any, as {@code last}.
 *   <li>{@code count}: number of usable samples in the interval, always Good.
 * </ul>
 *
 * <p>A sample of the interval before that comes after its end counts in the interval in which it comes: its value from the
 * interval's beginning on ({@code mean}), or as one of its samples ({@code min}, {@code max}, {@code count}).
 *
 * <p>There is no {@code linear}: a line to a sample that has not come yet is not causal. A value is not carried further than
 * {@code maxAgeMs} past the time it was last known to be true (sample or confirmation): then BadNoCommunication. If a share of
 * less than {@code minGood} (1) of the interval's time ({@code mean}) or samples is Good, the result has the worst status of
 * its parts, or UncertainSubNormal where parts are missing. Warm-up: BadWaitingForInitialData before the first sample; the
 * first interval begins with the first sample. Gaps end in BadNoCommunication and leave no trace after. O(1).
 */
final class Resample implements GridOperator, AgeAware {
    private static final String[] METHODS = {"last", "mean", "min", "max", "count"};

    private final String method;
    private final long maxAgeNs;
    private final double minGood;
    private long ageNanos = Long.MAX_VALUE;

    private boolean hasSample;
    private double value;
    private int status;
    private long sampleNs;
    private long knownNs;
    private boolean hasUsable;
    private double usableValue;
    private long usableNs;

    private boolean hasInterval;
    private long intervalNs;
    private long doneNs;
    private long coveredNs;
    private long goodNs;
    private double weighted;
    private double smallest;
    private double largest;
    private int samples;
    private int usable;
    private int good;
    private int worst;

    Resample(Parameters parameters) {
        if (parameters.has("method") && parameters.text("method").equals("linear")) {
            throw parameters.refused(
                    "method",
                    "one of " + String.join(", ", METHODS) + " (a line needs the next sample, which is not causal)",
                    "linear");
        }
        method = parameters.requiredChoice("method", METHODS);
        maxAgeNs = method.equals("count") && !parameters.has("maxAgeMs") ? 0 : parameters.timeNs("maxAgeMs", 1);
        minGood = parameters.number("minGood", 0, 1, 1);
        beginInterval();
    }

    @Override
    public void age(long ageNanos) {
        this.ageNanos = ageNanos;
    }

    @Override
    public void apply(Signal signal) {
        if (!hasInterval) {
            hasInterval = true;
            intervalNs = signal.timeNs;
            doneNs = signal.timeNs;
        }
        coverUntil(signal.timeNs);
        hasSample = true;
        value = signal.value;
        status = signal.status;
        sampleNs = signal.timeNs;
        knownNs = signal.timeNs;
        samples++;
        if (Verdict.isMissing(signal)) {
            value = Double.NaN;
            return;
        }
        hasUsable = true;
        usableValue = value;
        usableNs = sampleNs;
        usable++;
        smallest = Math.min(smallest, value);
        largest = Math.max(largest, value);
        if (StatusCode.isGood(status)) {
            good++;
        }
        worst = StatusCode.worse(worst, status);
    }

    /** Adds the stretch in which the present sample's value stood to the time-weighted sum. */
    private void coverUntil(long timeNs) {
        if (hasSample && !Double.isNaN(value)) {
            long end = Math.min(timeNs, knownNs + maxAgeNs);
            long length = end - doneNs;
            if (length > 0) {
                coveredNs += length;
                weighted += value * length;
                worst = StatusCode.worse(worst, status);
                if (StatusCode.isGood(status)) {
                    goodNs += length;
                }
            }
        }
        doneNs = Math.max(doneNs, timeNs); // a sample that comes late does not reach back into the interval before
    }

    @Override
    public void emit(Signal signal) {
        long timeNs = signal.timeNs;
        if (hasSample && ageNanos < timeNs - knownNs) {
            knownNs = timeNs - ageNanos;
        }
        if (hasInterval) {
            coverUntil(timeNs);
        }
        switch (method) {
            case "mean" -> mean(signal);
            case "min" -> extreme(signal, smallest);
            case "max" -> extreme(signal, largest);
            case "count" -> signal.set(timeNs, usable, StatusCode.GOOD);
            default -> last(signal);
        }
        if (hasInterval) {
            intervalNs = timeNs;
            beginInterval();
        }
    }

    private void beginInterval() {
        coveredNs = 0;
        goodNs = 0;
        weighted = 0;
        smallest = Double.POSITIVE_INFINITY;
        largest = Double.NEGATIVE_INFINITY;
        samples = 0;
        usable = 0;
        good = 0;
        worst = StatusCode.GOOD;
    }

    private void last(Signal signal) {
        if (!hasSample) {
            signal.value = Double.NaN;
            signal.status = StatusCode.BAD_WAITING_FOR_INITIAL_DATA;
        } else if (!Double.isNaN(value)) {
            boolean tooOld = signal.timeNs - knownNs > maxAgeNs;
            signal.value = tooOld ? Double.NaN : value;
            signal.status = tooOld ? StatusCode.BAD_NO_COMMUNICATION : status;
        } else if (StatusCode.isBad(status) && hasUsable && signal.timeNs - usableNs <= maxAgeNs) {
            signal.value = usableValue;
            signal.status = StatusCode.UNCERTAIN_LAST_USABLE_VALUE;
        } else {
            signal.value = Double.NaN;
            signal.status = status;
        }
    }

    private void mean(Signal signal) {
        long length = signal.timeNs - intervalNs;
        if (!hasInterval || length <= 0) {
            last(signal);
        } else if (coveredNs == 0 && Double.isNaN(value)) {
            signal.value = Double.NaN;
            signal.status = status;
        } else if (coveredNs == 0) {
            last(signal); // too old, or it came at this very instant
            if (StatusCode.isGood(signal.status)) {
                signal.status = StatusCode.UNCERTAIN_SUB_NORMAL;
            }
        } else {
            signal.value = weighted / coveredNs;
            signal.status = share(goodNs >= minGood * length, coveredNs == length);
        }
    }

    private void extreme(Signal signal, double extreme) {
        if (usable == 0) {
            last(signal);
        } else {
            signal.value = extreme;
            signal.status = share(good >= minGood * samples, usable == samples);
        }
    }

    private int share(boolean enoughGood, boolean nothingMissing) {
        if (enoughGood) {
            return StatusCode.GOOD;
        }
        return nothingMissing && !StatusCode.isGood(worst) ? worst : StatusCode.UNCERTAIN_SUB_NORMAL;
    }

    @Override
    public void save(DataOutput out) throws IOException {
        StateFormat.writeVersion(out);
        out.writeBoolean(hasSample);
        out.writeDouble(value);
        out.writeInt(status);
        out.writeLong(sampleNs);
        out.writeLong(knownNs);
        out.writeBoolean(hasUsable);
        out.writeDouble(usableValue);
        out.writeLong(usableNs);
        out.writeBoolean(hasInterval);
        out.writeLong(intervalNs);
        out.writeLong(doneNs);
        out.writeLong(coveredNs);
        out.writeLong(goodNs);
        out.writeDouble(weighted);
        out.writeDouble(smallest);
        out.writeDouble(largest);
        out.writeInt(samples);
        out.writeInt(usable);
        out.writeInt(good);
        out.writeInt(worst);
    }

    @Override
    public void restore(DataInput in) throws IOException {
        StateFormat.readVersion(in);
        hasSample = in.readBoolean();
        value = in.readDouble();
        status = in.readInt();
        sampleNs = in.readLong();
        knownNs = in.readLong();
        hasUsable = in.readBoolean();
        usableValue = StateFormat.readFinite(in);
        usableNs = in.readLong();
        hasInterval = in.readBoolean();
        intervalNs = in.readLong();
        doneNs = in.readLong();
        coveredNs = in.readLong();
        goodNs = in.readLong();
        weighted = StateFormat.readFinite(in);
        smallest = in.readDouble();
        largest = in.readDouble();
        samples = StateFormat.readCount(in, Integer.MAX_VALUE);
        usable = StateFormat.readCount(in, samples);
        good = StateFormat.readCount(in, usable);
        worst = in.readInt();
        StateFormat.require(
                intervalNs <= doneNs && goodNs <= coveredNs && goodNs >= 0, "the interval's times disagree");
    }
}
