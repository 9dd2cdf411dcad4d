// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static java.util.Objects.requireNonNullElse;
import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.Session;
import org.eclipse.milo.opcua.sdk.server.items.BaseMonitoredItem;
import org.eclipse.milo.opcua.sdk.server.servicesets.MonitoredItemServiceSet;
import org.eclipse.milo.opcua.sdk.server.subscriptions.Subscription;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.DiagnosticInfo;
import org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateMonitoredItemsRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateMonitoredItemsResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.DeleteMonitoredItemsRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.DeleteMonitoredItemsResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.ModifyMonitoredItemsRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.ModifyMonitoredItemsResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.MonitoredItemCreateRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.MonitoredItemCreateResult;
import org.eclipse.milo.opcua.stack.core.types.structured.MonitoredItemModifyRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.MonitoringParameters;
import org.eclipse.milo.opcua.stack.core.types.structured.ReadValueId;
import org.eclipse.milo.opcua.stack.core.types.structured.ResponseHeader;
import org.eclipse.milo.opcua.stack.core.types.structured.SetMonitoringModeRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.SetMonitoringModeResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.SetTriggeringRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.SetTriggeringResponse;
import org.eclipse.milo.opcua.stack.transport.server.ServiceRequestContext;

/**
 * Monitored items within {@link ItemShares}, of whatever node: a queue that does not fit is revised (Part 4 §5.13.2), an item
 * that does not fit gets BadTooManyMonitoredItems, once sessions without a connection have given way. What is held is counted anew from the items that are there each time, so no
 * way in which an item may go is missed.
 */
final class Items implements MonitoredItemServiceSet {
    /** Texts of one subscription, all queues full: one notification may carry all of them. */
    static final long TEXT_BYTES = 1 << 20;

    private static final MonitoredItemCreateResult[] NOTHING = {};
    private static final MonitoredItemCreateResult REFUSED = new MonitoredItemCreateResult(
            new StatusCode(StatusCodes.Bad_TooManyMonitoredItems), uint(0), 0.0, uint(0), null);

    private final OpcUaServer server;
    private final MonitoredItemServiceSet milo;
    private final Settings settings;
    private final ToLongFunction<ReadValueId> valueBytes;
    private final Predicate<Session> makesRoom;
    private final Limited limited;

    /**
     * @param valueBytes what one value of a node takes, at least; see {@link ItemShares#NUMBER_BYTES}.
     * @param makesRoom ends what gives way to items of this session; false if nothing did.
     */
    Items(
            OpcUaServer server,
            MonitoredItemServiceSet milo,
            Settings settings,
            ToLongFunction<ReadValueId> valueBytes,
            Predicate<Session> makesRoom,
            Limited limited) {
        this.server = server;
        this.milo = milo;
        this.settings = settings;
        this.valueBytes = valueBytes;
        this.makesRoom = makesRoom;
        this.limited = limited;
    }

    /** One at a time, because the next may only have what this one leaves. */
    @Override
    public synchronized CreateMonitoredItemsResponse onCreateMonitoredItems(
            ServiceRequestContext context, CreateMonitoredItemsRequest request) throws UaException {
        MonitoredItemCreateRequest[] wanted =
                requireNonNullElse(request.getItemsToCreate(), new MonitoredItemCreateRequest[0]);
        Session session = server.getSessionManager().getSession(context, request.getRequestHeader());
        List<MonitoredItemCreateRequest> granted = new ArrayList<>(wanted.length);
        boolean[] fits = new boolean[wanted.length];
        grant(session, request, wanted, granted, fits);
        if (granted.size() < wanted.length && makesRoom.test(session)) {
            granted.clear();
            grant(session, request, wanted, granted, fits);
        }
        if (granted.size() < wanted.length) {
            tell(session, wanted.length - granted.size());
        }
        if (granted.size() == wanted.length) {
            return milo.onCreateMonitoredItems(context, with(request, granted));
        }
        MonitoredItemCreateResult[] made = NOTHING;
        if (!granted.isEmpty()) {
            made = requireNonNullElse(
                    milo.onCreateMonitoredItems(context, with(request, granted)).getResults(), NOTHING);
        } else if (session.getSubscriptionManager().getSubscription(request.getSubscriptionId()) == null) {
            throw new UaException(StatusCodes.Bad_SubscriptionIdInvalid);
        } else if (request.getTimestampsToReturn() == null) {
            throw new UaException(StatusCodes.Bad_TimestampsToReturnInvalid);
        }
        return answer(request, made, fits);
    }

