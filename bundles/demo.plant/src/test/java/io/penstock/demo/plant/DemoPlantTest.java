// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.peers.PeerProcess;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The process as its peers see it: pymodbus and node-opcua, both written by others. */
class DemoPlantTest {
    @TempDir
    Path home;

    private int modbusPort;
    private int opcUaPort;
    private DemoPlant plant;

    @BeforeEach
    void start() throws IOException {
        modbusPort = PeerProcess.freePort();
        opcUaPort = PeerProcess.freePort();
        plant = new DemoPlant(new Options(modbusPort, opcUaPort, 60, 1, 1, home), Clock.systemUTC());
    }

    @AfterEach
    void stop() {
        plant.close();
    }

    // Had this failed, the gateway would have read numbers of another order of words, or half of an old and half of a
    // new scan.
    @Test
    void modbusShowsTheRegistersOfTheMap() {
        try (PeerProcess client = PeerProcess.python("plant_modbus.py", modbusPort)) {
            assertEquals(8, Double.parseDouble(ask(client, "real 105")), 3);
            assertEquals(12, Double.parseDouble(ask(client, "real 107")), 2);
            assertEquals(7.6, Double.parseDouble(ask(client, "real 109")), 0.2);
            assertEquals(54, ask(client, "read 101 54").split(" ").length);
            assertEquals("exception 2", ask(client, "read 1 20"));
            assertEquals("exception 2", ask(client, "read 150 30"));
            int life = Integer.parseInt(ask(client, "read 152 1"));
            await("life counter moves", () -> Integer.parseInt(ask(client, "read 152 1")) > life + 2);
            assertEquals("1 0 1 0 0 0 0 0 1", ask(client, "inputs 1 9"));
        }
    }

    // Had this failed, the gateway's setpoint would not have reached the pump, or have passed the PLC's limits and
    // ramp.
    @Test
    void setpointIsTakenWithinLimitsAndRampAndReadBack() {
        try (PeerProcess client = PeerProcess.python("plant_modbus.py", modbusPort)) {
            assertEquals("ok", ask(client, "write 201 3.5"));
            assertEquals("3.5", ask(client, "real 201"));
            double before = Double.parseDouble(ask(client, "real 125"));
            assertTrue(before < 3.4, "not at once, the PLC ramps: " + before);
            await("setpoint in use", () -> {
                ask(client, "write 201 3.5");
                return Math.abs(Double.parseDouble(ask(client, "real 125")) - 3.5) < 1e-3;
            });
            assertEquals("3", ask(client, "read 156 1"));
            await("upper limit", () -> {
                ask(client, "write 201 50");
                return Double.parseDouble(ask(client, "real 125")) > 7.99;
            });
            assertEquals(8, Double.parseDouble(ask(client, "real 125")), 1e-6);
        }
    }

    // Had this failed, half a REAL, a NaN or a write to a measured value would have been taken.
    @Test
    void everyOtherWriteIsRefused() {
        try (PeerProcess client = PeerProcess.python("plant_modbus.py", modbusPort)) {
            assertEquals("exception 1", ask(client, "single 201 16448"));
            assertEquals("exception 2", ask(client, "words 201 16448"));
            assertEquals("exception 2", ask(client, "write 125 3.0"));
            assertEquals("exception 2", ask(client, "words 201 16448 0 0 0"));
            assertEquals("exception 3", ask(client, "write 201 nan"));
            assertTrue(plant.command("status").contains("\"setpointRequested\":null"));
            assertTrue(plant.command("status").contains("\"setpointsRefused\":1"));
        }
    }

    // Had this failed, a gateway that died would have left its last setpoint standing.
    @Test
    void withoutNewWritesThePlcFallsBackToItsCurve() {
        try (PeerProcess client = PeerProcess.python("plant_modbus.py", modbusPort)) {
            ask(client, "write 201 3.5");
            await("remote", () -> plant.command("status").contains("\"plcState\":\"REMOTE\""));
            await("fallback", () -> ask(client, "read 156 1").equals("4"));
            await(
                    "curve",
                    () -> plant.command("status").contains("FALLBACK")
                            && Double.parseDouble(ask(client, "real 125")) < 3.1);
        }
    }

    // Had this failed, the demo's silent PLC would have refused connections instead of answering nothing.
    @Test
    void silentPlcTakesRequestsAndAnswersNothing() {
        try (PeerProcess client = PeerProcess.python("plant_modbus.py", modbusPort)) {
            ask(client, "real 103");
            assertEquals("ok silent on", plant.command("silent on"));
            assertEquals("silence", ask(client, "real 103"));
            assertEquals("silence", ask(client, "write 201 3"));
            assertTrue(
                    plant.command("status").contains("\"setpointRequested\":null"), "a silent PLC takes no setpoint");
            plant.command("silent off");
            assertEquals(8, Double.parseDouble(ask(client, "real 105")), 3);
        }
    }

