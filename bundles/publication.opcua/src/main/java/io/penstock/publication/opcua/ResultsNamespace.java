// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eclipse.milo.opcua.sdk.core.Reference;
import org.eclipse.milo.opcua.sdk.server.ManagedNamespaceWithLifecycle;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.items.DataItem;
import org.eclipse.milo.opcua.sdk.server.items.MonitoredItem;
import org.eclipse.milo.opcua.sdk.server.methods.AbstractMethodInvocationHandler;
import org.eclipse.milo.opcua.sdk.server.nodes.UaFolderNode;
import org.eclipse.milo.opcua.sdk.server.nodes.UaMethodNode;
import org.eclipse.milo.opcua.sdk.server.nodes.UaNode;
import org.eclipse.milo.opcua.sdk.server.nodes.UaObjectNode;
import org.eclipse.milo.opcua.stack.core.AttributeId;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.types.UaStructuredType;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.ExtensionObject;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.QualifiedName;
import org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.eclipse.milo.opcua.stack.core.types.enumerated.TimestampsToReturn;
import org.eclipse.milo.opcua.stack.core.types.structured.Range;
import org.eclipse.milo.opcua.stack.core.types.structured.ReadValueId;

/**
 * The nodes of the gateway, with string ids that never change. Monitored items belong to an id, not to a node: when a node
 * goes they are told BadNodeIdUnknown, and when one of the same id comes they go on.
 */
final class ResultsNamespace extends ManagedNamespaceWithLifecycle {
    static final String URI = "urn:penstock:gateway";

    private static final String RANGE = "EURange";

    private final Map<NodeId, List<DataItem>> items = new ConcurrentHashMap<>();
    private final int maxQueueSize;

    ResultsNamespace(OpcUaServer server, int maxQueueSize) {
        super(server, URI);
        this.maxQueueSize = maxQueueSize;
    }

    /** Who made these nodes and in which version (Part 5 §6.3.13); none of them is the same in every gateway. */
    void describe(String version) {
        UaObjectNode metadata =
                UaObjectNode.build(getNodeContext(), builder -> builder.setNodeId(newNodeId("NamespaceMetadata"))
                        .setBrowseName(newQualifiedName(URI))
                        .setDisplayName(LocalizedText.english(URI))
                        .setTypeDefinition(NodeIds.NamespaceMetadataType)
                        .build());
        getNodeManager().addNode(metadata);
        metadata.addReference(
                new Reference(metadata.getNodeId(), NodeIds.HasComponent, NodeIds.Server_Namespaces.expanded(), false));
        property(metadata, "NamespaceUri", NodeIds.String, false, Variant.ofString(URI));
        property(metadata, "NamespaceVersion", NodeIds.String, false, Variant.ofString(version));
        property(
                metadata, "NamespacePublicationDate", NodeIds.DateTime, false, Variant.ofDateTime(DateTime.NULL_VALUE));
        property(metadata, "IsNamespaceSubset", NodeIds.Boolean, false, Variant.ofBoolean(false));
        property(metadata, "StaticNodeIdTypes", NodeIds.IdType, true, Variant.ofInt32Array(new Integer[0]));
        property(
                metadata, "StaticNumericNodeIdRange", NodeIds.NumericRange, true, Variant.ofStringArray(new String[0]));
        property(metadata, "StaticStringNodeIdPattern", NodeIds.String, false, Variant.ofString(""));
    }

    /** A folder under Objects. */
    UaFolderNode root(String id, String description) {
        UaFolderNode folder =
                new UaFolderNode(getNodeContext(), newNodeId(id), newQualifiedName(id), LocalizedText.english(id));
        folder.setDescription(LocalizedText.english(description));
        getNodeManager().addNode(folder);
        folder.addReference(
                new Reference(folder.getNodeId(), NodeIds.Organizes, NodeIds.ObjectsFolder.expanded(), false));
        return folder;
    }

    UaFolderNode folder(UaNode parent, String id, String name, String description) {
        UaFolderNode folder =
                new UaFolderNode(getNodeContext(), newNodeId(id), newQualifiedName(name), LocalizedText.english(name));
        folder.setDescription(LocalizedText.english(description));
        add(parent, folder, NodeIds.Organizes);
        return folder;
    }

