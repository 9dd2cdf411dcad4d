// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.preprocessing.FeatureEngine;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Tries a model on the gateway's own engines, on a thread of its own that is given up when time is over. */
final class EngineProbe implements ModelProbe {
    private final Supplier<@Nullable FeatureEngine> features;
    private final Supplier<@Nullable InferenceEngine> inference;
    private final long timeoutMs;
    private final MemoryBudget budget;

    EngineProbe(
            Supplier<@Nullable FeatureEngine> features,
            Supplier<@Nullable InferenceEngine> inference,
            long timeoutMs,
            MemoryBudget budget) {
        this.budget = budget;
        this.features = features;
        this.inference = inference;
        this.timeoutMs = timeoutMs;
    }

    @Override
    public String waitsFor() {
        if (inference.get() == null) {
            return "an inference engine; start the bundle io.penstock.inference.onnx";
        }
        return features.get() == null ? "a feature engine; start the bundle io.penstock.preprocessing" : "";
    }

    @Override
    public void checkMemory(Release release) throws ModelRejectedException {
        FeatureEngine engine = features.get();
        if (engine != null) { // else the trial says so
            ContractLimit.check(release.content().contract(), release.content().onnx().length, engine, budget);
        }
    }

    @Override
    public String probe(Release release) throws ModelRejectedException, InterruptedException {
        FeatureEngine featureEngine = features.get();
        InferenceEngine inferenceEngine = inference.get();
        if (featureEngine == null || inferenceEngine == null) {
            throw new ModelRejectedException(
                    "probe: an engine went away while the model was tried; remove the file and drop it again");
        }
        FutureTask<String> task = new FutureTask<>(() -> new GoldenReplay(featureEngine, inferenceEngine)
                .compare(release.artifact(), release.content().golden()));
        Thread thread = new Thread(
                task, "io.penstock.models-probe-" + release.identity().name());
        thread.setDaemon(true);
        thread.start();
        try {
            return task.get(timeoutMs, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new ModelRejectedException(
                    "probe: the model was not loaded and replayed within " + timeoutMs
                            + " ms (probeTimeoutMs); make it smaller, or its golden vectors fewer",
                    e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof ModelRejectedException rejected) {
                throw rejected;
            }
            throw new ModelRejectedException("probe: the model could not be tried: " + e.getCause(), e);
        } finally {
            task.cancel(true);
        }
    }
}
