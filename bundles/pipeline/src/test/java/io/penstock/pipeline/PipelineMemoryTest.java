// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.actuation.Mode;
import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.pipeline.Pipeline.Binding;
import io.penstock.api.publication.CycleResult;
import io.penstock.api.publication.ResultPublisher;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pipelines share the heap: what would exceed it is refused, what serves goes on, and nothing is lost on any path. */
class PipelineMemoryTest {
    private static final long MIB = 1 << 20;

    @TempDir
    Path home;

    private final ContractShares shares = new ContractShares(MemoryBudget.ofGateway(160));
    private final Fakes.Engine engine = new Fakes.Engine();
    private final Runtimes runtime = new Runtimes();
    private final List<PipelineComponent> started = new ArrayList<>();

    /** Sessions that open or do not. */
    private static final class Runtimes implements InferenceEngine {
        final Fakes.Engines engines = new Fakes.Engines();
        volatile boolean rejects;
        volatile boolean breaks;
        volatile boolean dies;

        @Override
        public InferenceSession open(ModelArtifact model) throws ModelRejectedException {
            if (rejects) {
                throw new ModelRejectedException("no such graph");
            }
            if (breaks) {
                throw new IllegalStateException("a fault");
            }
            if (dies) {
                throw new StackOverflowError();
            }
            return engines.open(model);
        }

        @Override
        public String runtime() {
            return "fake";
        }
    }

    @AfterEach
    void stopAll() {
        runtime.engines.opening.open();
        started.forEach(PipelineComponent::stop);
        Fakes.await(
                "all is given back",
                () -> shares.serving().taken() + shares.coming().taken() == 0);
        assertEquals(0, runtime.engines.open.get(), "open sessions");
    }

    private PipelineComponent start(String name) {
        return start(name, 64, 256);
    }

    private PipelineComponent start(String name, int sampleQueue, int resultQueue) {
        Settings settings = new Settings(
                name,
                "dose",
                "[1.0,2.0)",
                Settings.Trigger.GRID,
                10,
                Set.of(),
                List.of(new Binding("a", "A"), new Binding("b", "B")),
                Mode.ADVISORY,
                sampleQueue,
                resultQueue,
                1000);
        PipelineComponent pipeline = new PipelineComponent(settings, home, Clock.systemUTC(), shares);
        started.add(pipeline);
        pipeline.bindFeatureEngine(engine);
        pipeline.bindInferenceEngine(runtime);
        pipeline.start();
        return pipeline;
    }

