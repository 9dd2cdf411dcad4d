// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Role;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.peers.PeerProcess;
import io.penstock.publication.opcua.Fakes.FakeLoop;
import io.penstock.publication.opcua.Fakes.FakePipeline;
import io.penstock.publication.opcua.Fakes.FakeSource;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** The server as node-opcua sees it. One server for all, because Milo takes seconds to start. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class ResultsServerTest {
    private static final String DOSE = "ns=2;s=dosing/Outputs/dose";

    private final Fakes gateway = new Fakes();
    private final FakePipeline dosing = new FakePipeline("dosing", Fakes.doseModel());
    private final FakeSource plc = new FakeSource(
            "plc1",
            FakeSource.tag("AT-1002A", DataType.REAL, 1, "NTU", Scaling.NONE),
            FakeSource.tag("FT-1001", DataType.INT, 1, "MQH", new Scaling(0, 27_648, 0, 2_000)),
            FakeSource.tag("XS-2001", DataType.BOOL, 1, "", Scaling.NONE),
            FakeSource.tag("VIB-7", DataType.REAL, 2, "", Scaling.NONE));
    private ResultsServer server;
    private PeerProcess client;
    private int port;
    private Path pki;
    private Path clientDirectory;

    @BeforeAll
    void start(@TempDir Path directory) throws Exception {
        pki = directory.resolve("pki");
        port = PeerProcess.freePort();
        gateway.pipelines.add(dosing);
        gateway.sources.add(plc);
        dosing.loop = new FakeLoop();
        server = ResultsServer.start(
                Fakes.settings(port, false, false, 3),
                pki,
                gateway,
                new ConcurrentHashMap<>(),
                Clock.systemUTC(),
                () -> {});
        clientDirectory = directory.resolve("client");
        client = PeerProcess.node("results_client.js", clientDirectory);
    }

    @AfterAll
    void stop() {
        client.close();
        server.close();
        Fakes.await(
                "no thread left",
                () -> Fakes.threads("publication.opcua-").isEmpty()
                        && Fakes.threads("milo-trust-list").isEmpty());
    }

    private String url() {
        return "opc.tcp://127.0.0.1:" + port + "/penstock";
    }

    private String ask(String command) {
        client.tell(command);
        return client.await("answer ", 60).substring("answer ".length());
    }

    private String connect(String mode, String policy, String user, String password) {
        return ask("connect " + url() + " " + mode + " " + policy + " " + user + " \"" + password + "\"");
    }

    private void connect(Role role) {
        String answer = connect("SignAndEncrypt", "Basic256Sha256", role.name(), Fakes.PASSWORD);
        assertTrue(answer.startsWith("ok "), answer);
    }

    private void disconnect() {
        assertEquals("ok true", ask("disconnect"));
    }

    private void publish(ModelArtifact model, long instantNs, double value, int status) {
        server.nodes()
                .publish(Fakes.result(
                        "dosing", model, Mode.ADVISORY, instantNs, value, status, WriteOutcome.NOT_OFFERED));
    }

    // A laptop on the plant network must not read, let alone write, before somebody trusted it.
    @Test
    @Order(1)
    void aClientIsTurnedAwayUntilItIsTrustedAndThenComesInAtOnce() throws IOException {
        String before = connect("SignAndEncrypt", "Basic256Sha256", "OPERATOR", Fakes.PASSWORD);
        assertTrue(before.startsWith("failed "), before);
        assertEquals(List.of(), gateway.logins, "an unknown client must not even try passwords");

        Path rejected = pki.resolve("rejected").resolve("certs");
        List<Path> kept;
        try (Stream<Path> files = Files.list(rejected)) {
            kept = files.toList();
        }
        assertEquals(1, kept.size());
        Files.move(
                kept.get(0),
                pki.resolve("trusted").resolve("certs").resolve("client.der"),
                StandardCopyOption.ATOMIC_MOVE);
        List<String> answers = new ArrayList<>();
        Fakes.await("client accepted", () -> {
            answers.add(connect("SignAndEncrypt", "Basic256Sha256", "OPERATOR", Fakes.PASSWORD));
            return answers.get(answers.size() - 1).startsWith("ok ");
        });
        disconnect();
        assertEquals("OPERATOR opc.ua 127.0.0.1", gateway.logins.get(0));
    }

    // Whoever can read the key file is the gateway.
    @Test
    @Order(2)
    void theKeyIsReadableByItsOwnerAlone() throws IOException {
        assertEquals(
                "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(pki.resolve("own.key.pem"))));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(pki)));
    }

    // An end point without encryption would carry set points in the clear, whatever the configuration says.
    @Test
    @Order(3)
    void onlySignAndEncryptWithUserNameIsOffered() {
        String endpoints = ask("endpoints " + url());
        for (String policy : List.of("Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss")) {
            assertTrue(
                    endpoints.contains("[\"" + url() + "\",\"SignAndEncrypt\",\"" + policy + "\",[\"UserName\"]]"),
                    endpoints);
        }
        assertFalse(endpoints.contains("Anonymous"), endpoints);
        assertFalse(endpoints.contains("\"Sign\""), endpoints);
        assertFalse(endpoints.contains("/penstock\",\"None\""), endpoints);

        assertTrue(connect("None", "None", "OPERATOR", Fakes.PASSWORD).startsWith("failed "));
        assertTrue(connect("None", "None", "anonymous", "").startsWith("failed "));
        assertTrue(ask("connect " + url() + "/discovery None None OPERATOR \"" + Fakes.PASSWORD + "\"")
                .startsWith("failed "));
        assertTrue(connect("Sign", "Basic256Sha256", "OPERATOR", Fakes.PASSWORD).startsWith("failed "));
        assertTrue(connect("SignAndEncrypt", "Basic256Sha256", "anonymous", "").startsWith("failed "));
    }

    // The client above refuses by itself what is not offered; somebody who means harm asks all the same.
    @Test
    @Order(3)
    void theServerItselfRefusesASessionWithoutSecurity() {
        for (String path : List.of("/penstock", "/penstock/discovery", "", "/discovery")) {
            String answer = ask("unsecured opc.tcp://127.0.0.1:" + port + path);
            assertTrue(
                    answer.contains("BadSecurityPolicyRejected")
                            || answer.contains("closed by the server")
                            || answer.contains("socket has been disconnected")
                            || answer.contains("BadNotImplemented"),
                    path + " " + answer);
        }
        assertEquals(0, server.sessions());
    }

    // An integrator types host and port; "unrecognized endpoint url" would send them looking for a firewall.
    @Test
    @Order(3)
    void theServerIsFoundAndUsedByHostAndPortAlone() {
        for (String url : List.of("opc.tcp://127.0.0.1:" + port, "opc.tcp://127.0.0.1:" + port + "/")) {
            String endpoints = ask("endpoints " + url);
            assertTrue(endpoints.contains("\"" + url() + "\",\"SignAndEncrypt\",\"Basic256Sha256\""), endpoints);
            assertFalse(endpoints.contains("\"None\""), endpoints);
        }
        String connected = ask("connect opc.tcp://127.0.0.1:" + port
                + " SignAndEncrypt Aes256_Sha256_RsaPss OBSERVER \"" + Fakes.PASSWORD + "\"");
        assertTrue(connected.startsWith("ok "), connected);
        assertTrue(ask("read ns=2;s=dosing/Mode").contains("ADVISORY"));
        disconnect();
    }

    // Asset inventories and UaExpert's first page: a build date of this morning and an empty namespace entry look
    // broken.
    @Test
    @Order(6)
    void buildAndNamespaceAreDescribed() {
        connect(Role.OBSERVER);
        String build = ask("read i=2260");
        assertTrue(build.contains("\"productName\":\"Penstock\""), build);
        assertFalse(build.contains("\"buildDate\":\"2"), build);
        assertTrue(ask("browse i=11715").contains("urn:penstock:gateway"));
        assertTrue(ask("read ns=2;s=NamespaceMetadata/NamespaceUri").contains("urn:penstock:gateway"));
        assertTrue(ask("read ns=2;s=NamespaceMetadata/IsNamespaceSubset").contains("\"value\":false"));
        assertTrue(ask("write ns=2;s=NamespaceMetadata/IsNamespaceSubset 1").contains("Bad"));
        disconnect();
    }

    // A former colleague with an old password must not get in, and neither may anybody when the users are not there.
    @Test
    @Order(4)
    void aWrongPasswordAndMissingUsersAreDenied() {
        String wrong = connect("SignAndEncrypt", "Basic256Sha256", "OPERATOR", "wrong");
        assertTrue(wrong.startsWith("failed ") && wrong.contains("UserAccessDenied"), wrong);
        gateway.usersThere = false;
        try {
            String nobody = connect("SignAndEncrypt", "Basic256Sha256", "OPERATOR", Fakes.PASSWORD);
            assertTrue(nobody.contains("UserAccessDenied"), nobody);
        } finally {
            gateway.usersThere = true;
        }
    }

    // A SCADA that speaks only one of the three policies would have to go without results.
    @Test
    @Order(5)
    void allThreePoliciesWork() {
        for (String policy : List.of("Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss")) {
            String answer = connect("SignAndEncrypt", policy, "OBSERVER", Fakes.PASSWORD);
            assertTrue(answer.startsWith("ok "), policy + ": " + answer);
            assertTrue(ask("read ns=2;s=dosing/Mode").contains("\"value\":\"ADVISORY\""));
            disconnect();
        }
    }

    // Operators would take a value of yesterday, or a bad one, for the present truth.
    @Test
    @Order(6)
    void valuesCarryStatusAndSourceTimeUnchanged() {
        connect(Role.OBSERVER);
        publish(Fakes.doseModel(), Fakes.INSTANT_NS, 2.5, StatusCode.UNCERTAIN_SUB_NORMAL | StatusCode.LIMIT_HIGH);

        String dose = ask("read " + DOSE);
        assertTrue(dose.contains("\"value\":250,\"type\":\"Double\""), dose);
        assertTrue(dose.contains("\"code\":" + Integer.toUnsignedString(0x40950600)), dose);
        assertTrue(dose.contains("\"source\":\"2023-11-14T22:13:20.123Z\""), dose);
        String input = ask("read ns=2;s=dosing/Inputs/turbidity");
        assertTrue(input.contains("\"value\":2.5") && input.contains("\"source\":\"2023-11-14T22:13:20.122Z\""), input);
        assertTrue(ask("read ns=2;s=dosing/Inputs/turbidity/AgeMs").contains("\"value\":250,"));
        assertTrue(ask("read ns=2;s=dosing/Inputs/turbidity/Tag").contains("\"value\":\"AT-1002A\""));
        assertTrue(ask("read ns=2;s=dosing/Inputs/turbidity/Unit").contains("\"value\":\"NTU\""));
        assertTrue(ask("read ns=2;s=dosing/Features/turbidityLog").contains("\"value\":25,"));
        String unit = ask("read ns=2;s=dosing/Inputs/turbidity/EngineeringUnits");
        assertTrue(unit.contains("5133397") && unit.contains("NTU"), unit);
        String range = ask("read ns=2;s=dosing/Outputs/dose/EURange");
        assertTrue(range.contains("\"low\":1") && range.contains("\"high\":8"), range);

        publish(Fakes.doseModel(), Fakes.INSTANT_NS + 1_000_000_000L, Double.NaN, StatusCode.BAD_SENSOR_FAILURE);
        String bad = ask("read " + DOSE);
        assertTrue(bad.contains("\"value\":null,") && bad.contains("BadSensorFailure"), bad);
        assertTrue(bad.contains("\"source\":\"2023-11-14T22:13:21.123Z\""), bad);
        disconnect();
    }

    // A historian behind the server would miss cycles, or count them twice.
    @Test
    @Order(7)
    void everyPushedValueArrivesOnceAndInOrder() {
        connect(Role.OBSERVER);
        ModelArtifact model = Fakes.doseModel();
        long start = Fakes.INSTANT_NS + 10_000_000_000L;
        publish(model, start, 0, StatusCode.GOOD);
        assertEquals("ok [[0,100,\"Good\"]]", ask("subscribe 50000 " + DOSE));
        StringBuilder expected = new StringBuilder("[\"" + DOSE + "\",0,0,\"2023-11-14T22:13:30.123Z\"]");
        for (int i = 1; i <= 60; i++) {
            publish(model, start + i * 1_000_000L, i, StatusCode.GOOD);
            expected.append(String.format(",[\"%s\",%d,0,\"2023-11-14T22:13:30.%03dZ\"]", DOSE, 100 * i, 123 + i));
        }
        StringBuilder received = new StringBuilder();
        Fakes.await("60 notifications", () -> {
            String some = ask("received");
            String list = some.substring("ok [".length(), some.length() - 1);
            received.append(received.length() > 0 && !list.isEmpty() ? "," : "").append(list);
            return received.length() >= expected.length();
        });
        assertEquals(expected.toString(), received.toString());
        publish(model, start + 100_000_000L, 61, StatusCode.BAD_TIMEOUT);
        Fakes.await("the bad one", () -> ask("received")
                .equals("ok [[\"" + DOSE + "\",null," + Integer.toUnsignedString(StatusCode.BAD_TIMEOUT)
                        + ",\"2023-11-14T22:13:30.223Z\"]]"));
        disconnect();
        Fakes.await("no listener left", () -> server.namespace().listeners() == 0);
    }

    // Every new model was trained on other ranges: each put a Bad value without a time into the historian, for every
    // input.
    @Test
    @Order(8)
    void whoFollowsAnInputSeesNoGapWhenOnlyItsRangeIsAnother() {
        connect(Role.OBSERVER);
        publish(Fakes.doseModel(), Fakes.INSTANT_NS, 1, StatusCode.GOOD);
        String turbidity = "ns=2;s=dosing/Inputs/turbidity";
        ask("subscribe 10 " + turbidity + " " + turbidity + "/AgeMs " + turbidity + "/Unit " + turbidity + "/Tag "
                + turbidity + "/EURange");
        StringBuilder seen = new StringBuilder();
        Fakes.await(
                "all are there",
                () -> seen.append(ask("received")).indexOf("EURange\",{\"low\":0.5,\"high\":400}") > 0);

        ModelArtifact next = Fakes.model(
                "1.1.0",
                List.of("turbidityLog"),
                List.of(Fakes.output("dose", "M1", 1, 8), Fakes.output("doseLow", "M1", 1, 8)),
                Fakes.input("turbidity", "NTU", 0.5, 500),
                Fakes.input("ph", "", 6, 9));
        publish(next, Fakes.INSTANT_NS + 1_000_000_000L, 2, StatusCode.GOOD);

        Fakes.await(
                "the range is the new one", () -> seen.append(ask("received")).indexOf("\"high\":500}") > 0);
        publish(next, Fakes.INSTANT_NS + 2_000_000_000L, 3, StatusCode.GOOD);
        Fakes.await(
                "the input goes on", () -> seen.append(ask("received")).indexOf("\"2023-11-14T22:13:22.122Z\"]") > 0);
        assertFalse(seen.toString().contains("null,"), seen.toString());
        disconnect();
    }

    // In a client's browser 32 nodes were names alone: is Suppressed the deadband or an alarm?
    @Test
    @Order(8)
    void everyFigureSaysWhatItIs() {
        connect(Role.OBSERVER);
        for (String folder : List.of("Model", "Write", "Cycle")) {
            for (String name : names(ask("browse ns=2;s=dosing/" + folder))) {
                String described = ask("read ns=2;s=dosing/" + folder + "/" + name + " Description");
                assertTrue(described.matches(".*\"text\":\"[^\"].*"), folder + "/" + name + " " + described);
            }
        }
        disconnect();
    }

    // Who follows only the newest receipt got it once, and it stayed Good for ever.
    @Test
    @Order(8)
    void aPartOfATextOrAnArrayIsFollowedToo() {
        connect(Role.OBSERVER);
        publish(Fakes.doseModel(), Fakes.INSTANT_NS, 1, StatusCode.GOOD);
        String version = "ns=2;s=dosing/Model/Version";
        ask("subscribe 10 " + version + "[0:2]");
        StringBuilder seen = new StringBuilder();
        Fakes.await("the present one", () -> seen.append(ask("received")).indexOf("\"1.0\",0,") > 0);
        ModelArtifact next = Fakes.model(
                "1.1.0",
                List.of("turbidityLog"),
                List.of(Fakes.output("dose", "M1", 1, 8)),
                Fakes.input("turbidity", "NTU", 0.5, 400));
        publish(next, Fakes.INSTANT_NS + 1_000_000_000L, 2, StatusCode.GOOD);
        Fakes.await("the next one", () -> seen.append(ask("received")).indexOf("\"1.1\",0,") > 0);
        disconnect();
    }

    // A SCADA that binds the ids today would have to be engineered again with every model.
    @Test
    @Order(8)
    void idsStayWhenTheModelChangesAndOnlyTheDifferenceComesAndGoes() {
        connect(Role.OBSERVER);
        publish(Fakes.doseModel(), Fakes.INSTANT_NS, 1, StatusCode.GOOD);
        ask("subscribe 10 " + DOSE + " ns=2;s=dosing/Outputs/doseLow ns=2;s=dosing/Inputs/turbidity/EURange");
        assertEquals(List.of("dose", "doseLow"), names(ask("browse ns=2;s=dosing/Outputs")));

        ModelArtifact next = Fakes.model(
                "1.1.0",
                List.of("turbidityLog", "phMean"),
                List.of(Fakes.output("dose", "M1", 1, 8), Fakes.output("doseHigh", "M1", 1, 8)),
                Fakes.input("turbidity", "FNU", 0.5, 500),
                Fakes.input("ph", "", 6, 9));
        publish(next, Fakes.INSTANT_NS + 2_000_000_000L, 3, StatusCode.GOOD);

        assertEquals(List.of("dose", "doseHigh"), names(ask("browse ns=2;s=dosing/Outputs")));
        assertEquals(List.of("turbidityLog", "phMean"), names(ask("browse ns=2;s=dosing/Features")));
        assertTrue(ask("read ns=2;s=dosing/Model/Version").contains("\"value\":\"1.1.0\""));
        assertTrue(ask("read ns=2;s=dosing/Inputs/turbidity/EngineeringUnits").contains("4607573"));
        StringBuilder seen = new StringBuilder();
        Fakes.await(
                "the same item goes on",
                () -> seen.append(ask("received")).indexOf("[\"" + DOSE + "\",300,0,\"2023-11-14T22:13:22.123Z\"]")
                        > 0);
        Fakes.await(
                "a range that is followed is the new one",
                () -> seen.append(ask("received")).indexOf("EURange\",{\"low\":0.5,\"high\":500}") > 0);
        Fakes.await(
                "the other is told",
                () -> seen.append(ask("received")).indexOf("doseLow\",null," + Integer.toUnsignedString(0x80340000))
                        > 0);

        publish(Fakes.doseModel(), Fakes.INSTANT_NS + 3_000_000_000L, 4, StatusCode.GOOD);
        Fakes.await(
                "and goes on when it is back",
                () -> seen.append(ask("received")).indexOf("doseLow\",401,0,\"2023-11-14T22:13:23.123Z\"]") > 0);
        disconnect();
    }

    // A monitored tag would look frozen or, worse, good while the PLC is silent.
    @Test
    @Order(9)
    void tagsFollowTheirConnector() {
        connect(Role.OBSERVER);
        assertEquals(
                List.of("AT-1002A", "FT-1001", "XS-2001", "VIB-7[0]", "VIB-7[1]"), names(ask("browse ns=2;s=Tags")));
        assertTrue(ask("read ns=2;s=Tags/AT-1002A").contains("BadWaitingForInitialData"));

        plc.deliver("AT-1002A", 7.25, StatusCode.UNCERTAIN_LAST_USABLE_VALUE, Fakes.INSTANT_NS);
        plc.deliver("XS-2001", 1, StatusCode.GOOD, Fakes.INSTANT_NS);
        plc.deliver("VIB-7[1]", 3, StatusCode.GOOD, Fakes.INSTANT_NS);
        String turbidity = ask("read ns=2;s=Tags/AT-1002A");
        assertTrue(turbidity.contains("\"value\":7.25") && turbidity.contains("UncertainLastUsableValue"), turbidity);
        assertTrue(turbidity.contains("\"source\":\"2023-11-14T22:13:20.123Z\""), turbidity);
        assertTrue(ask("read ns=2;s=Tags/XS-2001").contains("\"value\":true,\"type\":\"Boolean\""));
        assertTrue(ask("read ns=2;s=Tags/VIB-7[1]").contains("\"value\":3,"));
        assertTrue(ask("read ns=2;s=Tags/FT-1001/EURange").contains("\"high\":2000"));
        assertTrue(ask("read ns=2;s=Connections/plc1/State").contains("\"CONNECTED\""));
        assertTrue(ask("read ns=2;s=Connections/plc1/Warning").contains("security is off"));
        assertTrue(ask("read ns=2;s=Connections/plc1/Reconnects").contains("\"value\":3,"));
        disconnect();
    }

    // The plant engineer's questions at three in the morning: what runs, how well, and what did it write?
    @Test
    @Order(10)
    void figuresModelLoopAndWarningAreThere() {
        connect(Role.OBSERVER);
        dosing.cycles = 1234;
        server.nodes().refresh();
        assertTrue(ask("read ns=2;s=dosing/Cycle/Count").contains("\"value\":1234,"));
        assertTrue(ask("read ns=2;s=dosing/Cycle/CycleMicrosP99").contains("\"value\":8.5,"));
        assertTrue(ask("read ns=2;s=dosing/Cycle/AcquisitionToWriteMicrosP50").contains("BadNoData"));
        assertTrue(ask("read ns=2;s=dosing/Model/Sha256").contains("abab"));
        assertTrue(ask("read ns=2;s=dosing/Model/Signer").contains("CN=Central team"));
        assertTrue(ask("read ns=2;s=dosing/Model/Fallback").contains("coagulant-dose 0.9.0"));
        assertTrue(ask("read ns=2;s=dosing/Write/Closed").contains("\"value\":true"));
        assertTrue(ask("read ns=2;s=dosing/Write/Refused").contains("\"value\":5,"));
        assertTrue(ask("read ns=2;s=dosing/Write/RefusedBy").contains("{\\\"age\\\":1,\\\"quality\\\":4}"));
        assertTrue(ask("read ns=2;s=dosing/Write/LastReceipt").contains("CONFIRMED"));
        assertTrue(ask("read ns=2;s=Warning").contains("\"value\":\"\""));
        server.nodes()
                .publish(Fakes.result(
                        "dosing",
                        Fakes.doseModel(),
                        Mode.CLOSED,
                        Fakes.INSTANT_NS,
                        1,
                        0,
                        WriteOutcome.refused(9.5, "range: 1 to 8, was 9.5")));
        assertTrue(ask("read ns=2;s=dosing/Write/LastOutcome").contains("\"REFUSED\""));
        assertTrue(ask("read ns=2;s=dosing/Write/LastReason").contains("range: 1 to 8, was 9.5"));
        assertTrue(ask("read ns=2;s=dosing/Mode").contains("\"CLOSED\""));
        disconnect();
    }

    // A value that can be written past the loop's guards is a way to the actuator that nobody watches.
    @Test
    @Order(11)
    void noVariableCanBeWritten() {
        connect(Role.SECURITY_ADMIN);
        for (String id : List.of(DOSE, "ns=2;s=dosing/Mode", "ns=2;s=Tags/AT-1002A", "i=2294")) {
            String answer = ask("write " + id + " 1");
            assertTrue(answer.contains("BadNotWritable") || answer.contains("BadUserAccessDenied"), id + " " + answer);
            String node = id;
            assertTrue(
                    gateway.audited.stream()
                            .anyMatch(r -> r.action().equals("ACCESS_DENIED")
                                    && r.subject().equals(node)
                                    && r.detail().startsWith("write refused: Bad")
                                    && r.origin().startsWith("opc.ua 127.0.0.1")),
                    id + " " + gateway.audited);
        }
        assertTrue(ask("read " + DOSE + " AccessLevel").contains("\"value\":1,"));
        assertTrue(ask("read " + DOSE + " UserAccessLevel").contains("\"value\":1,"));
        disconnect();
    }

    // The operator takes the machine back in one call, and whoever may not is refused and remembered.
    @Test
    @Order(12)
    void methodsAskForRolesAndCarryTheCaller() {
        dosing.calls.clear();
        gateway.audited.clear();
        connect(Role.OPERATOR);
        assertEquals(
                "ok {\"status\":\"Good\",\"outputs\":[[],\"\"]}",
                ask("call ns=2;s=dosing ns=2;s=dosing/SetMode SHADOW \"storm coming\""));
        dosing.refusals = List.of("input age 9 s above 5 s", "read-back missing");
        assertEquals(
                "ok {\"status\":\"Good\",\"outputs\":[[\"input age 9 s above 5 s\",\"read-back missing\"],\"\"]}",
                ask("call ns=2;s=dosing ns=2;s=dosing/SetMode CLOSED go"));
        dosing.refusals = List.of();
        assertEquals(
                List.of(
                        "SHADOW by OPERATOR [OPERATOR] opc.ua 127.0.0.1: storm coming",
                        "CLOSED by OPERATOR [OPERATOR] opc.ua 127.0.0.1: go"),
                dosing.calls);
        assertTrue(ask("call ns=2;s=dosing ns=2;s=dosing/SetMode AUTO go").contains("BadInvalidArgument"));
        assertTrue(ask("call ns=2;s=dosing ns=2;s=dosing/SetMode CLOSED").contains("BadArgumentsMissing"));

        String rolledBack = ask("call ns=2;s=dosing ns=2;s=dosing/Rollback \"worse than before\"");
        assertEquals("ok {\"status\":\"Good\",\"outputs\":[\"ROLLED_BACK\",\"operator \\\"asked\\\"\"]}", rolledBack);
        assertEquals(List.of("dosing by OPERATOR opc.ua 127.0.0.1: worse than before"), gateway.catalog.calls);
        server.nodes().refresh();
        assertTrue(ask("read ns=2;s=Rollouts/LastOutcome").contains("ROLLED_BACK"));
        String receipts = ask("read ns=2;s=Rollouts/Receipts");
        assertTrue(receipts.contains("VERIFIED signer CN=Central team"), receipts);
        disconnect();

        dosing.calls.clear();
        connect(Role.OBSERVER);
        assertTrue(ask("call ns=2;s=dosing ns=2;s=dosing/SetMode OFF stop").contains("BadUserAccessDenied"));
        assertTrue(ask("call ns=2;s=dosing ns=2;s=dosing/Rollback back").contains("BadUserAccessDenied"));
        disconnect();
        assertEquals(List.of(), dosing.calls);
        assertEquals(
                List.of("ACCESS_DENIED OBSERVER dosing", "ACCESS_DENIED OBSERVER dosing"),
                gateway.audited.stream()
                        .map(entry -> entry.action() + " " + entry.actor() + " " + entry.subject())
                        .toList());
    }

    // A pipeline whose bundle is updated would leave its last values standing as if they were present ones.
    @Test
    @Order(13)
    void aPipelineThatGoesIsOutOfServiceAndComesBackUnderItsIds() {
        connect(Role.OBSERVER);
        publish(Fakes.doseModel(), Fakes.INSTANT_NS, 1, StatusCode.GOOD);
        ask("subscribe 10 " + DOSE);
        gateway.pipelines.remove(dosing);
        server.nodes().refresh();
        assertTrue(ask("read " + DOSE).contains("BadOutOfService"));
        assertTrue(ask("read ns=2;s=dosing/Mode").contains("BadOutOfService"));
        publish(Fakes.doseModel(), Fakes.INSTANT_NS, 2, StatusCode.GOOD);
        assertTrue(ask("read " + DOSE).contains("BadOutOfService"), "a late result revives nothing");

        dosing.bindings = List.of(new Pipeline.Binding("turbidity", "AT-1002B"));
        gateway.pipelines.add(dosing);
        server.nodes().refresh();
        publish(Fakes.doseModel(), Fakes.INSTANT_NS + 5_000_000_000L, 9, StatusCode.GOOD);
        server.nodes().refresh();
        assertTrue(ask("read ns=2;s=dosing/Inputs/turbidity/Tag").contains("\"AT-1002B\""), "bound anew meanwhile");
        StringBuilder seen = new StringBuilder();
        Fakes.await("the same item goes on", () -> seen.append(ask("received")).indexOf(",900,0,") > 0);
        assertTrue(
                seen.indexOf("," + Integer.toUnsignedString(StatusCode.BAD_OUT_OF_SERVICE) + ",") > 0, seen.toString());
        disconnect();
    }

    // One client that opens sessions without end must not shut the control room out for good.
    @Test
    @Order(14)
    void sessionsAreLimited() {
        String answer =
                ask("sessions " + url() + " 5 SignAndEncrypt Basic256Sha256 OBSERVER \"" + Fakes.PASSWORD + "\"");
        assertTrue(answer.startsWith("ok [3,") && answer.contains("TooManySessions"), answer);
    }

    // A scanner that opens connections without end took the sockets and files that connectors, audit and releases need.
    @Test
    @Order(14)
    void connectionsOfOneAddressAreLimitedAndAClientStillGetsIn() throws IOException {
        int most = Fakes.shares(3).connectionsPerAddress();
        List<Socket> opened = new ArrayList<>();
        try {
            for (int i = 0; i < most + 5; i++) {
                opened.add(new Socket(InetAddress.getLoopbackAddress(), port));
            }
            // all of them may be closed by now, where the deadline for the first message has passed
            Fakes.await("those too many are closed at once", () -> closed(opened) >= 5);
            String answer = connect("SignAndEncrypt", "Basic256Sha256", "OBSERVER", Fakes.PASSWORD);
            assertTrue(answer.startsWith("ok "), answer);
        } finally {
            for (Socket socket : opened) {
                socket.close();
            }
        }
        server.refresh();
        assertTrue(ask("read ns=2;s=Warning").contains("Limited, see the log: connections of 127.0.0.1"));
        disconnect();
    }

    private static long closed(List<Socket> sockets) {
        return sockets.stream().filter(ResultsServerTest::isClosed).count();
    }

    private static boolean isClosed(Socket socket) {
        try {
            socket.setSoTimeout(1);
            return socket.getInputStream().read() < 0;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    // The colleague who left yesterday must not go on closing loops on the session that was open over night.
    @Test
    @Order(15)
    void sessionsEndWhenTheirUserIsChangedOrRemoved() {
        connect(Role.SUPERVISOR);
        gateway.usersThere = false;
        server.refresh();
        assertEquals(1, server.sessions(), "a bundle that is updated throws nobody out");
        gateway.usersThere = true;
        gateway.revisions.put("OPERATOR", 2L);
        server.refresh();
        assertEquals(1, server.sessions(), "another user's change is not this one's");
        gateway.revisions.put("SUPERVISOR", 2L);
        server.refresh();
        Fakes.await("session ended", () -> server.sessions() == 0);
        disconnect();
        connect(Role.SUPERVISOR);
        server.refresh();
        assertEquals(1, server.sessions());
        disconnect();
    }

    // A laptop that was trusted for a day must not go on reading for weeks on the connection it still has.
    @Test
    @Order(99)
    void sessionsEndWhenTrustIsTakenAway() throws IOException {
        connect(Role.OBSERVER);
        server.refresh();
        assertEquals(1, server.sessions());
        Files.move(
                pki.resolve("trusted").resolve("certs").resolve("client.der"),
                pki.resolve("rejected").resolve("certs").resolve("client.der"),
                StandardCopyOption.ATOMIC_MOVE);
        Fakes.await("session ended", () -> {
            server.refresh();
            return server.sessions() == 0;
        });
        try (PeerProcess again = PeerProcess.node("results_client.js", clientDirectory)) {
            again.tell("connect " + url() + " SignAndEncrypt Basic256Sha256 OBSERVER \"" + Fakes.PASSWORD + "\"");
            assertTrue(again.await("answer ", 60).startsWith("answer failed "));
        }
        assertEquals(0, server.sessions(), "neither does the first get back in, which keeps trying");
    }

    private static List<String> names(String browsed) {
        List<String> names = new ArrayList<>();
        var matcher = java.util.regex.Pattern.compile("\\[\"([^\"]+)\",\"ns=").matcher(browsed);
        while (matcher.find()) {
            names.add(matcher.group(1));
        }
        return names;
    }
}
