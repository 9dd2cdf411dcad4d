// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.model.ModelContract;
import io.penstock.api.publication.CycleResult;
import io.penstock.api.publication.ResultPublisher;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes results from the pipeline's thread to one publisher on a thread of its own. Slots are used again and again; when the
 * publisher is slow, new results are dropped and counted, and the pipeline's thread does not notice.
 */
@SuppressWarnings("NonAtomicVolatileUpdate") // each counter has one writer
final class ResultQueue {
    private static final Logger LOG = LoggerFactory.getLogger(ResultQueue.class);
    private static final long NAP_NANOS = TimeUnit.MICROSECONDS.toNanos(500);
    private static final int NAPS = 40;

    private final ResultPublisher publisher;
    private final @Nullable CycleResult[] slots;
    private final Thread thread;
    private volatile long written; // by the pipeline
    private volatile long taken; // by the publisher's thread
    private volatile boolean asleep;
    private volatile boolean closed;
    private volatile long dropped;
    private volatile @Nullable ModelContract current; // set by the pipeline; of others nothing is kept

    ResultQueue(String pipeline, ResultPublisher publisher, int length) {
        this.publisher = publisher;
        slots = new CycleResult[length];
        thread = new Thread(this::run, "pipeline-publish-" + pipeline + "-" + publisher.name());
        thread.setDaemon(true);
        thread.start();
    }

    /** The slot to fill, null where the queue is full; only the pipeline's thread, followed by {@link #commit}. */
    @Nullable
    CycleResult claim() {
        if (written - taken >= slots.length) {
            dropped = dropped + 1; // single writer
            return null;
        }
        int at = (int) (written % slots.length);
        CycleResult slot = slots[at];
        if (slot == null) { // the first time around
            slot = new CycleResult();
            slots[at] = slot;
        }
        return slot;
    }

    /** Hands the claimed slot over; wakes the publisher's thread only where it sleeps for long. */
    void commit() {
        written = written + 1; // single writer
        if (asleep) {
            LockSupport.unpark(thread);
        }
    }

    /**
     * Another model serves from now on: slots let go of what they were made for, those that wait for the publisher when it has
     * had them. Else a ring of a slow cycle would keep models of days ago. Only the pipeline's thread.
     */
    void exchange(ModelContract contract) {
        current = contract;
        for (long free = written; free < taken + slots.length; free++) {
            CycleResult slot = slots[(int) (free % slots.length)];
            if (slot != null) {
                slot.clear();
            }
        }
    }

    /** Whether a slot still has results of this model, or is made for them. */
    boolean keeps(ModelContract contract) {
        return Arrays.stream(slots).anyMatch(slot -> slot != null && slot.contract() == contract);
    }

    long dropped() {
        return dropped;
    }

    ResultPublisher publisher() {
        return publisher;
    }

    /** Ends the thread, at the latest after the call it is in and one second. */
    void close() {
        end();
        awaitEnd(System.nanoTime() + TimeUnit.SECONDS.toNanos(1));
    }

    /** Has the thread end after the call it is in. */
    void end() {
        closed = true;
        LockSupport.unpark(thread);
    }

    /** Waits until it has ended, not beyond this {@link System#nanoTime}; a publisher that is stuck keeps it longer. */
    void awaitEnd(long nanos) {
        try {
            thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(nanos - System.nanoTime())));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        int naps = 0;
        while (!closed) {
            if (taken < written) {
                naps = 0;
                CycleResult slot = Objects.requireNonNull(slots[(int) (taken % slots.length)]);
                publish(slot);
                ModelContract serving = current;
                if (serving != null && slot.contract() != serving) {
                    slot.clear();
                }
                taken = taken + 1; // single writer
            } else if (naps < NAPS) {
                naps++;
                LockSupport.parkNanos(this, NAP_NANOS);
            } else {
                asleep = true;
                if (taken == written && !closed) {
                    LockSupport.parkNanos(this, TimeUnit.SECONDS.toNanos(1));
                }
                asleep = false;
                naps = 0;
            }
        }
    }

    private void publish(CycleResult result) {
        try {
            publisher.publish(result);
        } catch (RuntimeException e) {
            LOG.warn("Publisher {} failed on a result of {}: {}", publisher.name(), result.pipeline(), e.toString(), e);
        }
    }
}