    // Fifty models that each fit alone ended the gateway together.
    @Test
    void theSumIsBoundedAndThoseThatServeGoOn() throws Exception {
        engine.programBytes = 2 * MIB;
        List<PipelineComponent> serving = new ArrayList<>();
        List<PipelineComponent> refused = new ArrayList<>();
        List<PipelineComponent> all = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            all.add(start("p" + i));
        }
        for (PipelineComponent pipeline : all) {
            try {
                pipeline.swap(Fakes.model("1.0.0", "a", "b"));
                serving.add(pipeline);
            } catch (ModelRejectedException e) {
                refused.add(pipeline);
                assertTrue(e.getMessage().contains("pipeline " + pipeline.name() + " needs 2."), e.getMessage());
                assertTrue(e.getMessage().contains("of 31.0 MiB for all models that serve"), e.getMessage());
            }
        }
        assertTrue(serving.size() >= 8 && serving.size() <= 14, "was " + serving.size());
        assertEquals(50, serving.size() + refused.size());
        assertTrue(shares.serving().taken() <= shares.budget().servingBytes());
        for (PipelineComponent pipeline : serving) {
            long before = pipeline.statistics().cycles();
            Fakes.await("it goes on", () -> pipeline.statistics().cycles() > before);
        }
        serving.get(0).stop(); // one is removed: the next may come
        refused.get(0).swap(Fakes.model("1.0.0", "a", "b"));
        for (PipelineComponent pipeline : serving.subList(1, serving.size())) {
            pipeline.swap(Fakes.model("1.1.0", "a", "b")); // each can be exchanged although the share is full
        }
    }

    // After a year of releases every one of them would be refused.
    @Test
    void twoHundredSwapsLeaveTheSharesAtTheirLevel() throws Exception {
        PipelineComponent pipeline = start("p");
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        long level = shares.serving().taken();
        for (int i = 0; i < 200; i++) {
            runtime.rejects = i % 5 == 1;
            runtime.breaks = i % 5 == 2;
            runtime.dies = i % 5 == 3;
            engine.breaksInCompile = i % 5 == 4;
            engine.programBytes = i % 7 == 0 ? Long.MAX_VALUE : 1024;
            ModelArtifact model = Fakes.model("1." + i + ".0", "a", "b");
            try {
                pipeline.swap(model, i % 2 == 0 ? Duration.ZERO : Duration.ofMillis(10));
                assertTrue(i % 5 == 0, "swap " + i + " went through");
            } catch (ModelRejectedException | RuntimeException | StackOverflowError e) {
                assertTrue(i % 5 != 0 || i % 7 == 0, "swap " + i + ": " + e);
            }
            assertEquals(level, shares.serving().taken(), "after swap " + i);
            assertEquals(0, shares.coming().taken(), "after swap " + i);
        }
        runtime.rejects = false;
        runtime.breaks = false;
        runtime.dies = false;
        engine.breaksInCompile = false;
    }

    // A large model beside the one that serves must have been counted before it is opened, not after.
    @Test
    void whatDoesNotFitIsNotEvenOpened() throws Exception {
        PipelineComponent pipeline = start("p");
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        engine.programBytes = 25 * MIB;
        runtime.breaks = true; // whoever opens it fails otherwise
        ModelRejectedException e =
                assertThrows(ModelRejectedException.class, () -> pipeline.swap(Fakes.model("1.1.0", "a", "b")));
        assertTrue(e.getMessage().contains("has 19.0 MiB for a model that comes beside"), e.getMessage());
        assertEquals("1.0.0", pipeline.model().orElseThrow().identity().version());
        runtime.breaks = false;
        engine.programBytes = 1024;
        pipeline.swap(Fakes.model("1.2.0", "a", "b"));
    }

    // Its queues alone would take what all models have.
    @Test
    void queuesThatDoNotFitAreRefusedWithTheirFigures() {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> start("wide", 1 << 20, 256));
        assertTrue(e.getMessage().startsWith("sampleQueue, bindings: pipeline wide needs 88."), e.getMessage());
        assertEquals(0, shares.serving().taken());
    }

    // A model with an endless ring is refused by the pipeline that has the ring, although the contract is small.
    @Test
    void longResultQueuesCount() {
        PipelineComponent pipeline = start("deep", 64, 65_536);
        ModelRejectedException e =
                assertThrows(ModelRejectedException.class, () -> pipeline.swap(Fakes.model("1.0.0", "a", "b")));
        assertTrue(e.getMessage().contains("result rings"), e.getMessage());
    }

    // Each publisher has a ring; one too many gets nothing instead of the heap of the others.
    @Test
    void publishersAreCountedAsTheyComeAndGo() throws Exception {
        PipelineComponent pipeline = start("p", 64, 8192);
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        long one = shares.serving().taken();
        List<ResultPublisher> publishers = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            ResultPublisher publisher = publisher("publisher" + i);
            publishers.add(publisher);
            pipeline.bindPublisher(publisher);
            assertTrue(shares.serving().taken() <= shares.budget().servingBytes());
        }
        assertTrue(shares.serving().taken() > 2 * one, "they count");
        publishers.forEach(pipeline::unbindPublisher);
        assertEquals(one, shares.serving().taken());
    }

    private static ResultPublisher publisher(String name) {
        return new ResultPublisher() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public void publish(CycleResult result) {}
        };
    }

    // A pipeline stopped in the middle of a rollout, or whose bundles come and go, must not keep the memory of either
    // model.
    @Test
    void stoppingAndServicesThatComeAndGoLeaveNothing() throws Exception {
        PipelineComponent pipeline = start("p");
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        long level = shares.serving().taken();
        for (int i = 0; i < 5; i++) {
            pipeline.unbindInferenceEngine(runtime);
            pipeline.bindInferenceEngine(runtime);
            pipeline.unbindFeatureEngine(engine);
            pipeline.bindFeatureEngine(engine);
            assertEquals(level, shares.serving().taken());
            assertEquals(0, shares.coming().taken());
        }
        engine.window = Long.MAX_VALUE; // warms up for ever
        Thread swap = new Thread(() -> {
            try {
                pipeline.swap(Fakes.model("1.1.0", "a", "b", "c"), Duration.ofMinutes(1));
            } catch (ModelRejectedException | RuntimeException e) {
                // it is given up
            }
        });
        swap.start();
        pipeline.stop();
        swap.interrupt();
        swap.join(20_000);
    }
}
