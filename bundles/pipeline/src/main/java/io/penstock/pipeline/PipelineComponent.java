// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.access.Actor;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.memory.ContractMemory;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.api.pipeline.PipelineStatistics;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.preprocessing.FeatureEngine.UnitConversion;
import io.penstock.api.publication.ResultPublisher;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One configured pipeline. Connectors, operators, runtime, loop and publishers come and go while it cycles; it keeps its mode
 * and its operators' state, and says what it misses. Thread-safe.
 */
@Component(
        service = Pipeline.class,
        configurationPid = PipelineComponent.PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE)
@Designate(ocd = PipelineComponent.Config.class, factory = true)
public final class PipelineComponent implements Pipeline {
    static final String PID = "io.penstock.pipeline";
    private static final Logger LOG = LoggerFactory.getLogger(PipelineComponent.class);
    private static final long STOP_NANOS = TimeUnit.MILLISECONDS.toNanos(1900);
    private static final String NO_FEATURES = "the preprocessing bundle is away; start it";
    private static final String NO_RUNTIME = "the inference bundle is away; restart the gateway";

    /** Configuration of one pipeline. */
    @ObjectClassDefinition(
            name = "Pipeline",
            description = "Trigger, tag bindings, model and mode of one unit of work.")
    public @interface Config {
        @AttributeDefinition(description = "Name; node ids of OPC UA clients hang on it.")
        String name();

        @AttributeDefinition(description = "Name of the model that may serve.")
        String model();

        @AttributeDefinition(description = "OSGi version range of the model, e.g. [1.0,2.0).")
        String versionRange();

        @AttributeDefinition(description = "grid, change (every change of a trigger tag) or changeLatest.")
        String trigger() default "grid";

        @AttributeDefinition(description = "Period of the UTC-aligned grid in ms, 1 or more; for trigger grid.")
        long periodMs() default 0;

        @AttributeDefinition(description = "Bound tags whose change starts a cycle; for trigger change.")
        String[] triggerTags() default {};

        @AttributeDefinition(description = "input=tag, one per input of the model.")
        String[] bindings();

        @AttributeDefinition(description = "Mode at start: OFF, SHADOW or ADVISORY.")
        String mode() default "ADVISORY";

        @AttributeDefinition(description = "Samples kept per input between two cycles, a power of two.")
        int sampleQueue() default 1024;

        @AttributeDefinition(description = "Results kept per publisher.")
        int resultQueue() default 256;

        @AttributeDefinition(
                description = "How far in ms late cycles are made up for before points of the grid count as missed.")
        long catchUpMs() default 1000;
    }

    private final Settings settings;
    private final StateFile stateFile;
    private final Clock clock;
    private final Acquisition acquisition;
    private final Conductor conductor;
    private final ContractShares shares;
    private final Holding holding;
    /** By connector, loop or publisher that went away. */
    private final Map<String, Long> goneSinceNanos = new ConcurrentHashMap<>();

    private final ReentrantLock changes = new ReentrantLock(); // swaps and services coming and going, one at a time
    private volatile @Nullable FeatureEngine features;
    private volatile @Nullable InferenceEngine inference;
    private @Nullable ModelArtifact wanted;
    private long awaySinceNanos;
    private volatile @Nullable AuditLog audit;

    @Activate
    public PipelineComponent(BundleContext context, @Reference ContractShares shares, Config config) {
        this(
                Settings.of(config),
                home(context),
                Clock.systemUTC(),
                shares,
                RunMark.in(context.getProperty("penstock.run"), config.name()));
    }

    PipelineComponent(Settings settings, Path home, Clock clock, ContractShares shares) {
        this(settings, home, clock, shares, RunMark.none());
    }

    PipelineComponent(Settings settings, Path home, Clock clock, ContractShares shares, RunMark mark) {
        this.settings = settings;
        this.clock = clock;
        this.shares = shares;
        holding = new Holding(
                shares,
                settings.name(),
                ContractMemory.queueBytes(settings.bindings().size(), settings.sampleQueue()));
        stateFile = new StateFile(home, settings.name(), shares.budget());
        Runnable[] wake = new Runnable[1];
        acquisition = new Acquisition(settings, this::wallNs, () -> wake[0].run());
        conductor = new Conductor(settings, acquisition, clock, System::nanoTime, mark, holding::close);
        wake[0] = settings.trigger() == Settings.Trigger.GRID ? () -> {} : conductor::wake;
        conductor.onStep(this::withFreshOperators);
    }

