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
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Swaps under way. A swap ends with the next cycle of its pipeline, which may be milliseconds or days away. One thread. */
final class Swaps {
    private final Pipelines pipelines;
    private final List<Swap> running = new ArrayList<>();
    private RunFolder run = RunFolder.of(null);

    Swaps(Pipelines pipelines) {
        this.pipelines = pipelines;
    }

    /** Where it is told what is being opened. */
    void tell(RunFolder folder) {
        run = folder;
    }

    private record Swap(Rollout rollout, Pipeline pipeline, FutureTask<SwapReport> task, Thread thread) {}

    /** A swap that has ended: with a report, or with the reason why the old model still serves. */
    record Ended(
            Rollout rollout, Pipeline pipeline, @Nullable SwapReport report, String failure) {}

    /**
     * Starts a swap on a thread of its own: it lasts until the pipeline's next cycle, which may be far.
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

    /** Waits for those of one rollout, in all at most so long, and takes those that have ended. */
    List<Ended> await(Rollout rollout, long timeoutMs) throws InterruptedException {
        return await(running.stream().filter(swap -> swap.rollout() == rollout).toList(), timeoutMs);
    }

    /**
     * Gives up what is under way on a pipeline, waits until that has ended, and takes it. One that the pipeline was making at
     * this moment has a report all the same; one that does not end in time stays.
     *
     * @param why the reason that stands for it in the receipt.
     */
    List<Ended> giveUp(String pipeline, String why, long timeoutMs) throws InterruptedException {
        List<Ended> ended = new ArrayList<>(take(on(pipeline)));
        List<Swap> given = on(pipeline);
        given.forEach(swap -> swap.thread().interrupt()); // not by its task, which would hide how it ends
        for (Ended swap : await(given, timeoutMs)) {
            ended.add(swap.report() != null ? swap : new Ended(swap.rollout(), swap.pipeline(), null, why));
        }
        return ended;
    }

    private List<Swap> on(String pipeline) {
        return running.stream()
                .filter(swap -> swap.pipeline().name().equals(pipeline))
                .toList();
    }

    private List<Ended> await(List<Swap> awaited, long timeoutMs) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        for (Swap swap : awaited) {
            try {
                swap.task().get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
            } catch (TimeoutException | ExecutionException | CancellationException e) {
                // take() sees how it stands
            }
        }
        return take(awaited);
    }

    /** Takes all that have ended. */
    List<Ended> takeEnded() throws InterruptedException {
        return take(List.copyOf(running));
    }

    private List<Ended> take(List<Swap> swaps) throws InterruptedException {
        List<Ended> ended = new ArrayList<>();
        for (Swap swap : swaps) {
            if (swap.task().isDone()) {
                ended.add(ended(swap));
                running.remove(swap);
            } else if (!pipelines.isThere(swap.pipeline())) {
                swap.task().cancel(true);
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
        running.stream().filter(swap -> swap.rollout() == rollout).forEach(swap -> swap.task()
                .cancel(true));
        running.removeIf(swap -> swap.rollout() == rollout);
    }

    private static Ended ended(Swap swap) throws InterruptedException {
        try {
            return new Ended(swap.rollout(), swap.pipeline(), swap.task().get(), "");
        } catch (CancellationException e) {
            return new Ended(swap.rollout(), swap.pipeline(), null, "the swap was cancelled");
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            String message = cause.getMessage() == null ? cause.toString() : cause.getMessage();
            return new Ended(swap.rollout(), swap.pipeline(), null, message);
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

    /** Ids of the releases under way. */
    Set<String> ids() {
        return running.stream().map(swap -> swap.rollout().release().id()).collect(Collectors.toSet());
    }

    void cancelAll() {
        running.forEach(swap -> swap.task().cancel(true));
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
