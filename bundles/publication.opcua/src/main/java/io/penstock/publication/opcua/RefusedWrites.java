// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.audit.AuditRecord;
import io.penstock.api.audit.AuditTrail;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.ServiceSets;
import org.eclipse.milo.opcua.sdk.server.Session;
import org.eclipse.milo.opcua.sdk.server.servicesets.AttributeServiceSet;
import org.eclipse.milo.opcua.sdk.server.servicesets.impl.DefaultAttributeServiceSet;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode;
import org.eclipse.milo.opcua.stack.core.types.structured.WriteRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.WriteResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.WriteValue;
import org.eclipse.milo.opcua.stack.transport.server.ServiceRequestContext;

/** Has every attempt of a client to write in the audit: nothing here can be written, so each of them was refused. */
final class RefusedWrites implements ServiceSets {
    private static final int NODE_SHOWN = 200;

    private final AuditTrail trail;

    RefusedWrites(AuditTrail trail) {
        this.trail = trail;
    }

    @Override
    public AttributeServiceSet createAttributeServiceSet(OpcUaServer server) {
        return new DefaultAttributeServiceSet(server) {
            @Override
            public WriteResponse onWrite(ServiceRequestContext context, WriteRequest request) throws UaException {
                WriteResponse response = super.onWrite(context, request);
                StatusCode[] results = response.getResults();
                WriteValue[] values = request.getNodesToWrite();
                if (results != null && values != null) {
                    Session session = server.getSessionManager().getSession(context, request.getRequestHeader());
                    for (int i = 0; i < Math.min(results.length, values.length); i++) {
                        if (results[i] != null && results[i].isBad()) {
                            tell(session, values[i], results[i]);
                        }
                    }
                }
                return response;
            }
        };
    }

    private void tell(Session session, WriteValue value, StatusCode status) {
        UserValidator.Admitted admitted = UserValidator.admitted(session);
        String who = admitted == null ? "anonymous" : admitted.actor().name();
        String where = admitted == null
                ? UserValidator.origin(session.getClientAddress())
                : admitted.actor().origin();
        String node = String.valueOf(value.getNodeId().toParseableString()).replaceAll("\\p{C}", "?");
        String words = StatusCodes.lookup(status.value()).map(name -> name[0]).orElse(status.toString());
        trail.tally(AuditRecord.of(
                trail.nowNs(),
                who,
                where,
                "ACCESS_DENIED",
                node.length() <= NODE_SHOWN ? node : node.substring(0, NODE_SHOWN) + "…",
                "write refused: " + words));
    }
}
