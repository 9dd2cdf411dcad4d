// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;

import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.ChannelGroupFuture;
import io.penstock.api.data.StatusCode;
import io.penstock.connector.opcua.TagStates.Item;
import io.penstock.opcua.stack.ApplicationCertificate;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.milo.opcua.sdk.client.DiscoveryClient;
import org.eclipse.milo.opcua.sdk.client.OpcUaClient;
import org.eclipse.milo.opcua.sdk.client.OpcUaClientConfig;
import org.eclipse.milo.opcua.sdk.client.OpcUaClientConfigBuilder;
import org.eclipse.milo.opcua.sdk.client.OpcUaSession;
import org.eclipse.milo.opcua.sdk.client.SessionActivityListener;
import org.eclipse.milo.opcua.sdk.client.UaSession;
import org.eclipse.milo.opcua.sdk.client.identity.AnonymousProvider;
import org.eclipse.milo.opcua.sdk.client.identity.IdentityProvider;
import org.eclipse.milo.opcua.sdk.client.identity.UsernameProvider;
import org.eclipse.milo.opcua.sdk.client.subscriptions.MonitoredItemServiceOperationResult;
import org.eclipse.milo.opcua.sdk.client.subscriptions.OpcUaMonitoredItem;
import org.eclipse.milo.opcua.sdk.client.subscriptions.OpcUaSubscription;
import org.eclipse.milo.opcua.stack.core.AttributeId;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.types.UaRequestMessageType;
import org.eclipse.milo.opcua.stack.core.types.UaResponseMessageType;
import org.eclipse.milo.opcua.stack.core.types.builtin.ByteString;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.ExpandedNodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.QualifiedName;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.eclipse.milo.opcua.stack.core.types.enumerated.TimestampsToReturn;
import org.eclipse.milo.opcua.stack.core.types.enumerated.UserTokenType;
import org.eclipse.milo.opcua.stack.core.types.structured.EndpointDescription;
import org.eclipse.milo.opcua.stack.core.types.structured.ReadRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.ReadResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.ReadValueId;
import org.eclipse.milo.opcua.stack.core.types.structured.UserTokenPolicy;
import org.eclipse.milo.opcua.stack.core.types.structured.WriteRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.WriteResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.WriteValue;
import org.eclipse.milo.opcua.stack.core.util.CertificateUtil;
import org.eclipse.milo.opcua.stack.core.util.EndpointUtil;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One session with one subscription, from connect to the first fault. Milo would restore the session by itself, but not the
 * subscription, so after any fault the whole of it is thrown away and made anew.
 */
final class ClientSession {
    private static final Logger LOG = LoggerFactory.getLogger(ClientSession.class);
    private static final long LEAST_SESSION_TIMEOUT_MS = 60_000;
    private static final long POLITE_CLOSE_MS = 6_000;
    private static final long NEVER_MS = 86_400_000;
    private static final int MOST_READ = 100;

    private final Settings settings;
    private final Io io;
    private final TagStates tags;
    private final OpcUaClient client;
    private final ChannelGroup channels;
    private final RoundTrips roundTrips;
    private final Map<Item, NodeId> nodes = new ConcurrentHashMap<>();
    private final Set<Item> refused = ConcurrentHashMap.newKeySet();
    /** Whose nodes the server deleted meanwhile. */
    private final Set<OpcUaMonitoredItem> orphans = ConcurrentHashMap.newKeySet();

    private final CompletableFuture<String> fault = new CompletableFuture<>();
    private @Nullable OpcUaSubscription subscription;
    private long silenceLimitMs;
    private volatile long lastPublishNanos = System.nanoTime();
    private final AtomicBoolean confirming = new AtomicBoolean();
    private volatile int batch = MOST_READ;

    private ClientSession(
            Settings settings,
            Io io,
            TagStates tags,
            OpcUaClient client,
            ChannelGroup channels,
            RoundTrips roundTrips) {
        this.settings = settings;
        this.io = io;
        this.tags = tags;
        this.client = client;
        this.channels = channels;
        this.roundTrips = roundTrips;
    }

