// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.acquisition.TagSource;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.api.publication.CycleResult;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.eclipse.milo.opcua.sdk.server.nodes.UaFolderNode;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder Penstock: makes nodes for what comes, takes out of service what goes, and removes what stays away for a minute,
 * so that a bundle that is only updated leaves every binding of the OT systems in place.
 *
 * <p>{@link #refresh} and {@link #close} belong to the server's own thread; {@link #publish} to any.
 */
final class GatewayNodes {
    private static final Logger LOG = LoggerFactory.getLogger(GatewayNodes.class);
    private static final long GRACE_NANOS = 60_000_000_000L;
    private static final Set<String> RESERVED =
            Set.of("Penstock", "Pipelines", "Connections", "Tags", "Rollouts", "Warning", "NamespaceMetadata");
    private static final int EARLY_LIMIT = 1_000;

    private final ResultsNamespace namespace;
    private final Gateway gateway;
    private final PipelineMethods methods;
    private final Clock clock;
    private final LongSupplier nanoTime;
    private final UaFolderNode pipelineFolder;
    private final UaFolderNode connectionFolder;
    private final UaFolderNode tagFolder;
    private final RolloutNodes rollouts;
    private final PushNode warning;
    private final Map<String, PipelineNodes> pipelines = new ConcurrentHashMap<>();
    private final Map<String, CycleResult> early;
    private final Map<String, ConnectionNodes> connections = new HashMap<>();
    private final Map<String, Long> goneSince = new HashMap<>();
    private final Map<String, String> faults = new HashMap<>();

    GatewayNodes(
            ResultsNamespace namespace,
            Gateway gateway,
            PipelineMethods methods,
            Map<String, CycleResult> early,
            Clock clock,
            LongSupplier nanoTime) {
        this.namespace = namespace;
        this.gateway = gateway;
        this.methods = methods;
        this.early = early;
        this.clock = clock;
        this.nanoTime = nanoTime;
        UaFolderNode root = namespace.root("Penstock", "The gateway");
        pipelineFolder = namespace.folder(root, "Pipelines", "Pipelines", "What runs");
        connectionFolder = namespace.folder(root, "Connections", "Connections", "How the connections fare");
        tagFolder = namespace.folder(root, "Tags", "Tags", "Plant signals as the connectors read them");
        UaFolderNode rolloutFolder = namespace.folder(root, "Rollouts", "Rollouts", "What became of releases");
        rollouts = new RolloutNodes(namespace, rolloutFolder);
        warning = namespace.variable(
                root,
                "Warning",
                "Warning",
                NodeIds.String,
                "Security that is switched off, a certificate that clients refuse; empty if all is well");
    }

    void warn(String text) {
        warning.change(Variant.ofString(text), now());
    }

    /** Takes a result, or keeps the last of each pipeline until its nodes are there. */
    void publish(CycleResult result) {
        PipelineNodes nodes = pipelines.get(result.pipeline());
        if (nodes != null) {
            nodes.publish(result);
        } else {
            keep(early, result);
        }
    }

    /** Keeps a copy of the last result of each pipeline; the slot it came in is used again. */
    static void keep(Map<String, CycleResult> early, CycleResult result) {
        if (early.size() >= EARLY_LIMIT && !early.containsKey(result.pipeline())) {
            return;
        }
        CycleResult slot = early.computeIfAbsent(result.pipeline(), name -> new CycleResult());
        synchronized (slot) {
            slot.copyFrom(result);
        }
    }

    void refresh() {
        Map<String, Pipeline> running = new HashMap<>();
        for (Pipeline pipeline : gateway.pipelines()) {
            guarded("pipeline", () -> running.put(pipeline.name(), pipeline));
        }
        running.forEach((name, pipeline) -> guarded("pipeline " + name, () -> refresh(name, pipeline)));
        for (String name : Set.copyOf(pipelines.keySet())) {
            if (!running.containsKey(name)) {
                guarded("pipeline " + name, () -> gone(name));
            }
        }

        Map<String, TagSource> connected = new HashMap<>();
        for (TagSource source : gateway.sources()) {
            guarded("connection", () -> connected.put(source.name(), source));
        }
        connected.forEach((name, source) -> guarded("connection " + name, () -> refresh(name, source)));
        for (String name : Set.copyOf(connections.keySet())) {
            if (!connected.containsKey(name)) {
                guarded("connection " + name, () -> connectionGone(name));
            }
        }

        guarded("rollouts", () -> {
            Optional<ModelCatalog> catalog = gateway.catalog();
            if (catalog.isPresent()) {
                rollouts.refresh(catalog.get().receipts());
            } else {
                rollouts.outOfService(now());
            }
        });
    }

    void close() {
        connections.values().forEach(connection -> guarded("connection", connection::close));
        connections.clear();
        pipelines.clear();
    }

    private void refresh(String name, Pipeline pipeline) {
        PipelineNodes nodes = pipelines.get(name);
        boolean made = nodes == null;
        if (nodes == null) {
            if (RESERVED.contains(name)) {
                throw new IllegalStateException("its name is one of " + RESERVED + "; rename it");
            }
            nodes = new PipelineNodes(namespace, pipelineFolder, name);
            methods.install(namespace, nodes, name);
        }
        goneSince.remove(name);
        nodes.serve();
        if (made) {
            pipelines.put(name, nodes);
        }
        nodes.refresh(pipeline, gateway.catalog().flatMap(catalog -> catalog.fallback(name)), now());
        CycleResult kept = early.remove(name);
        if (kept != null) {
            synchronized (kept) {
                nodes.publish(kept);
            }
        }
    }

    private void gone(String name) {
        PipelineNodes nodes = pipelines.get(name);
        if (nodes == null) {
            return;
        }
        nodes.outOfService(now());
        if (overdue(name)) {
            pipelines.remove(name);
            nodes.remove();
            LOG.info("pipeline {} is no longer shown", name);
        }
    }

    private void refresh(String name, TagSource source) {
        ConnectionNodes nodes = connections.get(name);
        goneSince.remove("Connections/" + name);
        if (nodes != null && nodes.source() != source) {
            nodes.close();
            nodes.remove();
            connections.remove(name);
            nodes = null;
        }
        if (nodes == null) {
            nodes = new ConnectionNodes(namespace, connectionFolder, tagFolder, source);
            connections.put(name, nodes);
            namespace.tellOrphans();
        }
        nodes.refresh(now());
        nodes.open();
    }

    private void connectionGone(String name) {
        ConnectionNodes nodes = connections.get(name);
        if (nodes == null) {
            return;
        }
        nodes.outOfService(now());
        if (overdue("Connections/" + name)) {
            connections.remove(name);
            nodes.remove();
            namespace.tellOrphans();
        }
    }

    private boolean overdue(String id) {
        long now = nanoTime.getAsLong();
        Long since = goneSince.putIfAbsent(id, now);
        if (since == null || now - since < GRACE_NANOS) {
            return false;
        }
        goneSince.remove(id);
        return true;
    }

    private long now() {
        return PushNode.nanos(clock.instant());
    }

    /** A service that fails, or goes in the middle of a question, must not keep the others from being shown. */
    private void guarded(String what, Runnable work) {
        try {
            work.run();
            faults.remove(what);
        } catch (RuntimeException e) {
            if (!e.toString().equals(faults.put(what, e.toString()))) { // once, not once a second
                LOG.warn("{} cannot be shown at present: {}", what, e.toString(), e);
            }
        }
    }

    @Nullable
    PipelineNodes pipeline(String name) {
        return pipelines.get(name);
    }

    List<String> connections() {
        return List.copyOf(connections.keySet());
    }
}
