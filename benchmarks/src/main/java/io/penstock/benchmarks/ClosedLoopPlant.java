// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.milo.opcua.sdk.core.AccessLevel;
import org.eclipse.milo.opcua.sdk.server.EndpointConfig;
import org.eclipse.milo.opcua.sdk.server.ManagedNamespaceWithLifecycle;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.OpcUaServerConfig;
import org.eclipse.milo.opcua.sdk.server.OpcUaServerConfigLimits;
import org.eclipse.milo.opcua.sdk.server.identity.AnonymousIdentityValidator;
import org.eclipse.milo.opcua.sdk.server.items.DataItem;
import org.eclipse.milo.opcua.sdk.server.items.MonitoredItem;
import org.eclipse.milo.opcua.sdk.server.nodes.UaVariableNode;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.security.DefaultCertificateManager;
import org.eclipse.milo.opcua.stack.core.security.MemoryCertificateQuarantine;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.transport.TransportProfile;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.eclipse.milo.opcua.stack.core.types.structured.WriteValue;
import org.eclipse.milo.opcua.stack.transport.server.tcp.OpcTcpServerTransport;
import org.eclipse.milo.opcua.stack.transport.server.tcp.OpcTcpServerTransportConfig;

/**
 * The plant of the closed loop, a process of its own: eight tags {@code T0} to {@code T7} and a sequence number {@code SEQ}, set
 * together with one source time and pushed, and a setpoint {@code SP} that takes the number back. Without security and open to
 * everybody, on loopback. It prints {@code ready} with its address, ends when its input ends, and takes these lines:
 *
 * <ul>
 *   <li>{@code start RATE}: so many scans a second from now on, noted from the next one on;
 *   <li>{@code report}: ends the noting, waits a second for late answers, prints {@code report} with {@link Answers.Report}.
 * </ul>
 */
public final class ClosedLoopPlant extends ManagedNamespaceWithLifecycle {
    static final String PATH = "/loop";

    private static final String URI = "urn:penstock:benchmarks:plant";
    private static final int IDLE_RATE = 100;
    private static final long LATE_SECONDS = 1;

    private final Answers answers = new Answers();
    private final List<UaVariableNode> tags = new ArrayList<>();
    private final Map<NodeId, List<DataItem>> items = new ConcurrentHashMap<>();
    private volatile int rate = IDLE_RATE;

    private ClosedLoopPlant(OpcUaServer server) {
        super(server, URI + ":tags"); // not the server's own, which has index 1
        getLifecycleManager().addStartupTask(() -> {
            for (int i = 0; i < Mlp.INPUTS; i++) {
                tags.add(variable("T" + i, AccessLevel.READ_ONLY));
            }
            tags.add(variable("SEQ", AccessLevel.READ_ONLY));
            variable("SP", AccessLevel.READ_WRITE);
        });
    }

    private UaVariableNode variable(String name, Set<AccessLevel> access) {
        UaVariableNode node = new UaVariableNode.UaVariableNodeBuilder(getNodeContext())
                .setNodeId(newNodeId(name))
                .setBrowseName(newQualifiedName(name))
                .setDisplayName(LocalizedText.english(name))
                .setDataType(NodeIds.Double)
                .setTypeDefinition(NodeIds.BaseDataVariableType)
                .setAccessLevel(access)
                .setUserAccessLevel(access)
                .build();
        node.setValue(new DataValue(Variant.ofDouble(0)));
        getNodeManager().addNode(node);
        return node;
    }

    /** @param arguments the port. */
    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        OpcUaServer server = server(port);
        ClosedLoopPlant plant = new ClosedLoopPlant(server);
        plant.startup();
        server.startup().get(30, TimeUnit.SECONDS);
        Thread clock = new Thread(plant::scan, "plant-clock");
        clock.setDaemon(true);
        clock.start();
        System.out.println("ready opc.tcp://127.0.0.1:" + port + PATH);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.equals("report")) {
                System.out.println("report " + plant.report().line());
            } else if (line.startsWith("start ")) {
                plant.rate = Integer.parseInt(line.substring("start ".length()));
                plant.answers.begin();
            } else {
                System.err.println("plant: start RATE or report, was '" + line + "'");
            }
        }
        System.exit(0); // Milo's threads are not worth waiting for
    }

    private static OpcUaServer server(int port) {
        EndpointConfig endpoint = EndpointConfig.newBuilder()
                .setBindAddress("127.0.0.1")
                .setHostname("127.0.0.1")
                .setBindPort(port)
                .setPath(PATH)
                .addTokenPolicies(OpcUaServerConfig.USER_TOKEN_POLICY_ANONYMOUS)
                .setSecurityPolicy(SecurityPolicy.None)
                .setSecurityMode(MessageSecurityMode.None)
                .setTransportProfile(TransportProfile.TCP_UASC_UABINARY)
                .build();
        OpcUaServerConfig config = OpcUaServerConfig.builder()
                .setApplicationUri(URI)
                .setApplicationName(LocalizedText.english("Penstock benchmark plant"))
                .setProductUri(URI)
                .setEndpoints(Set.of(endpoint))
                .setCertificateManager(new DefaultCertificateManager(new MemoryCertificateQuarantine()))
                .setIdentityValidator(AnonymousIdentityValidator.INSTANCE)
                .setLimits(new OpcUaServerConfigLimits() {
                    @Override
                    public Double getMinPublishingInterval() {
                        return 1.0;
                    }

                    @Override
                    public UInteger getMaxMonitoredItems() {
                        return uint(1_000);
                    }
                })
                .build();
        return new OpcUaServer(
                config,
                profile -> new OpcTcpServerTransport(
                        OpcTcpServerTransportConfig.newBuilder().build()));
    }

    /** Sets the tags at the rate, for ever. */
    private void scan() {
        Random random = new Random(1);
        long begin = System.nanoTime();
        for (long sequence = 1; ; sequence++) {
            long period = TimeUnit.SECONDS.toNanos(1) / rate;
            long due = begin + (long) (random.nextDouble() * period); // else each lies alike to the publishing timer
            begin += period;
            for (long wait = due - System.nanoTime(); wait > 0; wait = due - System.nanoTime()) {
                LockSupport.parkNanos(wait);
            }
            if (System.nanoTime() - due > TimeUnit.SECONDS.toNanos(1)) {
                begin = System.nanoTime(); // scans of more than a second are not made up for
            }
            DateTime time = new DateTime(Instant.now());
            answers.set(sequence, System.nanoTime());
            for (int i = 0; i < Mlp.INPUTS; i++) {
                set(tags.get(i), 0.1 * i + Math.sin(0.01 * sequence * (i + 1)), time);
            }
            set(tags.get(Mlp.INPUTS), (double) sequence, time);
        }
    }

    private void set(UaVariableNode tag, double number, DateTime time) {
        DataValue value = new DataValue(Variant.ofDouble(number), StatusCode.GOOD, time, time);
        tag.setValue(value);
        for (DataItem item : items.getOrDefault(tag.getNodeId(), List.of())) {
            if (item.isSamplingEnabled()) {
                item.setValue(value);
            }
        }
    }

    private Answers.Report report() throws InterruptedException {
        answers.end();
        rate = IDLE_RATE;
        TimeUnit.SECONDS.sleep(LATE_SECONDS); // what comes later counts as unanswered
        return answers.report();
    }

    @Override
    public List<StatusCode> write(WriteContext context, List<WriteValue> values) {
        long now = System.nanoTime();
        for (WriteValue value : values) {
            if (value.getValue().value().value() instanceof Double number) {
                answers.answered(Math.round(number), now);
            }
        }
        return super.write(context, values);
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
}