    UaObjectNode object(UaNode parent, String id, String name, String description) {
        UaObjectNode object = UaObjectNode.build(getNodeContext(), builder -> builder.setNodeId(newNodeId(id))
                .setBrowseName(newQualifiedName(name))
                .setDisplayName(LocalizedText.english(name))
                .setDescription(LocalizedText.english(description))
                .setTypeDefinition(NodeIds.BaseObjectType)
                .build());
        add(parent, object, parent instanceof UaFolderNode ? NodeIds.Organizes : NodeIds.HasComponent);
        return object;
    }

    PushNode variable(UaNode parent, String id, String name, NodeId dataType, String description) {
        return variable(parent, id, name, dataType, NodeIds.BaseDataVariableType, false, description);
    }

    PushNode texts(UaNode parent, String id, String name, String description) {
        return variable(parent, id, name, NodeIds.String, NodeIds.BaseDataVariableType, true, description);
    }

    /** A number with unit and range where it has them (Part 8 §5.3.2). */
    PushNode analog(UaNode parent, String id, String name, String unit, double low, double high, String description) {
        boolean range = ranged(low, high);
        NodeId type = unit.isEmpty()
                ? (range ? NodeIds.AnalogItemType : NodeIds.DataItemType)
                : (range ? NodeIds.AnalogUnitRangeType : NodeIds.AnalogUnitType);
        PushNode node = variable(parent, id, name, NodeIds.Double, type, false, description);
        if (!unit.isEmpty()) {
            property(node, "EngineeringUnits", NodeIds.EUInformation, EngineeringUnits.of(unit));
        }
        if (range) {
            property(node, RANGE, NodeIds.Range, new Range(low, high));
        }
        return node;
    }

    /** Gives a number another range; false if it has none, or should have none. */
    boolean range(PushNode node, double low, double high) {
        if (!ranged(low, high)
                || !(getNodeManager().get(newNodeId(node.getNodeId().getIdentifier() + "/" + RANGE))
                        instanceof PushNode range)) {
            return false;
        }
        range.change(encoded(new Range(low, high)), 0);
        return true;
    }

    private static boolean ranged(double low, double high) {
        return Double.isFinite(low) && Double.isFinite(high) && low < high;
    }

    UaMethodNode method(UaNode object, String id, String name, String description) {
        UaMethodNode method = UaMethodNode.builder(getNodeContext())
                .setNodeId(newNodeId(id))
                .setBrowseName(newQualifiedName(name))
                .setDisplayName(LocalizedText.english(name))
                .setDescription(LocalizedText.english(description))
                .build();
        getNodeManager().addNode(method);
        return method;
    }

    /** Completes a method: its arguments are known only to the handler, which needs the node first. */
    void install(UaNode object, UaMethodNode method, AbstractMethodInvocationHandler handler) {
        method.setInputArguments(handler.getInputArguments());
        method.setOutputArguments(handler.getOutputArguments());
        method.setInvocationHandler(handler);
        method.addReference(new Reference(
                method.getNodeId(), NodeIds.HasComponent, object.getNodeId().expanded(), false));
    }

    /** Removes a node with all below it; say so to those who listen with {@link #tellOrphans}, once all is rebuilt. */
    void remove(UaNode node) {
        List<Reference> below = getNodeManager().getReferences(node.getNodeId()).stream()
                .filter(reference -> reference.isForward() && NodeIds.Organizes.equals(reference.getReferenceTypeId()))
                .toList();
        for (Reference reference : below) {
            getNodeManager()
                    .getNode(reference.getTargetNodeId(), getServer().getNamespaceTable())
                    .ifPresent(this::remove);
        }
        node.delete();
    }

    /** Tells the items whose node is gone. */
    void tellOrphans() {
        items.forEach((id, listeners) -> {
            if (!getNodeManager().containsNode(id)) {
                DataValue gone = new DataValue(StatusCodes.Bad_NodeIdUnknown);
                listeners.forEach(item -> set(item, gone));
            }
        });
    }

    boolean contains(String id) {
        return getNodeManager().containsNode(newNodeId(id));
    }

    /** A pushed item has no sampling interval (Part 4 §5.12.2: 0 says exception-based), and only so much queue. */
    @Override
    public RevisedDataItemParameters onCreateDataItem(
            ReadValueId item, Double requestedSamplingInterval, UInteger requestedQueueSize) {
        long queue = Math.max(1, Math.min(requestedQueueSize.longValue(), maxQueueSize));
        return new RevisedDataItemParameters(0.0, UInteger.valueOf(queue));
    }

