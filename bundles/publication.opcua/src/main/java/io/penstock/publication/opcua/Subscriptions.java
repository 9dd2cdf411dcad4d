// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static java.util.Objects.requireNonNullElse;
import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;

import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.Session;
import org.eclipse.milo.opcua.sdk.server.servicesets.SubscriptionServiceSet;
import org.eclipse.milo.opcua.sdk.server.subscriptions.Subscription;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.builtin.ByteString;
import org.eclipse.milo.opcua.stack.core.types.builtin.ExtensionObject;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateSubscriptionRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateSubscriptionResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.DeleteSubscriptionsRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.DeleteSubscriptionsResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.ModifySubscriptionRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.ModifySubscriptionResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.NotificationMessage;
import org.eclipse.milo.opcua.stack.core.types.structured.PublishRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.PublishResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.RepublishRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.RepublishResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.SetPublishingModeRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.SetPublishingModeResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.TransferSubscriptionsRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.TransferSubscriptionsResponse;
import org.eclipse.milo.opcua.stack.transport.server.ServiceRequestContext;

/**
 * Subscriptions as Milo makes them, with bounded notifications: in one answer by number, and those that are kept for Republish
 * by bytes, where Milo keeps 1024 of any size for each subscription. What is dropped is BadMessageNotAvailable (Part 4
 * §5.14.6). Thread-safe.
 */
final class Subscriptions implements SubscriptionServiceSet {
    static final long NOTIFICATIONS = 1_000;
    static final long RETAINED_BYTES = 4 << 20;
    static final long RETAINED_BYTES_OF_ONE = 512 << 10;
    private static final int MESSAGE_BYTES = 256;

    private final OpcUaServer server;
    private final SubscriptionServiceSet milo;
    private final int perSession;
    private final Retained retained = new Retained(RETAINED_BYTES, RETAINED_BYTES_OF_ONE);

    Subscriptions(OpcUaServer server, SubscriptionServiceSet milo, int perSession) {
        this.server = server;
        this.milo = milo;
        this.perSession = perSession;
    }

    @Override
    public CreateSubscriptionResponse onCreateSubscription(
            ServiceRequestContext context, CreateSubscriptionRequest request) throws UaException {
        return milo.onCreateSubscription(
                context,
                new CreateSubscriptionRequest(
                        request.getRequestHeader(),
                        request.getRequestedPublishingInterval(),
                        request.getRequestedLifetimeCount(),
                        request.getRequestedMaxKeepAliveCount(),
                        notifications(request.getMaxNotificationsPerPublish()),
                        request.getPublishingEnabled(),
                        request.getPriority()));
    }

    @Override
    public ModifySubscriptionResponse onModifySubscription(
            ServiceRequestContext context, ModifySubscriptionRequest request) throws UaException {
        return milo.onModifySubscription(
                context,
                new ModifySubscriptionRequest(
                        request.getRequestHeader(),
                        request.getSubscriptionId(),
                        request.getRequestedPublishingInterval(),
                        request.getRequestedLifetimeCount(),
                        request.getRequestedMaxKeepAliveCount(),
                        notifications(request.getMaxNotificationsPerPublish()),
                        request.getPriority()));
    }

    @Override
    public DeleteSubscriptionsResponse onDeleteSubscriptions(
            ServiceRequestContext context, DeleteSubscriptionsRequest request) throws UaException {
        return milo.onDeleteSubscriptions(context, request);
    }

    @Override
    public TransferSubscriptionsResponse onTransferSubscriptions(
            ServiceRequestContext context, TransferSubscriptionsRequest request) throws UaException {
        Session session = server.getSessionManager().getSession(context, request.getRequestHeader());
        int wanted = requireNonNullElse(request.getSubscriptionIds(), new UInteger[0]).length;
        if (session.getSubscriptionManager().getSubscriptions().size() + wanted > perSession) {
            throw new UaException(StatusCodes.Bad_TooManySubscriptions);
        }
        return milo.onTransferSubscriptions(context, request);
    }

    @Override
    public SetPublishingModeResponse onSetPublishingMode(
            ServiceRequestContext context, SetPublishingModeRequest request) throws UaException {
        return milo.onSetPublishingMode(context, request);
    }

