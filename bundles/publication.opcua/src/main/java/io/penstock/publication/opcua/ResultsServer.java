// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;
import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.ushort;

import io.netty.channel.nio.NioEventLoopGroup;
import io.penstock.api.access.Users;
import io.penstock.api.publication.CycleResult;
import io.penstock.opcua.stack.ApplicationCertificate;
import io.penstock.opcua.stack.BouncyCastle;
import io.penstock.opcua.stack.CertificateJudge;
import io.penstock.opcua.stack.CertificateVerdict;
import io.penstock.opcua.stack.Trust;
import io.penstock.opcua.stack.TrustFolders;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.eclipse.milo.opcua.sdk.core.AccessLevel;
import org.eclipse.milo.opcua.sdk.server.EndpointConfig;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.OpcUaServerConfig;
import org.eclipse.milo.opcua.sdk.server.OpcUaServerConfigLimits;
import org.eclipse.milo.opcua.sdk.server.Session;
import org.eclipse.milo.opcua.sdk.server.identity.AnonymousIdentityValidator;
import org.eclipse.milo.opcua.sdk.server.identity.CompositeValidator;
import org.eclipse.milo.opcua.sdk.server.identity.IdentityValidator;
import org.eclipse.milo.opcua.sdk.server.nodes.UaVariableNode;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.channel.EncodingLimits;
import org.eclipse.milo.opcua.stack.core.security.CertificateQuarantine;
import org.eclipse.milo.opcua.stack.core.security.DefaultApplicationGroup;
import org.eclipse.milo.opcua.stack.core.security.DefaultCertificateManager;
import org.eclipse.milo.opcua.stack.core.security.MemoryCertificateStore;
import org.eclipse.milo.opcua.stack.core.security.MemoryTrustListManager;
import org.eclipse.milo.opcua.stack.core.security.RsaSha256CertificateFactory;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.transport.TransportProfile;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UShort;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.eclipse.milo.opcua.stack.core.types.enumerated.UserTokenType;
import org.eclipse.milo.opcua.stack.core.types.structured.BuildInfo;
import org.eclipse.milo.opcua.stack.core.types.structured.UserTokenPolicy;
import org.osgi.framework.Bundle;
import org.osgi.framework.FrameworkUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run of the Milo server: endpoints, certificates, limits, threads. Everything it starts it stops; Milo's static
 * executors are left alone, because the OPC UA client of this JVM lives on them.
 */
