// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.penstock.api.actuation.TagWriter;
import io.penstock.api.actuation.WriteReceipt;
import io.penstock.api.actuation.WriteReceipt.Result;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import java.time.Clock;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The way from a decision to the plant and back, on a thread of its own so that no connector can hold up a cycle: at most
 * one write with its read-back in flight, at most one value waiting behind it, and of those the newest.
 *
 * <p>Everything that must hold when a value leaves is asked here once more, because time has passed since it was decided:
 * the loop is still closed by the same act, the value is still valid, the rate limits hold against the setpoint that the
 * plant has acknowledged since, and before the first write the step limit against where the plant has moved it.
 */
final class Lane implements Runnable {
    /** A connector answers within its deadline; this much later it has broken its promise. */
    static final long GRACE_MS = 250;

    private static final long LONGEST_REST_MS = 1_000;
    private static final long SHORTEST_RETRY_MS = 100;
    /** Longer than this the record of a write is not waited for. */
    private static final long LONGEST_INTENT_MS = 2_000;

    private final Settings settings;
    private final long watchNanos;
    /** After a read that failed: so soon that one lost answer does not use up the hold time. */
    private final long retryNanos;

    private final Events events;
    private final Clock clock;
    private final LongSupplier nanoTime;
    private final LongConsumer pause;
    private final Thread thread;
    private final ReentrantLock dispatch = new ReentrantLock();
    private final AtomicReference<@Nullable Ask> pending = new AtomicReference<>();

    private volatile Setpoint setpoint = Setpoint.UNKNOWN;
    /** Grows whenever the setpoint was learned from the plant and not from a confirmed write. */
    private final AtomicInteger resyncs = new AtomicInteger();

    private volatile @Nullable Ask inFlight;
    private volatile long callSinceNanos;
    private volatile long seenNanos = Long.MIN_VALUE;
    private volatile @Nullable Unanswered unanswered;
    private volatile @Nullable TagWriter gone;
    private volatile @Nullable WriteReceipt lastReceipt;
    private volatile boolean stopping;

    private final AtomicLong asked = new AtomicLong();
    private final AtomicLong applied = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private final AtomicLong mismatches = new AtomicLong();

    // Below: the lane's thread only.

    private long lookDueNanos;
    private long restNanos;

    /** A decided value on its way; {@code from} is the plant's setpoint that it was decided from. */
    record Ask(
            Engagement engagement,
            String label,
            double offered,
            double value,
            double from,
            long computedNanos,
            long decidedNanos) {}

    private record Unanswered(TagWriter writer, CompletableFuture<?> answer) {}

    /** What the loop does about what the lane meets. */
    interface Events {
        /** The closing in force, null while open. */
        @Nullable
        Engagement engagement();

        /** Opens the loop if it is still closed by that act. */
        void shed(Engagement engagement, Guard guard, String reason);

        /** A value that was asked but is not written. */
        void dropped(Ask ask, Guard guard, String reason);

        /**
         * Puts on record what is about to leave.
         *
         * @return false if that is not as the loop's policy demands within {@code timeoutMs}: it must not leave.
         */
        boolean intended(Ask ask, double value, long timeoutMs);

        /** What was put on record as about to leave does not. */
        void withdrawn(Ask ask, double value, Guard guard, String reason);

        /** What goes to the plant after all, because the rate limits moved meanwhile. */
        void limitedAgain(Ask ask, double value);

        /** A write ended, or the plant was looked at and showed something else. */
        void ended(@Nullable Ask ask, WriteReceipt receipt);
    }