    /** What a session needs of its connector, over all sessions. */
    record Context(
            Settings settings,
            Io io,
            TagStates tags,
            ServerTrust trust,
            @Nullable ApplicationCertificate own,
            RoundTrips roundTrips) {}

    /**
     * Connects, opens the session and subscribes to all tags; within about four times the request timeout.
     *
     * @param password null for anonymous.
     */
    static ClientSession open(Context context, byte @Nullable [] password) throws LinkException, InterruptedException {
        Settings settings = context.settings();
        ChannelGroup channels = Io.group();
        long timeout = settings.requestTimeoutMs();
        List<EndpointDescription> offered = await(
                settings,
                DiscoveryClient.getEndpoints(
                        settings.endpointUrl(), b -> context.io().configure(b, timeout, channels)),
                2 * timeout,
                "GetEndpoints");
        EndpointDescription endpoint =
                EndpointUtil.updateUrl(choose(settings, offered), settings.host(), settings.port());
        IdentityProvider identity = identity(context, endpoint, password);
        checkTrust(settings, context.trust(), endpoint);
        OpcUaClient client;
        try {
            client = OpcUaClient.create(
                    config(context, endpoint, identity), b -> context.io().configure(b, timeout, channels));
        } catch (UaException e) {
            throw Reasons.explain(settings, "connect", e);
        }
        ClientSession session =
                new ClientSession(settings, context.io(), context.tags(), client, channels, context.roundTrips());
        boolean opened = false;
        try {
            await(settings, client.connectAsync(), 3 * timeout, "CreateSession");
            session.watch();
            session.subscribe();
            opened = true;
            return session;
        } finally {
            if (!opened) {
                session.abandon();
            }
        }
    }

    private static OpcUaClientConfigBuilder configBase(Settings settings) {
        return OpcUaClientConfig.builder()
                .setApplicationName(LocalizedText.english("Penstock " + settings.name()))
                .setApplicationUri(settings.applicationUri())
                .setProductUri("urn:penstock:gateway")
                .setSessionName(() -> "penstock-" + settings.name())
                .setRequestTimeout(uint(settings.requestTimeoutMs()))
                .setSessionTimeout(uint(sessionTimeoutMs(settings)))
                // One at a time: with more, Milo acknowledges late and gets notifications again.
                .setMaxPendingPublishRequests(uint(1))
                // The connection's own watch takes that part.
                .setKeepAliveInterval(uint(NEVER_MS));
    }

    /** A quiet plant is asked for a sign of life that often; the session has to outlive the pauses between. */
    static long sessionTimeoutMs(Settings settings) {
        return Math.max(LEAST_SESSION_TIMEOUT_MS, 3 * settings.keepAliveMs());
    }

    private static OpcUaClientConfig config(Context context, EndpointDescription endpoint, IdentityProvider identity) {
        OpcUaClientConfigBuilder config = configBase(context.settings())
                .setEndpoint(endpoint)
                .setCertificateValidator(context.trust())
                .setIdentityProvider(identity);
        ApplicationCertificate own = context.own();
        if (own != null) {
            config.setKeyPair(own.keyPair())
                    .setCertificate(own.certificate())
                    .setCertificateChain(new X509Certificate[] {own.certificate()});
        }
        return config.build();
    }

    private static IdentityProvider identity(Context context, EndpointDescription endpoint, byte @Nullable [] password)
            throws LinkException {
        Settings settings = context.settings();
        UserTokenType wanted = password == null ? UserTokenType.Anonymous : UserTokenType.UserName;
        List<UserTokenPolicy> policies = new ArrayList<>();
        UserTokenPolicy[] tokens = endpoint.getUserIdentityTokens();
        for (UserTokenPolicy policy : tokens == null ? new UserTokenPolicy[0] : tokens) {
            if (policy.getTokenType() == wanted) {
                policies.add(policy);
            }
        }
        if (policies.isEmpty()) {
            throw new LinkException(settings.endpointUrl() + " takes no "
                    + (password == null
                            ? "anonymous session; set userName and passwordFile"
                            : "user name on this endpoint; choose another securityPolicy"));
        }
        if (password == null) {
            return new AnonymousProvider();
        }
        UserTokenPolicy best = policies.stream()
                .filter(p -> encrypts(p, endpoint))
                .findFirst()
                .orElseThrow(() -> new LinkException(settings.endpointUrl()
                        + " would take the password in clear; set securityPolicy and securityMode SignAndEncrypt"));
        return new UsernameProvider(settings.userName(), password::clone, context.trust(), any -> best);
    }

