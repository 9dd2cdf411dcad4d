// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.Frame;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.MissingPolicy;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** The first look at an input: is it there, is it fresh, what stands in for it, is it where the model has been. */
final class InputGate {
    private static final long NANOS_PER_MS = 1_000_000L;
    private static final int CODE = 0xFFFF0000;

    final InputSpec spec;
    private final long maximumAgeNs;
    private final long holdNs;

    private boolean hasGood;
    private double lastGood;
    private long lastGoodNs;

    /** Value that goes on, NaN where there is none. */
    double value = Double.NaN;
    /** Status of that value; Bad where there is none. */
    int status = StatusCode.BAD_WAITING_FOR_INITIAL_DATA;
    /** What it says about the prediction, see {@link Flags}. */
    int flags;

    boolean substituted;

    InputGate(InputSpec spec) {
        this.spec = spec;
        maximumAgeNs = saturated(spec.maximumAgeMs());
        holdNs = saturated(spec.holdMs());
    }

    private static long saturated(long ms) {
        return ms > Long.MAX_VALUE / NANOS_PER_MS ? Long.MAX_VALUE : ms * NANOS_PER_MS;
    }

    void take(Frame frame, int input) {
        value = frame.value(input);
        status = frame.status(input);
        substituted = false;
        int cause = cause(frame.ageNanos(input));
        if (cause != StatusCode.GOOD) {
            substitute(cause, frame.instantNs());
            return;
        }
        flags = Flags.of(status, spec.required());
        if (value < spec.low() || value > spec.high()) {
            flags |= Flags.EXCEEDED;
        }
        if (StatusCode.isGood(status)) {
            hasGood = true;
            lastGood = value;
            lastGoodNs = frame.instantNs();
        }
    }

    /** Good if the value can be used. */
    private int cause(long ageNanos) {
        if (StatusCode.isBad(status)) {
            return status & CODE;
        }
        if (ageNanos > maximumAgeNs) {
            return ageNanos == Long.MAX_VALUE
                    ? StatusCode.BAD_WAITING_FOR_INITIAL_DATA
                    : StatusCode.BAD_NO_COMMUNICATION;
        }
        return Double.isFinite(value) ? StatusCode.GOOD : StatusCode.BAD_SENSOR_FAILURE;
    }

    private void substitute(int cause, long instantNs) {
        flags = spec.required() ? Flags.SUB_NORMAL : Flags.OPTIONAL;
        substituted = true;
        if (spec.missing() == MissingPolicy.CONSTANT) {
            value = spec.constant();
            status = StatusCode.UNCERTAIN_SUB_NORMAL;
        } else if (spec.missing() == MissingPolicy.NAN) {
            value = Double.NaN;
            status = StatusCode.UNCERTAIN_SUB_NORMAL;
        } else if (spec.missing() == MissingPolicy.HOLD_LAST && hasGood && instantNs - lastGoodNs <= holdNs) {
            value = lastGood;
            status = cause == StatusCode.BAD_NO_COMMUNICATION
                    ? StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE
                    : StatusCode.UNCERTAIN_LAST_USABLE_VALUE;
        } else {
            substituted = false;
            value = Double.NaN;
            status = cause;
            flags = spec.required() ? Flags.BAD : Flags.OPTIONAL;
        }
    }

    /** Whether NaN may reach the model. */
    boolean allowsNaN() {
        return spec.missing() == MissingPolicy.NAN;
    }

    boolean hasMemory() {
        return spec.missing() == MissingPolicy.HOLD_LAST;
    }

    String key() {
        return "hold " + spec.name() + '[' + spec.unit() + ']';
    }

    void forget() {
        hasGood = false;
    }

    void save(DataOutput out) throws IOException {
        out.writeBoolean(hasGood);
        out.writeDouble(lastGood);
        out.writeLong(lastGoodNs);
    }

    void restore(DataInput in) throws IOException {
        boolean has = in.readBoolean();
        double good = StateFormat.readFinite(in);
        lastGoodNs = in.readLong();
        lastGood = good;
        hasGood = has;
    }
}