    @Override
    public RepublishResponse onRepublish(ServiceRequestContext context, RepublishRequest request) throws UaException {
        return milo.onRepublish(context, request);
    }

    @Override
    public CompletableFuture<PublishResponse> onPublish(ServiceRequestContext context, PublishRequest request) {
        return milo.onPublish(context, request).thenApply(this::retain);
    }

    /** About once a second: forgets subscriptions that have gone. */
    void refresh() {
        retained.keepOnly(server.getSubscriptions().keySet());
    }

    long retainedBytes() {
        return retained.bytes();
    }

    private PublishResponse retain(PublishResponse response) {
        UInteger id = response.getSubscriptionId();
        Subscription subscription = server.getSubscriptions().get(id);
        NotificationMessage message = response.getNotificationMessage();
        if (subscription != null && message.getNotificationData() != null && message.getNotificationData().length > 0) {
            Set<UInteger> there = Set.of(subscription.getAvailableSequenceNumbers());
            retained.add(id, message.getSequenceNumber(), bytes(message), there).forEach((of, number) -> {
                Subscription dropping = server.getSubscriptions().get(of);
                if (dropping != null) {
                    number.forEach(dropping::acknowledge);
                }
            });
        }
        return response;
    }

    private static long bytes(NotificationMessage message) {
        long bytes = MESSAGE_BYTES;
        for (ExtensionObject data : message.getNotificationData()) {
            bytes += data.getBody() instanceof ByteString body ? body.length() : MESSAGE_BYTES;
        }
        return bytes;
    }

    private static UInteger notifications(UInteger asked) {
        return asked.longValue() == 0 || asked.longValue() > NOTIFICATIONS ? uint(NOTIFICATIONS) : asked;
    }

    /** Which messages are kept for Republish, and which have to go, the oldest of the largest first. Thread-safe. */
    static final class Retained {
        private final long most;
        private final long mostOfOne;
        private final Map<UInteger, Kept> kept = new HashMap<>();
        private long bytes;

        /** Messages of one subscription by number, with their size. */
        private static final class Kept {
            final NavigableMap<UInteger, Long> messages = new TreeMap<>();
            long bytes;
        }

        Retained(long most, long mostOfOne) {
            this.most = most;
            this.mostOfOne = mostOfOne;
        }

        /**
         * @param there which of this subscription are there still; the others were acknowledged.
         * @return what has to be dropped, by subscription.
         */
        synchronized Map<UInteger, Set<UInteger>> add(
                UInteger subscription, UInteger number, long size, Set<UInteger> there) {
            Kept mine = kept.computeIfAbsent(subscription, id -> new Kept());
            for (UInteger each : List.copyOf(mine.messages.keySet())) {
                if (!there.contains(each)) {
                    remove(mine, each);
                }
            }
            remove(mine, number);
            mine.messages.put(number, size);
            mine.bytes += size;
            bytes += size;
            Map<UInteger, Set<UInteger>> dropped = new HashMap<>();
            while (mine.bytes > mostOfOne && mine.messages.size() > 1) {
                drop(subscription, mine, dropped);
            }
            while (bytes > most) {
                Map.Entry<UInteger, Kept> largest = kept.entrySet().stream()
                        .max(Comparator.comparingLong(entry -> entry.getValue().bytes))
                        .orElseThrow();
                drop(largest.getKey(), largest.getValue(), dropped);
            }
            return dropped;
        }

        synchronized void keepOnly(Set<UInteger> subscriptions) {
            kept.entrySet().removeIf(entry -> {
                boolean gone = !subscriptions.contains(entry.getKey());
                bytes -= gone ? entry.getValue().bytes : 0;
                return gone;
            });
        }

        synchronized long bytes() {
            return bytes;
        }

        private void drop(UInteger subscription, Kept of, Map<UInteger, Set<UInteger>> dropped) {
            UInteger oldest = of.messages.firstKey();
            remove(of, oldest);
            dropped.computeIfAbsent(subscription, id -> new HashSet<>()).add(oldest);
        }

        private void remove(Kept from, UInteger number) {
            Long size = from.messages.remove(number);
            if (size != null) {
                from.bytes -= size;
                bytes -= size;
            }
        }
    }
}
