// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides whether the gateway lives: the framework is up, every pipeline's thread goes round, and the heap leaves time for it.
 * What a plant does, dead or alive, says nothing about that. One thread, except {@link #came}.
 */
final class Pulse {
    private static final Logger LOG = LoggerFactory.getLogger(Pulse.class);
    /** Beyond what the contract allows the model's run. */
    static final long TOLERANCE_NANOS = TimeUnit.SECONDS.toNanos(10);
    /** Pipelines come one by one; so long after the last one it is believed that all are there. */
    private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** A pipeline without a model is no reason to call the gateway dead. */
    private static final long LONGEST_START_NANOS = TimeUnit.SECONDS.toNanos(20);

    private static final long HEAP_WINDOW_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final double MOST_COLLECTING = 0.8;

    private final List<PipelineComponent> pipelines;
    private final BooleanSupplier frameworkUp;
    private final LongSupplier collectionMs;
    private final long periodNanos;
    private volatile boolean came = true;
    private boolean up;
    private boolean ready;
    private long upSince;
    private long quietSince;
    private long lastFed;
    private long windowBegan;
    private long collectedAtBegin;
    private boolean collecting;
    private boolean begun;
    private String trouble = "";
    private String status = "";

    /**
     * @param frameworkUp whether the framework has started all it has to start and is not stopping.
     * @param collectionMs milliseconds spent in garbage collection so far.
     * @param periodNanos how often the supervisor wants to hear.
     */
    Pulse(List<PipelineComponent> pipelines, BooleanSupplier frameworkUp, LongSupplier collectionMs, long periodNanos) {
        this.pipelines = pipelines;
        this.frameworkUp = frameworkUp;
        this.collectionMs = collectionMs;
        this.periodNanos = periodNanos;
    }

    /** One more pipeline is there. */
    void came() {
        came = true;
    }

    /** @return what the supervisor is to be told, assignments with tabs between; empty for nothing. */
    String look(long nowNanos) {
        if (!begun) {
            begun = true;
            windowBegan = nowNanos;
            collectedAtBegin = collectionMs.getAsLong();
        }
        measureHeap(nowNanos);
        List<String> words = new ArrayList<>();
        if (!frameworkUp.getAsBoolean()) {
            if (up) {
                withhold("the framework does not run");
            }
            return "";
        }
        if (!up) {
            up = true;
            upSince = nowNanos;
            quietSince = nowNanos;
        }
        if (came) {
            came = false;
            quietSince = nowNanos;
        }
        long served = pipelines.stream()
                .filter(pipeline -> pipeline.model().isPresent())
                .count();
        boolean started = (nowNanos - quietSince >= QUIET_NANOS && served == pipelines.size())
                || nowNanos - upSince >= LONGEST_START_NANOS;
        String found = found(nowNanos);
        if (!found.isEmpty()) {
            withhold(found);
        } else {
            if (!trouble.isEmpty()) {
                LOG.info("The supervisor is told again that the gateway lives; it was not because {}", trouble);
                trouble = "";
            }
            if (started && !ready) {
                ready = true;
                words.add("READY=1");
                LOG.info("The supervisor is told that the gateway serves");
            }
            if (ready && periodNanos < Long.MAX_VALUE && (lastFed == 0 || nowNanos - lastFed >= periodNanos)) {
                lastFed = nowNanos;
                words.add("WATCHDOG=1");
            }
        }
        String now = trouble.isEmpty() ? served + " of " + pipelines.size() + " pipelines have a model" : trouble;
        if (!now.equals(status)) {
            status = now;
            words.add("STATUS=" + now);
        }
        return String.join("\t", words);
    }

    private String found(long nowNanos) {
        String found = "";
        for (PipelineComponent pipeline : pipelines) {
            String stuck = pipeline.stuck(nowNanos, TOLERANCE_NANOS); // each, since each has a mark
            found = found.isEmpty() ? stuck : found;
        }
        return !found.isEmpty() || !collecting
                ? found
                : "the heap is full: nearly all time goes into garbage collection";
    }

    private void measureHeap(long nowNanos) {
        long took = nowNanos - windowBegan;
        if (took >= HEAP_WINDOW_NANOS) {
            long collected = collectionMs.getAsLong();
            collecting = TimeUnit.MILLISECONDS.toNanos(collected - collectedAtBegin) > took * MOST_COLLECTING;
            windowBegan = nowNanos;
            collectedAtBegin = collected;
        }
    }

    private void withhold(String reason) {
        if (trouble.isEmpty()) {
            LOG.error(
                    "The supervisor is not told any more that the gateway lives, because {}; it will start it anew",
                    reason);
        }
        trouble = reason;
    }
}
