// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static java.util.Objects.requireNonNull;
import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;

import io.penstock.publication.opcua.SessionShares.Place;
import io.penstock.publication.opcua.SessionShares.Taken;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.Session;
import org.eclipse.milo.opcua.sdk.server.servicesets.SessionServiceSet;
import org.eclipse.milo.opcua.sdk.server.subscriptions.Subscription;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.eclipse.milo.opcua.stack.core.types.structured.ActivateSessionRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.ActivateSessionResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.CancelRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CancelResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.CloseSessionRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CloseSessionResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateSessionRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateSessionResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.DeleteSubscriptionsRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.RequestHeader;
import org.eclipse.milo.opcua.stack.transport.server.ServiceRequestContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sessions as Milo makes them, within {@link SessionShares}: what is not activated ends soon and takes no place of one that is;
 * who logs in needs a place; what a session leaves behind goes with it. Thread-safe.
 */
final class Sessions implements SessionServiceSet {
    private static final Logger LOG = LoggerFactory.getLogger(Sessions.class);

    /** Sessions that nobody has logged in to yet, all together, beside those that count. */
    static final int PENDING = 24;

    static final int PENDING_OF_ADDRESS = 8;
    static final int PENDING_OF_CONNECTION = 2;
    static final long PENDING_NS = TimeUnit.SECONDS.toNanos(10);
    /** How long a subscription waits for TransferSubscriptions when its session was closed without it. */
    static final long ORPHAN_NS = TimeUnit.SECONDS.toNanos(30);

    static final int ORPHANS = 20;

    private final OpcUaServer server;
    private final SessionServiceSet milo;
    private final SessionShares<NodeId> shares;
    private final Connections connections;
    private final Predicate<InetAddress> local;
    private final LongSupplier nanoTime;
    private final Limited limited;
    private final Map<NodeId, Pending> pending = new LinkedHashMap<>();
    private final Map<NodeId, Connection> connectionOf = new ConcurrentHashMap<>();
    private final Map<Subscription, Long> orphans = new ConcurrentHashMap<>();

    private record Pending(ServiceRequestContext context, Connection connection, long since) {
        boolean secured() {
            return context.getSecureChannel().getSecurityPolicy() != SecurityPolicy.None;
        }
    }

    Sessions(
            OpcUaServer server,
            SessionServiceSet milo,
            SessionShares<NodeId> shares,
            Connections connections,
            Predicate<InetAddress> local,
            LongSupplier nanoTime,
            Limited limited) {
        this.server = server;
        this.milo = milo;
        this.shares = shares;
        this.connections = connections;
        this.local = local;
        this.nanoTime = nanoTime;
        this.limited = limited;
    }

    @Override
    public CreateSessionResponse onCreateSession(ServiceRequestContext context, CreateSessionRequest request)
            throws UaException {
        Connection connection = requireNonNull(Connection.of(context.getChannel()));
        endPending(connection);
        CreateSessionResponse response = milo.onCreateSession(context, request);
        synchronized (pending) {
            pending.put(
                    requireNonNull(response.getAuthenticationToken()),
                    new Pending(context, connection, nanoTime.getAsLong()));
        }
        return response;
    }

    @Override
    public ActivateSessionResponse onActivateSession(ServiceRequestContext context, ActivateSessionRequest request)
            throws UaException {
        ActivateSessionResponse response = milo.onActivateSession(context, request);
        synchronized (pending) {
            pending.remove(request.getRequestHeader().getAuthenticationToken());
        }
        Session session = server.getSessionManager().getSession(context, request.getRequestHeader());
        takePlace(session, requireNonNull(Connection.of(context.getChannel())));
        return response;
    }

    @Override
    public CloseSessionResponse onCloseSession(ServiceRequestContext context, CloseSessionRequest request)
            throws UaException {
        synchronized (pending) {
            pending.remove(request.getRequestHeader().getAuthenticationToken());
        }
        return milo.onCloseSession(context, request);
    }

    @Override
    public CancelResponse onCancel(ServiceRequestContext context, CancelRequest request) throws UaException {
        return milo.onCancel(context, request);
    }

