// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static java.util.Objects.requireNonNullElse;

import java.util.Comparator;
import java.util.Iterator;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.Session;
import org.eclipse.milo.opcua.sdk.server.servicesets.ViewServiceSet;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.structured.BrowseDescription;
import org.eclipse.milo.opcua.stack.core.types.structured.BrowseNextRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.BrowseNextResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.BrowseRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.BrowseResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.RegisterNodesRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.RegisterNodesResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.TranslateBrowsePathsToNodeIdsRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.TranslateBrowsePathsToNodeIdsResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.UnregisterNodesRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.UnregisterNodesResponse;
import org.eclipse.milo.opcua.stack.transport.server.ServiceRequestContext;

/**
 * Browsing as Milo does it, which describes all references of all nodes asked for before it divides them: so many nodes at a time
 * that these are bounded, and few continuation points (Part 4 §7.9), each of which holds the rest of a node.
 */
final class Views implements ViewServiceSet {
    static final int REFERENCES = 50_000;
    static final int CONTINUATION_POINTS = 16;

    private final OpcUaServer server;
    private final ViewServiceSet milo;

    Views(OpcUaServer server, ViewServiceSet milo) {
        this.server = server;
        this.milo = milo;
    }

    /** One at a time, so that the bound is one for all. */
    @Override
    public synchronized BrowseResponse onBrowse(ServiceRequestContext context, BrowseRequest request)
            throws UaException {
        long references = 0;
        for (BrowseDescription wanted : requireNonNullElse(request.getNodesToBrowse(), new BrowseDescription[0])) {
            NodeId id = requireNonNullElse(wanted.getNodeId(), NodeId.NULL_VALUE);
            references +=
                    server.getAddressSpaceManager().getManagedReferences(id).size();
            if (references > REFERENCES) {
                throw new UaException(
                        StatusCodes.Bad_TooManyOperations,
                        "the nodes have more than " + REFERENCES + " references together; browse fewer at a time");
            }
        }
        BrowseResponse response = milo.onBrowse(context, request);
        while (continuationPoints() > CONTINUATION_POINTS) {
            server.getSessionManager().getAllSessions().stream()
                    .max(Comparator.comparingInt(
                            session -> session.getBrowseContinuationPoints().size()))
                    .ifPresent(Views::dropOne);
        }
        return response;
    }

    int continuationPoints() {
        int points = 0;
        for (Session session : server.getSessionManager().getAllSessions()) {
            points += session.getBrowseContinuationPoints().size();
        }
        return points;
    }

    private static void dropOne(Session session) {
        Iterator<?> points = session.getBrowseContinuationPoints().keySet().iterator();
        if (points.hasNext()) {
            points.next();
            points.remove();
        }
    }

    @Override
    public BrowseNextResponse onBrowseNext(ServiceRequestContext context, BrowseNextRequest request)
            throws UaException {
        return milo.onBrowseNext(context, request);
    }

    @Override
    public TranslateBrowsePathsToNodeIdsResponse onTranslateBrowsePaths(
            ServiceRequestContext context, TranslateBrowsePathsToNodeIdsRequest request) throws UaException {
        return milo.onTranslateBrowsePaths(context, request);
    }

    @Override
    public RegisterNodesResponse onRegisterNodes(ServiceRequestContext context, RegisterNodesRequest request)
            throws UaException {
        return milo.onRegisterNodes(context, request);
    }

    @Override
    public UnregisterNodesResponse onUnregisterNodes(ServiceRequestContext context, UnregisterNodesRequest request)
            throws UaException {
        return milo.onUnregisterNodes(context, request);
    }
}