    /** A password never leaves readable: the token is encrypted, or the channel is. */
    private static boolean encrypts(UserTokenPolicy policy, EndpointDescription endpoint) {
        String uri = policy.getSecurityPolicyUri();
        String effective = uri == null || uri.isEmpty() ? endpoint.getSecurityPolicyUri() : uri;
        return !SecurityPolicy.None.getUri().equals(effective)
                || endpoint.getSecurityMode() == MessageSecurityMode.SignAndEncrypt;
    }

    private static EndpointDescription choose(Settings settings, List<EndpointDescription> offered)
            throws LinkException {
        Set<String> others = new TreeSet<>();
        for (EndpointDescription endpoint : offered) {
            if (settings.policy().getUri().equals(endpoint.getSecurityPolicyUri())
                    && settings.mode() == endpoint.getSecurityMode()) {
                return endpoint;
            }
            String uri = String.valueOf(endpoint.getSecurityPolicyUri());
            others.add(uri.substring(uri.indexOf('#') + 1) + "/" + endpoint.getSecurityMode());
        }
        throw new LinkException(settings.endpointUrl() + " does not offer " + settings.policy() + "/" + settings.mode()
                + ", it offers " + others + "; choose one of these or change the server");
    }

    /**
     * Before anything is said to the server, and with a better message than Milo's. Without security a password is still
     * encrypted, for the owner of that certificate.
     */
    private static void checkTrust(Settings settings, ServerTrust trust, EndpointDescription endpoint)
            throws LinkException {
        if (!settings.secure() && settings.anonymous()) {
            return;
        }
        ByteString encoded = endpoint.getServerCertificate();
        try {
            List<X509Certificate> chain = encoded == null || encoded.isNull()
                    ? List.of()
                    : CertificateUtil.decodeCertificates(encoded.bytesOrEmpty());
            trust.validateCertificateChain(
                    chain, endpoint.getServer().getApplicationUri(), new String[] {settings.host()});
        } catch (UaException e) {
            throw new LinkException(settings.endpointUrl() + ": " + e.getMessage(), e, true);
        }
    }