    private static Path home(BundleContext context) {
        String home = context.getProperty("penstock.home");
        if (home == null) {
            throw new IllegalStateException("penstock.home is not set; start the gateway by bin/penstock-gateway");
        }
        return Path.of(home);
    }

    @Activate
    void start() {
        conductor.start(stateFile.load(wallNs()));
        LOG.info("Pipeline {} waits for model {} {}", settings.name(), settings.model(), settings.versionRange());
    }

    /** Lets go of everything, so that what is unbound afterwards has nothing to wait for. */
    @Deactivate
    void stop() {
        long end = System.nanoTime() + STOP_NANOS;
        WriteLoop loop = conductor.loop();
        if (loop != null) {
            loop.open(gateway(), "pipeline " + settings.name() + " stops");
        }
        Map<String, byte[]> state = conductor.stop();
        acquisition.close();
        ResultQueue[] queues = conductor.queues();
        for (ResultQueue queue : queues) {
            queue.end();
        }
        for (ResultQueue queue : queues) {
            queue.awaitEnd(end);
        }
        if (!state.isEmpty()) {
            stateFile.save(state, wallNs());
        }
        if (!conductor.alive()) {
            holding.close(); // else its thread does, when it comes back
        }
    }

    @Reference(policy = ReferencePolicy.DYNAMIC, cardinality = ReferenceCardinality.MULTIPLE)
    void bindTagSource(TagSource source) {
        acquisition.add(source);
        back("connector " + source.name());
    }

    void unbindTagSource(TagSource source) {
        acquisition.remove(source);
        gone("connector " + source.name());
    }

    private void gone(String neighbour) {
        goneSinceNanos.put(neighbour, System.nanoTime());
    }

