// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.pipeline.Pipeline;
import io.penstock.api.pipeline.Pipeline.SwapReport;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Swaps under way. A swap ends with the next cycle of its pipeline, which may be milliseconds or days away. Who calls holds
 * {@link Parts#deciding}, but for {@link #await}, which waits without it.
 */
final class Swaps {
    private final Pipelines pipelines;
    private final ReentrantLock deciding;
    private final List<Swap> running = new ArrayList<>();
    private RunFolder run = RunFolder.of(null);

    Swaps(Pipelines pipelines, ReentrantLock deciding) {
        this.pipelines = pipelines;
        this.deciding = deciding;
    }

    /** Where it is told what is being opened. */
    void tell(RunFolder folder) {
        run = folder;
    }

    /** One of them. */
    private static final class Swap {
        private final Rollout rollout;
        private final Pipeline pipeline;
        private final FutureTask<SwapReport> task;
        private final Thread thread;
        /** Why it is not wanted any more, null while it is. */
        private @Nullable String givenUp;
        /** Whether who started it waits for it, and takes it. */
        private boolean awaited = true;

        Swap(Rollout rollout, Pipeline pipeline, FutureTask<SwapReport> task, Thread thread) {
            this.rollout = rollout;
            this.pipeline = pipeline;
            this.task = task;
            this.thread = thread;
        }

        Rollout rollout() {
            return rollout;
        }

        Pipeline pipeline() {
            return pipeline;
        }
    }

    /** A swap that has ended: with a report, or with the reason why the old model still serves. */
    record Ended(
            Rollout rollout, Pipeline pipeline, @Nullable SwapReport report, String failure) {}

    /**
     * Starts a swap on a thread of its own: it lasts until the pipeline's next cycle, which may be far. Who starts it takes it
     * by {@link #take}, or leaves it to {@link #takeEnded} by {@link #leave}.
     *
     * @param warmUp how long the operators may warm up beside those that serve; zero where the model is to go at once.
     */
    void start(Rollout rollout, Pipeline pipeline, Duration warmUp) {
        RunFolder told = run;
        FutureTask<SwapReport> task = new FutureTask<>(() -> {
            told.opening(pipeline.name(), rollout.release().id());
            try {
                return pipeline.swap(rollout.release().artifact(), warmUp);
            } finally {
                told.opened(pipeline.name());
            }
        });
        Thread thread = new Thread(task, "io.penstock.models-swap-" + pipeline.name());
        thread.setDaemon(true);
        running.add(new Swap(rollout, pipeline, task, thread));
        thread.start();
    }

    /** Waits for those of one rollout to end, in all at most so long, without the lock. Who takes them is another matter. */
    void await(Rollout rollout, long timeoutMs) throws InterruptedException {
        await(swap -> swap.rollout() == rollout, timeoutMs);
    }

    /** The same for those that were given up on a pipeline. */
    void awaitGivenUp(String pipeline, long timeoutMs) throws InterruptedException {
        await(swap -> swap.pipeline().name().equals(pipeline) && swap.givenUp != null, timeoutMs);
    }

    private void await(Predicate<Swap> which, long timeoutMs) throws InterruptedException {
        List<Swap> awaited;
        deciding.lock();
        try {
            awaited = running.stream().filter(which).toList();
        } finally {
            deciding.unlock();
        }
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        for (Swap swap : awaited) {
            try {
                swap.task.get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
            } catch (TimeoutException | ExecutionException | CancellationException e) {
                // who takes it sees how it stands
            }
        }
    }

    /**
     * Gives up what is under way on a pipeline: it is interrupted, and waited for by nobody. One that the pipeline is making
     * at this moment has a report all the same.
     *
     * @param why the reason that stands for it in the receipt.
     * @return labels of what was given up.
     */
    List<String> giveUp(String pipeline, String why) {
        List<Swap> given =
                on(pipeline).stream().filter(swap -> !swap.task.isDone()).toList();
        for (Swap swap : given) {
            swap.givenUp = why;
            swap.thread.interrupt(); // not by its task, which would hide how it ends
        }
        return given.stream()
                .map(swap -> swap.rollout().release().identity().label())
                .toList();
    }

    /** Those that are still wanted. */
    private List<Swap> on(String pipeline) {
        return running.stream()
                .filter(swap -> swap.pipeline().name().equals(pipeline) && swap.givenUp == null)
                .toList();
    }

    /** The release whose swap was given up and does not end, null if there is none. */
    @Nullable
    Release stuck(String pipeline) {
        return running.stream()
                .filter(swap -> swap.pipeline().name().equals(pipeline) && swap.givenUp != null && !swap.task.isDone())
                .map(swap -> swap.rollout().release())
                .findFirst()
                .orElse(null);
    }

    /** Takes all that have ended and that nobody waits for. */
    List<Ended> takeEnded() throws InterruptedException {
        return take(running.stream()
                .filter(swap -> !swap.awaited || swap.givenUp != null)
                .toList());
    }

    /** Takes those of one rollout that have ended. */
    List<Ended> take(Rollout rollout) throws InterruptedException {
        return take(running.stream().filter(swap -> swap.rollout() == rollout).toList());
    }

    /** Who started it waits no longer: its next cycle is far. */
    void leave(Rollout rollout) {
        running.stream().filter(swap -> swap.rollout() == rollout).forEach(swap -> swap.awaited = false);
    }

    private List<Ended> take(List<Swap> swaps) throws InterruptedException {
        List<Ended> ended = new ArrayList<>();
        for (Swap swap : swaps) {
            if (swap.task.isDone()) {
                ended.add(ended(swap));
                running.remove(swap);
            } else if (!pipelines.isThere(swap.pipeline())) {
                swap.task.cancel(true);
                ended.add(new Ended(
                        swap.rollout(),
                        swap.pipeline(),
                        null,
                        "it was stopped or configured anew before its next cycle; drop the release again"));
                running.remove(swap);
            }
        }
        return ended;
    }

    void cancel(Rollout rollout) {
        running.stream().filter(swap -> swap.rollout() == rollout).forEach(swap -> swap.task.cancel(true));
        running.removeIf(swap -> swap.rollout() == rollout);
    }

    private static Ended ended(Swap swap) throws InterruptedException {
        try {
            return new Ended(swap.rollout(), swap.pipeline(), swap.task.get(), "");
        } catch (CancellationException e) {
            return new Ended(swap.rollout(), swap.pipeline(), null, "the swap was cancelled");
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            String message = cause.getMessage() == null ? cause.toString() : cause.getMessage();
            return new Ended(swap.rollout(), swap.pipeline(), null, swap.givenUp == null ? message : swap.givenUp);
        }
    }

    boolean concerns(String pipeline) {
        return !on(pipeline).isEmpty();
    }

    /** The release that is on its way to a pipeline, null if there is none. */
    @Nullable
    Release underWay(String pipeline) {
        return on(pipeline).stream()
                .map(swap -> swap.rollout().release())
                .findFirst()
                .orElse(null);
    }

    boolean concerns(Rollout rollout) {
        return running.stream().anyMatch(swap -> swap.rollout() == rollout);
    }

    /** Ids of the releases under way. Takes the lock itself. */
    Set<String> ids() {
        deciding.lock();
        try {
            return running.stream().map(swap -> swap.rollout().release().id()).collect(Collectors.toSet());
        } finally {
            deciding.unlock();
        }
    }

    void cancelAll() {
        running.forEach(swap -> swap.task.cancel(true));
        running.clear();
    }

    static String figures(SwapReport report) {
        return String.format(
                Locale.ROOT,
                "%s%s, gap %.3f ms, %d missed cycles, %d of %d operators kept their state, %d cycles of warm-up",
                report.to(),
                report.from().isEmpty() ? "" : " after " + report.from(),
                report.gapMillis(),
                report.missedCycles(),
                report.restoredOperators(),
                report.operators(),
                report.warmUpCycles());
    }
}