    /** About once a second: ends what nobody logged in to, and subscriptions nobody took over. */
    void refresh() {
        List<Map.Entry<NodeId, Pending>> overdue = new ArrayList<>();
        synchronized (pending) {
            for (Map.Entry<NodeId, Pending> entry : pending.entrySet()) {
                if (nanoTime.getAsLong() - entry.getValue().since() >= PENDING_NS) {
                    overdue.add(Map.entry(entry.getKey(), entry.getValue()));
                }
            }
            overdue.forEach(entry -> pending.remove(entry.getKey()));
        }
        overdue.forEach(entry -> end(entry.getKey(), entry.getValue()));
        orphans.forEach((subscription, since) -> {
            if (nanoTime.getAsLong() - since >= ORPHAN_NS && orphans.remove(subscription) != null) {
                delete(subscription);
            }
        });
    }

    int pending() {
        synchronized (pending) {
            return pending.size();
        }
    }

    int active() {
        return shares.size();
    }

    /** Makes room for one more that is not activated. */
    private void endPending(Connection connection) {
        Map.Entry<NodeId, Pending> victim;
        synchronized (pending) {
            Map<Origin, Integer> counts = new HashMap<>();
            Map<Connection, Integer> ofConnection = new HashMap<>();
            pending.values().forEach(one -> {
                counts.merge(one.connection().origin, 1, Integer::sum);
                ofConnection.merge(one.connection(), 1, Integer::sum);
            });
            Predicate<Connection> crowd;
            if (ofConnection.getOrDefault(connection, 0) >= PENDING_OF_CONNECTION) {
                crowd = connection::equals;
            } else if (counts.getOrDefault(connection.origin, 0) >= PENDING_OF_ADDRESS) {
                crowd = other -> other.origin.equals(connection.origin);
            } else if (pending.size() >= PENDING) {
                int most = Collections.max(counts.values());
                crowd = other -> counts.get(other.origin) == most;
            } else {
                return;
            }
            // without security first, then whose connection has more of them, then the oldest
            victim = pending.entrySet().stream()
                    .filter(entry -> crowd.test(entry.getValue().connection()))
                    .min(Comparator.<Map.Entry<NodeId, Pending>, Boolean>comparing(
                                    entry -> entry.getValue().secured())
                            .thenComparing(
                                    entry -> -ofConnection.get(entry.getValue().connection()))
                            .thenComparingLong(entry -> entry.getValue().since()))
                    .map(entry -> Map.entry(entry.getKey(), entry.getValue()))
                    .orElseThrow();
            pending.remove(victim.getKey());
        }
        Origin origin = victim.getValue().connection().origin;
        limited.tell(
                "sessions without a log-in",
                origin.name(),
                "more than " + PENDING_OF_CONNECTION + " sessions without a log-in on one connection, "
                        + PENDING_OF_ADDRESS + " from one address, or " + PENDING + " in all, the last from " + origin
                        + ": one of them is ended for each that comes");
        end(victim.getKey(), victim.getValue());
    }

    /** In the name of the client that created it. */
    private void end(NodeId token, Pending one) {
        try {
            milo.onCloseSession(
                    one.context(),
                    new CloseSessionRequest(
                            new RequestHeader(token, DateTime.now(), uint(0), uint(0), null, uint(0), null), true));
        } catch (UaException e) {
            LOG.debug("a session without a log-in had ended already", e);
        }
    }

