// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.StatusCode;
import io.penstock.api.preprocessing.Signal;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * {@code hampel}: a value that is further than {@code k · 1.4826 · MAD + resolution} from the median of the window (the value
 * itself included) is a spike. {@code action}: {@code replace} by the median (UncertainSensorNotAccurate), {@code mark}, or
 * {@code bad}.
 *
 * <p>Window, warm-up, Bad and gaps as in {@link WindowOperator}; the window holds the values as they came. During warm-up
 * nothing is judged: values pass, UncertainInitialValue. {@code resolution} keeps a resting signal from calling its own
 * noise spikes. After {@code maximumReplacements} spikes in a row (by default half the window) the new level is believed:
 * values pass until one is no spike. O(window).
 */
final class Hampel extends WindowOperator {
    private static final double NORMAL = 1.4826;

    private final double k;
    private final double resolution;
    private final boolean replace;
    private final Verdict verdict;
    private final int maximumReplacements;
    private final Sorted sorted = new Sorted();
    private int replacements;

    Hampel(Parameters parameters) {
        super(parameters, 3, false);
        if (parameters.has("window") && parameters.whole("window", 3, Parameters.MOST_SAMPLES) % 2 == 0) {
            throw parameters.refused(
                    "window",
                    "an odd whole number",
                    Integer.toString(parameters.whole("window", 3, Parameters.MOST_SAMPLES)));
        }
        k = parameters.number("k", 0, 1000, 4);
        resolution = parameters.number("resolution", 0, Double.MAX_VALUE, 0);
        String action = parameters.choice("action", "replace", "replace", "mark", "bad");
        replace = action.equals("replace");
        verdict = action.equals("bad") ? Verdict.BAD : Verdict.MARK;
        maximumReplacements = parameters.whole(
                "maximumReplacements",
                1,
                Parameters.MOST_SAMPLES,
                parameters.has("window") ? parameters.whole("window", 3, Parameters.MOST_SAMPLES) / 2 : 15);
    }

    static long bytes(Parameters parameters, long shortestMs) {
        return WindowStatistics.medianBytes(parameters, shortestMs);
    }

    @Override
    void enter(long slot, double value) {
        sorted.enter(value);
    }

    @Override
    void leave(long slot, double value) {
        sorted.leave(value);
    }

    @Override
    void clear() {
        sorted.clear();
        replacements = 0;
    }

    @Override
    void evaluate(Signal signal) {
        signal.status = verdict(signal.status);
        if (!isFull()) {
            return;
        }
        double median = sorted.median();
        double limit = k * NORMAL * sorted.medianDeviation(median) + resolution;
        if (Math.abs(signal.value - median) <= limit) {
            replacements = 0;
        } else if (replacements < maximumReplacements) {
            replacements++;
            if (replace) {
                signal.value = median;
                signal.status = StatusCode.UNCERTAIN_SENSOR_NOT_ACCURATE;
            } else {
                verdict.pass(signal);
            }
        }
    }

    @Override
    public void save(DataOutput out) throws IOException {
        super.save(out);
        out.writeInt(replacements);
    }

    @Override
    public void restore(DataInput in) throws IOException {
        super.restore(in);
        replacements = StateFormat.readCount(in, maximumReplacements);
    }
}
