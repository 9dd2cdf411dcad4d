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

/**
 * What every operator with a window has in common.
 *
 * <ul>
 *   <li>Window: the last {@code window} samples, the present one included, or those of the last {@code windowMs}
 *       ({@code t - windowMs < t_i <= t}).
 *   <li>A sample that is Bad or NaN takes a place in the window but gives no value; the result for it is NaN with its own
 *       status. Uncertain samples give their value and are not counted as Good.
 *   <li>Warm-up: UncertainInitialValue until {@code window} samples, or {@code windowMs}, have passed.
 *   <li>{@code minFill} (0.8): with a smaller share of Good samples the result is UncertainSubNormal.
 *   <li>{@code mostSamples} (65 536): more than that within {@code windowMs} and the oldest go early, UncertainSubNormal.
 *   <li>Gap: after more than {@code maxGapMs} without a sample (by default {@code windowMs}; unlimited for {@code window})
 *       the window starts anew.
 * </ul>
 */
abstract class WindowOperator implements Operator {
    static final List<String> PARAMETERS = List.of("window", "windowMs", "mostSamples", "minFill", "maxGapMs");

    private static final int LEAST_CAPACITY = 64;
    private static final byte MISSING = 0;
    private static final byte UNCERTAIN = 1;
    private static final byte GOOD = 2;

    private final int count;
    private final long spanNs;
    private final int mostSamples;
    private final double minFill;
    private final long maxGapNs;
    private final boolean withCompanion;

    private long[] times;
    private double[] values;
    private double[] companions;
    private byte[] qualities;
    private long head;
    private long next;
    private int good;
    private long firstNs;
    /** Until then samples are lacking that had to make room because there were too many. */
    private long crowdedUntilNs = Long.MIN_VALUE;

    WindowOperator(Parameters parameters, int leastSamples, boolean withCompanion) {
        parameters.exactlyOne("window", "windowMs");
        count = parameters.whole("window", leastSamples, Parameters.MOST_SAMPLES, 0);
        spanNs = parameters.timeNs("windowMs", 1, 0);
        if (count > 0 && parameters.has("mostSamples")) {
            throw parameters.refused("mostSamples", "only together with windowMs", "with window");
        }
        mostSamples = parameters.mostSamples();
        minFill = parameters.number("minFill", 0, 1, 0.8);
        maxGapNs = parameters.timeNs("maxGapMs", 1, count > 0 ? Long.MAX_VALUE : spanNs);
        this.withCompanion = withCompanion;
        int capacity = count > 0 ? capacity(count) : LEAST_CAPACITY;
        times = new long[capacity];
        values = new double[capacity];
        companions = new double[withCompanion ? capacity : 0];
        qualities = new byte[capacity];
    }

    private static int capacity(int samples) {
        return Math.max(2, Integer.highestOneBit(2 * samples - 1));
    }

    /** Places in the full window. */
    static int mostPlaces(Parameters parameters, long shortestMs) {
        parameters.exactlyOne("window", "windowMs");
        return parameters.has("window")
                ? capacity(parameters.whole("window", 1, Parameters.MOST_SAMPLES))
                : Math.max(
                        LEAST_CAPACITY,
                        capacity(parameters.samplesWithin(parameters.timeNs("windowMs", 1), shortestMs)));
    }

    /** What the window takes with nothing but sums beside it. */
    static long bytes(Parameters parameters, long shortestMs) {
        return bytes(mostPlaces(parameters, shortestMs), false);
    }

    static long bytes(int places, boolean withCompanion) {
        return HeapSize.plus(
                HeapSize.object(244), // and the fields of those that extend it
                HeapSize.times(2, HeapSize.array(places, Long.BYTES)),
                HeapSize.array(withCompanion ? places : 0, Double.BYTES),
                HeapSize.array(places, 1));
    }

    /** A usable value enters; slots ascend. */
    abstract void enter(long slot, double value);

    /** The oldest usable value leaves. */
    abstract void leave(long slot, double value);

    abstract void clear();

    /** Sets value and status for a usable sample, which is already in the window; {@link #verdict} gives the status. */
    abstract void evaluate(Signal signal);

    /** A second value kept beside each sample. */
    double companion() {
        return Double.NaN;
    }

    /** Companion of the sample that enters or leaves, NaN for none. */
    void enterCompanion(long slot, double value) {}

    void leaveCompanion(long slot) {}

    @Override
    public final void apply(Signal signal) {
        byte quality = quality(signal);
        if (next > head && signal.timeNs - times[at(next - 1)] > maxGapNs) {
            restart();
        }
        add(signal.timeNs, quality == MISSING ? Double.NaN : signal.value, quality, companion());
        if (quality == MISSING) {
            signal.value = Double.NaN;
        } else {
            evaluate(signal);
        }
    }

    private static byte quality(Signal signal) {
        if (StatusCode.isBad(signal.status) || Double.isNaN(signal.value)) {
            return MISSING;
        }
        return StatusCode.isGood(signal.status) ? GOOD : UNCERTAIN;
    }

