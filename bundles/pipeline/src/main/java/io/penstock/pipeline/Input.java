// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.data.Frame;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.preprocessing.FeatureEngine.UnitConversion;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One bound tag between its connector's thread, which offers samples, and the pipeline's thread, which takes those that are
 * not newer than its frame. A ring without locks; when it is full the newest sample is still kept, those between are lost and
 * counted.
 *
 * <p>Samples are taken in the order in which they were offered. A sample counts from its source time on where that lies within
 * the last {@link #PLAUSIBLE_NANOS} before its arrival, else from its arrival on: no clock of a source can hold a sample back.
 */
final class Input {
    /** Source times farther from the arrival than this tell nothing about the order of samples of different tags. */
    static final long PLAUSIBLE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private static final UnitConversion AS_IS = new UnitConversion(1, 0);

    private final String name;
    private final String tag;
    private final int mask;
    private final long[] times;
    private final long[] orders; // arrivals, made earlier by what a sample was behind the newest it came with
    private final long[] arrivals;
    private final long[] numbers;
    private final double[] values;
    private final int[] statuses;
    private final AtomicLong dropped = new AtomicLong();
    private volatile long written; // by the connector
    private volatile long taken; // by the pipeline
    private volatile @Nullable Sample overflow;
    private volatile long overflowOrder;
    private volatile @Nullable Confirmation confirmed;
    private volatile UnitConversion conversion = AS_IS;
    private volatile @Nullable String trouble;
    private volatile boolean defined;
    // guarded by this
    private boolean wanted = true;
    private @Nullable Sample newest;
    private long newestOrder;
    private long offered;
    private boolean idle;

    // owned by the pipeline's thread
    private double value = Double.NaN;
    private int status = StatusCode.BAD_WAITING_FOR_INITIAL_DATA;
    private long sourceTimeNs;
    private long order;
    private long timeNs = Long.MIN_VALUE;
    private boolean known;
    private long number;
    private long arrivalNanos = Long.MIN_VALUE;
    private long trueAtNanos;
    private boolean changed;

    /** The sample of that number was asked for again and is what it was. */
    private record Confirmation(long number, long nanos) {}

    Input(String name, String tag, int capacity) {
        this.name = name;
        this.tag = tag;
        mask = capacity - 1;
        times = new long[capacity];
        orders = new long[capacity];
        arrivals = new long[capacity];
        numbers = new long[capacity];
        values = new double[capacity];
        statuses = new int[capacity];
    }

    String name() {
        return name;
    }

    String tag() {
        return tag;
    }

    long dropped() {
        return dropped.get();
    }

    /** What keeps this input from having a value, e.g. a unit that cannot be converted; null if nothing. */
    @Nullable
    String trouble() {
        return trouble;
    }

    /** A connector with this tag was here. */
    void define() {
        defined = true;
    }

    boolean everDefined() {
        return defined;
    }

    void setConversion(@Nullable UnitConversion newConversion, @Nullable String newTrouble) {
        conversion = newConversion == null ? AS_IS : newConversion;
        trouble = newTrouble;
    }

    void offer(Sample sample) {
        offer(sample, sample.arrivalNanos());
    }

    /**
     * Called by the connector; synchronized only because an old and a new connector may overlap for a moment.
     *
     * @param orderNanos the arrival, made earlier by what the sample is behind the newest it came with.
     */
    synchronized void offer(Sample sample, long orderNanos) {
        newest = sample;
        newestOrder = orderNanos;
        offered++;
        idle = !wanted;
        if (wanted) {
            enqueue(sample, orderNanos);
        }
    }

    /** Whether anybody takes samples; of those that nobody takes the last is kept for who wants it later. */
    synchronized void want(boolean yes) {
        wanted = yes;
        Sample last = newest;
        if (yes && idle && last != null) {
            idle = false;
            enqueue(last, newestOrder);
        }
    }

    private void enqueue(Sample sample, long orderNanos) {
        long w = written;
        Sample waiting = overflow;
        if (waiting != null && w - taken <= mask) {
            overflow = null;
            dropped.decrementAndGet();
            put(w++, waiting, overflowOrder, offered - 1);
            written = w;
        }
        if (w - taken > mask) {
            dropped.incrementAndGet();
            overflowOrder = orderNanos;
            overflow = sample;
            return;
        }
        put(w, sample, orderNanos, offered);
        written = w + 1;
    }

    private void put(long position, Sample sample, long orderNanos, long sampleNumber) {
        int i = (int) position & mask;
        times[i] = sample.sourceTimeNs();
        orders[i] = orderNanos;
        arrivals[i] = sample.arrivalNanos();
        numbers[i] = sampleNumber;
        values[i] = sample.value();
        statuses[i] = sample.status();
    }

    /** The source was asked for the sample offered last, if it is that, and still has it. */
    synchronized void confirm(long confirmedTimeNs, long nanoTime) {
        Sample last = newest;
        if (last == null
                || last.sourceTimeNs() != confirmedTimeNs
                || last.status() == StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE
                || nanoTime - last.arrivalNanos() <= 0) {
            return;
        }
        Sample younger = new Sample(last.tag(), last.value(), last.status(), last.sourceTimeNs(), nanoTime);
        newest = younger;
        if (idle) {
            return;
        }
        long w = written;
        if (overflow != null) {
            overflow = younger;
        } else if (taken < w) { // it waits in the ring, or is taken at this moment and stays as old as it was
            arrivals[(int) (w - 1) & mask] = nanoTime;
            written = w; // publishes it
        } else {
            confirmed = new Confirmation(offered, nanoTime);
        }
    }

    /** From when on the oldest waiting sample counts, {@link Long#MAX_VALUE} if none waits. */
    long nextTimeNs(GatewayTime time) {
        long t = taken;
        if (t < written) {
            int i = (int) t & mask;
            return countsFromNs(times[i], orders[i], time);
        }
        Sample waiting = overflow;
        return waiting == null ? Long.MAX_VALUE : countsFromNs(waiting.sourceTimeNs(), overflowOrder, time);
    }

    private static long countsFromNs(long sourceNs, long orderNanos, GatewayTime time) {
        long arrivedNs = time.atNs(orderNanos);
        return sourceNs > arrivedNs || sourceNs < arrivedNs - PLAUSIBLE_NANOS ? arrivedNs : sourceNs;
    }

    /** Takes all samples not newer than the instant into the frame (pending) and remembers the last. */
    void take(long instantNs, GatewayTime time, @Nullable Frame frame, int index) {
        long t = taken;
        long end = written;
        UnitConversion unit = conversion;
        while (t < end) {
            int i = (int) t & mask;
            long fromNs = countsFromNs(times[i], orders[i], time);
            if (fromNs > instantNs) {
                break;
            }
            place(fromNs, times[i], orders[i], instantNs, time);
            accept(unit, values[i], statuses[i], arrivals[i], numbers[i], frame, index);
            t++;
        }
        taken = t;
        if (t == written && overflow != null) {
            takeOverflow(unit, instantNs, time, frame, index);
        }
    }

    private synchronized void takeOverflow(
            UnitConversion unit, long instantNs, GatewayTime time, @Nullable Frame frame, int index) {
        Sample waiting = overflow;
        if (waiting == null || taken != written) {
            return;
        }
        long fromNs = countsFromNs(waiting.sourceTimeNs(), overflowOrder, time);
        if (fromNs <= instantNs) {
            overflow = null;
            dropped.decrementAndGet();
            place(fromNs, waiting.sourceTimeNs(), overflowOrder, instantNs, time);
            accept(unit, waiting.value(), waiting.status(), waiting.arrivalNanos(), offered, frame, index);
        }
    }

    /** Gives the sample its time among those of its tag: strictly ascending, whatever its source's clock does. */
    private void place(long fromNs, long sourceNs, long orderNanos, long instantNs, GatewayTime time) {
        if (fromNs > timeNs) {
            timeNs = fromNs;
        } else if (sourceNs == sourceTimeNs && orderNanos == order) { // two of one tick of the source's clock
            timeNs++;
        } else { // that clock stands still or went back
            timeNs = Math.max(timeNs + 1, Math.min(time.atNs(orderNanos), instantNs));
        }
        sourceTimeNs = sourceNs;
        order = orderNanos;
        known = true;
    }

    private void accept(
            UnitConversion unit,
            double raw,
            int newStatus,
            long arrival,
            long sampleNumber,
            @Nullable Frame frame,
            int index) {
        double converted = unit == AS_IS ? raw : unit.apply(raw);
        changed |= newStatus != status || Double.doubleToLongBits(converted) != Double.doubleToLongBits(value);
        value = converted;
        status = newStatus;
        number = sampleNumber;
        arrivalNanos = arrival;
        trueAtNanos = arrival;
        if (frame != null) {
            frame.addPending(index, converted, newStatus, timeNs);
        }
    }

    /** The gateway's clock was stepped: the present sample's time is told anew, those to come follow it. */
    void clockStepped(GatewayTime time) {
        if (known) {
            timeNs = countsFromNs(sourceTimeNs, order, time);
        }
    }

    /** Whether a sample taken since {@link #forgetChange} brought another value or status. */
    boolean changed() {
        return changed;
    }

    void forgetChange() {
        changed = false;
    }

    /** Sets value, status, source time and age of this input in the frame. */
    void freeze(Frame frame, int index, long nanos) {
        String reason = trouble;
        if (reason != null) {
            frame.set(index, Double.NaN, StatusCode.BAD_CONFIGURATION_ERROR, sourceTimeNs, Long.MAX_VALUE);
            return;
        }
        frame.set(index, value, status, sourceTimeNs, ageNanos(nanos), timeNs);
    }

    private long ageNanos(long nanos) {
        Confirmation last = confirmed;
        if (last != null && last.number() == number && last.nanos() - trueAtNanos > 0) {
            trueAtNanos = last.nanos();
        }
        return known ? Math.max(0, nanos - trueAtNanos) : Long.MAX_VALUE;
    }

    /** When the value arrived, for latencies; {@link Long#MIN_VALUE} if none did. */
    long arrivalNanos() {
        return arrivalNanos;
    }

    double value() {
        return value;
    }

    long sourceTimeNs() {
        return sourceTimeNs;
    }
}
