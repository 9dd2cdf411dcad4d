// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.Frame;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.OperatorSpec;
import io.penstock.api.preprocessing.GridOperator;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.OperatorFactory;
import io.penstock.api.preprocessing.Signal;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The operators of one feature. */
final class Chain {
    private static final int NONE = -1;
    private static final Logger LOG = LoggerFactory.getLogger(Chain.class);

    /**
     * One operator of a chain.
     *
     * @param reference index of the input it refers to, -1 for none.
     * @param key names input, operators and parameters up to and including this one, without the occurrence.
     */
    record Step(OperatorSpec spec, OperatorFactory factory, int reference, String key) {}

    final int input;
    private final List<Step> steps;
    private final int occurrence;
    private final boolean allowsNaN;
    private final Operator[] operators;
    private final int grid;
    private final double[] references;
    private final int[] cursors;
    private final Signal signal = new Signal();
    private long lastSampleNs = Long.MIN_VALUE;
    private long dropped;
    private long failures;

    Chain(int input, List<Step> steps, Operator[] operators, int occurrence, boolean allowsNaN) {
        this.input = input;
        this.steps = steps;
        this.operators = operators;
        this.occurrence = occurrence;
        this.allowsNaN = allowsNaN;
        references = new double[operators.length];
        cursors = new int[operators.length];
        int at = NONE;
        for (int i = 0; i < operators.length; i++) {
            if (operators[i] instanceof GridOperator) {
                at = i;
            }
        }
        grid = at;
        Arrays.fill(references, Double.NaN);
    }

    /** The feature's value and status, valid until the next call. */
    Signal run(Frame frame, InputGate gate) {
        try {
            compute(frame, gate);
        } catch (RuntimeException e) { // of an operator of somebody else
            if (failures++ == 0) {
                LOG.error(
                        "An operator of '{}' failed; the feature is Bad, update the bundle that provides it",
                        steps.get(steps.size() - 1).key(),
                        e);
            }
            signal.set(frame.instantNs(), Double.NaN, StatusCode.BAD_INTERNAL_ERROR);
        }
        return signal;
    }

    private void compute(Frame frame, InputGate gate) {
        for (Operator operator : operators) {
            if (operator instanceof AgeAware aware) {
                aware.age(frame.ageNanos(input));
            }
        }
        if (grid == NONE) {
            signal.set(frame.instantNs(), gate.value, gate.status);
            apply(frame, 0, operators.length, true);
        } else {
            feedAll(frame, gate);
            signal.set(frame.instantNs(), Double.NaN, StatusCode.BAD_WAITING_FOR_INITIAL_DATA);
            ((GridOperator) operators[grid]).emit(signal);
            requireFinite();
            apply(frame, grid + 1, operators.length, true);
        }
        if (StatusCode.isBad(signal.status)) {
            signal.value = Double.NaN;
        }
    }

    private void feedAll(Frame frame, InputGate gate) {
        Arrays.fill(cursors, 0);
        for (int k = 0; k < frame.pendingCount(input); k++) {
            feed(frame, frame.pendingTimeNs(input, k), frame.pendingValue(input, k), frame.pendingStatus(input, k));
        }
        // the sample a pipeline had before this program came; a slow tag would otherwise be unknown until its next one
        if (frame.ageNanos(input) != Long.MAX_VALUE && frame.timeNs(input) > lastSampleNs) {
            feed(frame, frame.timeNs(input), frame.value(input), frame.status(input));
        }
        if (gate.substituted && frame.instantNs() > lastSampleNs) {
            lastSampleNs = frame.instantNs();
            signal.set(frame.instantNs(), gate.value, gate.status);
            enter(frame);
        }
        for (int i = 0; i < grid; i++) {
            if (steps.get(i).reference() != NONE) {
                follow(frame, i, frame.instantNs()); // what came after our last sample stands for our next one
            }
        }
    }

