// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import io.penstock.api.actuation.TagWriter;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;

/** A connector with a plant behind it: one setpoint, and faults on command. */
final class FakePlant implements TagWriter {
    /** A value that arrived, and when. */
    record Arrival(double value, long nanos) {}

    final List<Arrival> arrivals = new CopyOnWriteArrayList<>();
    final List<CompletableFuture<Integer>> held = new CopyOnWriteArrayList<>();
    private final FakeTime time;
    private final TagId tag;

    volatile double setpoint = 3;
    volatile int writeStatus = StatusCode.GOOD;
    volatile int readStatus = StatusCode.GOOD;
    volatile boolean ignoresWrites;
    /** Writes are neither answered nor applied until {@link #answerHeld}. */
    volatile boolean hangs;
    /** The call itself does not return. */
    volatile boolean blocks;

    /** Reads are answered by {@link #answerReads}. */
    volatile boolean holdsReads;

    final List<CompletableFuture<Sample>> heldReads = new CopyOnWriteArrayList<>();

    volatile boolean throwsUp;
    /** From the call to the plant; the answer takes none. */
    volatile long latencyNanos;

    volatile long readLatencyNanos;
    volatile boolean knowsTag = true;
    volatile int reads;
    volatile String lastRead = "";
    /** What the plant shows differs from what it has by this much. */
    volatile double offset;

    volatile Runnable onRead = () -> {};
    /** Happens while a write is in flight. */
    volatile Runnable onWrite = () -> {};

    /** Happens while the loop looks whether this connector is still there, the last thing a closing does. */
    volatile Runnable onLookedUp = () -> {};

    FakePlant(FakeTime time, TagId tag) {
        this.time = time;
        this.tag = tag;
    }

    @Override
    public String name() {
        return "plc1";
    }

    @Override
    public boolean equals(Object other) {
        onLookedUp.run();
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }

    @Override
    public boolean writes(TagId asked) {
        return knowsTag && asked.equals(tag);
    }

    @Override
    public CompletionStage<Integer> write(TagId asked, double value, long deadlineMs) {
        if (throwsUp) {
            throw new IllegalStateException("broken connector");
        }
        while (blocks) {
            try {
                Thread.sleep(5); // stands for a driver that does not come back
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        time.advanceNanos(latencyNanos);
        onWrite.run();
        if (hangs) {
            CompletableFuture<Integer> answer = new CompletableFuture<>();
            held.add(answer);
            return answer;
        }
        if (!ignoresWrites) {
            setpoint = value;
            arrivals.add(new Arrival(value, time.nanos()));
        }
        return CompletableFuture.completedFuture(writeStatus);
    }

    void answerHeld() {
        hangs = false;
        held.forEach(answer -> answer.complete(StatusCode.GOOD));
    }

    @Override
    @SuppressWarnings("NonAtomicVolatileUpdate") // one reader at a time
    public CompletionStage<Sample> read(TagId asked, long deadlineMs) {
        reads++;
        lastRead = asked.name();
        onRead.run();
        time.advanceNanos(readLatencyNanos);
        if (holdsReads) {
            CompletableFuture<Sample> answer = new CompletableFuture<>();
            heldReads.add(answer);
            return answer;
        }
        return CompletableFuture.completedFuture(shown(asked));
    }

    void answerReads() {
        holdsReads = false;
        heldReads.forEach(answer -> answer.complete(shown(new TagId(lastRead))));
    }

    private Sample shown(TagId asked) {
        double value = StatusCode.isBad(readStatus) ? Double.NaN : setpoint + offset;
        return new Sample(asked, value, readStatus, 0, time.nanos());
    }
}