    /** Tells a gap that an update made; what comes for the first time made none. */
    private void back(String neighbour) {
        Long since = goneSinceNanos.remove(neighbour);
        if (since != null) {
            LOG.info(
                    "Pipeline {}: {} is back after a gap of {} ms",
                    settings.name(),
                    neighbour,
                    TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - since));
        }
    }

    @Reference(policy = ReferencePolicy.DYNAMIC, cardinality = ReferenceCardinality.MULTIPLE)
    void bindWriteLoop(WriteLoop loop) {
        if (loop.pipeline().equals(settings.name()) && conductor.loop() == null) {
            conductor.between(() -> conductor.setLoop(loop));
            LOG.info("Pipeline {} offers to loop {} ({})", settings.name(), loop.name(), loop.target());
            back("loop " + loop.name());
        }
    }

    void unbindWriteLoop(WriteLoop loop) {
        if (conductor.loop() == loop && !conductor.stopped()) {
            conductor.between(() -> conductor.setLoop(null));
            LOG.info("Pipeline {} has no write loop any more", settings.name());
            gone("loop " + loop.name());
        }
    }

    @Reference(policy = ReferencePolicy.DYNAMIC, cardinality = ReferenceCardinality.MULTIPLE)
    void bindPublisher(ResultPublisher publisher) {
        changes.lock();
        try {
            ResultQueue[] queues = Arrays.copyOf(conductor.queues(), conductor.queues().length + 1);
            String refusal = remeasure(queues.length);
            if (!refusal.isEmpty()) {
                LOG.error("Publisher {} gets no results of {}: {}", publisher.name(), settings.name(), refusal);
                return;
            }
            queues[queues.length - 1] = new ResultQueue(settings.name(), publisher, settings.resultQueue());
            conductor.setQueues(queues);
        } finally {
            changes.unlock();
        }
        back("publisher " + publisher.name());
    }

    void unbindPublisher(ResultPublisher publisher) {
        if (conductor.stopped()) {
            return; // a swap may hold the lock for as long as its model takes to open
        }
        changes.lock();
        try {
            ResultQueue[] all = conductor.queues();
            conductor.setQueues(Arrays.stream(all)
                    .filter(queue -> queue.publisher() != publisher)
                    .toArray(ResultQueue[]::new));
            for (ResultQueue queue : all) {
                if (queue.publisher() == publisher) {
                    queue.close();
                }
            }
            remeasure(conductor.queues().length);
        } finally {
            changes.unlock();
        }
        gone("publisher " + publisher.name());
    }

    /** Has the model that serves, if there is one, hold what it takes with so many publishers. */
    private String remeasure(int publishers) {
        ServingModel serving = conductor.serving();
        FeatureEngine engine = features;
        return serving == null || engine == null
                ? ""
                : holding.resize(memory(serving.artifact, engine, publishers).servingBytes());
    }

    private ContractMemory memory(ModelArtifact model, FeatureEngine engine, int publishers) {
        return ContractMemory.of(
                model.contract(),
                model.onnx().length,
                engine,
                new ContractMemory.Surroundings(
                        settings.sampleQueue(),
                        settings.resultQueue(),
                        Math.max(1, publishers),
                        settings.trigger() == Settings.Trigger.GRID ? settings.periodMs() : 0));
    }

    @Reference(
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            cardinality = ReferenceCardinality.OPTIONAL)
    void bindAuditLog(AuditLog log) {
        audit = log;
    }

    void unbindAuditLog(AuditLog log) {
        if (audit == log) {
            audit = null;
        }
    }

    @Reference(
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            cardinality = ReferenceCardinality.OPTIONAL)
    void bindFeatureEngine(FeatureEngine engine) {
        changes.lock();
        try {
            features = engine;
            resume("preprocessing");
        } finally {
            changes.unlock();
        }
    }

    void unbindFeatureEngine(FeatureEngine engine) {
        if (conductor.stopped()) {
            return; // a swap may hold the lock for as long as its model takes to open
        }
        changes.lock();
        try {
            if (features == engine) {
                features = null;
                withdraw(NO_FEATURES);
            }
        } finally {
            changes.unlock();
        }
    }

    @Reference(
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            cardinality = ReferenceCardinality.OPTIONAL)
    void bindInferenceEngine(InferenceEngine engine) {
        changes.lock();
        try {
            inference = engine;
            resume("inference");
        } finally {
            changes.unlock();
        }
    }

    void unbindInferenceEngine(InferenceEngine engine) {
        if (conductor.stopped()) {
            return; // a swap may hold the lock for as long as its model takes to open
        }
        changes.lock();
        try {
            if (inference == engine) {
                inference = null;
                withdraw(NO_RUNTIME);
            }
        } finally {
            changes.unlock();
        }
    }

    private void withdraw(String reason) {
        ServingModel[] former = new ServingModel[1];
        conductor.between(() -> former[0] = conductor.withdraw(reason));
        if (former[0] != null) {
            awaySinceNanos = System.nanoTime();
            former[0].session.close();
        }
    }

    /** Brings the model back after a bundle it needs was updated. */
    private void resume(String what) {
        ModelArtifact artifact = wanted;
        if (artifact == null || conductor.serving() != null || features == null || inference == null) {
            return;
        }
        try {
            exchange(prepare(artifact, true));
            LOG.info(
                    "Pipeline {}: {} is back, {} serves again after a gap of {} ms",
                    settings.name(),
                    what,
                    artifact.identity().label(),
                    TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - awaySinceNanos));
        } catch (ModelRejectedException e) {
            conductor.setDetail(e.getMessage());
            LOG.error(
                    "Pipeline {}: {} is back, but {} cannot serve: {}",
                    settings.name(),
                    what,
                    artifact.identity().label(),
                    e.getMessage());
        }
    }

    @Override
    public SwapReport swap(ModelArtifact model, Duration warmUp) throws ModelRejectedException {
        Prepared prepared = null;
        WarmUp running = null;
        if (!warmUp.isZero()) {
            changes.lock();
            try {
                prepared = prepare(model, false);
                running = warmUp(prepared.swap);
            } finally {
                changes.unlock();
            }
        }
        if (prepared != null && running != null) {
            LOG.info("Model {}: its operators warm up beside those that serve on {}", label(model), settings.name());
            await(prepared, running, warmUp.toMillis()); // without the lock: services may come and go meanwhile
        }
        changes.lock();
        try {
            if (prepared != null && !prepared.current(features, inference, conductor.queues().length)) {
                discard(prepared);
                prepared = null;
            }
            SwapReport report = exchange(prepared == null ? prepare(model, warmUp.isZero()) : prepared);
            wanted = model;
            LOG.info(
                    "Model {} active on {} (was {}), gap {} ms, {} of {} operators kept their state, {} cycles of warm-up",
                    label(model),
                    settings.name(),
                    report.from().isEmpty() ? "none" : report.from(),
                    report.gapMillis(),
                    report.restoredOperators(),
                    report.operators(),
                    report.warmUpCycles());
            return report;
        } finally {
            changes.unlock();
        }
    }

    private static String label(ModelArtifact model) {
        return model.identity().label();
    }

    /** A model opened and compiled, with the services it was made by and the room it has. */
    private record Prepared(
            Conductor.Swap swap,
            FeatureEngine features,
            InferenceEngine inference,
            int publishers,
            Holding.Candidate room) {
        boolean current(
                @Nullable FeatureEngine featuresNow, @Nullable InferenceEngine inferenceNow, int publishersNow) {
            return features == featuresNow && inference == inferenceNow && publishers == publishersNow;
        }
    }

    private Prepared prepare(ModelArtifact model, boolean atOnce) throws ModelRejectedException {
        FeatureEngine featureEngine = features;
        InferenceEngine runtime = inference;
        if (featureEngine == null || runtime == null) {
            throw new ModelRejectedException(
                    "pipeline " + settings.name() + ": " + (runtime == null ? NO_RUNTIME : NO_FEATURES));
        }
        BiFunction<String, String, Optional<UnitConversion>> converter = featureEngine::conversion;
        checkFits(model.contract(), converter);
        int publishers = conductor.queues().length;
        Holding.Candidate room = room(model, featureEngine, publishers, atOnce);
        InferenceSession session = null;
        boolean done = false;
        try {
            session = runtime.open(model);
            ServingModel next = new ServingModel(
                    model, featureEngine.compile(model.contract()), session, acquisition, settings.sampleQueue());
            done = true;
            return new Prepared(new Conductor.Swap(next, converter), featureEngine, runtime, publishers, room);
        } catch (IllegalArgumentException e) {
            throw new ModelRejectedException("model " + label(model) + ": " + e.getMessage(), e);
        } catch (RuntimeException | Error e) { // such as a stack that overflows, or direct memory that is at its end
            throw new ModelRejectedException("model " + label(model) + ": its operators cannot be made: " + e, e);
        } finally {
            if (!done) {
                if (session != null) {
                    session.close();
                }
                room.close();
            }
        }
    }

    /** Takes room for a model before anything of it is made. */
    private Holding.Candidate room(ModelArtifact model, FeatureEngine engine, int publishers, boolean atOnce)
            throws ModelRejectedException {
        try {
            ContractMemory memory = memory(model, engine, publishers);
            Optional<String> refusal = memory.refusal(shares.budget());
            if (refusal.isPresent()) {
                throw new ModelRejectedException("pipeline " + settings.name() + ": " + refusal.get());
            }
            return holding.reserve(
                    "model " + label(model) + " on " + settings.name(),
                    memory.modelBytes(),
                    memory.servingBytes(),
                    atOnce);
        } catch (IllegalArgumentException e) {
            throw new ModelRejectedException("model " + label(model) + ": " + e.getMessage(), e);
        }
    }

    private @Nullable WarmUp warmUp(Conductor.Swap swap) {
        WarmUp[] running = new WarmUp[1];
        conductor.between(() -> running[0] = conductor.warmUp(swap));
        return running[0];
    }

    private void await(Prepared prepared, WarmUp running, long ms) throws ModelRejectedException {
        try {
            if (!running.await(ms)) {
                LOG.info(
                        "Model {}: its operators are not warm after {} ms, it takes over on {} as they are",
                        label(prepared.swap.model.artifact),
                        ms,
                        settings.name());
            }
        } catch (InterruptedException e) {
            discard(prepared);
            Thread.currentThread().interrupt();
            throw new ModelRejectedException("pipeline " + settings.name() + ": interrupted while warming up", e);
        }
        if (!running.failure().isEmpty()) {
            discard(prepared);
            throw new ModelRejectedException("pipeline " + settings.name() + ": " + running.failure());
        }
    }

    /** A model that will not serve. */
    private void discard(Prepared prepared) {
        Conductor.Swap swap = prepared.swap;
        conductor.between(() -> conductor.abandon(swap));
        swap.model.session.close();
        prepared.room.close();
    }

    private SwapReport exchange(Prepared prepared) throws ModelRejectedException {
        Conductor.Swap swap = prepared.swap;
        try {
            SwapReport report = conductor.swap(swap);
            if (report == null) {
                throw new ModelRejectedException("pipeline " + settings.name() + ": " + swap.refusal);
            }
            ServingModel former = swap.former;
            if (former != null) {
                former.session.close();
            }
            prepared.room.serves();
            return report;
        } catch (ModelRejectedException e) {
            discard(prepared);
            throw e;
        } catch (InterruptedException e) {
            discard(prepared);
            Thread.currentThread().interrupt();
            throw new ModelRejectedException("pipeline " + settings.name() + ": interrupted while swapping", e);
        }
    }

    private void checkFits(ModelContract contract, BiFunction<String, String, Optional<UnitConversion>> converter)
            throws ModelRejectedException {
        if (contract.cycleMs() > 0
                && settings.trigger() == Settings.Trigger.GRID
                && contract.cycleMs() != settings.periodMs()) {
            throw new ModelRejectedException("pipeline " + settings.name() + ": periodMs is " + settings.periodMs()
                    + ", model " + contract.name() + " " + contract.version() + " was tuned for " + contract.cycleMs()
                    + "; set periodMs to that or use another model");
        }
        for (InputSpec spec : contract.inputs()) {
            Input input = acquisition.input(spec.name());
            if (input == null) {
                if (spec.required()) {
                    throw new ModelRejectedException("pipeline " + settings.name() + ": input '" + spec.name()
                            + "' of model " + contract.name() + " " + contract.version() + " is not bound; add '"
                            + spec.name() + "=TAG' to bindings");
                }
                continue;
            }
            TagDefinition definition = acquisition.definition(input.tag()).orElse(null);
            if (definition != null
                    && Acquisition.conversion(definition.unit(), spec.unit(), converter)
                            .isEmpty()) {
                throw new ModelRejectedException(
                        "pipeline " + settings.name() + ": " + Acquisition.mismatch(input, definition, spec.unit()));
            }
        }
    }

    private ServingModel withFreshOperators(ServingModel current) {
        FeatureEngine engine = features;
        return engine == null
                ? current
                : new ServingModel(
                        current.artifact,
                        engine.compile(current.artifact.contract()),
                        current.session,
                        acquisition,
                        settings.sampleQueue());
    }

    @Override
    public String name() {
        return settings.name();
    }

    @Override
    public List<Binding> bindings() {
        return settings.bindings();
    }

    @Override
    public ModelRequirement requirement() {
        return new ModelRequirement(settings.model(), settings.versionRange());
    }

    @Override
    public Optional<ModelArtifact> model() {
        return Optional.ofNullable(conductor.serving()).map(serving -> serving.artifact);
    }

    @Override
    public Optional<WriteLoop> loop() {
        return Optional.ofNullable(conductor.loop());
    }

    @Override
    public Mode mode() {
        return conductor.mode();
    }

    @Override
    public List<String> setMode(Mode mode, Actor actor, String reason) {
        Mode before = conductor.mode();
        WriteLoop loop = conductor.loop();
        List<String> refusals = List.of();
        if (mode == Mode.CLOSED) {
            if (loop == null) {
                refusals =
                        List.of("pipeline " + settings.name() + " has no write loop; configure io.penstock.actuation");
            } else if (before.compareTo(Mode.ADVISORY) < 0) {
                refusals = List.of("mode is " + before + "; a loop is closed out of ADVISORY");
            } else {
                refusals = loop.close(actor, reason);
                Mode ceiling = conductor.ceiling();
                if (ceiling.compareTo(Mode.ADVISORY) < 0) {
                    loop.open(actor, "the mode was set to " + ceiling + " meanwhile");
                    refusals = List.of("mode is " + ceiling + " since it was asked; a loop is closed out of ADVISORY");
                }
            }
        } else {
            conductor.setMode(mode);
            if (loop != null) {
                loop.open(actor, reason); // also while it is open: a closing that still asks its guards gives way
            }
        }
        String detail = before + " to " + mode + (refusals.isEmpty() ? "" : " refused: " + String.join("; ", refusals))
                + (reason.isEmpty() ? "" : " (" + reason + ")");
        LOG.info("Mode of {} by {}: {}", settings.name(), actor.name(), detail);
        AuditLog log = audit;
        if (log != null) {
            log.append(AuditRecord.of(
                    wallNs(), actor.name() + " (" + actor.origin() + ")", "MODE", settings.name(), detail));
        }
        return refusals;
    }

    @Override
    public PipelineStatistics statistics() {
        long dropped = 0;
        for (ResultQueue queue : conductor.queues()) {
            dropped += queue.dropped();
        }
        return conductor.statistics(dropped);
    }

    /** For how long its thread has not gone round, in words; empty if it does. */
    String stuck(long nowNanos, long toleranceNanos) {
        long nanos = conductor.stuckNanos(nowNanos, toleranceNanos);
        return nanos == 0
                ? ""
                : "pipeline " + settings.name() + ": its thread has not gone round for "
                        + TimeUnit.NANOSECONDS.toSeconds(nanos) + " s";
    }

    private long wallNs() {
        Instant now = clock.instant();
        return TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
    }

    private static Actor gateway() {
        return new Actor("gateway", Set.of(), "gateway");
    }
}