final class ResultsServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ResultsServer.class);
    private static final String PRODUCT_URI = "urn:penstock";
    private static final int CALL_THREADS = 4;
    private static final int HOSTS_LIMIT = 32;
    private static final int CHUNKS = 64;
    private static final int MESSAGE_BYTES = 2 << 20;
    private static final int RECURSION = 64;
    private static final int CONTINUATION_POINTS = 4;

    private final Settings settings;
    private final Gateway gateway;
    private final List<AutoCloseable> closing = new ArrayList<>();
    private final GatewayNodes nodes;
    private final OpcUaServer server;
    private final ResultsNamespace namespace;
    private final String url;
    private final ApplicationCertificate own;
    private final String host;
    private final Clock clock;
    private String warning = "";
    private final Limited limited = new Limited(System::nanoTime, LOG::warn);
    private final ServerMemory memory;
    private final Connections connections;
    private final ServiceThreads services;
    private final Bounded bounded;
    private final ClientCertificates clients;
    private String trustState;
    private Trust trustBefore;

    private ResultsServer(
            Settings settings,
            Path pki,
            Gateway gateway,
            Map<String, CycleResult> early,
            Clock clock,
            Runnable changed,
            Predicate<InetAddress> local)
            throws Exception {
        this.settings = settings;
        this.gateway = gateway;
        this.clock = clock;
        boolean complete = false;
        try {
            if (settings.securityPolicies().contains(SecurityPolicy.Aes256_Sha256_RsaPss)) {
                BouncyCastle.register();
            }
            host = host(settings);
            String applicationUri = applicationUri(settings, pki, host);
            own = ApplicationCertificate.loadOrCreate(
                    pki, settings.applicationName(), applicationUri, hosts(settings, host));
            Files.setPosixFilePermissions(pki, PosixFilePermissions.fromString("rwx------"));
            url = "opc.tcp://" + inUrl(host) + ":" + settings.port() + settings.path();

            services = new ServiceThreads(this::threads);
            closing.add(services::shutdownNow);
            ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(2, threads("timer"));
            timer.setRemoveOnCancelPolicy(true);
            closing.add(timer::shutdownNow);
            ExecutorService calls = new ThreadPoolExecutor(
                    0, CALL_THREADS, 30, TimeUnit.SECONDS, new SynchronousQueue<>(), threads("call"));
            closing.add(calls::shutdownNow);
            ExecutorService openings = new ThreadPoolExecutor(
                    0, CALL_THREADS, 30, TimeUnit.SECONDS, new SynchronousQueue<>(), threads("open"));
            closing.add(openings::shutdownNow);
            NioEventLoopGroup loop = new NioEventLoopGroup(2, threads("io"));
            closing.add(
                    () -> loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS));

            RejectedClients rejected = new RejectedClients(pki.resolve("rejected"), System::nanoTime, LOG::warn);
            clients = new ClientCertificates(
                    TrustFolders.create(pki, "data/publication.opcua/pki", LOG::warn),
                    new CertificateJudge(
                            settings.clientCertificates(),
                            own.certificate().getNotBefore().toInstant()),
                    rejected,
                    clock,
                    LOG::warn);
            memory = new ServerMemory(settings.shares());
            connections = new Connections(settings.shares(), local, System::nanoTime, limited);
            bounded = new Bounded(
                    settings, connections, local, System::nanoTime, limited, new RefusedWrites(gateway.audit()));
            trustState = clients.state();
            trustBefore = clients.trust();
            server = new OpcUaServer(
                    config(applicationUri, rejected, services, timer),
                    profile -> new ServerTransport(connections, services, loop, memory),
                    bounded);
            closing.add(() -> server.shutdown().get(2, TimeUnit.SECONDS));
            everythingReadOnly();

            namespace = new ResultsNamespace(server, settings.maxQueueSize());
            namespace.startup();
            namespace.describe(version());
            closing.add(namespace::shutdown);
            nodes = new GatewayNodes(
                    namespace,
                    gateway,
                    new PipelineMethods(gateway, calls, openings, clock, changed),
                    early,
                    clock,
                    System::nanoTime);
            closing.add(nodes::close);
            warn();
            nodes.refresh();
            bind();
            LOG.info(
                    "results at {}, own certificate {} with thumbprint {}",
                    url,
                    own.file(),
                    ApplicationCertificate.thumbprint(own.certificate()));
            complete = true;
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    /**
     * Starts a server. Takes seconds: Milo builds its address space.
     *
     * @param early results kept for pipelines that have no nodes yet.
     * @param changed called after a method that may have changed what is shown.
     * @throws PortInUseException if it cannot listen; nothing is left behind.
     */
    static ResultsServer start(
            Settings settings, Path pki, Gateway gateway, Map<String, CycleResult> early, Clock clock, Runnable changed)
            throws Exception {
        return start(settings, pki, gateway, early, clock, changed, InetAddress::isLoopbackAddress);
    }

    /** @param local from where one gets in beside the shares of others: from the gateway itself. */
    static ResultsServer start(
            Settings settings,
            Path pki,
            Gateway gateway,
            Map<String, CycleResult> early,
            Clock clock,
            Runnable changed,
            Predicate<InetAddress> local)
            throws Exception {
        probe(settings); // before the costly part, and before Milo reports one stack trace per endpoint
        return new ResultsServer(settings, pki, gateway, early, clock, changed, local);
    }

    GatewayNodes nodes() {
        return nodes;
    }

    /** About once a second, on one thread: what is no part of a result, and whether those inside may still be there. */
    void refresh() {
        warn();
        nodes.refresh();
        connections.refresh();
        bounded.refresh();
        endUntrusted();
        endChangedUsers();
    }

    /** What clients hold at present, for tests and figures. */
    Connections.Held held() {
        return connections.held();
    }

    ServerMemory memory() {
        return memory;
    }

    Bounded bounded() {
        return bounded;
    }

    int sessions() {
        return server.getSessionManager().getAllSessions().size();
    }

    ResultsNamespace namespace() {
        return namespace;
    }

    String url() {
        return url;
    }

    /** Stops in the opposite order of starting; one part that fails does not keep the others. */
    @Override
    public void close() {
        for (int i = closing.size() - 1; i >= 0; i--) {
            try {
                closing.get(i).close();
            } catch (Exception e) {
                LOG.warn("a part of the results server did not stop: {}", e.toString());
            }
        }
        closing.clear();
    }

    /** What must stay visible: once in the log whenever it changes, and in a node. */
    private void warn() {
        String now = (settings.warning() + " " + own.warning(clock.instant(), host)).strip();
        if (!now.equals(warning)) {
            warning = now;
            if (!now.isEmpty()) {
                LOG.warn("{}", now);
            }
        }
        nodes.warn((now + " " + limited.now()).strip());
    }

    /** Milo looks at a certificate when a channel opens and never again; trust that is taken away must count at once. */
    private void endUntrusted() {
        String now = clients.state();
        if (now.equals(trustState)) {
            return;
        }
        trustState = now;
        Trust trust = clients.trust();
        trust.changesSince(trustBefore).forEach(change -> LOG.info("OPC UA clients: {}", change));
        trustBefore = trust;
        for (Session session : server.getSessionManager().getAllSessions()) {
            List<X509Certificate> chain = session.getSecurityConfiguration().getClientCertificateChain();
            if (chain == null) {
                continue;
            }
            CertificateVerdict verdict = clients.verdict(chain, null);
            if (verdict.endsSessions()) {
                LOG.info("session of {} ended: {}", session.getClientAddress(), verdict.text());
                server.getSessionManager().killSession(session.getSessionId(), true);
            }
        }
    }

    /** A user who was removed, or has another password or other roles, logs in again; those unknown for now stay. */
    private void endChangedUsers() {
        Optional<Users> users = gateway.users();
        if (users.isEmpty()) {
            return;
        }
        for (Session session : server.getSessionManager().getAllSessions()) {
            UserValidator.Admitted admitted = UserValidator.admitted(session);
            if (admitted != null && users.get().revision(admitted.actor().name()) != admitted.revision()) {
                LOG.info(
                        "session of {} from {} ended: the user was removed or changed",
                        admitted.actor().name(),
                        session.getClientAddress());
                server.getSessionManager().killSession(session.getSessionId(), true);
            }
        }
    }

    private static void probe(Settings settings) throws PortInUseException {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(settings.bindAddress(), settings.port()));
        } catch (IOException | RuntimeException e) {
            throw cannotListen(settings, e);
        }
    }

    private static PortInUseException cannotListen(Settings settings, Throwable cause) {
        return new PortInUseException(
                "cannot listen on port " + settings.port() + " of " + settings.bindAddress() + ": "
                        + cause.getMessage() + "; stop the program that uses it, or set port or bindAddress in etc/"
                        + Settings.PID + ".cfg.json",
                cause);
    }

    private void bind() throws PortInUseException {
        try {
            server.startup().get(20, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw cannotListen(settings, e.getCause() == null ? e : e.getCause());
        }
    }

    private static String host(Settings settings) {
        if (!settings.hostname().isEmpty()) {
            return settings.hostname();
        }
        if (!isWildcard(settings.bindAddress())) {
            return settings.bindAddress();
        }
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            LOG.warn(
                    "this machine has no name; clients are told 'localhost', set hostname in etc/{}.cfg.json",
                    Settings.PID);
            return "localhost";
        }
    }

    /** RFC 3986 §3.2.2: an IPv6 address stands in brackets. */
    static String inUrl(String host) {
        return host.contains(":") ? "[" + host + "]" : host;
    }

    private static boolean isWildcard(String address) {
        return address.equals("0.0.0.0") || address.equals("::");
    }

    private static List<String> hosts(Settings settings, String host) {
        Set<String> hosts = new LinkedHashSet<>(List.of(host, "localhost", "127.0.0.1"));
        if (isWildcard(settings.bindAddress())) {
            hosts.addAll(addresses());
        } else {
            hosts.add(settings.bindAddress());
        }
        return List.copyOf(hosts);
    }

    /** By which of its addresses a client reaches this machine is not known when the certificate is made. */
    private static List<String> addresses() {
        try {
            return NetworkInterface.networkInterfaces()
                    .flatMap(NetworkInterface::inetAddresses)
                    .filter(address -> !address.isLinkLocalAddress())
                    .map(InetAddress::getHostAddress)
                    .map(address -> address.replaceFirst("%.*", ""))
                    .limit(HOSTS_LIMIT)
                    .toList();
        } catch (SocketException e) {
            LOG.debug("addresses of this machine not found", e);
            return List.of();
        }
    }

    /** Without a configured URI the certificate's own stays, or a renamed machine would lose the trust of its clients. */
    private static String applicationUri(Settings settings, Path pki, String host) throws Exception {
        if (!settings.applicationUri().isEmpty()) {
            return settings.applicationUri();
        }
        Optional<String> known = ApplicationCertificate.applicationUri(pki);
        if (known.isPresent()) {
            return known.get();
        }
        String name = host;
        try {
            name = InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            LOG.debug("no host name for the application URI, taking {}", host, e);
        }
        return "urn:" + name + ":penstock:gateway";
    }

    private OpcUaServerConfig config(
            String applicationUri,
            CertificateQuarantine rejected,
            ExecutorService services,
            ScheduledThreadPoolExecutor timer)
            throws Exception {
        var factory = new RsaSha256CertificateFactory() {
            @Override
            protected KeyPair createRsaSha256KeyPair() {
                return own.keyPair();
            }

            @Override
            protected X509Certificate[] createRsaSha256CertificateChain(KeyPair keyPair) {
                return new X509Certificate[] {own.certificate()};
            }
        };
        var group = new DefaultApplicationGroup(
                new MemoryTrustListManager(), new MemoryCertificateStore(), factory, clients);
        group.initialize();
        List<IdentityValidator> validators = new ArrayList<>(List.of(new UserValidator(gateway)));
        if (settings.allowAnonymousRead()) {
            validators.add(AnonymousIdentityValidator.INSTANCE);
        }
        return OpcUaServerConfig.builder()
                .setApplicationUri(applicationUri)
                .setApplicationName(LocalizedText.english(settings.applicationName()))
                .setProductUri(PRODUCT_URI)
                .setBuildInfo(new BuildInfo(
                        PRODUCT_URI,
                        "Penstock",
                        "Penstock",
                        version(),
                        "Milo " + OpcUaServer.SDK_VERSION,
                        DateTime.NULL_VALUE)) // builds are reproducible, so none has a date
                .setEndpoints(endpoints())
                .setCertificateManager(new DefaultCertificateManager(rejected, group))
                .setIdentityValidator(new CompositeValidator(validators))
                .setLimits(limits())
                .setEncodingLimits(new EncodingLimits(MessageGuard.CHUNK_BYTES, CHUNKS, MESSAGE_BYTES, RECURSION))
                .setExecutor(services)
                .setScheduledExecutor(timer)
                .build();
    }

    private static String version() {
        Bundle bundle = FrameworkUtil.getBundle(ResultsServer.class);
        return bundle == null ? "" : bundle.getVersion().toString(); // none in a test without a framework
    }

    /** Under its path, and under none: {@code opc.tcp://host:port} is what people type to find a server. */
    private Set<EndpointConfig> endpoints() {
        Set<EndpointConfig> endpoints = new LinkedHashSet<>();
        for (String path : List.of(settings.path(), "")) {
            endpoints.addAll(endpoints(path));
        }
        return endpoints;
    }

    private Set<EndpointConfig> endpoints(String path) {
        EndpointConfig.Builder base = EndpointConfig.newBuilder()
                .setBindAddress(settings.bindAddress())
                .setBindPort(settings.port())
                .setHostname(inUrl(host))
                .setPath(path)
                .setCertificate(own.certificate())
                .setTransportProfile(TransportProfile.TCP_UASC_UABINARY);
        Set<EndpointConfig> endpoints = new LinkedHashSet<>();
        for (SecurityPolicy policy : settings.securityPolicies()) {
            endpoints.add(base.copy()
                    .addTokenPolicies(tokens(policy))
                    .setSecurityPolicy(policy)
                    .setSecurityMode(MessageSecurityMode.SignAndEncrypt)
                    .build());
        }
        if (settings.allowNoSecurity()) {
            endpoints.add(base.copy()
                    .addTokenPolicies(tokens(settings.securityPolicies().get(0)))
                    .setSecurityPolicy(SecurityPolicy.None)
                    .setSecurityMode(MessageSecurityMode.None)
                    .build());
        }
        // GetEndpoints needs a channel without security (Part 4 §5.4.4); nothing else is served on it
        endpoints.add(base.copy()
                .setPath(path + "/discovery")
                .addTokenPolicies(tokens(settings.securityPolicies().get(0)))
                .setSecurityPolicy(SecurityPolicy.None)
                .setSecurityMode(MessageSecurityMode.None)
                .build());
        return endpoints;
    }

    /** The password is encrypted with the policy named here, also where the channel is not (Part 4 §7.41.4). */
    private UserTokenPolicy[] tokens(SecurityPolicy policy) {
        List<UserTokenPolicy> tokens = new ArrayList<>();
        tokens.add(
                new UserTokenPolicy("username-" + policy.name(), UserTokenType.UserName, null, null, policy.getUri()));
        if (settings.allowAnonymousRead()) {
            tokens.add(new UserTokenPolicy("anonymous", UserTokenType.Anonymous, null, null, null));
        }
        return tokens.toArray(UserTokenPolicy[]::new);
    }

    private OpcUaServerConfigLimits limits() {
        return new OpcUaServerConfigLimits() {
            @Override
            public UInteger getMaxSessions() {
                return uint(settings.maxSessions() + Sessions.PENDING); // ours are counted in SessionShares
            }

            @Override
            public Double getMaxSessionTimeout() {
                return (double) settings.shares().sessionTimeoutMs();
            }

            @Override
            public UInteger getMaxSubscriptions() {
                return uint(settings.maxSessions() * settings.maxSubscriptionsPerSession());
            }

            @Override
            public UInteger getMaxSubscriptionsPerSession() {
                return uint(settings.maxSubscriptionsPerSession());
            }

            @Override
            public UInteger getMaxMonitoredItems() {
                return uint(settings.maxMonitoredItems());
            }

            @Override
            public UInteger getMaxMonitoredItemsPerSession() {
                return uint(settings.maxMonitoredItems());
            }

            @Override
            public Double getMinPublishingInterval() {
                return (double) settings.minPublishingIntervalMs();
            }

            /** What a client gets that asks for none, or for less than the minimum (Part 4 §5.14.2). */
            @Override
            public Double getDefaultPublishingInterval() {
                return getMinPublishingInterval();
            }

            /** Also bounds the keep-alive, of which a lifetime is at least three (Part 4 §5.14.2). */
            @Override
            public Double getMaxPublishingInterval() {
                return settings.shares().subscriptionLifetimeMs() / 3.0;
            }

            @Override
            public Double getMaxSubscriptionLifetime() {
                return (double) settings.shares().subscriptionLifetimeMs();
            }

            @Override
            public UShort getMaxBrowseContinuationPoints() {
                return ushort(CONTINUATION_POINTS);
            }
        };
    }

    /** Milo lets everybody switch its diagnostics; nothing of this server is written to. */
    private void everythingReadOnly() {
        server.getAddressSpaceManager()
                .getManagedNode(NodeIds.Server_ServerDiagnostics_EnabledFlag)
                .filter(UaVariableNode.class::isInstance)
                .map(UaVariableNode.class::cast)
                .ifPresent(node -> {
                    node.setAccessLevel(AccessLevel.toValue(AccessLevel.CurrentRead));
                    node.setUserAccessLevel(AccessLevel.toValue(AccessLevel.CurrentRead));
                });
    }

    private ThreadFactory threads(String role) {
        AtomicInteger number = new AtomicInteger();
        return work -> {
            Thread thread = new Thread(work, "publication.opcua-" + role + "-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }
}