    @Override
    public RevisedDataItemParameters onModifyDataItem(
            ReadValueId item, Double requestedSamplingInterval, UInteger requestedQueueSize) {
        return onCreateDataItem(item, requestedSamplingInterval, requestedQueueSize);
    }

    @Override
    public void onDataItemsCreated(List<DataItem> created) {
        for (DataItem item : created) {
            PushNode node = pushed(item);
            if (node == null) {
                set(item, read(item));
                continue;
            }
            NodeId id = node.getNodeId();
            items.computeIfAbsent(id, key -> new CopyOnWriteArrayList<>()).add(item);
            // looked up again: it may have been replaced between
            if (getNodeManager().get(id) instanceof PushNode current) {
                current.attach(item);
            } else {
                set(item, new DataValue(StatusCodes.Bad_NodeIdUnknown));
            }
        }
    }

    @Override
    public void onDataItemsModified(List<DataItem> modified) {
        // queue and filter are the item's own; values come as they are pushed
    }

    @Override
    public void onDataItemsDeleted(List<DataItem> deleted) {
        for (DataItem item : deleted) {
            NodeId id = Objects.requireNonNull(item.getReadValueId().getNodeId());
            items.computeIfPresent(id, (key, listeners) -> {
                listeners.remove(item);
                return listeners.isEmpty() ? null : listeners;
            });
            if (getNodeManager().get(id) instanceof PushNode node) {
                node.detach(item);
            }
        }
    }

    @Override
    public void onMonitoringModeChanged(List<MonitoredItem> changed) {
        for (MonitoredItem item : changed) {
            if (item instanceof DataItem data) {
                PushNode node = pushed(data);
                if (node != null) {
                    node.deliver(data);
                } else {
                    set(data, read(data));
                }
            }
        }
    }

    private PushNode variable(
            UaNode parent, String id, String name, NodeId dataType, NodeId type, boolean array, String description) {
        PushNode node =
                new PushNode(getNodeContext(), newNodeId(id), newQualifiedName(name), description, dataType, array);
        node.addReference(new Reference(node.getNodeId(), NodeIds.HasTypeDefinition, type.expanded(), true));
        add(parent, node, parent instanceof UaFolderNode ? NodeIds.Organizes : NodeIds.HasComponent);
        return node;
    }

    private void property(PushNode node, String name, NodeId dataType, UaStructuredType value) {
        property(node, name, dataType, false, encoded(value));
    }

    private Variant encoded(UaStructuredType value) {
        return Variant.ofExtensionObject(ExtensionObject.encode(getServer().getStaticEncodingContext(), value));
    }

    private void property(UaNode node, String name, NodeId dataType, boolean array, Variant value) {
        PushNode property = new PushNode(
                getNodeContext(),
                newNodeId(node.getNodeId().getIdentifier() + "/" + name),
                new QualifiedName(0, name),
                "",
                dataType,
                array);
        property.addReference(
                new Reference(property.getNodeId(), NodeIds.HasTypeDefinition, NodeIds.PropertyType.expanded(), true));
        property.change(value, 0);
        add(node, property, NodeIds.HasProperty);
    }

    private void add(UaNode parent, UaNode node, NodeId referenceType) {
        getNodeManager().addNode(node);
        node.addReference(new Reference(
                node.getNodeId(), referenceType, parent.getNodeId().expanded(), false));
        List<DataItem> waiting = items.get(node.getNodeId());
        if (waiting != null && node instanceof PushNode pushed) {
            pushed.attach(waiting);
        }
    }

    /** The node whose value an item follows; null for other attributes. */
    private @org.jspecify.annotations.Nullable PushNode pushed(DataItem item) {
        ReadValueId wanted = item.getReadValueId();
        return AttributeId.Value.uid().equals(wanted.getAttributeId())
                        && getNodeManager().get(wanted.getNodeId()) instanceof PushNode node
                ? node
                : null;
    }

    private DataValue read(DataItem item) {
        List<DataValue> values = read(
                new ReadContext(getServer(), item.getSession()),
                0.0,
                TimestampsToReturn.Both,
                List.of(item.getReadValueId()));
        return values.get(0);
    }

    private static void set(DataItem item, DataValue value) {
        if (item.isSamplingEnabled()) {
            item.setValue(value);
        }
    }

    /** For tests and figures: how many items are fed. */
    int listeners() {
        return items.values().stream().mapToInt(List::size).sum();
    }

    static StatusCode code(int status) {
        return new StatusCode(status);
    }
}
