// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import java.time.Instant;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;
import org.eclipse.milo.opcua.sdk.core.AccessLevel;
import org.eclipse.milo.opcua.sdk.core.Reference;
import org.eclipse.milo.opcua.sdk.server.ManagedNamespaceWithLifecycle;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.items.DataItem;
import org.eclipse.milo.opcua.sdk.server.items.MonitoredItem;
import org.eclipse.milo.opcua.sdk.server.methods.AbstractMethodInvocationHandler;
import org.eclipse.milo.opcua.sdk.server.nodes.UaFolderNode;
import org.eclipse.milo.opcua.sdk.server.nodes.UaMethodNode;
import org.eclipse.milo.opcua.sdk.server.nodes.UaVariableNode;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.structured.Argument;
import org.eclipse.milo.opcua.stack.core.types.structured.EUInformation;
import org.eclipse.milo.opcua.stack.core.types.structured.Range;

/**
 * The tags as {@code AnalogUnitRangeType} (OPC UA Part 8 §5.3.2.3) with the tag as node id, {@code ns=2;s=AT-1003}, and the
 * disturbances as methods of {@code ns=2;s=WTP-1}. Values are pushed to monitored items, not sampled.
 */
final class PlantNamespace extends ManagedNamespaceWithLifecycle {
    private static final String UNITS = "http://www.opcfoundation.org/UA/units/un/cefact";
    private static final Map<String, String> SYMBOLS = Map.of(
            "MQH", "m³/h", "NTU", "NTU", "C92", "1/m", "Q30", "pH", "CEL", "°C", "G42", "µS/cm", "M1", "mg/l", "E32",
            "l/h", "P1", "%");

    private final UnaryOperator<String> command;
    private final Map<PlantTag, UaVariableNode> nodes = new EnumMap<>(PlantTag.class);
    private final Map<PlantTag, DataValue> shown = new EnumMap<>(PlantTag.class);
    private final Map<NodeId, List<DataItem>> items = new ConcurrentHashMap<>();

    PlantNamespace(OpcUaServer server, Snapshot first, UnaryOperator<String> command) {
        super(server, "urn:penstock:demo:plant:wtp1");
        this.command = command;
        getLifecycleManager().addStartupTask(() -> {
            addNodes();
            show(first);
        });
    }

    private void addNodes() {
        UaFolderNode plant = new UaFolderNode(
                getNodeContext(), newNodeId("WTP-1"), newQualifiedName("WTP-1"), LocalizedText.english("WTP-1"));
        getNodeManager().addNode(plant);
        plant.addReference(
                new Reference(plant.getNodeId(), NodeIds.Organizes, NodeIds.ObjectsFolder.expanded(), false));
        for (PlantTag tag : PlantTag.values()) {
            UaVariableNode node = variable(tag.tag(), NodeIds.Double, NodeIds.AnalogUnitRangeType);
            node.setDescription(LocalizedText.english(tag.description()));
            getNodeManager().addNode(node);
            plant.addOrganizes(node);
            addProperty(node, "EURange", NodeIds.Range, new Range(tag.low(), tag.high()));
            addProperty(node, "EngineeringUnits", NodeIds.EUInformation, unit(tag.unit()));
            nodes.put(tag, node);
        }
        addMethod(plant, "Storm", "storm");
        addMethod(plant, "Freeze", "freeze", "tag");
        addMethod(plant, "Foul", "foul", "tag");
        addMethod(plant, "WireBreak", "wirebreak", "tag");
        addMethod(plant, "PumpFail", "pumpfail");
        addMethod(plant, "Silent", "silent", "onOrOff");
        addMethod(plant, "Remote", "remote", "onOrOff");
        addMethod(plant, "Clear", "clear");
        addMethod(plant, "Status", "status");
    }

    private UaVariableNode variable(String id, NodeId dataType, NodeId type) {
        String name = id.substring(id.lastIndexOf('/') + 1);
        return new UaVariableNode.UaVariableNodeBuilder(getNodeContext())
                .setNodeId(newNodeId(id))
                .setBrowseName(newQualifiedName(name))
                .setDisplayName(LocalizedText.english(name))
                .setDataType(dataType)
                .setTypeDefinition(type)
                .setAccessLevel(AccessLevel.READ_ONLY)
                .setUserAccessLevel(AccessLevel.READ_ONLY)
                .build();
    }

    private void addProperty(UaVariableNode node, String name, NodeId dataType, Object value) {
        UaVariableNode property =
                variable(node.getNodeId().getIdentifier() + "/" + name, dataType, NodeIds.PropertyType);
        property.setBrowseName(new org.eclipse.milo.opcua.stack.core.types.builtin.QualifiedName(0, name));
        property.setValue(new DataValue(new Variant(value)));
        getNodeManager().addNode(property);
        node.addReference(new Reference(
                node.getNodeId(), NodeIds.HasProperty, property.getNodeId().expanded(), true));
    }

