// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.acquisition.ConnectionStatus;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.milo.opcua.sdk.server.nodes.UaNode;
import org.eclipse.milo.opcua.sdk.server.nodes.UaObjectNode;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The nodes of one connector: how its connection fares, and its tags, which follow the connector's samples. */
final class ConnectionNodes {
    private static final Logger LOG = LoggerFactory.getLogger(ConnectionNodes.class);

    private final ResultsNamespace namespace;
    private final TagSource source;
    private final UaObjectNode object;
    private final PushNode state;
    private final PushNode detail;
    private final PushNode warning;
    private final PushNode lastGood;
    private final PushNode reconnects;
    private final PushNode roundTrip;
    private final List<PushNode> fields;
    private final Map<TagId, PushNode> tags = new HashMap<>();
    private TagSource.@Nullable Subscription subscription;
    private volatile boolean inService = true;

    ConnectionNodes(ResultsNamespace namespace, UaNode connections, UaNode tagFolder, TagSource source) {
        this.namespace = namespace;
        this.source = source;
        String id = "Connections/" + source.name();
        object = namespace.object(connections, id, source.name(), "Connection " + source.name());
        state = namespace.variable(
                object, id + "/State", "State", NodeIds.String, "CONNECTING, CONNECTED, LOST or CLOSED");
        detail = namespace.variable(object, id + "/Detail", "Detail", NodeIds.String, "The last error and next step");
        warning = namespace.variable(object, id + "/Warning", "Warning", NodeIds.String, "What must stay visible");
        lastGood = namespace.variable(object, id + "/LastGood", "LastGood", NodeIds.UtcTime, "When data last arrived");
        reconnects = namespace.variable(object, id + "/Reconnects", "Reconnects", NodeIds.Int64, "Since start");
        roundTrip = namespace.variable(
                object, id + "/RoundTripMicros", "RoundTripMicros", NodeIds.Int64, "Median of the last requests");
        fields = List.of(state, detail, warning, lastGood, reconnects, roundTrip);
        for (TagDefinition definition : source.tags()) {
            for (int i = 0; i < definition.length(); i++) {
                tag(tagFolder, definition, i);
            }
        }
    }

    /** Follows the connector from now on, if it does not already. */
    void open() {
        if (subscription == null) {
            subscription = source.subscribe(this::onSample);
        }
    }

    TagSource source() {
        return source;
    }

    void refresh(long nowNs) {
        inService = true;
        ConnectionStatus connection = source.connection();
        state.change(Variant.ofString(connection.state().name()), nowNs);
        detail.change(Variant.ofString(connection.detail()), nowNs);
        warning.change(Variant.ofString(connection.warning()), nowNs);
        Instant good = connection.lastGood();
        if (good == null) {
            lastGood.bad(StatusCode.BAD_WAITING_FOR_INITIAL_DATA, nowNs);
        } else {
            lastGood.change(
                    Variant.ofDateTime(new org.eclipse.milo.opcua.stack.core.types.builtin.DateTime(good)), nowNs);
        }
        reconnects.change(Variant.ofInt64(connection.reconnects()), nowNs);
        roundTrip.change(Variant.ofInt64(connection.roundTripMicrosP50()), nowNs);
    }

    void outOfService(long nowNs) {
        inService = false;
        close();
        fields.forEach(node -> node.bad(StatusCode.BAD_OUT_OF_SERVICE, nowNs));
        tags.values().forEach(node -> node.bad(StatusCode.BAD_OUT_OF_SERVICE, nowNs));
    }

    void close() {
        TagSource.Subscription open = subscription;
        subscription = null;
        if (open != null) {
            open.close();
        }
    }

    /** The caller tells the orphans, once what comes instead is there. */
    void remove() {
        List<UaNode> all = new ArrayList<>(tags.values());
        all.add(object);
        all.forEach(namespace::remove);
    }

    private void tag(UaNode folder, TagDefinition definition, int index) {
        TagId tag = definition.element(index);
        String id = "Tags/" + tag.name();
        if (namespace.contains(id)) {
            LOG.warn("tag {} of connection {} is shown already; give one of them another name", tag, source.name());
            return;
        }
        Scaling scaling = definition.scaling();
        boolean scaled = !scaling.equals(Scaling.NONE);
        if (definition.dataType() == DataType.BOOL && !scaled) {
            tags.put(tag, namespace.variable(folder, id, tag.name(), NodeIds.Boolean, definition.description()));
            return;
        }
        tags.put(
                tag,
                namespace.analog(
                        folder,
                        id,
                        tag.name(),
                        definition.unit(),
                        scaled ? Math.min(scaling.low(), scaling.high()) : Double.NaN,
                        scaled ? Math.max(scaling.low(), scaling.high()) : Double.NaN,
                        definition.description()));
    }

    private void onSample(Sample sample) {
        PushNode node = tags.get(sample.tag());
        if (node != null && inService) {
            node.set(sample.value(), sample.status(), sample.sourceTimeNs());
        }
    }
}
