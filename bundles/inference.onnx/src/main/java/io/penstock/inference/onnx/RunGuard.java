// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession.RunOptions;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who may touch the native session of one model, and for how long. The thread that runs the model owns everything between
 * {@link #begin} and {@link #end}; the watchdog takes the run away from it past the limit; whoever moves the state from idle
 * to closed frees the memory. A run costs two compare-and-sets and no garbage.
 */
final class RunGuard {
    private static final long IDLE = 0;
    /** The watchdog is setting the terminate flag. */
    private static final long CLAIMED = -1;
    /** The terminate flag is set, the run has not returned yet. */
    private static final long TERMINATED = -2;

    private static final long CLOSED = -3;
    private static final long ORIGIN = System.nanoTime();
    private static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final Logger LOG = LoggerFactory.getLogger(RunGuard.class);
    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(RunGuard.class, "state", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final String model;
    private final Runnable free;
    private final CountDownLatch freed = new CountDownLatch(1);
    private RunOptions options = new RunOptions();
    private boolean spent;
    private long started;
    private volatile long limitNanos;
    private volatile boolean closing;
    private volatile long terminatedAt;
    private volatile long state = IDLE; // or when the run began, above 0

    /** @param free frees the native session; called once, when no run is left. */
    RunGuard(String model, long limitNanos, Runnable free) throws OrtException {
        this.model = model;
        this.limitNanos = limitNanos;
        this.free = free;
    }

    /** For the next run. */
    void setLimit(long nanos) {
        limitNanos = nanos;
    }

    /** @return whether the caller may run now: no other run is in progress and the session is open. */
    boolean begin() {
        long now = now();
        if (!STATE.compareAndSet(this, IDLE, now)) {
            return false;
        }
        started = now;
        if (closing) {
            end(); // whoever closes may have looked before this run began
            return false;
        }
        return true;
    }

    /** Options of the run in progress; a terminated run spoils them for the next. */
    RunOptions options() throws OrtException {
        if (spent) {
            RunOptions fresh = new RunOptions();
            options.close();
            options = fresh;
            spent = false;
        }
        return options;
    }

    /** @return whether the run ended within its limit. */
    boolean end() {
        boolean inTime = now() - started <= limitNanos;
        if (!STATE.compareAndSet(this, started, IDLE)) {
            inTime = false;
            while (state == CLAIMED) {
                Thread.onSpinWait(); // the watchdog is inside one short native call
            }
            spent = true;
            state = IDLE;
        }
        if (closing && STATE.compareAndSet(this, IDLE, CLOSED)) {
            release();
        }
        return inTime;
    }

    /** Terminates a run that is past its limit; called by the watchdog only. @return when to look again. */
    long check(long now) {
        long seen = state;
        if (seen > IDLE) {
            long due = seen + limitNanos;
            if (now < due) {
                return due;
            }
            terminate(seen);
        } else if (seen == TERMINATED && now - terminatedAt > STUCK_NANOS) {
            LOG.warn(
                    "Model {} does not answer {} s after its run was terminated; a native kernel cannot be interrupted, its"
                            + " caller waits for it. Roll the model back, restart the gateway if it stays",
                    model,
                    STUCK_NANOS / 1_000_000_000L);
            terminatedAt = now;
        }
        return now + limitNanos; // a run that begins from now on is not due earlier
    }

    private void terminate(long seen) {
        if (STATE.compareAndSet(this, seen, CLAIMED)) {
            try {
                options.setTerminate(true);
            } catch (OrtException | RuntimeException e) {
                LOG.error("Model {} cannot be terminated: {}", model, e.getMessage());
            } finally {
                terminatedAt = now();
                state = TERMINATED;
            }
        }
    }

    /** Terminates whatever runs; the memory is freed when it has ended. */
    void shut() {
        closing = true;
        long seen = state;
        if (seen > IDLE) {
            terminate(seen);
        }
        tryRelease();
    }

    /** Frees the memory, after a run in progress. @return whether that happened within the time. */
    boolean close(long waitNanos) {
        closing = true;
        tryRelease();
        boolean interrupted = false;
        try {
            long end = System.nanoTime() + waitNanos;
            while (true) {
                try {
                    return freed.await(end - System.nanoTime(), TimeUnit.NANOSECONDS);
                } catch (InterruptedException e) {
                    interrupted = true; // the memory still has an owner; the bound above holds
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void tryRelease() {
        if (STATE.compareAndSet(this, IDLE, CLOSED)) {
            release();
        }
    }

    private void release() {
        try {
            options.close();
            free.run();
        } finally {
            freed.countDown();
        }
    }

    /** Whether a run is in progress. */
    boolean busy() {
        return state != IDLE && state != CLOSED;
    }

    boolean closed() {
        return closing;
    }

    long limit() {
        return limitNanos;
    }

    /** Nanoseconds on the scale of the state; always above 0. */
    static long now() {
        return System.nanoTime() - ORIGIN + 1;
    }
}
