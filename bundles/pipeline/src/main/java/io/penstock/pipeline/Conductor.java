// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.pipeline.Pipeline.SwapReport;
import io.penstock.api.pipeline.PipelineStatistics;
import io.penstock.api.preprocessing.FeatureEngine.UnitConversion;
import io.penstock.api.preprocessing.FeatureProgram;
import io.penstock.api.publication.CycleResult;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread of a pipeline: waits for its trigger, runs cycles, exchanges models between them. Everything that is not
 * volatile belongs to that thread; others ask for changes by {@link #swap} and {@link #between}.
 */
@SuppressWarnings("NonAtomicVolatileUpdate") // counters have one writer, the thread
final class Conductor {
    private static final Logger LOG = LoggerFactory.getLogger(Conductor.class);
    private static final long LONGEST_NAP_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long FAULT_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long STOP_MS = 1500;

    private final Settings settings;
    private final Acquisition acquisition;
    private final GatewayTime time;
    private final LongSupplier nanoTime;
    private final Runnable onEnd;
    private final Thread thread;
    private final RunMark mark;
    private final long periodNs;
    private final long catchUpNs;

    // asked for by others
    private final AtomicReference<@Nullable Swap> pendingSwap = new AtomicReference<>();
    private final AtomicReference<@Nullable Task> pendingTask = new AtomicReference<>();
    private volatile boolean signalled;
    private volatile boolean stopped; // by others: no swap is taken on any more
    private volatile boolean ended; // by the thread: it makes no change any more
    private volatile boolean started;
    private volatile Mode mode;
    private volatile @Nullable WriteLoop loop;
    private volatile ResultQueue[] queues = {};
    private volatile @Nullable Function<ServingModel, ServingModel> renew;

    // written by the thread, read by others
    private volatile @Nullable ServingModel serving;
    private volatile long beatNanos; // it went round its loop
    private volatile long cycles;
    private volatile long missed;
    private volatile long overruns;
    private volatile long failures;
    private volatile long lostSamples;
    private volatile String detail = "no model yet";
    private final Latencies cycleLatencies = new Latencies();
    private final Latencies inferenceLatencies = new Latencies();
    private final Latencies toWriteLatencies = new Latencies();

    // the thread's own
    private long lastInstantNs = Long.MIN_VALUE;
    private long lastCycleNanos;
    private boolean framePending;
    private boolean faulty;
    private boolean everAnswered;
    private boolean everGood;
    private @Nullable Swap exchanged;
    private @Nullable WarmUp warmUp;
    private int clockSteps;
    private Map<String, byte[]> keptState = Map.of();

    Conductor(Settings settings, Acquisition acquisition, Clock clock, LongSupplier nanoTime) {
        this(settings, acquisition, clock, nanoTime, RunMark.none(), () -> {});
    }

    /** @param onEnd run by the thread as the last of all, when it holds no model any more. */
    Conductor(
            Settings settings,
            Acquisition acquisition,
            Clock clock,
            LongSupplier nanoTime,
            RunMark mark,
            Runnable onEnd) {
        this.mark = mark;
        this.settings = settings;
        this.onEnd = onEnd;
        this.acquisition = acquisition;
        this.nanoTime = nanoTime;
        time = new GatewayTime(clock, nanoTime);
        mode = settings.mode();
        periodNs = TimeUnit.MILLISECONDS.toNanos(settings.periodMs());
        catchUpNs = TimeUnit.MILLISECONDS.toNanos(settings.catchUpMs());
        thread = new Thread(this::run, "pipeline-cycle-" + settings.name());
        thread.setDaemon(true);
    }

    void start(Map<String, byte[]> state) {
        keptState = state;
        beatNanos = nanoTime.getAsLong();
        started = true;
        thread.start();
    }

    /** Ends the thread, refuses a swap that waits for it, and returns the operators' state. The thread closes the last model. */
    Map<String, byte[]> stop() {
        stopped = true;
        refuseSwap();
        wake();
        try {
            thread.join(STOP_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            LOG.warn(
                    "Pipeline {} is still in its cycle after {} ms, probably in the model's run; it is left behind and closes"
                            + " the model when it comes back",
                    settings.name(),
                    STOP_MS);
            return Map.of();
        }
        return keptState;
    }

    boolean stopped() {
        return stopped;
    }

    boolean alive() {
        return thread.isAlive();
    }

    private void refuseSwap() {
        Swap refused = pendingSwap.getAndSet(null);
        if (refused != null) {
            refused.refuse("it is stopping; ask again when it is back");
        }
    }

    /** A sample of interest arrived, or something was asked. */
    void wake() {
        signalled = true;
        LockSupport.unpark(thread);
    }

    private void run() {
        while (!stopped) {
            try {
                if (settings.trigger() == Settings.Trigger.GRID) {
                    runGrid();
                } else {
                    runChanges();
                }
            } catch (RuntimeException | Error e) { // it is the only thread of the pipeline
                LOG.error(
                        "Pipeline {}: its thread met a fault of the gateway between two cycles; it goes on",
                        settings.name(),
                        e);
                mark.leave();
                LockSupport.parkNanos(LONGEST_NAP_NANOS);
            }
        }
        endWarmUp();
        ServingModel last = serving;
        if (last != null) {
            keptState = last.state();
            serving = null;
        }
        ended = true;
        runPendingTask();
        if (last != null) {
            last.session.close();
        }
        onEnd.run();
    }

    private void runGrid() {
        long next = nextGridPoint(time.nowNs());
        while (!stopped) {
            if (!sleepUntil(next)) {
                next = nextGridPoint(time.nowNs()); // stopped, or the clock was stepped
                continue;
            }
            cycleOrFault(next);
            next += periodNs;
            long now = time.nowNs();
            if (clockStepped()) {
                next = nextGridPoint(now);
                continue;
            }
            long behind = now - next;
            if (behind > Math.max(catchUpNs, periodNs)) {
                long skipped = behind / periodNs;
                missed = missed + skipped; // single writer
                next += skipped * periodNs;
            }
        }
    }

    private long nextGridPoint(long nowNs) {
        return Math.floorDiv(nowNs, periodNs) * periodNs + periodNs;
    }

    /** True once the instant has come; false where it will not come any more. */
    private boolean sleepUntil(long instantNs) {
        while (!stopped) {
            beatNanos = nanoTime.getAsLong();
            applyPending();
            long left = instantNs - time.nowNs();
            if (clockStepped()) {
                return false;
            }
            if (left <= 0) {
                return true;
            }
            LockSupport.parkNanos(this, Math.min(left, LONGEST_NAP_NANOS));
        }
        return false;
    }

    private void runChanges() {
        while (!stopped) {
            beatNanos = nanoTime.getAsLong();
            applyPending();
            signalled = false;
            long now = time.nowNs();
            if (clockStepped()) {
                continue;
            }
            long trigger = acquisition.nextTriggerNs(now);
            if (trigger == Long.MAX_VALUE) {
                if (!signalled && !stopped) {
                    LockSupport.parkNanos(this, LONGEST_NAP_NANOS);
                }
                continue;
            }
            cycleOrFault(settings.trigger() == Settings.Trigger.CHANGE ? trigger : now);
        }
    }

    private boolean clockStepped() {
        long step = time.takeStepNs();
        if (step == 0) {
            return false;
        }
        LOG.warn(
                "The wall clock was stepped by {} ms; pipeline {} starts its operators anew, because their windows span the step",
                TimeUnit.NANOSECONDS.toMillis(step),
                settings.name());
        detail =
                "the wall clock was stepped by " + TimeUnit.NANOSECONDS.toMillis(step) + " ms; operators warm up again";
        clockSteps++;
        endWarmUp();
        ServingModel current = serving;
        if (current != null) {
            try {
                serving = renewed(current);
            } catch (RuntimeException | Error e) { // such as an operator whose bundle is away
                LOG.error(
                        "Pipeline {}: its operators cannot be started anew, their windows span the step; swap the model",
                        settings.name(),
                        e);
            }
        }
        lastInstantNs = Long.MIN_VALUE;
        framePending = false;
        return true;
    }

    private ServingModel renewed(ServingModel model) {
        Function<ServingModel, ServingModel> fresh = renew;
        return fresh == null ? model : fresh.apply(model);
    }

    /** How to get a model with fresh operators. */
    void onStep(Function<ServingModel, ServingModel> fresh) {
        renew = fresh;
    }

    /** A fault of ours costs one result, not the pipeline: its thread is the only one it has. */
    private void cycleOrFault(long atNs) {
        try {
            cycle(atNs);
            faulty = false;
        } catch (RuntimeException | Error e) { // also a stack that overflows in a model or an operator
            mark.leave();
            if (!faulty) {
                LOG.error(
                        "Pipeline {}: a cycle ended by a fault of the gateway; it goes on with the next",
                        settings.name(),
                        e);
            }
            faulty = true;
            framePending = false;
            endWarmUp();
            fail("a fault of the gateway: " + e);
            ServingModel model = serving;
            if (model != null) {
                publishNothing(model, StatusCode.BAD_INTERNAL_ERROR);
            }
            LockSupport.parkNanos(
                    FAULT_PAUSE_NANOS); // a sample that cannot be taken must not turn this into a busy loop
        }
    }

    /** One cycle. Reading this method is reading the gateway. Called only by the pipeline's own thread, or by a benchmark in its place. */
    void cycle(long atNs) {
        applyPending(); // between cycles, never inside one
        ServingModel model = serving;
        if (model == null) {
            acquisition.changed(atNs, time.nowNs());
            return;
        }
        long began = nanoTime.getAsLong();
        long instantNs = Math.max(atNs, lastInstantNs + 1);
        Frame frame = snapshot(model, instantNs, began); // 1 frozen, with status and age
        if (frame == null) {
            return; // nothing changed
        }
        Mode now = mode;
        Prediction prediction = model.prediction;
        long inferenceNanos = 0;
        WriteOutcome written = WriteOutcome.NOT_OFFERED;
        if (now == Mode.OFF) {
            prediction.setAll(StatusCode.BAD_OUT_OF_SERVICE);
        } else {
            mark.enterServing();
            model.program.apply(frame, model.features); // 2 operators and constants came with the model
            inferenceNanos = predict(model, instantNs); // 3
            mark.leave();
            WriteLoop target = loop;
            if (now.compareTo(Mode.ADVISORY) >= 0 && target != null) {
                written = target.offer(prediction); // 4 may refuse, and says why
            }
        }
        long ended = nanoTime.getAsLong();
        account(model, began, ended, inferenceNanos, written);
        publish(model, effective(now), written, ended - began, inferenceNanos); // 5
        WarmUp beside = warmUp;
        if (beside != null) {
            runBeside(beside, frame, began);
        }
    }

    /** What the candidate's operators do is the candidate's affair: the serving model has answered. */
    private void runBeside(WarmUp beside, Frame frame, long began) {
        mark.enterCandidate();
        try {
            beside.run(acquisition, frame, began);
        } catch (RuntimeException | Error e) {
            LOG.error(
                    "Pipeline {}: the operators of {} failed while they warmed up; it does not take over",
                    settings.name(),
                    beside.candidate.artifact.identity().label(),
                    e);
            beside.fail("its operators failed while they warmed up: " + e);
            warmUp = null;
        }
        mark.leave();
    }

    private @Nullable Frame snapshot(ServingModel model, long instantNs, long nanos) {
        Frame frame = model.frame;
        long nowNs = time.nowNs();
        if (!framePending) {
            frame.begin(cycles + 1, instantNs);
        }
        acquisition.forgetChanges();
        acquisition.take(model.inputs, frame, instantNs, nowNs);
        long lost = frame.lostPending();
        if (lost > model.lostPending) {
            lostSamples = lostSamples + lost - model.lostPending; // single writer
            model.lostPending = lost;
        }
        WarmUp beside = warmUp;
        if (beside != null) {
            beside.take(acquisition, !framePending, frame, instantNs, nowNs);
        }
        boolean changed = acquisition.changed(instantNs, nowNs);
        if (settings.trigger() != Settings.Trigger.GRID && !changed) {
            framePending = true; // what came stays pending for the next frame
            return null;
        }
        framePending = false;
        frame.instant(instantNs);
        acquisition.freeze(model.inputs, frame, nanos);
        lastInstantNs = instantNs;
        return frame;
    }

    private long predict(ServingModel model, long instantNs) {
        Prediction prediction = model.prediction;
        Features features = model.features;
        long before = nanoTime.getAsLong();
        int inherited = features.status();
        if (StatusCode.isBad(inherited)) {
            prediction.setAll(inherited);
            fail(acquisition.trouble().isEmpty() ? model.lacking(inherited) : acquisition.trouble());
        } else if (StatusCode.isGood(model.session.run(features, prediction))) {
            for (int i = 0; i < model.outputs.length; i++) {
                OutputSpec output = model.outputs[i];
                double value = prediction.value(i);
                prediction.set(i, value, outputStatus(inherited, value < output.low() || value > output.high()));
            }
            detail = StatusCode.isGood(inherited) ? "" : model.lacking(inherited);
            if (!everAnswered) {
                everAnswered = true;
                reportFirst("first result");
            }
            if (!everGood && StatusCode.isGood(inherited)) {
                everGood = true;
                reportFirst("first Good result");
            }
        } else {
            fail(model.session.lastError());
        }
        long after = nanoTime.getAsLong();
        prediction.setTimes(instantNs, after, model.oldestRequiredNanos());
        return after - before;
    }

    /** Once: the figure by which a start is judged. The start script passes the microsecond it was called in. */
    private void reportFirst(String what) {
        Long startedMicros = Long.getLong("penstock.started");
        if (startedMicros == null) {
            LOG.info("Pipeline {}: {}", settings.name(), what);
        } else {
            LOG.info(
                    "Pipeline {}: {}, {} ms after the gateway was started",
                    settings.name(),
                    what,
                    TimeUnit.NANOSECONDS.toMillis(time.nowNs()) - TimeUnit.MICROSECONDS.toMillis(startedMicros));
        }
    }

    /** Rows 7 to 14 of the status algebra: warm-up and substitutes come before a value out of range, absent optional inputs after. */
    private static int outputStatus(int inherited, boolean outOfRange) {
        return outOfRange && (StatusCode.isGood(inherited) || inherited == StatusCode.UNCERTAIN_SIMULATED_VALUE)
                ? StatusCode.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED
                : inherited;
    }

    private void fail(String reason) {
        failures = failures + 1; // single writer
        detail = reason;
    }

    private void account(ServingModel model, long began, long ended, long inferenceNanos, WriteOutcome written) {
        cycles = cycles + 1; // single writer
        cycleLatencies.record(ended - began);
        inferenceLatencies.record(inferenceNanos);
        if (periodNs > 0 && ended - began > periodNs) {
            overruns = overruns + 1; // single writer
        }
        if (written.kind() == WriteOutcome.Kind.ASKED || written.kind() == WriteOutcome.Kind.LIMITED) {
            toWriteLatencies.record(ended - model.newestArrivalNanos());
        }
        Swap swap = exchanged;
        if (swap != null) {
            exchanged = null;
            swap.firstCycle(began);
        }
        lastCycleNanos = began;
    }

    private void publish(ServingModel model, Mode now, WriteOutcome written, long cycleNanos, long inferenceNanos) {
        ResultQueue[] targets = queues;
        for (ResultQueue queue : targets) {
            CycleResult slot = queue.claim();
            if (slot != null) {
                slot.set(
                        settings.name(),
                        model.artifact.identity(),
                        model.artifact.contract(),
                        now,
                        model.frame,
                        model.features,
                        model.prediction,
                        written,
                        cycleNanos,
                        inferenceNanos);
                queue.commit();
            }
        }
    }

    private void applyPending() {
        runPendingTask();
        Swap swap = pendingSwap.getAndSet(null);
        if (swap != null) {
            try {
                exchange(swap);
            } catch (RuntimeException | Error e) {
                LOG.error(
                        "Pipeline {}: {} cannot take over by a fault of the gateway",
                        settings.name(),
                        swap.model.artifact.identity().label(),
                        e);
                swap.refuse("a fault of the gateway: " + e);
            }
        }
    }

    private void runPendingTask() {
        Task task = pendingTask.getAndSet(null);
        if (task != null) {
            try {
                task.action.run();
            } catch (RuntimeException | Error e) {
                LOG.error("Pipeline {}: a change ended by a fault of the gateway", settings.name(), e);
            } finally {
                task.done.countDown();
            }
        }
    }

    private void exchange(Swap swap) {
        ServingModel former = serving;
        ServingModel next = swap.model;
        WarmUp warm = warmUp;
        if (warm != null && warm.candidate == next) {
            swap.restored = warm.restored;
            swap.warmUpCycles = warm.cycles();
        } else {
            if (swap.warmedUp && swap.clockSteps != clockSteps) {
                next = renewed(next); // what it has seen is from before the step
            }
            swap.restored = next.program.restoreState(former == null ? keptState : former.state());
        }
        acquisition.want(next.artifact.contract().inputs(), swap.converter);
        WriteLoop target = loop;
        if (target != null) {
            target.model(next.artifact); // the last that may fail: it must not know a model that does not serve
        }
        endWarmUp();
        keptState = Map.of();
        swap.former = former;
        swap.formerCycleNanos = former == null ? 0 : lastCycleNanos;
        swap.missedBefore = missed;
        mark.serving(next.artifact.identity());
        serving = next;
        for (ResultQueue queue : queues) {
            queue.exchange(next.artifact.contract());
        }
        swap.applied = true;
        framePending = false;
        exchanged = swap;
        swap.exchanged.countDown();
    }

    /**
     * Lets the operators of a model run beside the serving one's; on the pipeline's thread only.
     *
     * @return null where there is nothing to warm up or nothing to do it with.
     */
    @Nullable
    WarmUp warmUp(Swap swap) {
        endWarmUp();
        ServingModel current = serving;
        WarmUp next = current == null || current == swap.model || stopped ? null : WarmUp.of(current, swap.model);
        if (next == null || next.restored.restored() == next.restored.total()) {
            return null;
        }
        acquisition.want(next.specs, swap.converter);
        mark.candidate(swap.model.artifact.identity());
        warmUp = next;
        swap.warmedUp = true;
        swap.clockSteps = clockSteps;
        return next;
    }

    private void endWarmUp() {
        WarmUp running = warmUp;
        if (running != null) {
            running.end();
            warmUp = null;
        }
    }

    /** Gives a warm-up or an exchange up; on the pipeline's thread only. */
    void abandon(Swap swap) {
        WarmUp running = warmUp;
        if (running != null && running.candidate == swap.model) {
            endWarmUp();
        }
        ServingModel current = serving;
        if (current != null && warmUp == null) {
            acquisition.want(current.artifact.contract().inputs(), swap.converter);
        }
    }

    /**
     * Exchanges the model between two cycles and waits, bounded, for the first cycle with the new one.
     *
     * @return the report, null where it did not happen for the swap's {@link Swap#refusal}.
     */
    @Nullable
    SwapReport swap(Swap swap) throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException(); // once asked for, the exchange may be faster than whoever cancels
        }
        Swap overtaken = pendingSwap.getAndSet(swap);
        if (overtaken != null) {
            overtaken.refuse("another model was asked for meanwhile");
        }
        if (stopped) {
            refuseSwap(); // who stops may have looked before
        }
        wake();
        if (!awaitExchange(swap)) {
            return null;
        }
        long waitMs = Math.min(2_000, settings.periodMs() * 2 + 100);
        boolean ran = awaitFirstCycle(swap, waitMs);
        ServingModel former = swap.former;
        long gap = ran && former != null ? Math.max(0, swap.firstCycleNanos - swap.formerCycleNanos - periodNs) : 0;
        FeatureProgram.Restored restored = swap.restored;
        return new SwapReport(
                former == null ? "" : former.artifact.identity().label(),
                swap.model.artifact.identity().label(),
                settings.trigger() == Settings.Trigger.GRID ? gap / 1e6 : 0,
                former == null ? 0 : missed - swap.missedBefore,
                restored.restored(),
                restored.total(),
                swap.warmUpCycles);
    }

    /** The exchange has happened; who interrupts now only waits no longer for its figures. */
    private static boolean awaitFirstCycle(Swap swap, long ms) {
        try {
            return swap.ran.await(ms, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** False, or interrupted, only where the exchange did not happen and will not: the caller closes the model then. */
    private boolean awaitExchange(Swap swap) throws InterruptedException {
        boolean done;
        try {
            done = swap.exchanged.await(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            if (pendingSwap.compareAndSet(swap, null)) {
                throw e;
            }
            done = swap.exchanged.await(10, TimeUnit.SECONDS); // it is happening at this moment
            Thread.currentThread().interrupt();
        }
        if (!done && !pendingSwap.compareAndSet(swap, null)) {
            done = swap.exchanged.await(10, TimeUnit.SECONDS);
        }
        return done && swap.applied;
    }

    /** Runs something on the pipeline's thread between two cycles and waits for it, at most two seconds. */
    boolean between(Runnable action) {
        if (!thread.isAlive()) {
            action.run();
            return true;
        }
        Task task = new Task(action, new CountDownLatch(1));
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
        try {
            while (!pendingTask.compareAndSet(null, task)) {
                if (System.nanoTime() - end > 0) {
                    return false;
                }
                LockSupport.parkNanos(100_000);
            }
            if (ended && pendingTask.compareAndSet(task, null)) {
                action.run(); // the thread may have looked before
                return true;
            }
            wake();
            return task.done.await(Math.max(1, end - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Takes the model out of service, keeping the operators' state; on the pipeline's thread only. */
    @Nullable
    ServingModel withdraw(String reason) {
        ServingModel former = serving;
        endWarmUp();
        if (former != null) {
            keptState = former.state();
            serving = null;
            publishNothing(former, StatusCode.BAD_OUT_OF_SERVICE);
        }
        detail = reason;
        return former;
    }

    /** Readers must not keep seeing the last values as good. */
    private void publishNothing(ServingModel former, int status) {
        former.prediction.setAll(status);
        former.prediction.setTimes(time.nowNs(), nanoTime.getAsLong(), Long.MAX_VALUE);
        publish(former, mode, WriteOutcome.NOT_OFFERED, 0, 0);
    }

    private Mode effective(Mode ceiling) {
        WriteLoop target = loop;
        return ceiling == Mode.ADVISORY && target != null && target.closed() ? Mode.CLOSED : ceiling;
    }

    Mode mode() {
        return effective(mode);
    }

    /** The highest mode that was asked for, a closed loop aside. */
    Mode ceiling() {
        return mode;
    }

    void setMode(Mode newMode) {
        mode = newMode;
    }

    @Nullable
    WriteLoop loop() {
        return loop;
    }

    void setLoop(@Nullable WriteLoop newLoop) {
        ServingModel current = serving;
        if (newLoop != null && current != null) {
            newLoop.model(current.artifact);
        }
        loop = newLoop;
    }

    void setQueues(ResultQueue[] newQueues) {
        queues = newQueues;
    }

    ResultQueue[] queues() {
        return queues;
    }

    @Nullable
    ServingModel serving() {
        return serving;
    }

    void setDetail(String reason) {
        detail = reason;
    }

    /**
     * Whether the thread goes round. It may be in the model's run for as long as the contract allows.
     *
     * @param toleranceNanos how much longer than that.
     * @return for how many nanoseconds it has not gone round, 0 where that is no reason to worry.
     */
    long stuckNanos(long nowNanos, long toleranceNanos) {
        if (!started || stopped) {
            return 0;
        }
        ServingModel model = serving;
        long allowed = toleranceNanos
                + (model == null
                        ? 0
                        : TimeUnit.MILLISECONDS.toNanos(
                                model.artifact.contract().budget().deadlineMs()));
        long silent = nowNanos - beatNanos;
        boolean stuck = !thread.isAlive() || silent > allowed;
        mark.stuck(stuck);
        return stuck ? Math.max(1, silent) : 0;
    }

    PipelineStatistics statistics(long droppedResults) {
        return new PipelineStatistics(
                cycles,
                missed,
                overruns,
                failures,
                droppedResults,
                acquisition.droppedSamples() + lostSamples,
                cycleLatencies.micros(0.5),
                cycleLatencies.micros(0.99),
                inferenceLatencies.micros(0.5),
                toWriteLatencies.micros(0.5),
                toWriteLatencies.micros(0.99),
                detail);
    }

    private record Task(Runnable action, CountDownLatch done) {}

    /** One exchange of models; filled by the pipeline's thread before the latches open. */
    static final class Swap {
        final ServingModel model;
        final BiFunction<String, String, Optional<UnitConversion>> converter;
        final CountDownLatch exchanged = new CountDownLatch(1);
        final CountDownLatch ran = new CountDownLatch(1);

        @Nullable
        ServingModel former;

        FeatureProgram.Restored restored = new FeatureProgram.Restored(0, 0);
        long formerCycleNanos;
        long firstCycleNanos;
        long missedBefore;
        boolean warmedUp;
        int clockSteps;
        int warmUpCycles;
        boolean applied;
        /** Why it was not applied; valid once {@link #exchanged} is open, or nobody opens it any more. */
        volatile String refusal = "no place between two cycles within 10 s; does its model hang?";

        Swap(ServingModel model, BiFunction<String, String, Optional<UnitConversion>> converter) {
            this.model = model;
            this.converter = converter;
        }

        void refuse(String reason) {
            refusal = reason;
            exchanged.countDown();
        }

        void firstCycle(long nanos) {
            firstCycleNanos = nanos;
            ran.countDown();
        }
    }
}