    // Had this failed, a storm, a stuck or broken instrument or a dead pump would not have shown on the wire.
    @Test
    void disturbancesShowOnTheWire() {
        try (PeerProcess client = PeerProcess.python("plant_modbus.py", modbusPort)) {
            plant.command("wirebreak AT-1003");
            await("wire break", () -> Double.parseDouble(ask(client, "real 107")) < -10);
            assertEquals(1 << PlantTag.AT_1003.index(), Integer.parseInt(ask(client, "read 155 1")));
            plant.command("freeze AT-1002A");
            String frozen = ask(client, "real 103");
            plant.command("pumpfail");
            await("pump", () -> ask(client, "inputs 1 3").equals("0 1 0"));
            plant.command("storm");
            await("storm at the second instrument", () -> Double.parseDouble(ask(client, "real 105")) > 14);
            assertEquals(frozen, ask(client, "real 103"));
            assertTrue(plant.command("status").contains("\"faults\":[\"freeze AT-1002A\",\"wirebreak AT-1003\"]"));
            plant.command("clear");
            await("repaired", () -> ask(client, "inputs 1 3").equals("1 0 1"));
            await("thawed", () -> Double.parseDouble(ask(client, "real 103")) > 14);
            assertEquals("0", ask(client, "read 155 1"));
            plant.command("remote off");
            await("local", () -> ask(client, "read 156 1").equals("1"));
            assertEquals("0 1 0", ask(client, "inputs 7 3"), "MAN LOC REM");
        }
    }

    // Had this failed, a typing error would have done something, or nothing without a word.
    @Test
    void wrongCommandsSayWhatWouldBeRight() {
        for (String line : new String[] {"strom", "freeze", "freeze AT-9", "silent maybe", "storm now please"}) {
            IllegalArgumentException refused =
                    assertThrows(IllegalArgumentException.class, () -> plant.command(line), line);
            assertFalse(refused.getMessage().isBlank());
        }
    }

    // Had this failed, OPC UA clients would see values without range, unit, status or their own time, or strangers
    // would see them.
    @Test
    void opcUaServesTagsWithStatusToTrustedClientsOnly() throws IOException {
        String password = Files.readString(home.resolve("opcua-password")).strip();
        try (PeerProcess client = opcUaClient(password)) {
            assertTrue(ask(client, "connect").startsWith("failed"), "an unknown certificate is rejected");
            Path rejected = home.resolve("pki/rejected/certs");
            await("kept for approval", () -> files(rejected) == 1);
            trustRejected();
            await("trusted", () -> ask(client, "connect").equals("connected"));

            String[] uv = ask(client, "read AT-1003").split(" ", -1);
            assertEquals("Good", uv[0]);
            assertEquals(12, Double.parseDouble(uv[1]), 2);
            assertTrue(
                    Duration.between(Instant.parse(uv[2]), Instant.now()).abs().toSeconds() < 60);
            assertEquals("0 60", ask(client, "property AT-1003 EURange"));
            assertEquals("4405554 1/m", ask(client, "property AT-1003 EngineeringUnits"));
            assertEquals("5133397 NTU", ask(client, "property AT-1002A EngineeringUnits"));
            assertEquals("BadUserAccessDenied", ask(client, "write AT-1003 5"));

            assertEquals("watching", ask(client, "watch AT-1003"));
            client.await("value AT-1003 Good", 10);
            assertEquals(
                    "Good ok wirebreak AT-1003",
                    askAndSee(client, "call WireBreak AT-1003", "value AT-1003 BadSensorFailure null"));
            assertEquals("Good ok clear", ask(client, "call Clear"));
            client.await("value AT-1003 Good", 10);
            assertTrue(ask(client, "call Freeze AT-77").startsWith("BadInvalidArgument"));
            assertTrue(ask(client, "call Status").contains("settledTurbidity"));
        }
    }

    // Had this failed, anybody on the machine could have used the plant's server.
    @Test
    void wrongPasswordIsRefused() throws IOException {
        try (PeerProcess client = opcUaClient("wrong-password")) {
            ask(client, "connect");
            trustRejected();
            await("refused for the password", () -> {
                String answer = ask(client, "connect");
                return answer.startsWith("failed") && (answer.contains("Identity") || answer.contains("UserAccess"));
            });
        }
    }

    // Had this failed, every user of the machine could have read the password.
    @Test
    void passwordIsMadeOnceAndReadableByItsOwnerOnly() throws IOException {
        Path file = home.resolve("opcua-password");
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        String first = Files.readString(file);
        assertEquals(32, first.strip().length());
        stop();
        start();
        assertEquals(first, Files.readString(file));
    }

