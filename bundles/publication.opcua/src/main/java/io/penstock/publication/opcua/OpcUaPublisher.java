// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.access.Users;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditTrail;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.api.publication.CycleResult;
import io.penstock.api.publication.ResultPublisher;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.osgi.service.metatype.annotations.Designate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves results to OT systems over OPC UA. One thread starts the server, tries again while it cannot listen, keeps the
 * figures fresh about once a second, and stops it.
 *
 * <p>Pipelines and connectors are noted as references and fetched on that thread: a pipeline that is being activated looks for
 * its publishers at the same moment, and neither must wait for the other.
 */
@Component(
        service = ResultPublisher.class,
        immediate = true,
        configurationPid = Settings.PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE)
@Designate(ocd = Settings.Config.class)
public final class OpcUaPublisher implements ResultPublisher, Gateway {
    private static final Logger LOG = LoggerFactory.getLogger(OpcUaPublisher.class);
    private static final long REFRESH_MS = 1_000;
    private static final long PIPELINES_FIRST_MS = 1_500;
    private static final long FIRST_RETRY_MS = 1_000;
    private static final long LONGEST_RETRY_MS = 30_000;
    private static final long STOP_MS = 2_000;

    private final Settings settings;
    private final Path pki;
    private final Clock clock;
    private final @Nullable BundleContext context;
    private final Map<ServiceReference<Pipeline>, Pipeline> pipelines = new ConcurrentHashMap<>();
    private final Map<ServiceReference<TagSource>, TagSource> sources = new ConcurrentHashMap<>();
    private final Map<ServiceReference<?>, Boolean> wanted = new ConcurrentHashMap<>();
    private final Map<String, CycleResult> early = new ConcurrentHashMap<>();
    private final Semaphore wake = new Semaphore(0);
    private final Thread thread;
    private volatile boolean stopped;
    private volatile @Nullable ResultsServer server;

    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC)
    @Nullable
    volatile Users users;

    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC)
    @Nullable
    volatile ModelCatalog catalog;

    private final AuditTrail trail;

    @Activate
    public OpcUaPublisher(BundleContext context, Settings.Config config) {
        this(context, Settings.of(config), pki(context), Clock.systemUTC());
    }

    OpcUaPublisher(@Nullable BundleContext context, Settings settings, Path pki, Clock clock) {
        this.context = context;
        this.settings = settings;
        this.pki = pki;
        this.clock = clock;
        trail = new AuditTrail("opc.ua", clock);
        thread = new Thread(this::run, "publication.opcua-refresh-" + settings.port());
        thread.setDaemon(true);
    }

    @Activate
    void start() {
        thread.start();
    }

    /** A server that is still being built cannot be interrupted; its thread then ends by itself, without having listened. */
    @Deactivate
    void stop() {
        stopped = true;
        wake.release();
        try {
            thread.join(STOP_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC, service = Pipeline.class)
    void addPipeline(ServiceReference<Pipeline> reference) {
        wanted.put(reference, true);
        wake.release();
    }

    void removePipeline(ServiceReference<Pipeline> reference) {
        wanted.remove(reference);
        pipelines.remove(reference);
        wake.release();
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC, service = TagSource.class)
    void addSource(ServiceReference<TagSource> reference) {
        wanted.put(reference, false);
        wake.release();
    }

    void removeSource(ServiceReference<TagSource> reference) {
        wanted.remove(reference);
        sources.remove(reference);
        wake.release();
    }

    @Override
    public String name() {
        return "opcua";
    }

    @Override
    public void publish(CycleResult result) {
        ResultsServer running = server;
        if (running != null) {
            running.nodes().publish(result);
        } else if (!stopped) {
            GatewayNodes.keep(early, result);
        }
    }

    @Override
    public List<Pipeline> pipelines() {
        return new ArrayList<>(pipelines.values());
    }

    @Override
    public List<TagSource> sources() {
        return new ArrayList<>(sources.values());
    }

    @Override
    public Optional<ModelCatalog> catalog() {
        return Optional.ofNullable(catalog);
    }

    @Override
    public Optional<Users> users() {
        return Optional.ofNullable(users);
    }

    @Override
    public AuditTrail audit() {
        return trail;
    }

    @Reference(
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            cardinality = ReferenceCardinality.OPTIONAL)
    void bindAuditLog(AuditLog log) {
        trail.set(log);
    }

    void unbindAuditLog(AuditLog log) {
        trail.unset(log);
    }

    @Nullable
    ResultsServer running() {
        return server;
    }

    private static Path pki(BundleContext context) {
        String home = context.getProperty("penstock.home");
        return Path.of(Objects.requireNonNullElse(home != null ? home : System.getProperty("penstock.home"), "."))
                .resolve("data")
                .resolve("publication.opcua")
                .resolve("pki");
    }

    private void run() {
        long retryMs = FIRST_RETRY_MS;
        try {
            letPipelinesFirst();
            while (!stopped) {
                try {
                    fetch();
                    serve();
                    retryMs = FIRST_RETRY_MS;
                } catch (PortInUseException e) {
                    LOG.error("{}; trying again in {} s", e.getMessage(), retryMs / 1_000);
                } catch (InterruptedException e) {
                    throw e;
                } catch (Exception e) {
                    LOG.error(
                            "results server not started: {}; trying again in {} s", e.getMessage(), retryMs / 1_000, e);
                }
                if (!stopped) {
                    pause(retryMs);
                    retryMs = Math.min(LONGEST_RETRY_MS, 2 * retryMs);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            release();
        }
    }

    /** Where the gateway starts, its first result shall not wait for a server that takes a core to be built. */
    private void letPipelinesFirst() throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PIPELINES_FIRST_MS);
        while (context != null && !stopped && early.isEmpty() && System.nanoTime() - end < 0) {
            Thread.sleep(20); // a result that is published tells nobody, so that it costs nothing
        }
    }

    private void serve() throws Exception {
        try (ResultsServer running = ResultsServer.start(settings, pki, this, early, clock, wake::release)) {
            server = running;
            try {
                while (!stopped) {
                    if (wake.tryAcquire(REFRESH_MS, TimeUnit.MILLISECONDS)) {
                        wake.drainPermits();
                    }
                    if (!stopped) {
                        fetch();
                        running.refresh();
                    }
                }
            } finally {
                server = null;
            }
        }
    }

    /** What comes and goes meanwhile must not shorten the pause: only stopping does. */
    private void pause(long ms) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms);
        for (long left = end - System.nanoTime(); left > 0 && !stopped; left = end - System.nanoTime()) {
            if (wake.tryAcquire(left, TimeUnit.NANOSECONDS)) {
                wake.drainPermits();
            }
        }
    }

    /** Gets the services of the references noted since. */
    @SuppressWarnings("unchecked") // each reference was noted with what it refers to
    private void fetch() {
        if (context == null) {
            return;
        }
        wanted.forEach((reference, isPipeline) -> {
            if (isPipeline) {
                fetch((ServiceReference<Pipeline>) reference, pipelines);
            } else {
                fetch((ServiceReference<TagSource>) reference, sources);
            }
        });
    }

    private <T> void fetch(ServiceReference<T> reference, Map<ServiceReference<T>, T> into) {
        BundleContext from = context;
        if (from == null || into.containsKey(reference)) {
            return;
        }
        T service = from.getService(reference);
        if (service == null) {
            return;
        }
        into.put(reference, service);
        if (!wanted.containsKey(reference)) { // it went while it was fetched
            into.remove(reference);
        }
    }

    private void release() {
        if (context != null) {
            for (ServiceReference<?> reference : List.copyOf(wanted.keySet())) {
                try {
                    context.ungetService(reference);
                } catch (IllegalStateException e) {
                    return; // the bundle has stopped meanwhile, which released everything
                }
            }
        }
    }
}
