// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.publication.CycleResult;
import io.penstock.opcua.stack.ApplicationCertificate;
import io.penstock.peers.PeerProcess;
import io.penstock.publication.opcua.Fakes.FakePipeline;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class OpcUaPublisherTest {
    @TempDir
    Path pki;

    // Two programs want 4840: the second must say so and what to do, and serve as soon as the first is gone.
    @Test
    void aBusyPortIsNamedAndTriedAgain() throws Exception {
        OpcUaPublisher publisher;
        try (ServerSocket other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Settings settings = Fakes.settings(other.getLocalPort(), false, false, 3);
            PortInUseException refused = assertThrows(
                    PortInUseException.class,
                    () -> ResultsServer.start(
                            settings, pki, new Fakes(), new ConcurrentHashMap<>(), Clock.systemUTC(), () -> {}));
            assertTrue(
                    refused.getMessage()
                            .contains("cannot listen on port " + other.getLocalPort()
                                    + " of 127.0.0.1: Address already in use"),
                    refused.getMessage());
            assertTrue(refused.getMessage()
                    .contains("set port or bindAddress in etc/io.penstock.publication.opcua.cfg.json"));

            publisher = new OpcUaPublisher(null, settings, pki, Clock.systemUTC());
            publisher.start();
            Fakes.await(
                    "first try over",
                    () -> Fakes.threads("publication.opcua-refresh").size() == 1);
            assertNull(publisher.running());
        }
        Fakes.await("serves on the second try", () -> publisher.running() != null);

        long before = System.nanoTime();
        publisher.stop();
        assertTrue(System.nanoTime() - before < 2_500_000_000L);
        Fakes.await(
                "no thread left",
                () -> Fakes.threads("publication.opcua").isEmpty()
                        && Fakes.threads("milo-trust-list").isEmpty());
    }

    // An address the machine does not have would otherwise be reported by a stack trace per end point.
    @Test
    void aForeignBindAddressIsNamed() {
        Settings settings = new Settings(
                PeerProcess.freePort(),
                "192.0.2.1",
                "",
                "x",
                "urn:x:y",
                "/penstock",
                Fakes.settings(1, false, false, 1).securityPolicies(),
                false,
                false,
                1,
                1,
                1,
                1,
                10,
                Fakes.shares(1),
                Fakes.settings(1, false, false, 1).clientCertificates());
        PortInUseException refused = assertThrows(
                PortInUseException.class,
                () -> ResultsServer.start(
                        settings, pki, new Fakes(), new ConcurrentHashMap<>(), Clock.systemUTC(), () -> {}));
        assertTrue(refused.getMessage().contains("of 192.0.2.1"), refused.getMessage());
    }

    // Clients would be told opc.tcp://fd00::7:4840, of which nobody can say where the port begins.
    @Test
    void anIpv6AddressStandsInBrackets() {
        assertEquals("[fd00::7]", ResultsServer.inUrl("fd00::7"));
        assertEquals("10.0.0.5", ResultsServer.inUrl("10.0.0.5"));
        assertEquals("gateway-7", ResultsServer.inUrl("gateway-7"));
    }

    // What was predicted while the server was still starting would be missing until the next cycle, which may be days
    // away;
    // and at 1 kHz the collector would run for nobody if each value were made into an object.
    @Test
    void earlyResultsAreShownAndResultsWithoutListenersCostNoGarbage() throws Exception {
        Fakes gateway = new Fakes();
        gateway.pipelines.add(new FakePipeline("dosing", Fakes.doseModel()));
        Map<String, CycleResult> early = new ConcurrentHashMap<>();
        CycleResult first = Fakes.result(
                "dosing", Fakes.doseModel(), Mode.ADVISORY, Fakes.INSTANT_NS, 2.5, 0, WriteOutcome.NOT_OFFERED);
        GatewayNodes.keep(early, first);
        Settings settings = Fakes.settings(PeerProcess.freePort(), false, false, 3);
        try (ResultsServer server = ResultsServer.start(settings, pki, gateway, early, Clock.systemUTC(), () -> {})) {
            PushNode dose = (PushNode) server.namespace().getNodeManager().get(new NodeId(2, "dosing/Outputs/dose"));
            assertNotNull(dose);
            DataValue value = dose.getValue();
            assertEquals(250.0, value.value().value());
            assertEquals(Fakes.INSTANT_NS / 100, (value.sourceTime().getUtcTime() - 116_444_736_000_000_000L));
            assertTrue(early.isEmpty());

            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long thread = Thread.currentThread().getId();
            for (int i = 0; i < 20_000; i++) {
                server.nodes().publish(first);
            }
            long before = threads.getThreadAllocatedBytes(thread);
            for (int i = 0; i < 10_000; i++) {
                server.nodes().publish(first);
            }
            long each = (threads.getThreadAllocatedBytes(thread) - before) / 10_000;
            assertTrue(each < 16, "bytes per result: " + each);
        }
    }

    // A site that must allow it gets anonymous reading, but never anonymous doing, and the warning stands where all see
    // it.
    @Test
    void anonymousAndUnsecuredReadOnlyWhereConfiguredAndNeverMore() throws Exception {
        Fakes gateway = new Fakes();
        FakePipeline dosing = new FakePipeline("dosing", Fakes.doseModel());
        gateway.pipelines.add(dosing);
        int port = PeerProcess.freePort();
        ApplicationCertificate.loadOrCreate(
                pki.resolve("server"), "Penstock", "urn:penstock:test:server", List.of("gateway-before-it-moved"));
        try (ResultsServer server = ResultsServer.start(
                        Fakes.settings(port, true, true, 3),
                        pki.resolve("server"),
                        gateway,
                        new ConcurrentHashMap<>(),
                        Clock.systemUTC(),
                        () -> {});
                PeerProcess client = PeerProcess.node("results_client.js", pki.resolve("client"))) {
            assertEquals("opc.tcp://127.0.0.1:" + port + "/penstock", server.url());
            assertTrue(ask(client, "connect " + server.url() + " None None anonymous")
                    .startsWith("ok"));
            String warning = ask(client, "read ns=2;s=Warning");
            assertTrue(warning.contains("allowNoSecurity: anybody") && warning.contains("allowAnonymousRead"), warning);
            assertTrue(warning.contains("own.der does not name 127.0.0.1"), warning);
            assertTrue(ask(client, "read ns=2;s=dosing/Mode").contains("ADVISORY"));
            assertTrue(ask(client, "call ns=2;s=dosing ns=2;s=dosing/SetMode OFF x")
                    .contains("BadUserAccessDenied"));
            assertTrue(
                    ask(client, "call ns=2;s=dosing ns=2;s=dosing/Rollback x").contains("BadUserAccessDenied"));
            ask(client, "disconnect");

            String connected =
                    ask(client, "connect " + server.url() + " None None OPERATOR \"" + Fakes.PASSWORD + "\"");
            assertTrue(connected.startsWith("ok"), connected);
            assertTrue(ask(client, "call ns=2;s=dosing ns=2;s=dosing/SetMode CLOSED x")
                    .contains("BadUserAccessDenied"));
            assertFalse(dosing.calls.toString().contains("CLOSED"));
            assertTrue(ask(client, "call ns=2;s=dosing ns=2;s=dosing/SetMode SHADOW x")
                    .contains("\"Good\""));
            assertEquals(List.of("SHADOW by OPERATOR [OPERATOR] opc.ua 127.0.0.1: x"), dosing.calls);
        }
    }

    private static String ask(PeerProcess client, String command) {
        client.tell(command);
        return client.await("answer ", 60).substring("answer ".length());
    }
}