    private void grant(
            Session session,
            CreateMonitoredItemsRequest request,
            MonitoredItemCreateRequest[] wanted,
            List<MonitoredItemCreateRequest> granted,
            boolean[] fits) {
        ItemShares shares = held();
        long texts = texts(request.getSubscriptionId());
        for (int i = 0; i < wanted.length; i++) {
            MonitoringParameters asked = wanted[i].getRequestedParameters();
            long value = valueBytes.applyAsLong(wanted[i].getItemToMonitor());
            long queue = revised(asked.getQueueSize(), value, texts);
            queue = queue == 0
                    ? 0
                    : shares.grant(Sessions.user(session), Sessions.operator(session), queue, value, wanted.length - i);
            fits[i] = queue > 0;
            if (fits[i]) {
                texts += text(value) * queue;
                granted.add(new MonitoredItemCreateRequest(
                        wanted[i].getItemToMonitor(), wanted[i].getMonitoringMode(), with(asked, queue)));
            }
        }
    }

    private static CreateMonitoredItemsRequest with(
            CreateMonitoredItemsRequest request, List<MonitoredItemCreateRequest> items) {
        return new CreateMonitoredItemsRequest(
                request.getRequestHeader(),
                request.getSubscriptionId(),
                request.getTimestampsToReturn(),
                items.toArray(MonitoredItemCreateRequest[]::new));
    }

    /** What Milo made of those that fit, and a refusal in the place of each that did not. */
    private static CreateMonitoredItemsResponse answer(
            CreateMonitoredItemsRequest request, MonitoredItemCreateResult[] made, boolean[] fits) {
        MonitoredItemCreateResult[] results = new MonitoredItemCreateResult[fits.length];
        int next = 0;
        for (int i = 0; i < fits.length; i++) {
            results[i] = fits[i] ? made[next++] : REFUSED;
        }
        ResponseHeader header = new ResponseHeader(
                DateTime.now(), request.getRequestHeader().getRequestHandle(), StatusCode.GOOD, null, null, null);
        return new CreateMonitoredItemsResponse(header, results, new DiagnosticInfo[0]);
    }

    @Override
    public synchronized ModifyMonitoredItemsResponse onModifyMonitoredItems(
            ServiceRequestContext context, ModifyMonitoredItemsRequest request) throws UaException {
        MonitoredItemModifyRequest[] wanted =
                requireNonNullElse(request.getItemsToModify(), new MonitoredItemModifyRequest[0]);
        Session session = server.getSessionManager().getSession(context, request.getRequestHeader());
        Subscription subscription = session.getSubscriptionManager().getSubscription(request.getSubscriptionId());
        if (subscription == null) {
            return milo.onModifyMonitoredItems(context, request);
        }
        ItemShares shares = held();
        long texts = texts(request.getSubscriptionId());
        MonitoredItemModifyRequest[] revised = new MonitoredItemModifyRequest[wanted.length];
        for (int i = 0; i < wanted.length; i++) {
            BaseMonitoredItem<?> item = subscription.getMonitoredItems().get(wanted[i].getMonitoredItemId());
            revised[i] = wanted[i];
            if (item == null) {
                continue;
            }
            long value = valueBytes.applyAsLong(item.getReadValueId());
            MonitoringParameters asked = wanted[i].getRequestedParameters();
            String user = Sessions.user(session);
            shares.hold(user, item.getQueueSize(), value, -1);
            texts -= text(value) * item.getQueueSize();
            long queue = revised(asked.getQueueSize(), value, texts);
            queue = queue == 0 ? 0 : shares.grant(user, Sessions.operator(session), queue, value, 1);
            if (queue == 0) { // nothing more to be had: as it is, or shorter
                queue = Math.min(Math.max(1, asked.getQueueSize().longValue()), item.getQueueSize());
                shares.hold(user, queue, value, 1);
            }
            texts += text(value) * queue;
            revised[i] = new MonitoredItemModifyRequest(wanted[i].getMonitoredItemId(), with(asked, queue));
        }
        return milo.onModifyMonitoredItems(
                context,
                new ModifyMonitoredItemsRequest(
                        request.getRequestHeader(),
                        request.getSubscriptionId(),
                        request.getTimestampsToReturn(),
                        revised));
    }

