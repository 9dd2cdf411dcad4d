// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.actuation.Mode;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.pipeline.Pipeline.Binding;
import io.penstock.api.pipeline.Pipeline.SwapReport;
import io.penstock.pipeline.Fakes.Seen;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PipelineTest {
    private static final Actor OPERATOR = new Actor("anna", Set.of(Role.OPERATOR), "test");

    @TempDir
    Path home;

    private final ContractShares shares = new ContractShares(MemoryBudget.ofGateway(160));
    private final List<PipelineComponent> started = new ArrayList<>();
    private final Fakes.Source source = new Fakes.Source("NTU", "A", "B");
    private final Fakes.Publisher publisher = new Fakes.Publisher();
    private final Fakes.Engines runtime = new Fakes.Engines();
    private final Fakes.Engine engine = new Fakes.Engine();

    @AfterEach
    void stopAll() {
        publisher.gate.open();
        runtime.opening.open();
        runtime.running.open();
        started.forEach(PipelineComponent::stop);
    }

    private static Settings settings(Settings.Trigger trigger, long periodMs, Set<String> triggerTags) {
        return new Settings(
                "p",
                "dose",
                "[1.0,2.0)",
                trigger,
                periodMs,
                triggerTags,
                List.of(new Binding("a", "A"), new Binding("b", "B")),
                Mode.ADVISORY,
                64,
                8192,
                1000);
    }

    private PipelineComponent start(Settings settings, Clock clock) {
        PipelineComponent pipeline = new PipelineComponent(settings, home, clock, shares);
        pipeline.bindTagSource(source);
        pipeline.bindPublisher(publisher);
        pipeline.bindFeatureEngine(engine);
        pipeline.bindInferenceEngine(runtime);
        pipeline.start();
        started.add(pipeline);
        return pipeline;
    }

    private PipelineComponent grid(long periodMs) {
        return start(settings(Settings.Trigger.GRID, periodMs, Set.of()), Clock.systemUTC());
    }

    private static long nowNs() {
        Instant now = Instant.now();
        return TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
    }

    // A historian that averages by minute would see drifting or doubled points.
    @Test
    void cyclesStandOnTheUtcGridOneByOne() throws Exception {
        PipelineComponent pipeline = grid(2);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        Fakes.await("300 cycles", () -> publisher.copy().size() >= 300);
        List<Seen> seen = publisher.copy();
        for (int i = 1; i < seen.size(); i++) {
            assertEquals(0, seen.get(i).instantNs() % 2_000_000, "on the grid");
            assertEquals(
                    2_000_000,
                    seen.get(i).instantNs() - seen.get(i - 1).instantNs(),
                    "no point left out or doubled at " + i);
            assertEquals(seen.get(i - 1).cycle() + 1, seen.get(i).cycle());
        }
        assertEquals(0, pipeline.statistics().missedCycles());
    }

    // A swap that loses, doubles or reorders a cycle is what the product promises never happens.
    @Test
    void swapsWhileCyclingLoseNothingAndKeepOperatorState() throws Exception {
        PipelineComponent pipeline = grid(1);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        for (int n = 1; n <= 20; n++) {
            SwapReport report = pipeline.swap(Fakes.model("1." + n + ".0", "a", "b"));
            assertEquals(0, report.missedCycles());
            assertEquals("dose 1." + n + ".0", report.to());
            assertEquals(1, report.restoredOperators());
        }
        long cycles = pipeline.statistics().cycles();
        Fakes.await("all published", () -> publisher.copy().size() >= cycles);
        List<Seen> seen = publisher.copy();
        for (int i = 1; i < seen.size(); i++) {
            assertEquals(1_000_000, seen.get(i).instantNs() - seen.get(i - 1).instantNs());
            assertEquals(seen.get(i - 1).operatorCount() + 1, seen.get(i).operatorCount(), "operators kept counting");
            assertTrue(minor(seen.get(i)) >= minor(seen.get(i - 1)), "no old model after a new one");
        }
        assertEquals(1, runtime.open.get(), "sessions of former models are closed");
    }

    // For minutes after a swap the outputs were Uncertain, and a closed loop was left without a setpoint.
    @Test
    void aNewModelTakesOverWithItsWindowsFull() throws Exception {
        PipelineComponent pipeline = grid(2);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a"));
        Fakes.await("full windows", () -> pipeline.statistics().cycles() > 20);
        engine.window = 20;
        SwapReport report = pipeline.swap(Fakes.model("1.1.0", "a", "b"), Duration.ofSeconds(10));
        assertEquals(0, report.missedCycles());
        assertEquals(0, report.restoredOperators());
        assertTrue(report.warmUpCycles() >= 20, report.toString()); // it goes on until the exchange
        Fakes.await("answers of 1.1.0", () -> publisher.copy().stream().anyMatch(s -> minor(s) == 1));
        List<Seen> seen = publisher.copy();
        Seen first = seen.stream().filter(s -> minor(s) == 1).findFirst().orElseThrow();
        assertEquals(StatusCode.GOOD, first.status());
        assertEquals(3, first.value(), "with the input that only the new model has");
        assertEquals(report.warmUpCycles() + 1, first.operatorCount(), "each frame went through its operators once");
        assertTrue(
                seen.stream().filter(s -> minor(s) == 0).allMatch(s -> s.value() == 1 && s.status() == StatusCode.GOOD),
                "the old model answered alone until then");
    }

    // Windows of an hour would keep a release waiting for an hour although the site allows a minute.
    @Test
    void warmingUpHasABound() throws Exception {
        PipelineComponent pipeline = grid(2);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a"));
        engine.window = 1_000_000;
        SwapReport report = pipeline.swap(Fakes.model("1.1.0", "a", "b"), Duration.ofMillis(100));
        assertTrue(report.warmUpCycles() > 0 && report.warmUpCycles() < 1_000_000, report.toString());
        Fakes.await("Uncertain answers of 1.1.0", () -> publisher.copy().stream()
                .anyMatch(s -> minor(s) == 1 && s.status() == StatusCode.UNCERTAIN_INITIAL_VALUE));
        SwapReport back = pipeline.swap(Fakes.model("1.0.0", "a"));
        assertEquals(0, back.warmUpCycles(), "who rolls back does not wait");
    }

    // An updated bundle of operators would have waited for a model to be warm, or the model would have kept dead ones.
    @Test
    void operatorsThatGoWhileAModelWarmsUpAreReplaced() throws Exception {
        PipelineComponent pipeline = grid(2);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a"));
        FutureTask<SwapReport> swap = warmingUpForLong(pipeline);
        pipeline.unbindFeatureEngine(engine);
        assertEquals(
                "pipeline p: the preprocessing bundle is away",
                assertThrows(ExecutionException.class, () -> swap.get(5, TimeUnit.SECONDS))
                        .getCause()
                        .getMessage()
                        .split(";", 2)[0]);
        pipeline.bindFeatureEngine(engine);
        assertEquals("1.0.0", pipeline.model().orElseThrow().identity().version());
        assertEquals(1, runtime.open.get(), "the session of the model that did not come is closed");
    }

    /** Begins to exchange 1.0.0 for 1.1.0, whose windows will not be full while the test lasts; ten frames are in them. */
    private FutureTask<SwapReport> warmingUpForLong(PipelineComponent pipeline) {
        engine.window = 1_000_000;
        FutureTask<SwapReport> swap =
                inBackground(() -> pipeline.swap(Fakes.model("1.1.0", "a", "b"), Duration.ofSeconds(60)));
        Fakes.await("warming up", () -> engine.applied.getOrDefault(List.of("a", "b"), 0) >= 10);
        return swap;
    }

    private static <T> FutureTask<T> inBackground(Callable<T> call) {
        FutureTask<T> task = new FutureTask<>(call);
        Thread thread = new Thread(task, "test-background");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    private static void assertRefused(String reason, FutureTask<SwapReport> swap) {
        Throwable refused = assertThrows(ExecutionException.class, () -> swap.get(5, TimeUnit.SECONDS))
                .getCause();
        assertEquals(ModelRejectedException.class, refused.getClass());
        assertTrue(String.valueOf(refused.getMessage()).contains(reason), refused.getMessage());
    }

    // Whoever edited a pipeline's file while a model warmed up would have waited ten seconds for its next cycle.
    @Test
    void aWarmUpDoesNotHoldUpAStop() throws Exception {
        PipelineComponent pipeline = grid(2);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a"));
        FutureTask<SwapReport> swap = warmingUpForLong(pipeline);
        assertFalse(swap.isDone());
        stop(pipeline).get(5, TimeUnit.SECONDS);
        assertRefused("it is stopping", swap);
        assertEquals(0, runtime.open.get(), "both sessions are closed");
    }

    // A large model that was just being opened would have kept the pipeline from stopping until it was.
    @Test
    void aModelThatOpensForLongDoesNotHoldUpAStop() throws Exception {
        PipelineComponent pipeline = grid(2);
        pipeline.swap(Fakes.model("1.0.0", "a"));
        runtime.opening.shut();
        FutureTask<SwapReport> swap = inBackground(() -> pipeline.swap(Fakes.model("1.1.0", "a", "b")));
        Fakes.await("opening", () -> runtime.opening.reached);
        stop(pipeline).get(5, TimeUnit.SECONDS);
        assertFalse(swap.isDone());
        runtime.opening.open();
        assertRefused("it is stopping", swap);
        assertEquals(0, runtime.open.get(), "both sessions are closed");
    }

    // Behind a model that hangs, a swap would have waited ten seconds for a pipeline that is gone, and the model's
    // memory
    // would have been lost or freed under it.
    @Test
    void aModelThatHangsHoldsUpNeitherStopNorSwap() throws Exception {
        PipelineComponent pipeline = grid(2);
        source.emit("A", 1, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a"));
        runtime.running.shut();
        publisher.gate.shut();
        Fakes.await("hanging", () -> runtime.running.reached);
        FutureTask<SwapReport> swap = inBackground(() -> pipeline.swap(Fakes.model("1.1.0", "a")));
        Fakes.await("opened", () -> runtime.open.get() == 2);
        stop(pipeline).get(5, TimeUnit.SECONDS);
        assertRefused("it is stopping", swap);
        assertEquals(1, runtime.open.get(), "the one that runs stays open");
        runtime.running.open();
        Fakes.await("closed by its thread", () -> runtime.open.get() == 0);
    }

    /** What the container does: deactivates, then unbinds. */
    private FutureTask<?> stop(PipelineComponent pipeline) {
        started.remove(pipeline);
        return inBackground(() -> {
            pipeline.stop();
            pipeline.unbindTagSource(source);
            pipeline.unbindPublisher(publisher);
            pipeline.unbindFeatureEngine(engine);
            pipeline.unbindInferenceEngine(runtime);
            return null;
        });
    }

    // A stopped gateway would leave a native session behind, or a model would take over that its rollout calls
    // cancelled.
    @Test
    void aCancelledWarmUpChangesNothing() throws Exception {
        PipelineComponent pipeline = grid(2);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a"));
        engine.window = 1_000_000;
        FutureTask<SwapReport> swap =
                new FutureTask<>(() -> pipeline.swap(Fakes.model("1.1.0", "a", "b"), Duration.ofSeconds(60)));
        Thread thread = new Thread(swap);
        thread.start();
        Fakes.await("warming up", () -> runtime.open.get() == 2);
        swap.cancel(true);
        thread.join(5_000);
        assertFalse(thread.isAlive());
        assertEquals(1, runtime.open.get());
        assertEquals("1.0.0", pipeline.model().orElseThrow().identity().version());
    }

    // A rollout that was cancelled just before its model began to warm up would have brought that model into service.
    @Test
    void whoIsCancelledBeforeTheExchangeChangesNothing() throws Exception {
        PipelineComponent pipeline = start(settings(Settings.Trigger.CHANGE, 0, Set.of("A")), Clock.systemUTC());
        pipeline.swap(Fakes.model("1.0.0", "a"));
        AtomicBoolean over = new AtomicBoolean();
        FutureTask<?> restless = inBackground(
                () -> { // so that the pipeline's thread looks for swaps all the time
                    while (!over.get()) {
                        source.batchEnd();
                    }
                    return null;
                });
        try {
            for (int i = 0; i < 500; i++) {
                Thread.currentThread().interrupt();
                assertThrows(
                        ModelRejectedException.class,
                        () -> pipeline.swap(Fakes.model("1.1.0", "a", "b"), Duration.ofSeconds(60)));
                assertTrue(Thread.interrupted(), "kept for the caller");
            }
        } finally {
            over.set(true);
        }
        restless.get(20, TimeUnit.SECONDS);
        assertEquals("1.0.0", pipeline.model().orElseThrow().identity().version());
        assertEquals(1, runtime.open.get());
    }

    // An input that the serving model does not take would fill its queue with old samples and call them lost.
    @Test
    void samplesNobodyWantsAreNotKept() throws Exception {
        PipelineComponent pipeline = grid(2);
        pipeline.swap(Fakes.model("1.0.0", "a"));
        source.emit("A", 1, nowNs());
        for (int i = 0; i < 500; i++) {
            source.emit("B", i, nowNs());
        }
        assertEquals(0, pipeline.statistics().droppedSamples());
        pipeline.swap(Fakes.model("1.1.0", "a", "b"));
        Fakes.await("the newest", () -> publisher.copy().stream().anyMatch(s -> minor(s) == 1 && s.value() == 500));
    }

    // One fault of an operator would have ended the pipeline's thread, and with it every cycle until a restart.
    @Test
    void aFaultInACycleCostsItsResultAndNotThePipeline() throws Exception {
        PipelineComponent pipeline = grid(2);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        Fakes.await("a good one", () -> publisher.copy().stream().anyMatch(s -> s.status() == StatusCode.GOOD));
        engine.breaks = true;
        Fakes.await("the fault", () -> publisher.copy().stream()
                .anyMatch(s -> s.status() == StatusCode.BAD_INTERNAL_ERROR));
        assertTrue(
                pipeline.statistics().detail().contains("broken operator"),
                pipeline.statistics().detail());
        engine.breaks = false;
        int size = publisher.copy().size();
        Fakes.await(
                "good again", () -> publisher.copy().stream().skip(size).anyMatch(s -> s.status() == StatusCode.GOOD));
    }

    // An operator that cannot tell its state would have ended the pipeline at the next swap, just where a rollback was
    // to
    // replace it.
    @Test
    void operatorsThatCannotTellTheirStateCanBeReplaced() throws Exception {
        PipelineComponent pipeline = grid(2);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        engine.breaksInSave = true;
        assertEquals(
                0,
                pipeline.swap(Fakes.model("1.1.0", "a", "b")).restoredOperators(),
                "whose state is lost begins anew");
        engine.window = 20;
        assertTrue(pipeline.swap(Fakes.model("1.2.0", "a", "b"), Duration.ofSeconds(20))
                        .warmUpCycles()
                >= 20);
        pipeline.unbindFeatureEngine(engine);
        Fakes.await("told to be out of service", () -> last().status() == StatusCode.BAD_OUT_OF_SERVICE);
        pipeline.bindFeatureEngine(engine);
        Fakes.await("good again", () -> last().status() == StatusCode.GOOD);
        stop(pipeline).get(20, TimeUnit.SECONDS);
        assertEquals(0, runtime.open.get(), "sessions are closed all the same");
    }

    // A model whose operators fail at the exchange would have ended the pipeline of the one that served.
    @Test
    void aModelThatFailsAtTheExchangeIsRefusedAndTheOtherServesOn() throws Exception {
        PipelineComponent pipeline = grid(2);
        Fakes.Loop loop = new Fakes.Loop();
        pipeline.bindWriteLoop(loop);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a"));
        engine.breaksInRestore = true;
        for (Duration warmUp : List.of(Duration.ZERO, Duration.ofSeconds(20))) {
            ModelRejectedException refused = assertThrows(
                    ModelRejectedException.class, () -> pipeline.swap(Fakes.model("1.1.0", "a", "b"), warmUp));
            assertTrue(String.valueOf(refused.getMessage()).contains("broken operator"), refused.getMessage());
        }
        assertEquals(1, runtime.open.get());
        assertEquals(List.of("1.0.0"), loop.models, "the loop knows no model that does not serve");
        source.emit("A", 10, nowNs());
        Fakes.await("cycling on", () -> publisher.copy().stream()
                .anyMatch(s -> s.value() == 10 && s.status() == StatusCode.GOOD));
    }

    // A clock step while the bundle of an operator was away would have ended the pipeline.
    @Test
    void operatorsThatCannotBeMadeAfterAClockStepGoOn() throws Exception {
        AtomicLong offsetMs = new AtomicLong();
        PipelineComponent pipeline = start(settings(Settings.Trigger.GRID, 2, Set.of()), clock(offsetMs));
        pipeline.swap(Fakes.model("1.0.0", "a"));
        engine.breaksInCompile = true;
        offsetMs.addAndGet(3_600_000);
        source.emit("A", 10, nowNs() + 3_600_000_000_000L);
        Fakes.await("cycling on", () -> publisher.copy().stream()
                .anyMatch(s -> s.value() == 10 && s.instantNs() > nowNs() + 3_000_000_000_000L));
    }

    private static int minor(Seen seen) {
        return Integer.parseInt(seen.version().split("\\.", -1)[1]);
    }

    // Arrival order mixes scans; a model fed so answers a state the plant never was in.
    @Test
    void everyChangeIsAnsweredInSourceTimeOrder() throws Exception {
        PipelineComponent pipeline = start(settings(Settings.Trigger.CHANGE, 0, Set.of("A", "B")), Clock.systemUTC());
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        long t = nowNs() - 1_000_000_000L;
        source.emit("B", 100, t);
        source.emit("B", 200, t + 20);
        source.emit("B", 300, t + 40);
        source.emit("A", 1, t);
        source.emit("A", 2, t + 10);
        source.emit("A", 3, t + 30);
        source.batchEnd();
        Fakes.await("five cycles", () -> publisher.copy().size() >= 5);
        List<Double> values = publisher.copy().stream().map(Seen::value).toList();
        assertEquals(List.of(101.0, 102.0, 202.0, 203.0, 303.0), values);
        assertEquals(
                List.of(t, t + 10, t + 20, t + 30, t + 40),
                publisher.copy().stream().map(Seen::instantNs).toList());
    }

    // A poll that brings the same value again must not run the model again.
    @Test
    void anUnchangedValueDoesNotTrigger() throws Exception {
        PipelineComponent pipeline = start(settings(Settings.Trigger.CHANGE, 0, Set.of("A")), Clock.systemUTC());
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        long t = nowNs() - 1_000_000_000L;
        source.emit("B", 5, t);
        source.emit("A", 1, t);
        source.batchEnd();
        Fakes.await("first", () -> publisher.copy().size() == 1);
        source.emit("A", 1, t + 10);
        source.emit("B", 6, t + 15);
        source.emit("A", 2, t + 20);
        source.batchEnd();
        Fakes.await("second", () -> publisher.copy().size() == 2);
        assertEquals(8.0, publisher.copy().get(1).value());
        assertEquals(2, pipeline.statistics().cycles());
    }

    // A slow PLC burst must not pile up work where the site asked for the latest state only.
    @Test
    void waitingChangesAreAnsweredOnceWhereTheLatestIsAsked() throws Exception {
        PipelineComponent pipeline = start(settings(Settings.Trigger.CHANGE_LATEST, 0, Set.of("A")), Clock.systemUTC());
        long t = nowNs() - 1_000_000_000L;
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        source.emit("B", 0, t);
        for (int i = 1; i <= 50; i++) {
            source.emit("A", i, t + i);
        }
        source.batchEnd();
        Fakes.await("latest answered", () -> publisher.copy().stream().anyMatch(s -> s.value() == 50));
        assertTrue(
                pipeline.statistics().cycles() < 50,
                "coalesced, were " + pipeline.statistics().cycles());
    }

    // A value from the future of the frame would make two tags of one frame belong to different scans.
    @Test
    void aFrameHoldsNothingNewerThanItsInstant() {
        Acquisition acquisition =
                new Acquisition(settings(Settings.Trigger.GRID, 10, Set.of()), PipelineTest::nowNs, () -> {});
        acquisition.add(source);
        Input[] inputs = {acquisition.input("a"), acquisition.input("b")};
        Frame frame = new Frame(List.of("a", "b"));
        source.emit("A", 1, 100);
        source.emit("A", 2, 200);
        source.emit("B", 7, 150);
        frame.begin(1, 150);
        acquisition.take(inputs, frame, 150, 1_000);
        acquisition.freeze(inputs, frame, System.nanoTime());
        assertEquals(1, frame.value(0));
        assertEquals(7, frame.value(1));
        assertEquals(100, frame.sourceTimeNs(0));
        frame.begin(2, 250);
        acquisition.take(inputs, frame, 250, 1_000);
        acquisition.freeze(inputs, frame, System.nanoTime());
        assertEquals(2, frame.value(0));
        assertEquals(1, frame.pendingCount(0));
        assertEquals(0, frame.pendingCount(1));
    }

    // A source clock that runs an hour ahead must not make its tag stale for an hour.
    @Test
    void aSourceClockAheadOfOursDoesNotHoldItsSamplesBack() {
        Input input = new Input("a", "A", 16);
        input.offer(new Sample(new TagId("A"), 5, 0, 3_600_000, System.nanoTime()));
        Frame frame = new Frame(List.of("a"));
        input.take(1_000, 1_000, frame, 0);
        input.freeze(frame, 0, System.nanoTime());
        assertEquals(5, frame.value(0));
        assertEquals(3_600_000, frame.sourceTimeNs(0), "its own time is passed on unchanged");
    }

    // With a full queue the plant would have been shown an old value as the newest.
    @Test
    void aFullQueueLosesTheMiddleNeverTheNewest() {
        Input input = new Input("a", "A", 16);
        for (int i = 1; i <= 100; i++) {
            input.offer(new Sample(new TagId("A"), i, 0, i, System.nanoTime()));
        }
        Frame frame = new Frame(List.of("a"));
        frame.begin(1, 1_000);
        input.take(1_000, 1_000, frame, 0);
        input.freeze(frame, 0, System.nanoTime());
        assertEquals(100, frame.value(0));
        assertEquals(83, input.dropped());
        assertEquals(17, frame.pendingCount(0));
    }

    // Without it a model trained on one set of signals would run on another.
    @Test
    void aModelWithAnUnboundInputIsRefusedByName() throws Exception {
        PipelineComponent pipeline = grid(5);
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        ModelRejectedException refused =
                assertThrows(ModelRejectedException.class, () -> pipeline.swap(Fakes.model("1.1.0", "a", "c")));
        assertTrue(refused.getMessage().contains("input 'c'"), refused.getMessage());
        assertTrue(refused.getMessage().contains("add 'c=TAG' to bindings"), refused.getMessage());
        assertEquals("1.0.0", pipeline.model().orElseThrow().identity().version());
        assertEquals(1, runtime.open.get());
    }

    // mg/l read as NTU moves a pump.
    @Test
    void aUnitThatDoesNotMatchIsRefusedAndAConvertibleOneIsConverted() throws Exception {
        PipelineComponent pipeline = grid(5);
        Fakes.Source other = new Fakes.Source("M1", "A", "B");
        pipeline.unbindTagSource(source);
        pipeline.bindTagSource(other);
        ModelRejectedException refused =
                assertThrows(ModelRejectedException.class, () -> pipeline.swap(Fakes.model("1.0.0", "a", "b")));
        assertTrue(refused.getMessage().contains("is in 'M1', the model wants 'NTU'"), refused.getMessage());
        pipeline.unbindTagSource(other);
        Fakes.Source kilo = new Fakes.Source("KTU", "A", "B");
        pipeline.bindTagSource(kilo);
        kilo.emit("A", 1, nowNs());
        kilo.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        Fakes.await("converted", () -> publisher.copy().stream().anyMatch(s -> s.value() == 3000));
    }

    // A model too slow for its period would have gone unnoticed until points of the grid were missed.
    @Test
    void aCycleLongerThanItsPeriodIsCountedAndItsPointsAreMadeUpFor() throws Exception {
        PipelineComponent pipeline = grid(20);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        long before = pipeline.statistics().overruns();
        runtime.running.shut();
        Fakes.await("a cycle in the model", () -> runtime.running.reached);
        long held = System.nanoTime();
        Fakes.await("two periods", () -> System.nanoTime() - held > 40_000_000);
        runtime.running.open();
        Fakes.await("it is counted", () -> pipeline.statistics().overruns() > before);
        int size = publisher.copy().size();
        Fakes.await("further cycles", () -> publisher.copy().size() > size + 5);
        List<Seen> seen = publisher.copy();
        for (int i = 1; i < seen.size(); i++) {
            assertEquals(20_000_000, seen.get(i).instantNs() - seen.get(i - 1).instantNs());
        }
        assertEquals(0, pipeline.statistics().missedCycles());
    }

    // A historian that hangs would have stopped the dosing.
    @Test
    void aStuckPublisherDelaysNothingAndItsLossIsCounted() throws Exception {
        publisher.gate.shut();
        Settings small = new Settings(
                "p",
                "dose",
                "[1.0,2.0)",
                Settings.Trigger.GRID,
                1,
                Set.of(),
                List.of(new Binding("a", "A"), new Binding("b", "B")),
                Mode.ADVISORY,
                64,
                4,
                1000);
        PipelineComponent pipeline = start(small, Clock.systemUTC());
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        Fakes.await("500 cycles", () -> pipeline.statistics().cycles() >= 500);
        assertEquals(0, pipeline.statistics().missedCycles());
        assertTrue(pipeline.statistics().droppedResults() >= 400);
    }

    // A connector that is gone must not leave its last value standing as good.
    @Test
    void tagsOfAConnectorThatIsGoneAreNoLongerGood() throws Exception {
        PipelineComponent pipeline = grid(5);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        Fakes.await("good", () -> publisher.copy().stream().anyMatch(s -> s.status() == StatusCode.GOOD));
        pipeline.unbindTagSource(source);
        Fakes.await("uncertain", () -> last().status() == StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE);
        pipeline.bindTagSource(source);
        source.emit("A", 10, nowNs());
        source.emit("B", 20, nowNs());
        Fakes.await("good again", () -> last().value() == 30 && last().status() == StatusCode.GOOD);
    }

    // Of six inputs the operator saw one status and no name: "an input has no usable value".
    @Test
    void theDetailNamesTheInputThatLacks() throws Exception {
        PipelineComponent pipeline = grid(5);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        Fakes.await("good", () -> publisher.copy().stream().anyMatch(s -> s.status() == StatusCode.GOOD));
        assertEquals("", pipeline.statistics().detail());
        source.emit("B", Double.NaN, StatusCode.BAD_SENSOR_FAILURE, nowNs());
        Fakes.await("bad", () -> StatusCode.isBad(last().status()));
        assertEquals(
                "input 'b': tag 'B' is BadSensorFailure; look into its sensor and its connector",
                pipeline.statistics().detail());
        source.emit("B", 3, StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE, nowNs());
        Fakes.await("uncertain", () -> StatusCode.isUncertain(last().status()));
        assertTrue(
                pipeline.statistics().detail().startsWith("input 'b': tag 'B' is Uncertain"),
                pipeline.statistics().detail());
        source.emit("B", 3, nowNs());
        Fakes.await("good again", () -> last().status() == StatusCode.GOOD);
        assertEquals("", pipeline.statistics().detail());
    }

    private Seen last() {
        List<Seen> all = publisher.copy();
        return all.get(all.size() - 1);
    }

    // An update of the operators that forgets their windows would step every moving mean.
    @Test
    void operatorsComeBackWithTheirStateAfterTheirBundleWasUpdated() throws Exception {
        PipelineComponent pipeline = grid(2);
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        Fakes.await("100 cycles", () -> pipeline.statistics().cycles() >= 100);
        pipeline.unbindFeatureEngine(engine);
        Fakes.await("told to be out of service", () -> last().status() == StatusCode.BAD_OUT_OF_SERVICE);
        double before =
                publisher.copy().stream().mapToDouble(Seen::operatorCount).max().orElseThrow();
        assertTrue(
                pipeline.statistics().detail().contains("preprocessing"),
                pipeline.statistics().detail());
        pipeline.bindFeatureEngine(new Fakes.Engine());
        Fakes.await("counting on", () -> last().status() == StatusCode.GOOD && last().operatorCount() > before);
    }

    // A restart with forgotten windows would publish warm-up values as if nothing had been.
    @Test
    void operatorStateSurvivesAChangedConfiguration() throws Exception {
        PipelineComponent pipeline = grid(2);
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        Fakes.await("50 cycles", () -> pipeline.statistics().cycles() >= 50);
        pipeline.stop();
        started.clear();
        double before = last().operatorCount();
        publisher.seen.clear();
        grid(2).swap(Fakes.model("1.0.0", "a", "b"));
        Fakes.await("on", () -> !publisher.copy().isEmpty());
        assertTrue(publisher.copy().get(0).operatorCount() > before);
    }

    // SHADOW that reaches the loop would be a write nobody allowed.
    @Test
    void onlyAdvisoryOffersAndOffComputesNothing() throws Exception {
        PipelineComponent pipeline = grid(2);
        Fakes.Loop loop = new Fakes.Loop();
        source.emit("A", 1, nowNs());
        source.emit("B", 2, nowNs());
        pipeline.bindWriteLoop(loop);
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        Fakes.await("offered", () -> loop.offered > 10);
        assertEquals(List.of("1.0.0"), loop.models);
        assertEquals(Mode.ADVISORY, pipeline.mode());
        assertEquals(List.of(), pipeline.setMode(Mode.CLOSED, OPERATOR, "go"));
        assertEquals(Mode.CLOSED, pipeline.mode());
        pipeline.setMode(Mode.SHADOW, OPERATOR, "doubt");
        assertFalse(loop.closed, "lowering the mode opens the loop");
        Fakes.await("shadow seen", () -> last().mode().equals("SHADOW"));
        long offered = loop.offered;
        long cycles = pipeline.statistics().cycles();
        Fakes.await("more cycles", () -> pipeline.statistics().cycles() > cycles + 20);
        assertEquals(offered, loop.offered);
        assertFalse(pipeline.setMode(Mode.CLOSED, OPERATOR, "again").isEmpty(), "closed only out of ADVISORY");
        pipeline.setMode(Mode.OFF, OPERATOR, "stop");
        Fakes.await("off", () -> last().status() == StatusCode.BAD_OUT_OF_SERVICE);
    }

    // An operator took the machine back while a colleague's closing still asked its guards: the loop closed behind his
    // back.
    @Test
    void takingBackWhileAClosingIsUnderWayWins() {
        PipelineComponent pipeline = grid(2);
        Fakes.Loop loop = new Fakes.Loop();
        pipeline.bindWriteLoop(loop);
        loop.onClose = () -> pipeline.setMode(Mode.ADVISORY, OPERATOR, "no, wait");
        assertFalse(pipeline.setMode(Mode.CLOSED, OPERATOR, "go").isEmpty());
        assertFalse(loop.closed);
        loop.onClose = () -> pipeline.setMode(Mode.SHADOW, OPERATOR, "doubt");
        assertFalse(pipeline.setMode(Mode.CLOSED, OPERATOR, "go").isEmpty());
        assertFalse(loop.closed);
        assertEquals(Mode.SHADOW, pipeline.mode());
    }

    // A stepped clock would have counted an hour of missed cycles, or stopped cycling for an hour.
    @Test
    void aSteppedClockNeitherStopsNorFloodsThePipeline() throws Exception {
        AtomicLong offsetMs = new AtomicLong();
        PipelineComponent pipeline = start(settings(Settings.Trigger.GRID, 5, Set.of()), clock(offsetMs));
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        Fakes.await("cycling", () -> pipeline.statistics().cycles() > 20);
        for (long step : new long[] {3_600_000, -3_600_000}) {
            offsetMs.addAndGet(step);
            long cycles = pipeline.statistics().cycles();
            Fakes.await("cycling on after " + step, () -> pipeline.statistics().cycles() > cycles + 100);
            assertTrue(pipeline.statistics().cycles() < cycles + 2_000, "not one cycle per point of the hour");
            assertEquals(0, pipeline.statistics().missedCycles());
        }
    }

    private static Clock clock(AtomicLong offsetMs) {
        return new Clock() {
            @Override
            public ZoneId getZone() {
                return ZoneOffset.UTC;
            }

            @Override
            public Clock withZone(ZoneId zone) {
                return this;
            }

            @Override
            public Instant instant() {
                return Instant.now().plusMillis(offsetMs.get());
            }
        };
    }

    // The new model would have served with windows that span the step; after a step back by an hour its resampled
    // inputs
    // would have stood still for that hour.
    @Test
    void aModelThatWarmedUpBeforeAClockStepBeginsAnew() throws Exception {
        for (long step : new long[] {3_600_000, -3_600_000}) {
            AtomicLong offsetMs = new AtomicLong();
            PipelineComponent pipeline = start(settings(Settings.Trigger.GRID, 2, Set.of()), clock(offsetMs));
            pipeline.swap(Fakes.model("1.0.0", "a"));
            FutureTask<SwapReport> swap = warmingUpForLong(pipeline);
            assertFalse(swap.isDone());
            offsetMs.addAndGet(step);
            SwapReport report = swap.get(20, TimeUnit.SECONDS);
            assertEquals(0, report.warmUpCycles(), "none that counts");
            Fakes.await("answers of 1.1.0", () -> publisher.copy().stream().anyMatch(s -> minor(s) == 1));
            assertEquals(
                    1,
                    publisher.copy().stream()
                            .filter(s -> minor(s) == 1)
                            .findFirst()
                            .orElseThrow()
                            .operatorCount(),
                    "the first frame its operators have seen");
            stop(pipeline).get(20, TimeUnit.SECONDS);
            assertEquals(0, runtime.open.get(), "both sessions are closed");
            publisher.seen.clear();
            engine.applied.clear();
        }
    }

    // A file that closes a loop would move an actuator at the next start.
    @Test
    void settingsRefuseNonsenseByKey() {
        assertRefused(
                "mode",
                () -> new Settings(
                        "p",
                        "dose",
                        "[1,2)",
                        Settings.Trigger.GRID,
                        1,
                        Set.of(),
                        List.of(new Binding("a", "A")),
                        Mode.CLOSED,
                        64,
                        8,
                        0));
        assertRefused(
                "periodMs",
                () -> new Settings(
                        "p",
                        "dose",
                        "[1,2)",
                        Settings.Trigger.GRID,
                        0,
                        Set.of(),
                        List.of(new Binding("a", "A")),
                        Mode.OFF,
                        64,
                        8,
                        0));
        assertRefused(
                "triggerTags",
                () -> new Settings(
                        "p",
                        "dose",
                        "[1,2)",
                        Settings.Trigger.CHANGE,
                        0,
                        Set.of("X"),
                        List.of(new Binding("a", "A")),
                        Mode.OFF,
                        64,
                        8,
                        0));
        assertRefused(
                "bindings",
                () -> new Settings(
                        "p",
                        "dose",
                        "[1,2)",
                        Settings.Trigger.GRID,
                        1,
                        Set.of(),
                        List.of(new Binding("a", "A"), new Binding("a", "B")),
                        Mode.OFF,
                        64,
                        8,
                        0));
        assertRefused(
                "versionRange",
                () -> new Settings(
                        "p",
                        "dose",
                        "newest",
                        Settings.Trigger.GRID,
                        1,
                        Set.of(),
                        List.of(new Binding("a", "A")),
                        Mode.OFF,
                        64,
                        8,
                        0));
    }

    private static void assertRefused(String key, Runnable make) {
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, make::run);
        assertTrue(refused.getMessage().startsWith(key + ":"), refused.getMessage());
    }
}