    Lane(Settings settings, Events events, Clock clock, LongSupplier nanoTime, LongConsumer pause) {
        this.settings = settings;
        watchNanos = MILLISECONDS.toNanos(settings.watchPeriodMs());
        retryNanos = Math.min(
                watchNanos,
                MILLISECONDS.toNanos(Math.min(LONGEST_REST_MS, Math.max(SHORTEST_RETRY_MS, settings.holdMs() / 2))));
        this.events = events;
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.pause = pause;
        lookDueNanos = nanoTime.getAsLong();
        thread = new Thread(this, "actuation-write-" + settings.name());
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Returns within a second; a connector that hangs keeps its thread until it answers. */
    void stop() throws InterruptedException {
        stopping = true;
        thread.interrupt();
        thread.join(1_000);
    }

    /** Hands over a decided value; waits for nobody. Called by the pipeline's thread. */
    void ask(Ask ask) {
        Ask older = pending.getAndSet(ask);
        if (older != null) {
            events.dropped(older, Guard.SUPERSEDED, "superseded by " + ask.value());
        }
        LockSupport.unpark(thread);
    }

    /** The plant has or is about to get what it should: what still waits is not to be written. */
    void forget(String reason) {
        if (pending.get() != null) {
            Ask older = pending.getAndSet(null);
            if (older != null) {
                events.dropped(older, Guard.SUPERSEDED, reason);
            }
        }
    }

    Setpoint setpoint() {
        return setpoint;
    }

    int resyncs() {
        return resyncs.get();
    }

    /** What the plant will have when the write in flight succeeds. */
    double expected() {
        Ask current = inFlight;
        return current == null ? setpoint.value() : current.value();
    }

    /** Words for what is still on its way, empty if the lane is idle. */
    String busy() {
        Unanswered open = unanswered;
        if (open != null && !open.answer().isDone()) {
            return "a write or read at connector " + open.writer().name()
                    + " was never answered; restart the connector";
        }
        Ask current = inFlight;
        if (current == null) {
            current = pending.get();
        }
        return current == null ? "" : "the write of " + current.value() + " is still on its way; try again";
    }

    /** Starts a closing with what was read from the plant just before. The lane must be idle. */
    void begin(Setpoint read) {
        setpoint = read;
        resyncs.incrementAndGet();
    }

    /** Returns when no write that is not yet at the connector can leave any more, at the latest after {@code ms}. */
    boolean drain(long ms) {
        try {
            if (dispatch.tryLock(ms, MILLISECONDS)) {
                dispatch.unlock();
                return true;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return false;
    }

    /** A connector that is gone owes no answer. */
    void writerGone(TagWriter writer) {
        gone = writer;
        Unanswered open = unanswered;
        if (open != null && open.writer() == writer) {
            unanswered = null;
        }
    }

    void writerCame(TagWriter writer) {
        if (gone == writer) {
            gone = null;
        }
    }

    /** Since when the connector has been working on a call, 0 if it is not. */
    long callSinceNanos() {
        return callSinceNanos;
    }

    /** When the plant showed its setpoint last. */
    long seenNanos() {
        return seenNanos;
    }

    @Nullable
    WriteReceipt lastReceipt() {
        return lastReceipt;
    }

    long asked() {
        return asked.get();
    }

    long applied() {
        return applied.get();
    }

    long failed() {
        return failed.get();
    }

    long mismatches() {
        return mismatches.get();
    }

    @Override
    public void run() {
        while (!stopping) {
            // asked once more: waiting for the plant's answer may have used up the wake-up that came with a new value
            if (!step() && pending.get() == null) {
                LockSupport.parkNanos(this, restNanos);
            }
        }
    }

    /** Does what is due; false if nothing was. */
    boolean step() {
        Ask ask = pending.get();
        if (ask != null) {
            inFlight = ask; // before it leaves the slot, so that at no time it is in neither place
            if (!pending.compareAndSet(ask, null)) {
                inFlight = null;
                return true;
            }
            try {
                perform(ask);
            } finally {
                inFlight = null;
            }
            return true;
        }
        restNanos = Math.min(watchNanos, MILLISECONDS.toNanos(LONGEST_REST_MS)); // nothing tells the lane of a closing
        Engagement engagement = events.engagement();
        if (engagement == null) {
            return false;
        }
        long now = nanoTime.getAsLong();
        if (!setpoint.known() || now - lookDueNanos >= 0) {
            look(engagement, now);
            now = nanoTime.getAsLong();
        }
        restNanos = Math.min(restNanos, lookDueNanos - now);
        return false;
    }

    /** How long the lane rests after a step that did nothing, unless a value comes. */
    long restNanos() {
        return restNanos;
    }

    private void perform(Ask ask) {
        Engagement engagement = ask.engagement();
        long now = nanoTime.getAsLong();
        if (now - ask.computedNanos() > MILLISECONDS.toNanos(settings.validityMs())) {
            events.dropped(
                    ask,
                    Guard.VALIDITY,
                    "computed " + NANOSECONDS.toMillis(now - ask.computedNanos())
                            + " ms before it could go out, valid for " + settings.validityMs() + " ms");
            return;
        }
        Setpoint from = setpoint;
        if (!from.known() || unanswered() != null) {
            events.dropped(ask, Guard.SETPOINT, "the plant's setpoint is not known since the last write");
            return;
        }
        if (!engagement.acknowledged
                && from.value() != ask.from()
                && Math.abs(ask.offered() - from.value()) > settings.stepLimit()) {
            events.dropped(
                    ask, Guard.ENTRY, "the plant moved its setpoint to " + from.value() + " before the first write");
            return;
        }
        double value = Limits.within(settings, Limits.rate(settings, from, ask.value(), now));
        if (value != ask.value()) {
            if (Math.abs(value - from.value()) < Math.max(settings.deadband(), Double.MIN_NORMAL)) {
                events.dropped(ask, Guard.SUPERSEDED, "nothing left to write after the write before it");
                return;
            }
            events.limitedAgain(ask, value);
        }
        if (!intend(ask, value, engagement, now)) {
            return;
        }
        CompletableFuture<Integer> answer = send(engagement, value);
        if (answer == null) {
            events.withdrawn(ask, value, Guard.SUPERSEDED, "the loop opened before it could go out");
            return;
        }
        finish(ask, value, engagement, await(engagement.writer, answer, settings.writeDeadlineMs()));
    }

    /** The plant sees nothing that the audit does not know; what waits for the disk ages meanwhile. */
    private boolean intend(Ask ask, double value, Engagement engagement, long began) {
        long validUntil = ask.computedNanos() + MILLISECONDS.toNanos(settings.validityMs());
        long boundMs = Math.min(LONGEST_INTENT_MS, NANOSECONDS.toMillis(validUntil - began));
        boolean recorded = events.intended(ask, value, boundMs);
        long now = nanoTime.getAsLong();
        if (!recorded) {
            String reason = "its record was not on disk after " + NANOSECONDS.toMillis(now - began)
                    + " ms; free disk space or repair the disk";
            events.withdrawn(ask, value, Guard.AUDIT, reason);
            if (engagement.unrecordedSinceNanos == 0) {
                engagement.unrecordedSinceNanos = began | 1;
            }
            if (now - engagement.unrecordedSinceNanos > MILLISECONDS.toNanos(settings.holdMs())) {
                events.shed(
                        engagement,
                        Guard.AUDIT,
                        "no write could be recorded for more than " + settings.holdMs() + " ms, last: " + reason);
            }
            return false;
        }
        engagement.unrecordedSinceNanos = 0;
        if (now - validUntil > 0) {
            events.withdrawn(
                    ask,
                    value,
                    Guard.VALIDITY,
                    "computed " + NANOSECONDS.toMillis(now - ask.computedNanos())
                            + " ms before its record was on disk, valid for " + settings.validityMs() + " ms");
            return false;
        }
        return true;
    }

    /** Null if the loop is not closed by that act any more. */
    private @Nullable CompletableFuture<Integer> send(Engagement engagement, double value) {
        dispatch.lock();
        try {
            if (events.engagement() != engagement) {
                return null;
            }
            asked.incrementAndGet();
            callSinceNanos = nanoTime.getAsLong() | 1;
            return future(engagement.writer.write(settings.target(), value, settings.writeDeadlineMs()));
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        } finally {
            dispatch.unlock();
        }
    }

    private static <T> CompletableFuture<T> future(CompletionStage<T> stage) {
        CompletableFuture<T> future = new CompletableFuture<>();
        stage.whenComplete((value, failure) -> {
            if (failure == null) {
                future.complete(value);
            } else {
                future.completeExceptionally(failure);
            }
        });
        return future;
    }

    /** The answer, or in words why there is none. */
    private record Answer<T>(@Nullable T value, String failure) {}

    private <T> Answer<T> await(TagWriter writer, CompletableFuture<T> future, long deadlineMs) {
        try {
            T value = future.get(deadlineMs + GRACE_MS, MILLISECONDS);
            return new Answer<>(value, value == null ? "connector " + writer.name() + " answered nothing" : "");
        } catch (TimeoutException e) {
            unanswered = new Unanswered(writer, future);
            if (gone == writer) {
                unanswered = null; // it went while it was waited for
            }
            return new Answer<>(null, "connector " + writer.name() + " did not answer within " + deadlineMs + " ms");
        } catch (ExecutionException e) {
            return new Answer<>(null, "connector " + writer.name() + " failed: " + e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new Answer<>(null, "the loop was stopped");
        } finally {
            callSinceNanos = 0;
        }
    }

    private @Nullable Unanswered unanswered() {
        Unanswered open = unanswered;
        if (open != null && open.answer().isDone()) {
            unanswered = null;
            return null;
        }
        return open;
    }

    private void finish(Ask ask, double value, Engagement engagement, Answer<Integer> answer) {
        long acknowledged = nanoTime.getAsLong();
        long micros = NANOSECONDS.toMicros(acknowledged - ask.decidedNanos());
        Integer status = answer.value();
        if (status == null || !StatusCode.isGood(status)) {
            String reason = status == null ? answer.failure() : "the connector reports " + StatusCode.name(status);
            failed.incrementAndGet();
            engagement.failures++;
            setpoint = Setpoint.UNKNOWN; // the plant may have got it all the same
            end(
                    ask,
                    new WriteReceipt(
                            settings.target(), value, Result.FAILED, Double.NaN, reason, clock.instant(), micros));
            if (unanswered() != null) {
                events.shed(engagement, Guard.WRITER, reason);
            } else if (engagement.failures > settings.maximumWriteFailures()) {
                events.shed(engagement, Guard.WRITE, engagement.failures + " writes failed in a row, last: " + reason);
            } else if (!stopping) {
                look(engagement, acknowledged);
            }
            return;
        }
        applied.incrementAndGet();
        engagement.acknowledged = true;
        engagement.failures = 0;
        readBack(ask, value, engagement, acknowledged, micros);
    }

    private void readBack(Ask ask, double value, Engagement engagement, long acknowledged, long micros) {
        long until = acknowledged + MILLISECONDS.toNanos(settings.readBackTimeMs());
        double shown = Double.NaN;
        String reason;
        long now;
        do {
            Answer<Sample> answer = read(engagement.writer);
            now = nanoTime.getAsLong();
            Sample sample = answer.value();
            if (sample != null && usable(sample)) {
                shown = sample.value();
                if (Math.abs(shown - value) <= settings.readBackTolerance()) {
                    engagement.mismatches = 0;
                    lookDueNanos = now + watchNanos;
                    setpoint = new Setpoint(shown, acknowledged);
                    end(
                            ask,
                            new WriteReceipt(
                                    settings.target(), value, Result.CONFIRMED, shown, "", clock.instant(), micros));
                    return;
                }
                reason = "the plant shows " + shown + " instead of " + value + " after " + settings.readBackTimeMs()
                        + " ms, tolerance " + settings.readBackTolerance();
            } else {
                reason = settings.readBackTag() + " could not be read back: "
                        + (sample == null ? answer.failure() : StatusCode.name(sample.status()));
            }
            if (now < until && unanswered == null) {
                pause.accept(Math.min(until - now, MILLISECONDS.toNanos(settings.readBackTimeMs()) / 10 + 1));
            }
        } while (now < until && !stopping && unanswered() == null);
        mismatch(ask, value, engagement, new Setpoint(shown, now), reason, micros);
    }

    private void mismatch(
            @Nullable Ask ask, double value, Engagement engagement, Setpoint shown, String reason, long micros) {
        mismatches.incrementAndGet();
        engagement.mismatches++;
        setpoint = shown;
        resyncs.incrementAndGet();
        end(
                ask,
                new WriteReceipt(
                        settings.target(), value, Result.MISMATCH, shown.value(), reason, clock.instant(), micros));
        if (engagement.mismatches > settings.maximumReadBackMismatches()) {
            events.shed(
                    engagement,
                    Guard.READ_BACK,
                    engagement.mismatches + " read-backs in a row differ, last: " + reason);
        }
    }

    private void end(@Nullable Ask ask, WriteReceipt receipt) {
        lastReceipt = receipt;
        events.ended(ask, receipt);
    }

    /** Reads the plant's setpoint while nothing is in flight: after a failed write, and to see whether somebody else moves it. */
    private void look(Engagement engagement, long now) {
        lookDueNanos = now + retryNanos;
        if (unanswered() != null) {
            return;
        }
        Answer<Sample> answer = read(engagement.writer);
        Sample sample = answer.value();
        if (sample == null || !usable(sample)) {
            return;
        }
        lookDueNanos = now + watchNanos;
        if (events.engagement() != engagement) {
            return;
        }
        Setpoint known = setpoint;
        Setpoint seen = new Setpoint(sample.value(), nanoTime.getAsLong());
        boolean moved = !(Math.abs(seen.value() - known.value()) <= settings.readBackTolerance());
        if (!engagement.acknowledged || !known.known()) {
            if (moved) { // until the first write the plant's own control may move it; one that stands keeps its time
                setpoint = seen;
                resyncs.incrementAndGet();
            }
        } else if (moved) {
            mismatch(
                    null,
                    known.value(),
                    engagement,
                    seen,
                    "the plant shows " + seen.value() + " instead of " + known.value()
                            + " although nothing was written: another writer or an operator",
                    0);
        } else if (lastReceiptWasConfirmed()) {
            engagement.mismatches = 0;
        }
    }

    private boolean lastReceiptWasConfirmed() {
        WriteReceipt last = lastReceipt;
        return last == null || last.result() == Result.CONFIRMED;
    }

    private Answer<Sample> read(TagWriter writer) {
        callSinceNanos = nanoTime.getAsLong() | 1;
        CompletableFuture<Sample> answer;
        try {
            answer = future(writer.read(settings.readBackTag(), settings.writeDeadlineMs()));
        } catch (RuntimeException e) {
            answer = CompletableFuture.failedFuture(e);
        }
        Answer<Sample> result = await(writer, answer, settings.writeDeadlineMs());
        if (result.value() != null && usable(result.value())) {
            seenNanos = nanoTime.getAsLong();
        }
        return result;
    }

    static boolean usable(Sample sample) {
        return StatusCode.isGood(sample.status()) && Double.isFinite(sample.value());
    }
}