    @Override
    public DeleteMonitoredItemsResponse onDeleteMonitoredItems(
            ServiceRequestContext context, DeleteMonitoredItemsRequest request) throws UaException {
        return milo.onDeleteMonitoredItems(context, request);
    }

    @Override
    public SetMonitoringModeResponse onSetMonitoringMode(
            ServiceRequestContext context, SetMonitoringModeRequest request) throws UaException {
        return milo.onSetMonitoringMode(context, request);
    }

    @Override
    public SetTriggeringResponse onSetTriggering(ServiceRequestContext context, SetTriggeringRequest request)
            throws UaException {
        return milo.onSetTriggering(context, request);
    }

    /** All items that are there, those of sessions that have ended as well. */
    ItemShares held() {
        ItemShares shares = new ItemShares(settings.shares().queueBytes(), settings.maxMonitoredItems());
        for (Subscription subscription : server.getSubscriptions().values()) {
            String user = Sessions.user(subscription.getSession());
            for (BaseMonitoredItem<?> item : subscription.getMonitoredItems().values()) {
                shares.hold(user, item.getQueueSize(), valueBytes.applyAsLong(item.getReadValueId()), 1);
            }
        }
        return shares;
    }

    private long texts(UInteger subscriptionId) {
        Subscription subscription = server.getSubscriptions().get(subscriptionId);
        long bytes = 0;
        if (subscription != null) {
            for (BaseMonitoredItem<?> item : subscription.getMonitoredItems().values()) {
                bytes += text(valueBytes.applyAsLong(item.getReadValueId())) * item.getQueueSize();
            }
        }
        return bytes;
    }

    /** What is asked for, within the longest queue and what the texts of a subscription may take; 0 if nothing fits. */
    private long revised(UInteger asked, long value, long texts) {
        long queue = Math.max(1, Math.min(asked.longValue(), settings.maxQueueSize()));
        return text(value) == 0 ? queue : Math.min(queue, Math.max(0, TEXT_BYTES - texts) / value);
    }

    /** Numbers are bounded by their count; see {@link Subscriptions}. */
    private static long text(long value) {
        return value <= ItemShares.NUMBER_BYTES ? 0 : value;
    }

    private static MonitoringParameters with(MonitoringParameters asked, long queue) {
        return new MonitoringParameters(
                asked.getClientHandle(),
                asked.getSamplingInterval(),
                asked.getFilter(),
                uint(queue),
                asked.getDiscardOldest());
    }

    private void tell(Session session, int refused) {
        String user = Sessions.user(session);
        limited.tell(
                "monitored items",
                user,
                refused + " monitored items of " + user + " at " + session.getClientAddress()
                        + " refused: all items and queues together may take "
                        + settings.shares().queueBytes() / (1 << 20) + " MB (queueMemoryMb) and be "
                        + settings.maxMonitoredItems()
                        + " (maxMonitoredItems), half of it for one user and a quarter kept for operators, and the"
                        + " texts of one subscription " + (TEXT_BYTES >> 20)
                        + " MB; ask for shorter queues or fewer items, or raise these limits");
    }
}
