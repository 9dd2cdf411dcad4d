// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.data.Frame;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.preprocessing.FeatureEngine.UnitConversion;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One bound tag between its connector's thread, which offers samples, and the pipeline's thread, which takes those that are
 * not newer than its frame. A ring without locks; when it is full the newest sample is still kept, those between are lost and
 * counted.
 */
final class Input {
    private static final UnitConversion AS_IS = new UnitConversion(1, 0);

    private final String name;
    private final String tag;
    private final int mask;
    private final long[] times;
    private final long[] arrivals;
    private final double[] values;
    private final int[] statuses;
    private final AtomicLong dropped = new AtomicLong();
    private volatile long written; // by the connector
    private volatile long taken; // by the pipeline
    private volatile @Nullable Sample overflow;
    private volatile long aliveNanos = Long.MIN_VALUE;
    private volatile UnitConversion conversion = AS_IS;
    private volatile @Nullable String trouble;
    private volatile boolean defined;
    private boolean wanted = true; // guarded by this, as is idle
    private @Nullable Sample idle;

    // owned by the pipeline's thread
    private double value = Double.NaN;
    private int status = StatusCode.BAD_WAITING_FOR_INITIAL_DATA;
    private long sourceTimeNs;
    private long trueAtNanos = Long.MIN_VALUE;
    private boolean changed;

    Input(String name, String tag, int capacity) {
        this.name = name;
        this.tag = tag;
        mask = capacity - 1;
        times = new long[capacity];
        arrivals = new long[capacity];
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

    /** Called by the connector; synchronized only because an old and a new connector may overlap for a moment. */
    synchronized void offer(Sample sample) {
        if (wanted) {
            enqueue(sample);
        } else {
            idle = sample;
        }
    }

    /** Whether anybody takes samples; of those that nobody takes the last is kept for who wants it later. */
    synchronized void want(boolean yes) {
        Sample last = idle;
        wanted = yes;
        if (yes && last != null) {
            idle = null;
            enqueue(last);
        }
    }

    private void enqueue(Sample sample) {
        long w = written;
        if (w - taken > mask) {
            dropped.incrementAndGet();
            overflow = sample;
            return;
        }
        Sample waiting = overflow;
        if (waiting != null) {
            overflow = null;
            put(w++, waiting);
            dropped.decrementAndGet();
            if (w - taken > mask) {
                dropped.incrementAndGet();
                overflow = sample;
                written = w;
                return;
            }
        }
        put(w, sample);
        written = w + 1;
    }

    private void put(long position, Sample sample) {
        int i = (int) position & mask;
        times[i] = sample.sourceTimeNs();
        arrivals[i] = sample.arrivalNanos();
        values[i] = sample.value();
        statuses[i] = sample.status();
    }

    void alive(long nanoTime) {
        aliveNanos = nanoTime;
    }

    /** The connector is gone: the last value stays, but nobody vouches for it. */
    void lost(Sample last) {
        offer(last);
    }

    /** Time that orders the oldest waiting sample, {@link Long#MAX_VALUE} if none waits. A source clock that runs ahead of ours must not hold its samples back. */
    long nextTimeNs(long nowNs) {
        long t = taken;
        if (t < written) {
            return Math.min(times[(int) t & mask], nowNs);
        }
        Sample waiting = overflow;
        return waiting == null ? Long.MAX_VALUE : Math.min(waiting.sourceTimeNs(), nowNs);
    }

    /** Takes all samples not newer than the instant into the frame (pending) and remembers the last. */
    void take(long instantNs, long nowNs, @Nullable Frame frame, int index) {
        long t = taken;
        long end = written;
        UnitConversion unit = conversion;
        while (t < end) {
            int i = (int) t & mask;
            if (Math.min(times[i], nowNs) > instantNs) {
                break;
            }
            accept(unit, values[i], statuses[i], times[i], arrivals[i], frame, index);
            t++;
        }
        taken = t;
        if (t == written && overflow != null) {
            takeOverflow(unit, instantNs, nowNs, frame, index);
        }
    }

    private synchronized void takeOverflow(
            UnitConversion unit, long instantNs, long nowNs, @Nullable Frame frame, int index) {
        Sample waiting = overflow;
        if (waiting != null && taken == written && Math.min(waiting.sourceTimeNs(), nowNs) <= instantNs) {
            overflow = null;
            dropped.decrementAndGet();
            accept(
                    unit,
                    waiting.value(),
                    waiting.status(),
                    waiting.sourceTimeNs(),
                    waiting.arrivalNanos(),
                    frame,
                    index);
        }
    }

    private void accept(
            UnitConversion unit,
            double raw,
            int newStatus,
            long timeNs,
            long arrival,
            @Nullable Frame frame,
            int index) {
        double converted = unit == AS_IS ? raw : unit.apply(raw);
        changed |= newStatus != status || Double.doubleToLongBits(converted) != Double.doubleToLongBits(value);
        value = converted;
        status = newStatus;
        sourceTimeNs = timeNs;
        if (newStatus != StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE) {
            trueAtNanos = arrival;
        }
        if (frame != null) {
            frame.addPending(index, converted, newStatus, timeNs);
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
        frame.set(index, value, status, sourceTimeNs, ageNanos(nanos));
    }

    private long ageNanos(long nanos) {
        if (trueAtNanos == Long.MIN_VALUE) {
            return Long.MAX_VALUE;
        }
        long alive = aliveNanos;
        boolean vouched = alive != Long.MIN_VALUE
                && status != StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE
                && alive - trueAtNanos > 0;
        return Math.max(0, nanos - (vouched ? alive : trueAtNanos));
    }

    /** When the newest value arrived, for latencies; {@link Long#MIN_VALUE} if none did. */
    long arrivalNanos() {
        return trueAtNanos;
    }

    double value() {
        return value;
    }

    long sourceTimeNs() {
        return sourceTimeNs;
    }
}
