// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static java.util.Objects.requireNonNull;

import java.net.InetAddress;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.ServiceSets;
import org.eclipse.milo.opcua.sdk.server.servicesets.AttributeServiceSet;
import org.eclipse.milo.opcua.sdk.server.servicesets.MonitoredItemServiceSet;
import org.eclipse.milo.opcua.sdk.server.servicesets.SessionServiceSet;
import org.eclipse.milo.opcua.sdk.server.servicesets.SubscriptionServiceSet;
import org.eclipse.milo.opcua.sdk.server.servicesets.ViewServiceSet;
import org.eclipse.milo.opcua.sdk.server.servicesets.impl.DefaultMonitoredItemServiceSet;
import org.eclipse.milo.opcua.sdk.server.servicesets.impl.DefaultSessionServiceSet;
import org.eclipse.milo.opcua.sdk.server.servicesets.impl.DefaultSubscriptionServiceSet;
import org.eclipse.milo.opcua.sdk.server.servicesets.impl.DefaultViewServiceSet;
import org.eclipse.milo.opcua.stack.core.AttributeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.structured.ReadValueId;
import org.jspecify.annotations.Nullable;

/** Milo's services with our bounds around those that make something that stays. Milo asks once for each. */
final class Bounded implements ServiceSets {
    /** A value of a node that is not ours, mostly a text of Milo's own description of the server. */
    private static final long FOREIGN_BYTES = 1_024;

    private final Settings settings;
    private final Connections connections;
    private final Predicate<InetAddress> local;
    private final LongSupplier nanoTime;
    private final Limited limited;
    private final RefusedWrites writes;
    private @Nullable Sessions sessions;
    private @Nullable Subscriptions subscriptions;
    private @Nullable Items items;

    Bounded(
            Settings settings,
            Connections connections,
            Predicate<InetAddress> local,
            LongSupplier nanoTime,
            Limited limited,
            RefusedWrites writes) {
        this.settings = settings;
        this.connections = connections;
        this.local = local;
        this.nanoTime = nanoTime;
        this.limited = limited;
        this.writes = writes;
    }

    @Override
    public AttributeServiceSet createAttributeServiceSet(OpcUaServer server) {
        return writes.createAttributeServiceSet(server);
    }

    @Override
    public SessionServiceSet createSessionServiceSet(OpcUaServer server) {
        sessions = new Sessions(
                server,
                new DefaultSessionServiceSet(server),
                new SessionShares<NodeId>(settings.maxSessions(), settings.shares()),
                connections,
                local,
                nanoTime,
                limited);
        return sessions;
    }

    @Override
    public SubscriptionServiceSet createSubscriptionServiceSet(OpcUaServer server) {
        subscriptions = new Subscriptions(
                server, new DefaultSubscriptionServiceSet(server), settings.maxSubscriptionsPerSession());
        return subscriptions;
    }

    @Override
    public ViewServiceSet createViewServiceSet(OpcUaServer server) {
        return new Views(server, new DefaultViewServiceSet(server));
    }

    @Override
    public MonitoredItemServiceSet createMonitoredItemServiceSet(OpcUaServer server) {
        items = new Items(
                server,
                new DefaultMonitoredItemServiceSet(server),
                settings,
                wanted -> valueBytes(server, wanted),
                session -> sessions().endGone(session),
                limited);
        return items;
    }

    /** About once a second. */
    void refresh() {
        sessions().refresh();
        subscriptions().refresh();
    }

    Sessions sessions() {
        return requireNonNull(sessions);
    }

    Subscriptions subscriptions() {
        return requireNonNull(subscriptions);
    }

    Items items() {
        return requireNonNull(items);
    }

    private static long valueBytes(OpcUaServer server, ReadValueId wanted) {
        NodeId id = requireNonNull(wanted.getNodeId());
        if (!AttributeId.Value.uid().equals(wanted.getAttributeId())) {
            return FOREIGN_BYTES;
        }
        return server.getAddressSpaceManager()
                .getManagedNode(id)
                .map(node -> node instanceof PushNode pushed ? pushed.valueBytes() : FOREIGN_BYTES)
                .orElse(FOREIGN_BYTES);
    }
}