    private void restart() {
        head = 0;
        next = 0;
        good = 0;
        crowdedUntilNs = Long.MIN_VALUE;
        clear();
    }

    private void add(long timeNs, double value, byte quality, double companion) {
        if (next == head) {
            firstNs = timeNs;
        }
        if (count > 0) {
            if (next - head == count) {
                removeOldest();
            }
        } else {
            while (next > head && timeNs - times[at(head)] >= spanNs) {
                removeOldest();
            }
            if (next - head == mostSamples) {
                crowdedUntilNs = times[at(head)] + spanNs;
                removeOldest();
            } else if (next - head == times.length) {
                grow();
            }
        }
        int at = at(next);
        times[at] = timeNs;
        values[at] = value;
        qualities[at] = quality;
        if (withCompanion) {
            companions[at] = companion;
            enterCompanion(next, companion);
        }
        if (quality != MISSING) {
            enter(next, value);
        }
        if (quality == GOOD) {
            good++;
        }
        next++;
    }

    private void removeOldest() {
        int at = at(head);
        if (qualities[at] != MISSING) {
            leave(head, values[at]);
        }
        if (qualities[at] == GOOD) {
            good--;
        }
        if (withCompanion) {
            leaveCompanion(head);
        }
        head++;
    }

    private void grow() {
        int capacity = 2 * times.length;
        long[] moreTimes = new long[capacity];
        double[] moreValues = new double[capacity];
        double[] moreCompanions = new double[withCompanion ? capacity : 0];
        byte[] moreQualities = new byte[capacity];
        for (long slot = head; slot < next; slot++) {
            int to = (int) (slot & (capacity - 1));
            moreTimes[to] = times[at(slot)];
            moreValues[to] = values[at(slot)];
            moreQualities[to] = qualities[at(slot)];
            if (withCompanion) {
                moreCompanions[to] = companions[at(slot)];
            }
        }
        times = moreTimes;
        values = moreValues;
        companions = moreCompanions;
        qualities = moreQualities;
    }

    private int at(long slot) {
        return (int) (slot & (times.length - 1));
    }

    /** Whether the window has once been passed through. */
    final boolean isFull() {
        return count > 0 ? next - head == count : next > head && times[at(next - 1)] - firstNs >= spanNs;
    }

    /** Whether enough of the window is Good. */
    final boolean isFilled() {
        return good >= minFill * (next - head) && times[at(next - 1)] >= crowdedUntilNs;
    }

    /** The status of a result made of the window and of a usable sample with {@code status}. */
    final int verdict(int status) {
        if (!isFull()) {
            return StatusCode.UNCERTAIN_INITIAL_VALUE;
        }
        return isFilled() ? status : StatusCode.UNCERTAIN_SUB_NORMAL;
    }

    final long firstSlot() {
        return head;
    }

    final long endSlot() {
        return next;
    }

    final boolean isUsable(long slot) {
        return qualities[at(slot)] != MISSING;
    }

    final double value(long slot) {
        return values[at(slot)];
    }

    final long timeNs(long slot) {
        return times[at(slot)];
    }

    /** Lets every usable value enter once more, after {@link #clear}. */
    final void refill() {
        clear();
        for (long slot = head; slot < next; slot++) {
            if (qualities[at(slot)] != MISSING) {
                enter(slot, values[at(slot)]);
            }
        }
    }

    @Override
    public void save(DataOutput out) throws IOException {
        StateFormat.writeVersion(out);
        out.writeInt((int) (next - head));
        out.writeLong(firstNs);
        out.writeLong(crowdedUntilNs);
        for (long slot = head; slot < next; slot++) {
            int at = at(slot);
            out.writeLong(times[at]);
            out.writeByte(qualities[at]);
            if (qualities[at] != MISSING) {
                out.writeDouble(values[at]);
            }
            if (withCompanion) {
                out.writeDouble(companions[at]);
            }
        }
    }

    @Override
    public void restore(DataInput in) throws IOException {
        StateFormat.readVersion(in);
        int size = StateFormat.readCount(in, count > 0 ? count : mostSamples);
        long first = in.readLong();
        long crowded = in.readLong();
        restart();
        long last = Long.MIN_VALUE;
        for (int i = 0; i < size; i++) {
            long timeNs = in.readLong();
            StateFormat.require(timeNs > last, "times ascend, was " + timeNs + " after " + last);
            last = timeNs;
            byte quality = in.readByte();
            StateFormat.require(quality >= MISSING && quality <= GOOD, "a quality from 0 to 2, was " + quality);
            double value = quality == MISSING ? Double.NaN : StateFormat.readFinite(in);
            add(timeNs, value, quality, withCompanion ? in.readDouble() : Double.NaN);
        }
        StateFormat.require(size == 0 || first <= timeNs(head), "the window began before its first sample");
        firstNs = first;
        crowdedUntilNs = crowded;
    }
}
