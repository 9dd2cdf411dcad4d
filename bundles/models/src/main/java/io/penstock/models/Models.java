// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.access.Actor;
import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditTrail;
import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelStanding;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.kit.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
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
 * The room's threads, and what others see of it: one takes releases in, one gives pipelines their models and settles what has
 * ended, one writes to disk. Who goes back does so on their own thread.
 */
@Component(configurationPid = Models.PID, immediate = true)
@Designate(ocd = Models.Config.class)
public final class Models implements ModelCatalog {
    static final String PID = "io.penstock.models";
    private static final Logger LOG = LoggerFactory.getLogger(Models.class);
    private static final long STOP_MS = 1_800;

    /** What an operator may set. */
    @ObjectClassDefinition(name = "Models", description = "Takes in releases and decides which model serves.")
    @interface Config {
        @AttributeDefinition(description = "How often the drop folder is looked at, 20 to 10000 ms.")
        long pollMs() default 250;

        @AttributeDefinition(description = "An incomplete release that has not changed for so many ms is refused.")
        long stableMs() default 3_000;

        @AttributeDefinition(description = "Longest trial of a model with its golden vectors, in ms.")
        long probeTimeoutMs() default 60_000;

        @AttributeDefinition(
                description =
                        "Whether models are tried in a process of their own, so that one that crashes or eats memory"
                                + " cannot hurt the gateway.")
        boolean probeInOwnProcess() default true;

        @AttributeDefinition(
                description =
                        "How long a rollout waits for the next cycle of a pipeline, in ms; later, or while operators warm up,"
                                + " it finishes by itself.")
        long swapTimeoutMs() default 30_000;

        @AttributeDefinition(
                description =
                        "How long the operators of a new model may fill their windows beside the model that serves, in ms;"
                                + " later, or with 0 at once, it takes over with Uncertain outputs until they are full.")
        long maximumWarmUpMs() default 30_000;

        @AttributeDefinition(description = "How long after the start a release waits for its pipeline, in ms.")
        long pipelineWaitMs() default 15_000;

        @AttributeDefinition(
                description =
                        "Largest release, packed and unpacked, in MiB, at most an eighth of the gateway's heap; 0: that"
                                + " eighth.")
        int maximumReleaseMiB() default 0;

        @AttributeDefinition(
                required = false,
                description = "Subjects of the signers that must sign together, e.g. CN=Data science,O=Waterworks;"
                        + " none: any one signer that the CA vouches for.")
        String[] requiredSigners() default {};

        @AttributeDefinition(description = "Whether each CA needs a current revocation list in etc/trust/models.")
        boolean revocationListRequired() default false;

        @AttributeDefinition(description = "After so many crashes of the gateway a release is in quarantine.")
        int maximumCrashes() default 2;
    }

    private final Settings settings;
    private final Pipelines pipelines = new Pipelines();
    /** Wakes the two threads that look around. */
    private final Semaphore turn = new Semaphore(0);