    // Had this failed, a busy port would have been a page of stack trace, or a plant on half its ports.
    @Test
    void busyPortIsOneLineAndAnExitCode() throws IOException {
        try (ServerSocket busy = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            int free = PeerProcess.freePort();
            String port = String.valueOf(busy.getLocalPort());
            for (String option : new String[] {"--modbus-port", "--opcua-port"}) {
                String other = option.equals("--modbus-port") ? "--opcua-port" : "--modbus-port";
                Output output = new Output();
                int code =
                        output.run(InputStream.nullInputStream(), option, port, other, "" + free, "--home", "" + home);
                assertEquals(3, code);
                assertEquals(
                        "plant: port " + port + " is in use; stop who listens there or choose another with " + option,
                        output.err().strip());
            }
        }
    }

    // Had this failed, a killed demo would have left a plant behind that holds the ports.
    @Test
    void endOfInputEndsThePlantAndFreesItsPorts() throws IOException {
        String[] arguments = {
            "--modbus-port",
            "" + PeerProcess.freePort(),
            "--opcua-port",
            "" + PeerProcess.freePort(),
            "--home",
            "" + home
        };
        for (int i = 0; i < 2; i++) {
            Output output = new Output();
            InputStream lines = new ByteArrayInputStream("storm\nnonsense\nstatus\n".getBytes(StandardCharsets.UTF_8));
            assertEquals(0, output.run(lines, arguments));
            String[] printed = output.out().split("\n", -1);
            assertTrue(printed[0].startsWith("ready modbus=127.0.0.1:"), printed[0]);
            assertEquals("ok storm", printed[1]);
            assertTrue(printed[2].startsWith("error no command 'nonsense'"), printed[2]);
            assertTrue(printed[3].startsWith("{\"plantSeconds\":"), printed[3]);
        }
    }

    // Had this failed, a wrong option would have been taken as its default.
    @Test
    void wrongOptionsAreRefusedByName() {
        String[][] wrong = {
            {"--speed", "0"},
            {"--speed", "x"},
            {"--modbus-port", "70000"},
            {"--seed"},
            {"--colour", "blue"},
            {"--watchdog-seconds", "0.5"},
            {"--modbus-port", "4841"}
        };
        for (String[] arguments : wrong) {
            Output output = new Output();
            assertEquals(2, output.run(InputStream.nullInputStream(), arguments));
            assertTrue(output.err().startsWith("plant: "), output.err());
            assertTrue(output.err().contains(arguments[0]), output.err());
        }
    }

    // Had this failed, time would have stood still or run with the wall clock.
    @Test
    void accelerationIsThatOfTheOption() {
        double first = plantSeconds();
        long began = System.nanoTime();
        await("two minutes of the plant", () -> plantSeconds() - first >= 120);
        double wall = (System.nanoTime() - began) / 1e9;
        assertTrue(wall > 1.5, "60 times, not more; took " + wall + " s");
        assertNotEquals(first, plantSeconds());
    }

    private double plantSeconds() {
        return Double.parseDouble(
                plant.command("status").replaceFirst(".*\"plantSeconds\":", "").replaceFirst(",.*", ""));
    }

    private PeerProcess opcUaClient(String password) {
        return PeerProcess.node(
                "plant_opcua.js",
                "opc.tcp://127.0.0.1:" + opcUaPort + OpcUaFace.PATH,
                home.resolve("client-pki"),
                OpcUaFace.USER,
                password);
    }

    private static String ask(PeerProcess client, String line) {
        client.tell(line);
        return client.await("answer", 20).substring("answer".length()).strip();
    }

    /** The answer, once a change was told as well; the two come in any order. */
    private static String askAndSee(PeerProcess client, String line, String change) {
        client.tell(line);
        String answer = null;
        boolean seen = false;
        for (int lines = 0; lines < 200; lines++) {
            String told = client.await("", 10);
            seen |= told.startsWith(change);
            answer = told.startsWith("answer ") ? told.substring("answer ".length()) : answer;
            if (seen && answer != null) {
                return answer;
            }
        }
        throw new AssertionError("no answer or no '" + change + "' in 200 lines after " + line);
    }

    /** What a person does who knows the client. */
    private void trustRejected() throws IOException {
        Path trusted = home.resolve("pki/trusted/certs");
        try (var rejected = Files.newDirectoryStream(home.resolve("pki/rejected/certs"))) {
            for (Path file : rejected) {
                Files.copy(file, trusted.resolve(file.getFileName()));
            }
        }
    }

    private static long files(Path directory) {
        try (var list = Files.list(directory)) {
            return list.count();
        } catch (IOException e) {
            return 0;
        }
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, "not within 30 s: " + what);
            Thread.onSpinWait();
        }
    }

    /** What a run printed. */
    private static final class Output {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();
        private final ByteArrayOutputStream err = new ByteArrayOutputStream();

        int run(InputStream in, String... arguments) {
            return DemoPlant.run(
                    arguments,
                    in,
                    new PrintStream(out, true, StandardCharsets.UTF_8),
                    new PrintStream(err, true, StandardCharsets.UTF_8));
        }

        String out() {
            return out.toString(StandardCharsets.UTF_8);
        }

        String err() {
            return err.toString(StandardCharsets.UTF_8);
        }
    }
}
