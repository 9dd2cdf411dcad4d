// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.command;

import io.penstock.api.audit.AuditLog;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.pipeline.Pipeline;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import jdk.net.ExtendedSocketOptions;
import jdk.net.UnixDomainPrincipal;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The road that is left when the OPC UA server, the disk or the audit is not: needs none of them once it is open. A thread of
 * its own looks after the socket's file, because a disk that hangs may keep it as long as it likes.
 */
@Component(
        service = {},
        immediate = true)
public final class CommandSocket implements Gateway {
    private static final Logger LOG = LoggerFactory.getLogger(CommandSocket.class);
    private static final long LOOK_MS = 1_000;
    private static final long REQUEST_MS = 2_000;
    private static final long ANSWER_MS = 2_000;
    private static final long STOP_MS = 800;

    private final List<Pipeline> pipelines = new CopyOnWriteArrayList<>();
    private final SocketPlace place;
    private final CommandServer server;
    private final Thread guard = new Thread(this::guard, "io.penstock.command-socket-file");
    private volatile @Nullable ModelCatalog catalog;
    private volatile @Nullable AuditLog audit;
    private volatile boolean stopping;

    /** @throws IOException if the system has no more file descriptors. */
    @Activate
    public CommandSocket(BundleContext context) throws IOException {
        this(home(context), Clock.systemUTC());
    }

    CommandSocket(Path home, Clock clock) throws IOException {
        place = new SocketPlace(home);
        server = new CommandServer(new Commands(this, clock), this::peer, REQUEST_MS, ANSWER_MS);
        guard.setDaemon(true);
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
        server.start();
        guard.start();
    }

    @Deactivate
    void stop() {
        stopping = true;
        guard.interrupt();
        server.stop(STOP_MS);
        try {
            guard.join(STOP_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void guard() {
        String told = "";
        while (!stopping) {
            try {
                ServerSocketChannel made = place.look();
                if (made != null) {
                    server.serve(made);
                }
                told = "";
            } catch (IOException | RuntimeException e) {
                if (!told.equals(e.toString())) { // once: a full disk must not be filled with lines about it
                    LOG.error(
                            "The command line cannot reach this gateway: {}; it is tried again each second",
                            Text.message(e));
                }
                told = e.toString();
            }
            try {
                Thread.sleep(LOOK_MS); // a file system is looked at; nothing tells us
            } catch (InterruptedException e) {
                break;
            }
        }
        place.remove();
    }

    /** Asked when the request is carried out: to find a name may take a server of names its time. */
    private Peer peer(SocketChannel channel) throws IOException {
        UnixDomainPrincipal principal = channel.getOption(ExtendedSocketOptions.SO_PEERCRED);
        String user = principal.user().getName();
        return new Peer(user, principal.group().getName(), user.equals("root") || user.equals(place.owner()));
    }

    @Reference(policy = ReferencePolicy.DYNAMIC, cardinality = ReferenceCardinality.MULTIPLE)
    void addPipeline(Pipeline pipeline) {
        pipelines.add(pipeline);
    }

    void removePipeline(Pipeline pipeline) {
        pipelines.remove(pipeline);
    }

    @Reference(
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            cardinality = ReferenceCardinality.OPTIONAL)
    void setCatalog(ModelCatalog models) {
        catalog = models;
    }

    void unsetCatalog(ModelCatalog models) {
        if (catalog == models) {
            catalog = null;
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

    @Override
    public List<Pipeline> pipelines() {
        return pipelines;
    }

    @Override
    public Optional<ModelCatalog> catalog() {
        return Optional.ofNullable(catalog);
    }

    @Override
    public Optional<AuditLog> audit() {
        return Optional.ofNullable(audit);
    }
}
