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
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code frozen}: a signal that does not move although it should. Two tests, at least one of which is configured:
 *
 * <ul>
 *   <li>window: over {@code window} samples or {@code windowMs}, {@code max - min ≤ resolution / 2}; with {@code reference}
 *       (another input) only if that input has moved by more than {@code referenceMove} within the same window;
 *   <li>{@code identical}: that many Good samples in a row were the same to the last bit. For noisy analogue values only.
 * </ul>
 *
 * <p>{@code action}: {@code mark} (UncertainSensorNotAccurate) or {@code bad} (BadSensorFailure). Warm-up: none; before the
 * window is full there is no verdict and the sample passes as it came. Bad samples pass; Uncertain ones (a held value, say)
 * never make a signal frozen. A gap restarts the window, see {@link WindowOperator}, and the count of identical samples goes
 * on. Not for setpoints, switches and sources that report changes only. Amortised O(1).
 */
final class Frozen implements Operator, ReferenceAware {
    private final @Nullable Movement movement;
    private final boolean withReference;
    private final int identical;
    private final Verdict verdict;
    private double reference = Double.NaN;
    private long lastBits;
    private int run;

    Frozen(Parameters parameters) {
        boolean withWindow = parameters.has("window") || parameters.has("windowMs");
        withReference = parameters.has("reference");
        identical = parameters.whole("identical", 2, Parameters.MOST_SAMPLES, 0);
        verdict = Verdict.of(parameters);
        if (!withWindow) {
            for (String key :
                    List.of("reference", "referenceMove", "resolution", "mostSamples", "minFill", "maxGapMs")) {
                if (parameters.has(key)) {
                    throw parameters.refused(key, "only together with window or windowMs", "without");
                }
            }
        }
        if (!withWindow && identical == 0) {
            throw parameters.refused("identical", "at least one of window, windowMs, identical", "none");
        }
        if (withReference && parameters.text("reference").isEmpty()) {
            throw parameters.refused("reference", "the name of an input", "empty");
        }
        if (withReference != parameters.has("referenceMove")) {
            throw parameters.refused("referenceMove", "together with reference", withReference ? "absent" : "alone");
        }
        movement = withWindow ? new Movement(parameters, withReference) : null;
    }

    static long bytes(Parameters parameters, long shortestMs) {
        long own = HeapSize.object(116);
        if (!parameters.has("window") && !parameters.has("windowMs")) {
            return own;
        }
        int places = WindowOperator.mostPlaces(parameters, shortestMs);
        boolean withReference = parameters.has("reference");
        return HeapSize.plus(
                own,
                WindowOperator.bytes(places, withReference),
                HeapSize.times(2, Extremes.bytes(places)),
                HeapSize.times(2, Extremes.bytes(withReference ? places : 0)));
    }

    @Override
    public void reference(double value) {
        reference = value;
    }

    @Override
    public void apply(Signal signal) {
        boolean frozen = false;
        if (movement != null) {
            movement.reference = reference;
            double value = signal.value;
            int status = signal.status;
            movement.apply(signal);
            signal.value = value;
            signal.status = status;
            frozen = !Verdict.isMissing(signal) && movement.isStill();
        }
        if (identical > 0 && StatusCode.isGood(signal.status) && !Double.isNaN(signal.value)) {
            long bits = Double.doubleToLongBits(signal.value);
            run = bits == lastBits && run > 0 ? Math.min(run + 1, identical) : 1;
            lastBits = bits;
            frozen |= run >= identical;
        }
        if (frozen) {
            verdict.pass(signal);
        }
    }

    @Override
    public void save(DataOutput out) throws IOException {
        StateFormat.writeVersion(out);
        out.writeLong(lastBits);
        out.writeInt(run);
        if (movement != null) {
            movement.save(out);
        }
    }

    @Override
    public void restore(DataInput in) throws IOException {
        StateFormat.readVersion(in);
        lastBits = in.readLong();
        run = StateFormat.readCount(in, identical);
        if (movement != null) {
            movement.restore(in);
        }
    }

    /** How far signal and reference have moved within the window. */
    private static final class Movement extends WindowOperator {
        private final double most;
        private final double referenceMove;
        private final boolean withReference;
        private final Extremes smallest = Extremes.smallest();
        private final Extremes largest = Extremes.largest();
        private final Extremes referenceSmallest = Extremes.smallest();
        private final Extremes referenceLargest = Extremes.largest();
        private double reference = Double.NaN;

        Movement(Parameters parameters, boolean withReference) {
            super(parameters, 2, withReference);
            most = parameters.number("resolution", 0, Double.MAX_VALUE) / 2;
            referenceMove = parameters.number("referenceMove", 0, Double.MAX_VALUE, 0);
            this.withReference = withReference;
        }

        boolean isStill() {
            return isFull()
                    && isFilled()
                    && largest.value() - smallest.value() <= most
                    && (!withReference || referenceLargest.value() - referenceSmallest.value() > referenceMove);
        }

        @Override
        double companion() {
            return reference;
        }

        @Override
        void enterCompanion(long slot, double value) {
            if (!Double.isNaN(value)) {
                referenceSmallest.enter(slot, value);
                referenceLargest.enter(slot, value);
            }
        }

        @Override
        void leaveCompanion(long slot) {
            referenceSmallest.leave(slot);
            referenceLargest.leave(slot);
        }

        @Override
        void enter(long slot, double value) {
            smallest.enter(slot, value);
            largest.enter(slot, value);
        }

        @Override
        void leave(long slot, double value) {
            smallest.leave(slot);
            largest.leave(slot);
        }

        @Override
        void clear() {
            smallest.clear();
            largest.clear();
            referenceSmallest.clear();
            referenceLargest.clear();
        }

        @Override
        void evaluate(Signal signal) {}
    }
}
