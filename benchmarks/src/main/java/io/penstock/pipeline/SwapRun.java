// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.data.Prediction;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.publication.CycleResult;
import io.penstock.api.publication.ResultPublisher;
import io.penstock.benchmarks.Figures;
import io.penstock.inference.onnx.OnnxInferenceEngine;
import io.penstock.preprocessing.FeatureEngines;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/**
 * Goal no. 4: a scan of the plant every millisecond, a cycle for each, and meanwhile the model is exchanged again and again.
 * Counted where the loop is asked, on the pipeline's own thread: scans nobody answered, scans answered twice, answers of an
 * old model after the first of a newer one.
 */
public final class SwapRun {
    private static final long PERIOD_NANOS = 1_000_000;
    private static final int BEFORE = 10_000;
    private static final int WARM_SWAPS = 100; // heap and native arenas have found their size
    private static final int MOST = 600_000;
    private static final int MOST_SWAPS = 20_000; // at 10 ms each, with room for a slow machine

    private final long epochNs = (System.currentTimeMillis() - TimeUnit.MINUTES.toMillis(1)) * 1_000_000;
    private final long[] sentNanos = new long[MOST];
    private final long[] answeredNanos = new long[MOST];
    private final int[] answers = new int[MOST];
    private final boolean[] first = new boolean[MOST];
    private final Neighbours.Source source = new Neighbours.Source();
    private volatile int sent;
    private volatile boolean stopped;
    private volatile long newest;
    private volatile long oldAfterNew;
    private volatile long published;
    private long lost;

    private SwapRun() {}

    /** @param arguments number of exchanges, default 1000. */
    public static void main(String[] arguments) throws Exception {
        int swaps = arguments.length == 0 ? 1000 : Integer.parseInt(arguments[0]);
        if (swaps < 1 || swaps > MOST_SWAPS) {
            System.err.println("SwapRun: 1 to " + MOST_SWAPS + " swaps, was " + swaps);
            System.exit(2);
        }
        Path home = Files.createTempDirectory("penstock-swaps");
        SwapRun run = new SwapRun();
        try {
            System.out.println(run.run(swaps, home));
        } finally {
            Figures.delete(home);
        }
        System.exit(run.lost == 0 ? 0 : 1); // daemon threads of the runtime would do, but not at once
    }

    private String run(int swaps, Path home) throws Exception {
        PipelineComponent pipeline =
                new PipelineComponent(Neighbours.settings(256), home, Clock.systemUTC(), new ContractShares());
        OnnxInferenceEngine engine = new OnnxInferenceEngine();
        pipeline.bindFeatureEngine(FeatureEngines.standard());
        pipeline.bindInferenceEngine(engine);
        pipeline.bindTagSource(source);
        pipeline.bindWriteLoop(loop());
        pipeline.bindPublisher(publisher());
        pipeline.start();
        pipeline.swap(Neighbours.model(1));
        Thread plant = new Thread(this::scanForEver, "benchmark-plant");
        plant.setDaemon(true);
        plant.start();
        waitFor(2_000); // warm
        for (int i = 2; i <= WARM_SWAPS; i++) {
            pipeline.swap(Neighbours.model(i));
        }
        int from = sent;
        waitFor(from + BEFORE);
        int begun = sent;
        long rssBefore = Figures.residentKiB("self");
        long beganNanos = System.nanoTime();
        for (int i = 1; i <= swaps; i++) {
            pipeline.swap(Neighbours.model((long) WARM_SWAPS + i));
        }
        long swapNanos = System.nanoTime() - beganNanos;
        int ended = sent;
        long rssAfter = Figures.residentKiB("self");
        stopped = true;
        plant.join();
        LockSupport.parkNanos(200_000_000); // what is under way
        int unanswered = 0;
        int twice = 0;
        for (int i = from; i < sent; i++) {
            unanswered += answers[i] == 0 ? 1 : 0;
            twice += answers[i] > 1 ? 1 : 0;
        }
        lost = unanswered + twice + oldAfterNew;
        double[] before = latencies(IntStream.range(from, begun));
        double[] during = latencies(IntStream.range(begun, ended));
        double[] ofFirst = latencies(IntStream.range(begun, ended).filter(i -> first[i]));
        double[] ofOthers = latencies(IntStream.range(begun, ended).filter(i -> !first[i]));
        pipeline.stop();
        engine.close();
        return String.format(
                Locale.ROOT,
                "| swaps | scans | unanswered | answered twice | old after new | p50 before/during us | p99 before/during us |"
                        + " p99 ratio | p50, p99 of first scans of a model | p99 of the others | RSS before/after MiB | results published |%n"
                        + "|---|---|---|---|---|---|---|---|---|---|---|---|%n"
                        + "| %d in %.0f s | %d | %d | %d | %d | %.0f / %.0f | %.0f / %.0f | %.2f | %.0f, %.0f | %.0f | %d / %d | %d |",
                swaps,
                swapNanos / 1e9,
                sent - from,
                unanswered,
                twice,
                oldAfterNew,
                Figures.quantile(before, 0.5),
                Figures.quantile(during, 0.5),
                Figures.quantile(before, 0.99),
                Figures.quantile(during, 0.99),
                Figures.quantile(during, 0.99) / Figures.quantile(before, 0.99),
                Figures.quantile(ofFirst, 0.5),
                Figures.quantile(ofFirst, 0.99),
                Figures.quantile(ofOthers, 0.99),
                rssBefore / 1024,
                rssAfter / 1024,
                published);
    }

    private void waitFor(int count) {
        while (sent < Math.min(count, MOST)) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** From sending a scan to the loop being asked, in microseconds, sorted; of those that were answered. */
    private double[] latencies(IntStream scans) {
        return scans.filter(i -> answers[i] > 0)
                .mapToDouble(i -> (answeredNanos[i] - sentNanos[i]) / 1e3)
                .sorted()
                .toArray();
    }

    private void scanForEver() {
        long next = System.nanoTime();
        for (int i = 0; i < MOST && !stopped; i++) {
            next += PERIOD_NANOS;
            for (long left = next - System.nanoTime(); left > 0; left = next - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
            sentNanos[i] = System.nanoTime();
            source.scan((i & 63) * 0.1, epochNs + i * PERIOD_NANOS);
            sent = i + 1; // one writer
        }
    }

    private Neighbours.OpenLoop loop() {
        return new Neighbours.OpenLoop() {
            private long serving;

            @Override
            public void model(ModelArtifact model) {
                serving = model.identity().sequence();
            }

            @Override
            @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
            public WriteOutcome offer(Prediction prediction) {
                int scan = (int) ((prediction.instantNs() - epochNs) / PERIOD_NANOS);
                answeredNanos[scan] = System.nanoTime();
                answers[scan]++;
                if (serving < newest) {
                    oldAfterNew++;
                }
                first[scan] = serving != newest;
                newest = serving;
                return WriteOutcome.NOT_OFFERED;
            }
        };
    }

    private ResultPublisher publisher() {
        return new ResultPublisher() {
            private long sequence;

            @Override
            public String name() {
                return "benchmark";
            }

            @Override
            @SuppressWarnings("NonAtomicVolatileUpdate") // one writer each
            public void publish(CycleResult result) {
                ModelIdentity model = result.model();
                if (model != null) {
                    if (model.sequence() < sequence) {
                        oldAfterNew++;
                    }
                    sequence = model.sequence();
                }
                published++;
            }
        };
    }
}