    private void takePlace(Session session, Connection connection) throws UaException {
        NodeId id = session.getSessionId();
        UserValidator.Admitted admitted = UserValidator.admitted(session);
        boolean operator = admitted != null && Permission.SET_MODE.allows(admitted.actor(), true);
        String user = admitted == null
                ? "anonymous at " + connection.origin
                : admitted.actor().name();
        boolean isLocal = connection.address != null && local.test(connection.address);
        Optional<Place<NodeId>> before = shares.of(id);
        if (before.isPresent()) { // on another connection, or as another user
            shares.leave(id);
        }
        Taken<NodeId> taken = shares.take(new Place<>(id, user, connection.origin, operator, isLocal, () -> {
            Connection now = connectionOf.get(id);
            return now != null && now.open();
        }));
        if (taken.refusal() != null) {
            limited.tell(
                    "sessions",
                    user + " at " + connection.origin,
                    "log-in of " + user + " from " + connection.origin + " refused: " + taken.refusal()
                            + "; close sessions, or raise the limit");
            server.getSessionManager().killSession(id, true);
            throw new UaException(StatusCodes.Bad_TooManySessions, taken.refusal());
        }
        connection.sessionActivated(operator);
        Connection old = connectionOf.put(id, connection);
        if (old == null) {
            session.addLifecycleListener(this::ended);
        } else {
            old.sessionEnded();
        }
        if (operator) {
            connections.operatorAt(connection.origin);
        }
        NodeId evicted = taken.ended();
        if (evicted != null) {
            LOG.info(
                    "session {} ended: its connection is gone, and {} from {} needs the place",
                    evicted,
                    user,
                    connection.origin);
            server.getSessionManager().killSession(evicted, true);
        }
    }

    /**
     * Makes room for items of a live session: ends the sessions of its user, and if it is an operator's those of readers, that have
     * lost their connection, and subscriptions they left. A client that died is not waited for, the same as at a log-in.
     *
     * @return whether there was one.
     */
    boolean endGone(Session asking) {
        String user = user(asking);
        boolean operator = operator(asking);
        Predicate<Session> gives =
                other -> other != asking && (user(other).equals(user) || (operator && !operator(other)));
        boolean ended = false;
        for (Session session : server.getSessionManager().getAllSessions()) {
            Connection connection = connectionOf.get(session.getSessionId());
            if (connection != null && !connection.open() && gives.test(session)) {
                LOG.info(
                        "session {} of {} ended: its connection is gone, and {} needs the place of its items",
                        session.getSessionId(),
                        user(session),
                        user);
                server.getSessionManager().killSession(session.getSessionId(), true);
                ended = true;
            }
        }
        for (Subscription subscription : List.copyOf(orphans.keySet())) {
            if (gives.test(subscription.getSession()) && orphans.remove(subscription) != null) {
                delete(subscription);
                ended = true;
            }
        }
        return ended;
    }

    /** Told by Milo, once, for every session that was activated. */
    private void ended(Session session, boolean subscriptionsDeleted) {
        shares.leave(session.getSessionId());
        Connection connection = connectionOf.remove(session.getSessionId());
        if (connection != null) {
            connection.sessionEnded();
        }
        if (subscriptionsDeleted) {
            return;
        }
        boolean asked = connection != null && connection.open();
        for (Subscription subscription : server.getSubscriptions().values()) {
            if (subscription.getSession() == session) {
                if (asked && orphans.size() < ORPHANS) {
                    orphans.put(subscription, nanoTime.getAsLong());
                } else {
                    delete(subscription);
                }
            }
        }
    }

    /** Unless another session has taken it over. Milo deletes only what belongs to a manager, so it is given back first. */
    private void delete(Subscription subscription) {
        UInteger id = subscription.getId();
        if (server.getSubscriptions().get(id) != subscription
                || connectionOf.containsKey(subscription.getSession().getSessionId())) {
            return;
        }
        subscription.getSubscriptionManager().addSubscription(subscription);
        var unused = subscription
                .getSubscriptionManager()
                .deleteSubscriptions(new DeleteSubscriptionsRequest(
                        new RequestHeader(NodeId.NULL_VALUE, DateTime.now(), uint(0), uint(0), null, uint(0), null),
                        new UInteger[] {id}));
    }

    /** The name items and subscriptions are counted under; of a session that has ended as well. */
    static String user(Session session) {
        UserValidator.Admitted admitted = UserValidator.admitted(session);
        return admitted == null
                ? "anonymous at " + Origin.of(session.getClientAddress())
                : admitted.actor().name();
    }

    static boolean operator(Session session) {
        UserValidator.@Nullable Admitted admitted = UserValidator.admitted(session);
        return admitted != null && Permission.SET_MODE.allows(admitted.actor(), true);
    }
}