    private final Semaphore intakeTurn = new Semaphore(0);
    private final ExecutorService disk = new ThreadPoolExecutor(
            1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), work -> daemon(work, "io.penstock.models-disk"));
    private final ReleaseStore store;
    private final Rollouts rollouts;
    private final DropFolder dropFolder;
    private final Thread thread = daemon(this::run, "io.penstock.models-rollout");
    private final Thread intake = daemon(this::takeIn, "io.penstock.models-intake");
    private volatile @Nullable FeatureEngine features;
    private volatile @Nullable InferenceEngine inference;
    private final AuditTrail trail;
    private volatile boolean stopping;

    /** @throws IOException if {@code data/} cannot be used. */
    @Activate
    public Models(BundleContext context, Config config) throws IOException {
        this(
                home(context),
                Settings.of(config),
                new FrameworkStaging(context),
                Clock.systemUTC(),
                new Disk(),
                RunFolder.of(context.getProperty("penstock.run")));
    }

    Models(Path home, Settings settings, Staging staging, Clock clock, Disk files) throws IOException {
        this(home, settings, staging, clock, files, RunFolder.of(null));
    }

    private Models(Path home, Settings settings, Staging staging, Clock clock, Disk files, RunFolder run)
            throws IOException {
        this.settings = settings;
        trail = new AuditTrail("models", clock);
        Files.createDirectories(home.resolve("releases"));
        store = ReleaseStore.open(home.resolve("data").resolve("models"), files);
        Path trust = home.resolve("etc").resolve("trust").resolve("models");
        rollouts = new Rollouts(
                store,
                () -> new ReleaseVerifier(
                        TrustStore.read(trust), settings.requiredSigners(), settings.revocationListRequired()),
                staging,
                probe(settings),
                pipelines,
                settings,
                clock,
                System::nanoTime,
                trail);
        dropFolder = new DropFolder(home.resolve("releases"), settings, rollouts, System::nanoTime);
        try {
            OldRequests.remove(home.resolve("data").resolve("requests"));
            rollouts.start(
                    new CrashReports(List.of(home.resolve("log"), home, Path.of(""))),
                    run,
                    () -> ConfigurationEdits.newest(home.resolve("etc")));
        } catch (RuntimeException e) {
            store.close();
            throw e;
        }
        store.writeBy(disk);
    }

    private static Thread daemon(Runnable work, String name) {
        Thread made = new Thread(work, name);
        made.setDaemon(true);
        return made;
    }

    private ModelProbe probe(Settings settings) {
        EngineProbe engines = new EngineProbe(
                () -> features, () -> inference, settings.probeTimeoutMs(), MemoryBudget.ofThisProcess());
        return settings.probeInOwnProcess()
                ? new ChildProbe(engines, this::engines, settings.probeTimeoutMs())
                : engines;
    }

    private ChildProbe.Command engines() {
        FeatureEngine featureEngine = features;
        InferenceEngine inferenceEngine = inference;
        if (featureEngine == null || inferenceEngine == null) {
            throw new IllegalStateException("an engine went away; drop the release again");
        }
        return BundleClassPath.of(featureEngine, inferenceEngine);
    }

    private static Path home(BundleContext context) {
        String home = context.getProperty("penstock.home");
        if (home == null) {
            throw new IllegalStateException(
                    "penstock.home: is not set; start the gateway by bin/penstock-gateway, or with -Dpenstock.home=<folder>");
        }
        if (context.getBundle() != null) {
            new FrameworkStaging(context).clear();
        }
        return Path.of(home).toAbsolutePath();
    }

    @Activate
    void start() {
        thread.start();
        intake.start();
    }

    @Deactivate
    void stop() throws IOException {
        stopping = true;
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(STOP_MS);
        thread.interrupt();
        intake.interrupt();
        try {
            for (Thread one : List.of(thread, intake)) {
                one.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime())));
            }
            if (!thread.isAlive() && !intake.isAlive()) {
                rollouts.stop();
            }
            disk.shutdown();
            if (!disk.awaitTermination(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                disk.shutdownNow(); // what waits must not be written over what comes after
                LOG.warn("The disk does not answer; what was decided last is not on it");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        store.close();
    }

    private void run() {
        LOG.info(
                "Releases are taken in, of at most {} MiB; {} receipts so far",
                settings.maximumReleaseMiB(),
                store.state().receipts().size());
        turn(turn, () -> {
            rollouts.tick();
            return false;
        });
    }

    private void takeIn() {
        turn(intakeTurn, () -> {
            boolean more = dropFolder.poll();
            if (!more) {
                rollouts.keepFallbacks();
            }
            return more;
        });
    }

    /** Something to do, over and over. */
    private interface Look {
        /** @return whether there is more to do at once. */
        boolean look() throws InterruptedException;
    }

    private void turn(Semaphore wake, Look work) {
        boolean more = false;
        while (!stopping) {
            try {
                if (!more && wake.tryAcquire(settings.pollMs(), TimeUnit.MILLISECONDS)) {
                    wake.drainPermits();
                }
                more = work.look();
            } catch (InterruptedException e) {
                LOG.debug("Stopped", e);
                return;
            } catch (RuntimeException | StackOverflowError e) {
                more = false;
                LOG.error("A release could not be worked on because of a fault of the gateway; it goes on", e);
            }
        }
    }

    private void hurry() {
        dropFolder.hurry();
        turn.release();
        intakeTurn.release();
    }

    @Reference(policy = ReferencePolicy.DYNAMIC, cardinality = ReferenceCardinality.MULTIPLE)
    void addPipeline(Pipeline pipeline) {
        pipelines.add(pipeline);
        hurry();
    }

    void removePipeline(Pipeline pipeline) {
        pipelines.remove(pipeline);
    }

    @Reference(
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            cardinality = ReferenceCardinality.OPTIONAL)
    void setFeatures(FeatureEngine engine) {
        features = engine;
        hurry();
    }

    void unsetFeatures(FeatureEngine engine) {
        if (features == engine) {
            features = null;
        }
    }

    @Reference(
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            cardinality = ReferenceCardinality.OPTIONAL)
    void setInference(InferenceEngine engine) {
        inference = engine;
        hurry();
    }

    void unsetInference(InferenceEngine engine) {
        if (inference == engine) {
            inference = null;
        }
    }

    @Reference(
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            cardinality = ReferenceCardinality.OPTIONAL)
    void setAudit(AuditLog log) {
        trail.set(log);
    }

    void unsetAudit(AuditLog log) {
        trail.unset(log);
    }

    @Override
    public List<Receipt> receipts() {
        return store.state().receipts();
    }

    @Override
    public Optional<ModelIdentity> fallback(String pipeline) {
        return Optional.ofNullable(rollouts.fallback(pipeline));
    }

    @Override
    public List<ModelStanding> standings() {
        return rollouts.standings();
    }

    @Override
    public List<String> quarantined() {
        return rollouts.quarantined();
    }

    @Override
    public List<String> crashes() {
        return rollouts.crashes();
    }

    @Override
    public List<String> deaths() {
        return rollouts.deaths();
    }

    @Override
    public Receipt rollback(String pipeline, Actor actor, String reason) {
        return act("rollback", pipeline, () -> rollouts.rollback(pipeline, actor, reason));
    }

    @Override
    public Receipt cancel(String pipeline, Actor actor, String reason) {
        return act("cancel", pipeline, () -> rollouts.cancel(pipeline, actor, reason));
    }

    /** What a person asks for. */
    private interface Act {
        Receipt run() throws InterruptedException;
    }

    /** On the thread of who asks: there is none that something else could keep busy. */
    private static Receipt act(String what, String pipeline, Act act) {
        String why;
        try {
            return act.run();
        } catch (RuntimeException e) {
            LOG.error("{} of {} failed because of a fault of the gateway", what, pipeline, e);
            why = "a fault of the gateway: " + e;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            why = "the request was interrupted";
        }
        return new Receipt(
                what,
                null,
                List.of(pipeline),
                RolloutOutcome.FAILED_NOTHING_CHANGED,
                why,
                List.of(),
                Clock.systemUTC().instant());
    }
}