    /** UnitId of a UNECE common code: its characters as a big-endian number (Part 8 §5.6.3.3). */
    private static EUInformation unit(String code) {
        int id = 0;
        for (int i = 0; i < code.length(); i++) {
            id = id << 8 | code.charAt(i);
        }
        LocalizedText symbol = LocalizedText.english(SYMBOLS.getOrDefault(code, ""));
        return new EUInformation(UNITS, code.isEmpty() ? -1 : id, symbol, symbol);
    }

    private void addMethod(UaFolderNode plant, String name, String verb, String... arguments) {
        UaMethodNode method = UaMethodNode.builder(getNodeContext())
                .setNodeId(newNodeId("WTP-1/" + name))
                .setBrowseName(newQualifiedName(name))
                .setDisplayName(LocalizedText.english(name))
                .build();
        Disturbance handler = new Disturbance(method, verb, arguments);
        method.setInputArguments(handler.getInputArguments());
        method.setOutputArguments(handler.getOutputArguments());
        method.setInvocationHandler(handler);
        getNodeManager().addNode(method);
        method.addReference(new Reference(
                method.getNodeId(), NodeIds.HasComponent, plant.getNodeId().expanded(), false));
    }

    /** Shows a scan. A value that did not change keeps its source time (Part 4 §7.11.3). */
    void show(Snapshot next) {
        Map<NodeId, DataValue> changed = new HashMap<>();
        for (PlantTag tag : PlantTag.values()) {
            DataValue value = value(tag, next);
            DataValue before = shown.get(tag);
            if (before == null
                    || !before.value().equals(value.value())
                    || !before.statusCode().equals(value.statusCode())) {
                shown.put(tag, value);
                UaVariableNode node = nodes.get(tag);
                node.setValue(value);
                changed.put(node.getNodeId(), value);
            }
        }
        changed.forEach((node, value) -> {
            for (DataItem item : items.getOrDefault(node, List.of())) {
                if (item.isSamplingEnabled()) {
                    item.setValue(value);
                }
            }
        });
    }

    private static DataValue value(PlantTag tag, Snapshot snapshot) {
        Instant source = tag == PlantTag.AT_1007 ? snapshot.titrated() : snapshot.time();
        boolean failed = snapshot.hasFailed(tag);
        return new DataValue(
                failed ? Variant.ofNull() : Variant.ofDouble(snapshot.reading(tag)),
                failed ? new StatusCode(StatusCodes.Bad_SensorFailure) : StatusCode.GOOD,
                new DateTime(failed ? snapshot.time() : source),
                DateTime.now());
    }

    @Override
    public void onDataItemsCreated(List<DataItem> created) {
        for (DataItem item : created) {
            items.computeIfAbsent(item.getReadValueId().getNodeId(), node -> new CopyOnWriteArrayList<>())
                    .add(item);
        }
    }

    @Override
    public void onDataItemsModified(List<DataItem> modified) {}

    @Override
    public void onDataItemsDeleted(List<DataItem> deleted) {
        for (DataItem item : deleted) {
            items.getOrDefault(item.getReadValueId().getNodeId(), new CopyOnWriteArrayList<>())
                    .remove(item);
        }
    }

    @Override
    public void onMonitoringModeChanged(List<MonitoredItem> changed) {}

    /** One disturbance as a method; its answer is the one the command line would print. */
    private final class Disturbance extends AbstractMethodInvocationHandler {
        private final String verb;
        private final String[] arguments;

        Disturbance(UaMethodNode method, String verb, String... arguments) {
            super(method);
            this.verb = verb;
            this.arguments = arguments.clone();
        }

        @Override
        public Argument[] getInputArguments() {
            Argument[] inputs = new Argument[arguments.length];
            for (int i = 0; i < inputs.length; i++) {
                inputs[i] = text(arguments[i]);
            }
            return inputs;
        }

        @Override
        public Argument[] getOutputArguments() {
            return new Argument[] {text("answer")};
        }

        private static Argument text(String name) {
            return new Argument(name, NodeIds.String, -1, null, LocalizedText.english(name));
        }

        @Override
        protected Variant[] invoke(InvocationContext context, Variant[] inputs) throws UaException {
            StringBuilder line = new StringBuilder(verb);
            for (Variant input : inputs) {
                line.append(' ').append(input.value());
            }
            try {
                return new Variant[] {Variant.ofString(command.apply(line.toString()))};
            } catch (IllegalArgumentException e) {
                throw new UaException(StatusCodes.Bad_InvalidArgument, e);
            }
        }
    }
}
