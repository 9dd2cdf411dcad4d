// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.access.Actor;
import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.model.ModelIdentity;
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
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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

/** The room's one thread, and what others see of it. */
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
                        "Largest release, packed and unpacked, in MiB, at most an eighth of the gateway's heap; 0: 16, or that"
                                + " eighth where it is less.")
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
    private final LinkedBlockingQueue<Runnable> work = new LinkedBlockingQueue<>();
    private final ReleaseStore store;
    private final Rollouts rollouts;
    private final DropFolder dropFolder;
    private final Requests requests;
    private final Thread thread;
    private volatile @Nullable FeatureEngine features;
    private volatile @Nullable InferenceEngine inference;
    private volatile @Nullable AuditLog audit;
    private volatile boolean stopping;

    /** @throws IOException if {@code data/} cannot be used. */
    @Activate
    public Models(BundleContext context, Config config) throws IOException {
        this(home(context), Settings.of(config), new FrameworkStaging(context), Clock.systemUTC());
    }

    Models(Path home, Settings settings, Staging staging, Clock clock) throws IOException {
        this.settings = settings;
        Disk disk = new Disk();
        Files.createDirectories(home.resolve("releases"));
        store = ReleaseStore.open(home.resolve("data").resolve("models"), disk);
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
                this::audit);
        dropFolder = new DropFolder(home.resolve("releases"), settings, rollouts, System::nanoTime);
        try {
            requests = new Requests(home.resolve("data").resolve("requests"), disk, clock, rollouts);
            rollouts.start(new CrashReports(List.of(home.resolve("log"), home, Path.of(""))));
        } catch (IOException | RuntimeException e) {
            store.close();
            throw e;
        }
        thread = new Thread(this::run, "io.penstock.models-rollout");
        thread.setDaemon(true);
    }

    private ModelProbe probe(Settings settings) {
        EngineProbe engines = new EngineProbe(() -> features, () -> inference, settings.probeTimeoutMs());
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
    }

    @Deactivate
    void stop() throws IOException {
        stopping = true;
        thread.interrupt();
        try {
            thread.join(STOP_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!thread.isAlive()) {
            rollouts.stop();
        }
        store.close();
    }

    private void run() {
        LOG.info(
                "Releases are taken in, of at most {} MiB; {} receipts so far",
                settings.maximumReleaseMiB(),
                store.state().receipts().size());
        boolean more = false;
        while (!stopping) {
            try {
                Runnable next = work.poll(more ? 0 : settings.pollMs(), TimeUnit.MILLISECONDS);
                while (next != null) {
                    next.run();
                    next = work.poll();
                }
                more = false;
                rollouts.tick();
                requests.poll();
                more = dropFolder.poll(); // one file a turn: who asks for a rollback must not wait for them all
            } catch (InterruptedException e) {
                LOG.debug("Stopped", e);
                return;
            } catch (RuntimeException | StackOverflowError e) {
                LOG.error("A release could not be worked on because of a fault of the gateway; it goes on", e);
            }
        }
    }

    @Reference(policy = ReferencePolicy.DYNAMIC, cardinality = ReferenceCardinality.MULTIPLE)
    void addPipeline(Pipeline pipeline) {
        pipelines.add(pipeline);
        work.add(dropFolder::hurry);
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
        work.add(dropFolder::hurry);
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
        work.add(dropFolder::hurry);
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
        audit = log;
    }

    void unsetAudit(AuditLog log) {
        if (audit == log) {
            audit = null;
        }
    }

    private void audit(AuditRecord entry) {
        AuditLog log = audit;
        if (log == null || !log.append(entry)) {
            LOG.warn("Not in the audit: {} {} {}: {}", entry.actor(), entry.action(), entry.subject(), entry.detail());
        }
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
    public Receipt rollback(String pipeline, Actor actor, String reason) {
        FutureTask<Receipt> task = new FutureTask<>(() -> rollouts.rollback(pipeline, actor, reason));
        work.add(task);
        String why;
        try {
            // a release may be on trial, and a swap under way must end before the one back begins
            return task.get(settings.probeTimeoutMs() + 2 * settings.swapTimeoutMs(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            task.cancel(false);
            why = "the gateway was busy with another release for too long; try again";
        } catch (ExecutionException e) {
            LOG.error("A rollback of {} failed because of a fault of the gateway", pipeline, e);
            why = "a fault of the gateway: " + e.getCause();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            why = "the request was interrupted";
        }
        return new Receipt(
                "rollback",
                null,
                List.of(pipeline),
                RolloutOutcome.FAILED_NOTHING_CHANGED,
                why,
                List.of(),
                Clock.systemUTC().instant());
    }
}
