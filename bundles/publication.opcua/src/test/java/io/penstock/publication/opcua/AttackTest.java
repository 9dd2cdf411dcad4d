// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.ubyte;
import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Role;
import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.peers.PeerProcess;
import io.penstock.publication.opcua.Fakes.FakePipeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.eclipse.milo.opcua.stack.core.AttributeId;
import org.eclipse.milo.opcua.stack.core.types.UaResponseMessageType;
import org.eclipse.milo.opcua.stack.core.types.builtin.ByteString;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.QualifiedName;
import org.eclipse.milo.opcua.stack.core.types.enumerated.ApplicationType;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MonitoringMode;
import org.eclipse.milo.opcua.stack.core.types.enumerated.TimestampsToReturn;
import org.eclipse.milo.opcua.stack.core.types.structured.ActivateSessionRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.ActivateSessionResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.ApplicationDescription;
import org.eclipse.milo.opcua.stack.core.types.structured.CloseSessionRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateMonitoredItemsRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateMonitoredItemsResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateSessionRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateSessionResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateSubscriptionRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateSubscriptionResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.MonitoredItemCreateRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.MonitoringParameters;
import org.eclipse.milo.opcua.stack.core.types.structured.PublishRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.ReadRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.ReadResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.ReadValueId;
import org.eclipse.milo.opcua.stack.core.types.structured.ServiceFault;
import org.eclipse.milo.opcua.stack.core.types.structured.SignatureData;
import org.eclipse.milo.opcua.stack.core.types.structured.SubscriptionAcknowledgement;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What strangers and readers do to the server, while an operator must be able to open the loop at every moment: the operator is
 * node-opcua at 127.0.0.1, the others are sockets at the same address or another. Loopback has no reserve here.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class AttackTest {
    private static final int SESSIONS = 14;
    private static final Shares SHARES = new Shares(100, 40, 20, 5, 6, 4, 10_000, 30_000, 4 << 20, 4 << 20);
    private static final int ROUNDS = 3;

    private final Fakes gateway = new Fakes();
    private final FakePipeline dosing = new FakePipeline("dosing", Fakes.doseModel());
    private final Map<String, Long> slowestMs = Collections.synchronizedMap(new TreeMap<>());
    private ResultsServer server;
    private PeerProcess operator;
    private int port;

    @BeforeAll
    void start(@TempDir Path directory) throws Exception {
        gateway.pipelines.add(dosing);
        port = PeerProcess.freePort();
        Settings plain = Fakes.settings(port, true, true, SESSIONS);
        Path pki = directory.resolve("pki");
        server = ResultsServer.start(
                new Settings(
                        port,
                        plain.bindAddress(),
                        "",
                        plain.applicationName(),
                        plain.applicationUri(),
                        plain.path(),
                        plain.securityPolicies(),
                        true,
                        true,
                        SESSIONS,
                        5,
                        20_000,
                        10_000,
                        10,
                        SHARES,
                        plain.clientCertificates()),
                pki,
                gateway,
                new ConcurrentHashMap<>(),
                Clock.systemUTC(),
                () -> {},
                address -> false);
        operator = PeerProcess.node("results_client.js", directory.resolve("client"));
        ask("connect " + server.url() + " SignAndEncrypt Basic256Sha256 OPERATOR x"); // turned away, and kept
        try (Stream<Path> kept = Files.list(pki.resolve("rejected").resolve("certs"))) {
            Files.move(
                    kept.findFirst().orElseThrow(),
                    pki.resolve("trusted").resolve("certs").resolve("client.der"));
        }
        Fakes.await("client accepted", () -> connect().startsWith("ok "));
        ask("disconnect");
        server.nodes()
                .publish(Fakes.result(
                        "dosing", Fakes.doseModel(), Mode.ADVISORY, Fakes.INSTANT_NS, 1, 0, WriteOutcome.NOT_OFFERED));
        server.refresh();
    }

    @AfterAll
    void stop() {
        operator.close();
        try {
            Fakes.await("sessions, items and notifications have ended", this::nothingIsLeft);
        } finally {
            server.close();
        }
        System.out.println("slowest of " + ROUNDS + " times connect + log in + SetMode, ms: " + slowestMs);
    }

    private String ask(String command) {
        operator.tell(command);
        return operator.await("answer ", 60).substring("answer ".length());
    }

    private String connect() {
        return ask("connect " + server.url() + " SignAndEncrypt Basic256Sha256 " + Role.OPERATOR + " \""
                + Fakes.PASSWORD + "\"");
    }

    /** One way to do harm; called again and again by several threads. Leaves what it opened in the list. */
    @FunctionalInterface
    interface Attack {
        void once(String from, List<RawClient> open) throws Exception;
    }

    private Map<String, Attack> attacks() {
        Map<String, Attack> attacks = new TreeMap<>();
        attacks.put("(nothing)", (from, open) -> LockSupport.parkNanos(50_000_000L)); // to compare with
        attacks.put("connects and says nothing", (from, open) -> open.add(new RawClient(from, port)));
        attacks.put("says Hello and nothing more", (from, open) -> {
            RawClient client = new RawClient(from, port);
            open.add(client);
            client.hello().read();
        });
        attacks.put("unfinished chunks for discovery, and goes", (from, open) -> {
            try (RawClient client = new RawClient(from, port).open()) {
                for (int i = 0; i < 33; i++) {
                    client.send(client.part('C', 60_000));
                }
            }
        });
        attacks.put("small unfinished chunks for discovery, and stays", (from, open) -> {
            RawClient client = new RawClient(from, port).open();
            open.add(client);
            for (int i = 0; i < 3; i++) {
                client.send(client.part('C', 5_000));
            }
        });
        attacks.put("unfinished chunks in a session, and stays", (from, open) -> {
            RawClient client = session(from, open, true);
            for (int i = 0; i < 33; i++) {
                client.send(client.part('C', 60_000));
            }
        });
        attacks.put("creates sessions and logs in to none", (from, open) -> {
            RawClient client = new RawClient(from, port).open();
            open.add(client);
            for (int i = 0; i < 20; i++) {
                client.call(createSession(client));
            }
        });
        attacks.put(
                "logs in and dies", (from, open) -> session(from, open, false).close());
        attacks.put("items with long queues", (from, open) -> items(session(from, open, true), 500, 10_000));
        attacks.put("items with long queues, and dies", (from, open) -> {
            RawClient client = session(from, open, true);
            items(client, 500, 10_000);
            client.close();
        });
        attacks.put("asks and never reads", (from, open) -> {
            RawClient client = session(from, open, true);
            for (int i = 0; i < 100; i++) {
                client.ask(read(client, 5_000));
            }
        });
        attacks.put("asks much and reads", (from, open) -> {
            RawClient client = session(from, open, true);
            for (int i = 0; i < 20; i++) {
                client.call(read(client, 1_000));
            }
        });
        attacks.put("publishes without end", (from, open) -> {
            RawClient client = session(from, open, true);
            client.call(subscription(client, 0));
            for (int i = 0; i < 300; i++) {
                client.ask(new PublishRequest(client.header(), new SubscriptionAcknowledgement[0]));
            }
        });
        return attacks;
    }

    Stream<Arguments> matrix() {
        List<Arguments> all = new ArrayList<>();
        for (String attack : attacks().keySet()) {
            for (String from : List.of("127.0.0.1", "127.0.0.2")) {
                all.add(Arguments.of(attack, from));
            }
        }
        return all.stream();
    }

    // The operator must be able to take the machine back whatever others do; and what they held is free when they are
    // gone.
    @ParameterizedTest(name = "{0}, from {1}")
    @MethodSource("matrix")
    @Order(2)
    void anOperatorOpensTheLoopWhile(String name, String from) throws Exception {
        Attack attack = attacks().get(name);
        AtomicBoolean over = new AtomicBoolean();
        AtomicInteger times = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        List<RawClient> open = Collections.synchronizedList(new ArrayList<>());
        for (int i = 0; i < 3; i++) {
            Thread thread = new Thread(() -> keepDoing(attack, from, over, times, open), "attacker-" + i);
            threads.add(thread);
            thread.start();
        }
        try {
            Fakes.await(
                    "the attack is under way",
                    () -> times.get() >= 6 || server.held().unreadBytes() > 0);
            for (int round = 0; round < ROUNDS; round++) {
                long before = System.nanoTime();
                dosing.calls.clear();
                String connected = connect();
                assertTrue(connected.startsWith("ok "), name + " " + connected);
                assertEquals(
                        "ok {\"status\":\"Good\",\"outputs\":[[],\"\"]}",
                        ask("call ns=2;s=dosing ns=2;s=dosing/SetMode SHADOW \"take it back\""));
                slowestMs.merge(name + " at " + from, (System.nanoTime() - before) / 1_000_000, Math::max);
                assertEquals(1, dosing.calls.size());
                ask("disconnect");
                server.refresh();
                bounded();
            }
        } finally {
            over.set(true);
            List.copyOf(open).forEach(AttackTest::close); // also those it waits in
            for (Thread thread : threads) {
                thread.join(20_000);
            }
            open.forEach(AttackTest::close);
        }
        Fakes.await("all is given back after: " + name, () -> {
            server.refresh();
            return server.held().equals(new Connections.Held(0, 0, 0, 0))
                    && server.memory().pinnedDirectMemory() == 0;
        });
    }

    /** Sessions of clients that died end by their timeout, and take all they had along. */
    private boolean nothingIsLeft() {
        server.refresh();
        return server.sessions() == 0
                && server.bounded().sessions().pending() == 0
                && server.bounded().sessions().active() == 0
                && server.bounded().items().held().items() == 0
                && server.namespace().listeners() == 0
                && server.bounded().subscriptions().retainedBytes() == 0;
    }

    private void bounded() {
        Connections.Held held = server.held();
        assertTrue(held.connections() <= SHARES.connections(), held.toString());
        assertTrue(held.partialBytes() <= 2 * Connections.PARTIAL_BYTES, held.toString());
        assertTrue(held.requestBytes() <= Connections.REQUEST_BYTES + (2 << 20), held.toString());
        assertTrue(held.unreadBytes() <= SHARES.answerBytes() + AnswerSize.MOST, held.toString());
        assertTrue(server.memory().pinnedDirectMemory() <= server.memory().most() + AnswerSize.MOST);
        assertTrue(server.bounded().items().held().bytes() <= SHARES.queueBytes());
        assertTrue(server.bounded().sessions().active() <= SESSIONS);
        assertTrue(server.bounded().sessions().pending() <= Sessions.PENDING);
        assertTrue(server.bounded().subscriptions().retainedBytes() <= Subscriptions.RETAINED_BYTES);
    }

    /**
     * Keeping the last of what was opened open; from another address without a pause. At the operator's own the newest connection
     * takes the place of the oldest that came no further, so there the pace is that of many clients, not of a flood.
     */
    private static void keepDoing(
            Attack attack, String from, AtomicBoolean over, AtomicInteger times, List<RawClient> open) {
        while (!over.get()) {
            try {
                attack.once(from, open);
            } catch (Exception e) {
                // refused: on with the next
            }
            times.incrementAndGet();
            if (from.equals("127.0.0.1")) {
                LockSupport.parkNanos(200_000_000L);
            }
            while (open.size() > 120 && !over.get()) {
                close(open.remove(0));
            }
        }
    }

    private static void close(RawClient client) {
        try {
            client.close();
        } catch (IOException e) {
            // it is gone
        }
    }

    private RawClient session(String from, List<RawClient> open, boolean keep) throws IOException {
        RawClient client = new RawClient(from, port, 4_096);
        if (keep) {
            open.add(client);
        }
        client.open();
        CreateSessionResponse created = (CreateSessionResponse) client.call(createSession(client));
        client.session = created.getAuthenticationToken();
        UaResponseMessageType activated = client.call(new ActivateSessionRequest(
                client.header(),
                new SignatureData(null, null),
                null,
                null,
                null, // anonymous
                new SignatureData(null, null)));
        if (!(activated instanceof ActivateSessionResponse)) {
            throw new IOException("not activated: " + result(activated));
        }
        return client;
    }

    private static String result(UaResponseMessageType answer) {
        return answer instanceof ServiceFault fault
                ? fault.getResponseHeader().getServiceResult().toString()
                : answer.getClass().getSimpleName();
    }

    private CreateSessionRequest createSession(RawClient client) {
        return new CreateSessionRequest(
                client.header(),
                new ApplicationDescription(
                        "urn:penstock:test:stranger",
                        "",
                        LocalizedText.english("stranger"),
                        ApplicationType.Client,
                        null,
                        null,
                        null),
                null,
                server.url(),
                "stranger",
                ByteString.of(new byte[32]),
                ByteString.NULL_VALUE,
                3_600_000.0,
                uint(0));
    }

    private static CreateSubscriptionRequest subscription(RawClient client, double intervalMs) {
        return new CreateSubscriptionRequest(
                client.header(), intervalMs, uint(1_000_000), uint(300_000), uint(0), true, ubyte(0));
    }

    private static ReadValueId node(String id) {
        return new ReadValueId(new NodeId(2, id), AttributeId.Value.uid(), null, QualifiedName.NULL_VALUE);
    }

    private static ReadRequest read(RawClient client, int nodes) {
        ReadValueId[] wanted = new ReadValueId[nodes];
        java.util.Arrays.fill(wanted, node("dosing/Mode"));
        return new ReadRequest(client.header(), 0.0, TimestampsToReturn.Both, wanted);
    }

    private static CreateMonitoredItemsResponse items(RawClient client, int items, int queue) throws IOException {
        UaResponseMessageType subscribed = client.call(subscription(client, 10));
        if (!(subscribed instanceof CreateSubscriptionResponse subscription)) {
            throw new IOException(result(subscribed));
        }
        MonitoredItemCreateRequest[] wanted = new MonitoredItemCreateRequest[items];
        for (int i = 0; i < items; i++) {
            wanted[i] = new MonitoredItemCreateRequest(
                    node("dosing/Outputs/dose"),
                    MonitoringMode.Reporting,
                    new MonitoringParameters(uint(i), 0.0, null, uint(queue), true));
        }
        return (CreateMonitoredItemsResponse) client.call(new CreateMonitoredItemsRequest(
                client.header(), subscription.getSubscriptionId(), TimestampsToReturn.Both, wanted));
    }

    // A client that asks for too much is told what it gets, and not surprised by an empty trend.
    @Test
    @Order(1)
    void whoAsksForTooMuchIsToldWhatItGets() throws Exception {
        List<RawClient> open = new ArrayList<>();
        try {
            RawClient client = session("127.0.0.3", open, true);
            for (double asked : new double[] {0, -1, 5, 9.9, Double.NaN}) {
                CreateSubscriptionResponse revised =
                        (CreateSubscriptionResponse) client.call(subscription(client, asked));
                assertEquals(10.0, revised.getRevisedPublishingInterval(), "the minimum, for " + asked);
                double lifetime = 10.0 * revised.getRevisedLifetimeCount().longValue();
                assertTrue(lifetime <= SHARES.subscriptionLifetimeMs() + 30, "lifetime " + lifetime);
            }
            assertEquals("Bad_TooManySubscriptions", name(client.call(subscription(client, 100))));
            client.call(new CloseSessionRequest(client.header(), true));

            RawClient greedy = session("127.0.0.3", open, true);
            CreateMonitoredItemsResponse made = items(greedy, 1_000, 10_000);
            assertTrue(made.getResults()[0].getRevisedQueueSize().longValue() < 10_000, "a shorter queue first");
            assertTrue(made.getResults()[0].getStatusCode().isGood());
            long taken = 0;
            for (var result : made.getResults()) {
                if (result.getStatusCode().isGood()) {
                    taken += ItemShares.cost(result.getRevisedQueueSize().longValue(), ItemShares.NUMBER_BYTES);
                } else {
                    assertEquals(0x80DB0000L, result.getStatusCode().value() & 0xFFFF0000L, "BadTooManyMonitoredItems");
                }
            }
            assertTrue(taken <= SHARES.queueBytes() / 2, taken + " bytes taken");
            assertEquals(taken, server.bounded().items().held().bytes());

            ReadResponse small = (ReadResponse) greedy.call(read(greedy, 10));
            assertEquals(10, small.getResults().length);
        } finally {
            open.forEach(AttackTest::close);
        }
        Fakes.await("its session has ended", this::nothingIsLeft);
    }

    // An HMI that crashes and starts again, over and over: what its dead sessions hold kept its own user from
    // monitoring anything.
    @Test
    @Order(2)
    void whatDiedGivesWayToTheItemsOfItsUser() throws Exception {
        List<RawClient> open = new ArrayList<>();
        try {
            for (int death = 0; death < 12; death++) {
                RawClient dying = session("127.0.0.4", open, true);
                CreateMonitoredItemsResponse hoarded = items(dying, 1_000, 10_000);
                assertTrue(hoarded.getResults()[0].getStatusCode().isGood(), "death " + death);
                close(dying);
                Fakes.await("the connection is gone", () -> server.held().connections() == 0);
                assertTrue(items("127.0.0.4", open, 100, 1), "after death " + death);
                Fakes.await("the connection is gone", () -> server.held().connections() == 0);
            }
        } finally {
            open.forEach(AttackTest::close);
        }
    }

    /** Whether a new session gets all of these items; it closes as it should. */
    private boolean items(String from, List<RawClient> open, int items, int queue) {
        try {
            RawClient client = session(from, open, true);
            boolean all = java.util.Arrays.stream(items(client, items, queue).getResults())
                    .allMatch(result -> result.getStatusCode().isGood());
            client.call(new CloseSessionRequest(client.header(), true));
            close(client);
            return all;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static String name(UaResponseMessageType answer) {
        return org.eclipse.milo.opcua.stack.core.StatusCodes.lookup(
                        answer.getResponseHeader().getServiceResult().value())
                .map(words -> words[0])
                .orElse("");
    }
}