    private static <T> T await(Settings settings, Future<T> future, long limitMs, String what)
            throws LinkException, InterruptedException {
        try {
            return future.get(limitMs, TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw Reasons.explain(settings, what, e.getCause() == null ? e : e.getCause());
        } catch (TimeoutException e) {
            future.cancel(true);
            throw new LinkException(
                    settings.endpointUrl() + ": no answer to " + what + " within " + limitMs
                            + " ms; check that the server runs and the address is right",
                    e);
        }
    }

    private void watch() {
        client.addSessionActivityListener(new SessionActivityListener() {
            @Override
            public void onSessionInactive(UaSession session) {
                fault.complete("the server closed the connection");
            }
        });
    }

    private void subscribe() throws LinkException {
        double interval = settings.publishingIntervalMs();
        OpcUaSubscription made = new OpcUaSubscription(client, interval);
        long keepAliveCount = Math.max(1, settings.keepAliveMs() / settings.publishingIntervalMs());
        made.setMaxKeepAliveCount(uint(keepAliveCount));
        made.setLifetimeCount(
                uint(Math.max(3 * keepAliveCount + 1, sessionTimeoutMs(settings) / settings.publishingIntervalMs())));
        made.setMaxNotificationsPerPublish(uint(0));
        made.setSubscriptionListener(new Listener());
        subscription = made;
        try {
            made.create();
        } catch (UaException e) {
            throw Reasons.explain(settings, "CreateSubscription", e);
        }
        double revised = made.getRevisedPublishingInterval().orElse(interval)
                * made.getRevisedMaxKeepAliveCount().map(Number::longValue).orElse(keepAliveCount);
        silenceLimitMs = (long) revised + settings.requestTimeoutMs();
        if (revised > 2.0 * settings.keepAliveMs()) {
            LOG.warn(
                    "{}: the server says something only every {} ms, keepAliveMs asked for {}; a dead subscription is"
                            + " found after {} ms",
                    settings.name(),
                    (long) revised,
                    settings.keepAliveMs(),
                    silenceLimitMs);
        }
        refused.addAll(tags.items());
        createItems();
    }

    /** Asks for the items the server refused before, or whose nodes it deleted; the others are not touched. */
    void retryRefused() throws LinkException {
        disown();
        if (refused.isEmpty()) {
            return;
        }
        try {
            client.readNamespaceTable();
        } catch (UaException e) {
            throw Reasons.explain(settings, "read of the namespace array", e);
        }
        createItems();
    }

    /** A monitored item does not come back with a node of the same name (Part 4 §5.13.1): it has to be made anew. */
    private void disown() {
        OpcUaSubscription current = subscription;
        if (current == null || orphans.isEmpty()) {
            return;
        }
        for (OpcUaMonitoredItem orphan : List.copyOf(orphans)) {
            Item item = (Item) orphan.getUserObject().orElseThrow();
            orphans.remove(orphan);
            current.removeMonitoredItem(orphan);
            nodes.remove(item);
            refused.add(item);
        }
        // Where the server forgot the item with the node it says so here, which changes nothing.
        current.deleteMonitoredItems();
    }

    private void createItems() throws LinkException {
        OpcUaSubscription current = subscription;
        if (current == null) {
            return;
        }
        int slower = 0;
        String example = "";
        for (Item item : refused) {
            if (!nodes.containsKey(item)) {
                resolve(item)
                        .ifPresentOrElse(
                                node -> {
                                    nodes.put(item, node);
                                    current.addMonitoredItem(monitored(item, node));
                                },
                                () -> tags.refused(
                                        item,
                                        StatusCode.BAD_NODE_ID_UNKNOWN,
                                        "the server has no namespace of that name"));
            }
        }
        for (MonitoredItemServiceOperationResult result : current.createMonitoredItems()) {
            if (!result.serviceResult().isGood()) {
                throw Reasons.explain(
                        settings,
                        "CreateMonitoredItems",
                        new UaException(result.serviceResult().value()));
            }
            Item item = (Item) result.monitoredItem().getUserObject().orElseThrow();
            long status = result.operationResult().orElseThrow().value();
            if (unknown(status)) {
                tags.refused(item, StatusCode.BAD_NODE_ID_UNKNOWN, "the server has no such node");
            } else if (StatusCode.isBad((int) status)) {
                tags.refused(item, (int) status, "the server refuses it with " + Reasons.name(status));
            } else {
                refused.remove(item);
                double sampled =
                        result.monitoredItem().getRevisedSamplingInterval().orElse(0.0);
                if (sampled > item.definition.periodMs()) {
                    slower++;
                    example = item.definition.id() + " every " + sampled + " instead of " + item.definition.periodMs()
                            + " ms";
                }
            }
        }
        if (slower > 0) {
            LOG.info(
                    "{}: the server samples {} tags slower than the tag list asks, e.g. {}",
                    settings.name(),
                    slower,
                    example);
        }
    }

    private static boolean unknown(long status) {
        return status == StatusCodes.Bad_NodeIdUnknown || status == StatusCodes.Bad_NodeIdInvalid;
    }

    private Optional<NodeId> resolve(Item item) {
        return ExpandedNodeId.parse(item.definition.address()).toNodeId(client.getNamespaceTable());
    }

    private OpcUaMonitoredItem monitored(Item item, NodeId node) {
        OpcUaMonitoredItem monitored = OpcUaMonitoredItem.newDataItem(node);
        monitored.setSamplingInterval((double) item.definition.periodMs());
        monitored.setQueueSize(uint(settings.queueSize()));
        monitored.setDiscardOldest(true);
        monitored.setUserObject(item);
        return monitored;
    }

    /** Completes with the reason once, when this session is of no more use. */
    CompletableFuture<String> fault() {
        return fault;
    }

    /** Asks the server how it is, so that a silent connection shows, and whether the subscription still speaks. */
    void check() {
        long silentMs = (System.nanoTime() - lastPublishNanos) / 1_000_000;
        if (silentMs > silenceLimitMs) {
            fault.complete("the subscription was silent for " + silentMs + " ms, at most " + silenceLimitMs
                    + " ms are expected");
            return;
        }
        CompletableFuture<Void> unused = read(NodeIds.Server_ServerStatus_State, null, settings.requestTimeoutMs())
                .thenAccept(value -> {
                    long status = value.statusCode().value();
                    if (StatusCode.isBad((int) status)) {
                        fault.complete("no answer to a keep-alive read: " + Reasons.name(status));
                    }
                });
    }

    /**
     * Reads again what has said nothing for long: at most {@link #MOST_READ} tags at once, one request at a time, so that it
     * never delays a notification. The server may answer from a cache that is not older than a quarter of confirmMs; the
     * answer counts as that old.
     */
    void confirm() {
        if (fault.isDone() || !confirming.compareAndSet(false, true)) {
            return;
        }
        long cachedMs = settings.confirmMs() / 4;
        long sent = System.nanoTime();
        List<Item> items = new ArrayList<>();
        List<ReadValueId> ids = new ArrayList<>();
        for (Item item : tags.unconfirmed(sent - settings.confirmMs() * 750_000, batch)) {
            NodeId node = nodes.get(item);
            if (node != null) {
                items.add(item);
                ids.add(new ReadValueId(node, AttributeId.Value.uid(), null, QualifiedName.NULL_VALUE));
            }
        }
        if (items.isEmpty()) {
            confirming.set(false);
            return;
        }
        long deadlineMs = settings.requestTimeoutMs();
        CompletableFuture<?> unused = send(
                        token -> new ReadRequest(
                                client.newRequestHeader(token, hint(deadlineMs)),
                                (double) cachedMs,
                                TimestampsToReturn.Both,
                                ids.toArray(ReadValueId[]::new)),
                        deadlineMs)
                .whenComplete((response, failure) -> {
                    try {
                        if (response instanceof ReadResponse read
                                && read.getResults() != null
                                && read.getResults().length == items.size()) {
                            tags.readAgain(
                                    items,
                                    List.of(read.getResults()),
                                    sent - cachedMs * 1_000_000,
                                    () -> !fault.isDone());
                        } else if (failure != null && Reasons.tooMuch(failure)) {
                            batch = Math.max(1, items.size() / 2);
                        }
                    } finally {
                        confirming.set(false);
                    }
                });
    }

    @Nullable
    NodeId node(Item item) {
        return nodes.get(item);
    }

    /** Status of the write; never exceptional. */
    CompletableFuture<Integer> write(NodeId node, @Nullable String range, Object value, long deadlineMs) {
        return send(
                        token -> new WriteRequest(client.newRequestHeader(token, hint(deadlineMs)), new WriteValue[] {
                            new WriteValue(
                                    node, AttributeId.Value.uid(), range, DataValue.valueOnly(new Variant(value)))
                        }),
                        deadlineMs)
                .handle((response, failure) -> {
                    if (response instanceof WriteResponse written
                            && written.getResults() != null
                            && written.getResults().length == 1) {
                        return (int) written.getResults()[0].value();
                    }
                    return Reasons.status(failure);
                });
    }

    /** The server's own value, not a cached one (maxAge 0, Part 4 §5.11.2.2); a Bad one where it failed, never exceptional. */
    CompletableFuture<DataValue> read(NodeId node, @Nullable String range, long deadlineMs) {
        return send(
                        token -> new ReadRequest(
                                client.newRequestHeader(token, hint(deadlineMs)),
                                0.0,
                                TimestampsToReturn.Both,
                                new ReadValueId[] {
                                    new ReadValueId(node, AttributeId.Value.uid(), range, QualifiedName.NULL_VALUE)
                                }),
                        deadlineMs)
                .handle((response, failure) -> {
                    if (response instanceof ReadResponse read
                            && read.getResults() != null
                            && read.getResults().length == 1) {
                        return read.getResults()[0];
                    }
                    return new DataValue(Integer.toUnsignedLong(Reasons.status(failure)));
                });
    }

    /** What goes out in one session. */
    private interface Message {
        UaRequestMessageType with(NodeId token);
    }

    /** For the server only; the deadline itself is kept here. */
    private static UInteger hint(long deadlineMs) {
        return uint(Math.max(0, Math.min(deadlineMs, NEVER_MS)));
    }

    private CompletableFuture<UaResponseMessageType> send(Message message, long deadlineMs) {
        CompletableFuture<UaResponseMessageType> answer = new CompletableFuture<>();
        OpcUaSession session = client.getSessionAsync().getNow(null);
        if (session == null || fault.isDone()) {
            answer.completeExceptionally(new UaException(StatusCodes.Bad_NotConnected));
            return answer;
        }
        if (deadlineMs <= 0) {
            answer.completeExceptionally(new UaException(StatusCodes.Bad_Timeout));
            return answer;
        }
        long begin = System.nanoTime();
        Future<?> deadline =
                io.after(deadlineMs, () -> answer.completeExceptionally(new UaException(StatusCodes.Bad_Timeout)));
        CompletableFuture<?> unused = client.sendRequestAsync(message.with(session.getAuthenticationToken()))
                .whenComplete((response, failure) -> {
                    deadline.cancel(false);
                    if (failure == null) {
                        roundTrips.add(System.nanoTime() - begin);
                        answer.complete(response);
                    } else {
                        answer.completeExceptionally(failure);
                    }
                });
        return answer;
    }

    /** Ends the session politely, and its sockets in any case; completes when that is done. */
    CompletableFuture<?> close() {
        fault.complete("closed");
        io.later(POLITE_CLOSE_MS, this::cut);
        return client.disconnectAsync().whenComplete((done, failure) -> cut());
    }

    /** The same in the background. */
    void abandon() {
        CompletableFuture<?> unused = close();
    }

    private void cut() {
        ChannelGroupFuture unused = channels.close();
    }

    private final class Listener implements OpcUaSubscription.SubscriptionListener {
        @Override
        public void onDataReceived(OpcUaSubscription from, List<OpcUaMonitoredItem> monitored, List<DataValue> values) {
            if (fault.isDone()) {
                return;
            }
            long now = System.nanoTime();
            lastPublishNanos = now;
            List<Item> items = new ArrayList<>(monitored.size());
            for (int i = 0; i < monitored.size(); i++) {
                items.add((Item) monitored.get(i).getUserObject().orElseThrow());
                if (unknown(values.get(i).statusCode().value())) {
                    orphans.add(monitored.get(i));
                }
            }
            tags.received(items, values, now, () -> !fault.isDone());
        }

        @Override
        public void onKeepAliveReceived(OpcUaSubscription from) {
            if (!fault.isDone()) {
                lastPublishNanos = System.nanoTime();
                tags.alive();
            }
        }

        @Override
        public void onNotificationDataLost(OpcUaSubscription from) {
            // Whose last value went with it nobody knows; a new subscription begins with the present ones.
            fault.complete("the server could not repeat a notification, values are missing");
        }

        @Override
        public void onStatusChanged(
                OpcUaSubscription from, org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode status) {
            fault.complete("the server ended the subscription: " + Reasons.name(status.value()));
        }

        @Override
        public void onTransferFailed(
                OpcUaSubscription from, org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode status) {
            fault.complete("the subscription is lost: " + Reasons.name(status.value()));
        }
    }
}