    private void feed(Frame frame, long timeNs, double value, int status) {
        if (timeNs <= lastSampleNs || timeNs > frame.instantNs()) {
            dropped++;
            return;
        }
        lastSampleNs = timeNs;
        boolean finite = Double.isFinite(value);
        signal.set(timeNs, value, finite || StatusCode.isBad(status) ? status : StatusCode.BAD_SENSOR_FAILURE);
        if (StatusCode.isBad(signal.status)) {
            signal.value = Double.NaN;
        }
        enter(frame);
    }

    private void enter(Frame frame) {
        apply(frame, 0, grid, false);
        operators[grid].apply(signal);
    }

    private void apply(Frame frame, int from, int to, boolean atInstant) {
        for (int i = from; i < to; i++) {
            if (operators[i] instanceof ReferenceAware aware && steps.get(i).reference() != NONE) {
                aware.reference(reference(frame, i, atInstant));
            }
            operators[i].apply(signal);
            requireFinite();
        }
    }

    /** The other input as it stood at the signal's time. */
    private double reference(Frame frame, int step, boolean atInstant) {
        int other = steps.get(step).reference();
        if (atInstant || (frame.pendingCount(other) == 0 && frame.timeNs(other) <= signal.timeNs)) {
            references[step] = usable(frame.value(other), frame.status(other));
        } else {
            follow(frame, step, signal.timeNs);
        }
        return references[step];
    }

    private void follow(Frame frame, int step, long untilNs) {
        int other = steps.get(step).reference();
        while (cursors[step] < frame.pendingCount(other) && frame.pendingTimeNs(other, cursors[step]) <= untilNs) {
            references[step] =
                    usable(frame.pendingValue(other, cursors[step]), frame.pendingStatus(other, cursors[step]));
            cursors[step]++;
        }
    }

    private static double usable(double value, int status) {
        return StatusCode.isBad(status) || !Double.isFinite(value) ? Double.NaN : value;
    }

    /** No operator may let infinity out, nor NaN where the contract does not ask for it. */
    private void requireFinite() {
        if (!Double.isFinite(signal.value)
                && !StatusCode.isBad(signal.status)
                && !(allowsNaN && Double.isNaN(signal.value))) {
            signal.value = Double.NaN;
            signal.status = StatusCode.BAD_OUT_OF_RANGE;
        }
    }

    /** Samples that came out of order or from the future. */
    long dropped() {
        return dropped;
    }

    /** Begins anew with fresh operators. */
    void forget() {
        for (int i = 0; i < operators.length; i++) {
            operators[i] = steps.get(i).factory().create(steps.get(i).spec());
        }
        lastSampleNs = Long.MIN_VALUE;
        Arrays.fill(references, Double.NaN);
    }

    int size() {
        return operators.length;
    }

    String key(int step) {
        return steps.get(step).key() + " #" + occurrence;
    }

    /** Without occurrence: the state of another feature that begins with the very same operators. */
    String sharedKey(int step) {
        return steps.get(step).key() + " #0";
    }

    byte[] save(int step) {
        return StateEnvelope.close(out -> {
            if (step == grid) {
                out.writeLong(lastSampleNs);
            }
            if (steps.get(step).reference() != NONE) {
                out.writeDouble(references[step]);
            }
            operators[step].save(out);
        });
    }

    /** Restores into a new operator, so that a state refused half-way leaves no trace. */
    void restore(int step, byte[] state) throws IOException {
        Operator fresh = steps.get(step).factory().create(steps.get(step).spec());
        long[] sampleNs = {lastSampleNs};
        double[] reference = {references[step]};
        StateEnvelope.open(state, in -> {
            if (step == grid) {
                sampleNs[0] = in.readLong();
            }
            if (steps.get(step).reference() != NONE) {
                reference[0] = in.readDouble();
            }
            fresh.restore(in);
        });
        operators[step] = fresh;
        lastSampleNs = sampleNs[0];
        references[step] = reference[0];
    }
}
