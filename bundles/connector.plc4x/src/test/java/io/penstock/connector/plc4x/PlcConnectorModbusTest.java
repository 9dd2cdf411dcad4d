// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import static io.penstock.connector.plc4x.Fixtures.await;
import static io.penstock.connector.plc4x.Fixtures.read;
import static io.penstock.connector.plc4x.Fixtures.settings;
import static io.penstock.connector.plc4x.Fixtures.start;
import static io.penstock.connector.plc4x.Fixtures.tag;
import static io.penstock.connector.plc4x.Fixtures.writable;
import static io.penstock.connector.plc4x.Fixtures.write;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.ConnectionStatus.State;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import io.penstock.connector.plc4x.Fixtures.Ear;
import io.penstock.peers.PeerProcess;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against pymodbus, which shares no code with PLC4X. */
final class PlcConnectorModbusTest {
    private static final DataType[] REGISTER_TYPES = {
        DataType.SINT,
        DataType.USINT,
        DataType.INT,
        DataType.UINT,
        DataType.DINT,
        DataType.UDINT,
        DataType.LINT,
        DataType.ULINT,
        DataType.REAL,
        DataType.LREAL
    };

    private int port;
    private PeerProcess plc;
    private PlcConnector connector;

    @BeforeEach
    void startPlc() {
        port = PeerProcess.freePort();
        plc = PeerProcess.python("plc_server.py", port);
    }

    @AfterEach
    void stopAll() {
        if (connector != null) {
            connector.stop();
        }
        plc.close();
    }

    private Ear connect(TagDefinition... tags) {
        return connect(settings(port), List.of(tags));
    }

    private Ear connect(Settings settings, List<TagDefinition> tags) {
        connector = start(settings, tags);
        return new Ear(connector);
    }

    private void set(String space, int address, int... values) {
        plc.tell("set " + space + " " + address + " "
                + IntStream.of(values).mapToObj(Integer::toString).collect(Collectors.joining(" ")));
        plc.await("set", 10);
    }

    private List<Integer> get(String space, int address, int count) {
        plc.tell("get " + space + " " + address + " " + count);
        String[] words = plc.await("got", 10).split(" ", -1);
        List<Integer> values = new ArrayList<>();
        for (int i = 1; i < words.length; i++) {
            values.add(Integer.parseInt(words[i]));
        }
        return values;
    }

    private void tell(String command) {
        plc.tell(command);
        plc.await(command.split(" ", -1)[0], 10);
    }

    private Map<Integer, Integer> counts() {
        plc.tell("counts");
        Map<Integer, Integer> counts = new HashMap<>();
        for (String word : plc.await("counts", 10).split(" ", -1)) {
            if (word.contains("=")) {
                counts.put(
                        Integer.parseInt(word.substring(0, word.indexOf('='))),
                        Integer.parseInt(word.substring(word.indexOf('=') + 1)));
            }
        }
        return counts;
    }

    // The register numbers of the plant's documents are off by one, and every tag shows its neighbour.
    @Test
    void registerNumbersCountFromOneAsInThePlantsDocuments() {
        set("hr", 0, 11);
        set("hr", 100, 42);
        set("ir", 100, 43);
        set("co", 4, 1);
        set("di", 6, 1);
        Ear ear = connect(
                tag("first", "holding-register:1", DataType.INT),
                tag("named", "holding-register:101", DataType.INT),
                tag("modicon", "40101", DataType.INT),
                tag("input", "input-register:101", DataType.INT),
                tag("inputModicon", "30101", DataType.INT),
                tag("coil", "coil:5", DataType.BOOL),
                tag("coilBefore", "coil:4", DataType.BOOL),
                tag("discrete", "discrete-input:7", DataType.BOOL),
                tag("discreteBefore", "10006", DataType.BOOL));
        ear.awaitGood("first", 11);
        ear.awaitGood("named", 42);
        ear.awaitGood("modicon", 42);
        ear.awaitGood("input", 43);
        ear.awaitGood("inputModicon", 43);
        ear.awaitGood("coil", 1);
        ear.awaitGood("coilBefore", 0);
        ear.awaitGood("discrete", 1);
        ear.awaitGood("discreteBefore", 0);
    }

    // One wrong combination of type and order reads a level as a number without meaning, Good.
    @Test
    void everyTypeInEveryOrderIsReadAndWritten() {
        List<TagDefinition> tags = new ArrayList<>();
        int address = 1;
        for (DataType type : REGISTER_TYPES) {
            for (ByteOrder order : ByteOrder.values()) {
                tags.add(tag(type + "." + order, "holding-register:" + address, type, 1, order, Scaling.NONE, true));
                address += Codec.registers(type);
            }
        }
        Ear ear = connect(settings(port), tags);
        ear.awaitGood("LREAL.DCBA", 0);
        for (TagDefinition tag : tags) {
            double value =
                    switch (tag.dataType()) {
                        case SINT -> -100;
                        case USINT -> 200;
                        case INT -> -12_345;
                        case UINT -> 54_321;
                        case DINT -> -1_234_567_890;
                        case UDINT -> 3_234_567_890d;
                        case LINT -> -1_234_567_890_123d;
                        case ULINT -> 0x1p63 + 4096;
                        case REAL -> 12.5;
                        default -> Math.PI;
                    };
            String name = tag.id().name();
            assertEquals(StatusCode.GOOD, write(connector, name, value), name);
            ear.awaitGood(name, value);
            assertEquals(value, read(connector, name).value(), name);
        }
        int real = Integer.parseInt(tags.stream()
                .filter(t -> t.id().name().equals("REAL.ABCD"))
                .findFirst()
                .orElseThrow()
                .address()
                .split(":", -1)[1]);
        assertEquals(List.of(0x4148, 0, 0, 0x4148, 0x4841, 0, 0, 0x4841), get("hr", real - 1, 8));
    }

    // The plant would have seen a wrong sign of a SINT register when another system reads it as INT.
    @Test
    void sintIsSignExtended() {
        connect(writable("s", "holding-register:1", DataType.SINT));
        await("connected", () -> connector.connection().state() == State.CONNECTED);
        assertEquals(StatusCode.GOOD, write(connector, "s", -2));
        assertEquals(List.of(0xFFFE), get("hr", 0, 1));
    }

    // A 32-bit setpoint written in two requests is wrong for a moment, and the pump follows it.
    @Test
    void aValueOverSeveralRegistersIsWrittenInOneRequest() {
        Ear ear = connect(
                writable("real", "holding-register:11", DataType.REAL),
                writable("int", "holding-register:21", DataType.INT),
                writable("coil", "coil:3", DataType.BOOL));
        ear.await("real", s -> s.status() == StatusCode.GOOD);
        counts();
        assertEquals(StatusCode.GOOD, write(connector, "real", 4.25));
        assertEquals(StatusCode.GOOD, write(connector, "int", -7));
        assertEquals(StatusCode.GOOD, write(connector, "coil", 1));
        Map<Integer, Integer> counts = counts();
        assertEquals(1, counts.get(16), counts.toString());
        assertEquals(1, counts.get(6), counts.toString());
        assertEquals(1, counts.get(15), counts.toString());
        assertEquals(List.of(0x4088, 0, 0xFFF9), concat(get("hr", 10, 2), get("hr", 20, 1)));
        assertEquals(List.of(0, 0, 1, 0), get("co", 0, 4));
    }

    private static List<Integer> concat(List<Integer> first, List<Integer> second) {
        List<Integer> all = new ArrayList<>(first);
        all.addAll(second);
        return all;
    }

    // PLC4X answers an array of coils with one of them; every other valve would show closed.
    @Test
    void arraysAreReadWholeAndWrittenByElement() {
        set("co", 9, 1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1);
        set("di", 0, 0, 1, 1);
        set("hr", 49, 1, 2, 3);
        set("hr", 150, 0x8005, 0x0001);
        Ear ear = connect(
                tag("C", "coil:10", DataType.BOOL, 12, ByteOrder.ABCD, Scaling.NONE, true),
                tag("D", "discrete-input:1", DataType.BOOL, 3, ByteOrder.ABCD, Scaling.NONE, false),
                tag("H", "holding-register:50", DataType.UINT, 3, ByteOrder.ABCD, Scaling.NONE, true),
                tag("R", "holding-register:61", DataType.REAL, 2, ByteOrder.CDAB, Scaling.NONE, true),
                tag("B", "holding-register:151.0", DataType.BOOL, 17, ByteOrder.ABCD, Scaling.NONE, false));
        int[] coils = {1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1};
        for (int i = 0; i < coils.length; i++) {
            ear.awaitGood("C[" + i + "]", coils[i]);
        }
        ear.awaitGood("D[0]", 0);
        ear.awaitGood("D[1]", 1);
        ear.awaitGood("D[2]", 1);
        ear.awaitGood("H[2]", 3);
        for (int bit = 0; bit < 17; bit++) {
            ear.awaitGood("B[" + bit + "]", List.of(0, 2, 15, 16).contains(bit) ? 1 : 0);
        }
        assertEquals(StatusCode.GOOD, write(connector, "H[1]", 77));
        assertEquals(StatusCode.GOOD, write(connector, "C[4]", 1));
        assertEquals(StatusCode.GOOD, write(connector, "R[1]", -1.5));
        assertEquals(List.of(1, 77, 3), get("hr", 49, 3));
        assertEquals(List.of(1, 1, 0), get("co", 12, 3));
        assertEquals(List.of(0, 0, 0, 0xBFC0), get("hr", 60, 4));
        assertEquals(-1.5, read(connector, "R[1]").value());
        assertEquals(StatusCode.BAD_NODE_ID_UNKNOWN, write(connector, "H[3]", 1));
    }

    // A row of valves as long as the protocol allows; one bit out of place opens the neighbour of the right one.
    @ParameterizedTest
    @ValueSource(strings = {"co coil", "di discrete-input"})
    void theLongestArraysOfBitsAreReadWhole(String spaces) {
        String[] words = spaces.split(" ", -1);
        set(words[0], 1999, 1);
        set(words[0], 1000, 1, 0, 1, 1);
        Ear ear = connect(tag("V", words[1] + ":1", DataType.BOOL, 2000, ByteOrder.ABCD, Scaling.NONE, false));
        ear.awaitGood("V[1999]", 1);
        int[] expected = {0, 1, 0, 1, 1, 0};
        for (int i = 0; i < expected.length; i++) {
            ear.awaitGood("V[" + (999 + i) + "]", expected[i]);
        }
    }

    // An engineering value written unscaled sends 50 % as 50 counts of 27648.
    @Test
    void scalingWorksBothWays() {
        Ear ear = connect(tag(
                "valve", "holding-register:1", DataType.INT, 1, ByteOrder.ABCD, new Scaling(0, 27_648, 0, 100), true));
        ear.awaitGood("valve", 0);
        assertEquals(StatusCode.GOOD, write(connector, "valve", 50));
        assertEquals(List.of(13_824), get("hr", 0, 1));
        ear.awaitGood("valve", 50);
        assertEquals(StatusCode.BAD_OUT_OF_RANGE, write(connector, "valve", 119));
    }

    // A value that does not fit must not reach the plant in any form, least of all wrapped round.
    @Test
    void aValueThatDoesNotFitNeverReachesTheWire() {
        Ear ear = connect(
                writable("int", "holding-register:1", DataType.INT),
                writable("real", "holding-register:3", DataType.REAL),
                writable("coil", "coil:1", DataType.BOOL),
                tag("readOnly", "holding-register:5", DataType.INT));
        ear.awaitGood("int", 0);
        counts();
        assertEquals(StatusCode.BAD_OUT_OF_RANGE, write(connector, "int", 70_000));
        assertEquals(StatusCode.BAD_OUT_OF_RANGE, write(connector, "int", Double.NaN));
        assertEquals(StatusCode.BAD_OUT_OF_RANGE, write(connector, "real", 1e39));
        assertEquals(StatusCode.BAD_OUT_OF_RANGE, write(connector, "real", Double.NEGATIVE_INFINITY));
        assertEquals(StatusCode.BAD_OUT_OF_RANGE, write(connector, "coil", 0.5));
        assertEquals(StatusCode.BAD_NOT_WRITABLE, write(connector, "readOnly", 1));
        assertEquals(StatusCode.BAD_NODE_ID_UNKNOWN, write(connector, "nobody", 1));
        Map<Integer, Integer> counts = counts();
        assertTrue(counts.keySet().stream().noneMatch(fc -> fc >= 5), counts.toString());
    }

    // A NaN of the PLC, shown Good, passes every limit check there is.
    @Test
    void nanOfThePlcIsBad() {
        set("hr", 0, 0x7FC0, 0);
        Ear ear = connect(tag("x", "holding-register:1", DataType.REAL));
        assertTrue(
                Double.isNaN(ear.awaitStatus("x", StatusCode.BAD_SENSOR_FAILURE).value()));
        assertEquals(StatusCode.BAD_SENSOR_FAILURE, read(connector, "x").status());
        set("hr", 0, 0x4148, 0);
        ear.awaitGood("x", 12.5);
    }

    // One typing error in a list of 54 tags takes all 54 away.
    @Test
    void oneBadAddressDoesNotSpoilItsNeighbours() {
        tell("hole hr 30 2");
        List<TagDefinition> tags = new ArrayList<>();
        for (int i = 0; i < 54; i++) {
            set("hr", i, i + 1);
            tags.add(tag("T" + i, "holding-register:" + (i + 1), DataType.INT));
        }
        Ear ear = connect(settings(port), tags);
        for (int i = 0; i < 54; i++) {
            if (i == 30 || i == 31) {
                ear.awaitStatus("T" + i, StatusCode.BAD_NODE_ID_UNKNOWN);
            } else {
                ear.awaitGood("T" + i, i + 1);
            }
        }
        await("detail", () -> connector.connection().detail().startsWith("2 tags are refused"));
        String detail = connector.connection().detail();
        assertTrue(detail.contains("T30 at holding-register:31: BadNodeIdUnknown"), detail);
        assertEquals(State.CONNECTED, connector.connection().state());
        // Steady state: the two blocks around the hole, not 54 requests.
        counts();
        ear.clear();
        await("some polls", () -> ear.of("T0").size() >= 10);
        int polls = ear.of("T0").size();
        int requests = counts().get(3);
        assertTrue(requests <= 3 * polls + 10, requests + " requests for " + polls + " polls");

        // The plant corrects its PLC, and nobody restarts the gateway.
        tell("heal");
        ear.awaitGood("T30", 31);
        ear.awaitGood("T31", 32);
        await("no detail", () -> connector.connection().detail().isEmpty());
    }

    // A gap of registers that the device does not have, between two good tags, must not make either Bad.
    @Test
    void anUnreadableGapOnlySplitsTheRequest() {
        tell("hole hr 2 2");
        set("hr", 0, 5);
        set("hr", 6, 6);
        Ear ear = connect(tag("a", "holding-register:1", DataType.INT), tag("b", "holding-register:7", DataType.INT));
        ear.awaitGood("a", 5);
        ear.awaitGood("b", 6);
        await("more", () -> ear.of("a").size() > 5 && ear.of("b").size() > 5);
        assertTrue(
                ear.all().stream().allMatch(s -> s.status() == StatusCode.GOOD),
                ear.all().toString());
        assertEquals("", connector.connection().detail());
    }

    // PLC4X gives INTERNAL_ERROR for the longer of two tags at one address.
    @Test
    void twoTagsAtOneAddressWithDifferentLengthsAreBothRead() {
        set("hr", 0, 0x4148, 0x0000);
        Ear ear = connect(
                tag("real", "holding-register:1", DataType.REAL),
                tag("high", "holding-register:1", DataType.UINT),
                tag("word", "holding-register:1", DataType.UINT, 2, ByteOrder.ABCD, Scaling.NONE, false),
                tag("bit", "holding-register:1.3", DataType.BOOL));
        ear.awaitGood("real", 12.5);
        ear.awaitGood("high", 0x4148);
        ear.awaitGood("word[1]", 0);
        ear.awaitGood("bit", 1);
    }

    // A device that answers "failure" to everything is no reason to doubt the tag list or drop the connection.
    @Test
    void aFailingDeviceIsNotAListOfBadAddresses() {
        List<TagDefinition> tags = IntStream.range(0, 20)
                .mapToObj(i -> tag("T" + i, "holding-register:" + (i + 1), DataType.INT))
                .toList();
        Ear ear = connect(settings(port), tags);
        ear.awaitGood("T19", 0);
        tell("fail 4");
        ear.awaitStatus("T0", StatusCode.BAD_DEVICE_FAILURE);
        ear.awaitStatus("T10", StatusCode.BAD_DEVICE_FAILURE);
        assertEquals(State.CONNECTED, connector.connection().state());
        assertEquals("", connector.connection().detail());
        tell("fail 0");
        ear.clear();
        ear.awaitGood("T10", 0);
        assertEquals(0, connector.connection().reconnects());
    }

    // A refused write must come back as refused, with the reason, not as done.
    @Test
    void refusalsOfTheDeviceComeBackAsStatus() {
        tell("hole hr 0 2");
        Ear ear = connect(
                writable("missing", "holding-register:1", DataType.REAL),
                writable("there", "holding-register:101", DataType.REAL));
        ear.awaitGood("there", 0);
        assertEquals(StatusCode.BAD_NODE_ID_UNKNOWN, write(connector, "missing", 1));
        assertEquals(StatusCode.BAD_NODE_ID_UNKNOWN, read(connector, "missing").status());
        tell("fail 3");
        assertEquals(StatusCode.BAD_OUT_OF_RANGE, write(connector, "there", 1));
        tell("fail 6");
        assertEquals(StatusCode.BAD_DEVICE_FAILURE, write(connector, "there", 1));
        tell("fail 1");
        assertEquals(StatusCode.BAD_NOT_SUPPORTED, write(connector, "there", 1));
    }

    // Each vendor has exceptions of its own; one tag that gives one must not take the others off the screen.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 7, 8, 10, 11, 99, 255})
    void anyExceptionForOneAddressLeavesItsNeighbours(int code) {
        tell("hole hr 30 1 " + code);
        List<TagDefinition> tags = IntStream.range(0, 60)
                .mapToObj(i -> tag("T" + i, "holding-register:" + (i + 1), DataType.INT))
                .toList();
        Ear ear = connect(settings(port), tags);
        ear.await("T30", s -> StatusCode.isBad(s.status()));
        ear.awaitGood("T29", 0);
        ear.awaitGood("T31", 0);
        await(
                "five more",
                () -> ear.of("T59").stream()
                                .filter(s -> s.status() == StatusCode.GOOD)
                                .count()
                        > 5);
        assertEquals(0, connector.connection().reconnects());
        assertEquals(State.CONNECTED, connector.connection().state());
    }

    // A killed PLC: last values go Uncertain, then Bad, each told once; when it is back so are the values.
    @Test
    void aKilledAndRestartedPlcIsToldAsTheContractSays() {
        set("hr", 0, 7);
        Ear ear = connect(tag("x", "holding-register:1", DataType.INT));
        Sample good = ear.awaitGood("x", 7);
        plc.close();
        ear.awaitStatus("x", StatusCode.BAD_NO_COMMUNICATION);
        await("LOST", () -> connector.connection().state() == State.LOST);
        String detail = connector.connection().detail();
        assertTrue(detail.contains("127.0.0.1:" + port), detail);
        List<Sample> seen = ear.of("x");
        List<Sample> uncertain = seen.stream()
                .filter(s -> s.status() == StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE)
                .toList();
        assertEquals(1, uncertain.size(), seen.toString());
        assertEquals(7, uncertain.get(0).value());
        Sample lastGood = seen.get(seen.indexOf(uncertain.get(0)) - 1);
        assertEquals(lastGood.arrivalNanos(), uncertain.get(0).arrivalNanos(), "its age goes on from the last answer");
        assertTrue(lastGood.arrivalNanos() >= good.arrivalNanos());
        assertEquals(
                1,
                seen.stream()
                        .filter(s -> s.status() == StatusCode.BAD_NO_COMMUNICATION)
                        .count());
        assertEquals(StatusCode.BAD_NOT_CONNECTED, read(connector, "x").status());

        plc = PeerProcess.python("plc_server.py", port);
        set("hr", 0, 8);
        ear.awaitGood("x", 8);
        await("CONNECTED", () -> connector.connection().state() == State.CONNECTED);
        assertEquals(1, connector.connection().reconnects());
        assertEquals("", connector.connection().detail());
        assertAscending(ear);
    }

    private static void assertAscending(Ear ear) {
        Map<TagId, Sample> last = new HashMap<>();
        for (Sample sample : ear.all()) {
            Sample before = last.put(sample.tag(), sample);
            if (before != null) {
                assertTrue(sample.sourceTimeNs() > before.sourceTimeNs(), before + " then " + sample);
            }
        }
    }

    // A PLC that keeps the connection but answers nothing hangs the gateway for ever.
    @Test
    void aSilentPlcIsFoundByTheDeadline() throws Exception {
        Ear ear = connect(writable("x", "holding-register:1", DataType.INT));
        ear.awaitGood("x", 0);
        tell("silent");
        long asked = System.nanoTime();
        int status =
                connector.write(new TagId("x"), 5, 200).toCompletableFuture().get(5, TimeUnit.SECONDS);
        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - asked);
        assertTrue(status == StatusCode.BAD_TIMEOUT || status == StatusCode.BAD_NOT_CONNECTED, "" + status);
        assertTrue(took < 1500, took + " ms");
        ear.awaitStatus("x", StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE);
        ear.awaitStatus("x", StatusCode.BAD_NO_COMMUNICATION);
        tell("talk");
        ear.clear();
        ear.awaitGood("x", 0);
        assertEquals(List.of(0), get("hr", 0, 1), "a write that timed out is not sent later");
    }

    // The gateway starts before the PLC after every power cut.
    @Test
    void aPlcThatIsNotThereAtStartIsFoundWhenItComes() {
        plc.close();
        Ear ear = connect(tag("x", "holding-register:1", DataType.INT));
        Sample first = ear.awaitStatus("x", StatusCode.BAD_WAITING_FOR_INITIAL_DATA);
        assertTrue(Double.isNaN(first.value()));
        ear.awaitStatus("x", StatusCode.BAD_NO_COMMUNICATION);
        await("LOST", () -> connector.connection().state() == State.LOST);
        assertTrue(
                connector.connection().detail().contains("refused"),
                connector.connection().detail());
        plc = PeerProcess.python("plc_server.py", port);
        ear.awaitGood("x", 0);
        assertEquals(0, connector.connection().reconnects());
        assertNotNull(connector.connection().lastGood());
    }

    // 500 tags in 500 requests would take a slow PLC seconds.
    @Test
    void fiveHundredTagsTakeNineRequestsAndStayInOrder() {
        List<TagDefinition> tags = IntStream.range(0, 500)
                .mapToObj(i -> tag("T" + i, "holding-register:" + (2 * i + 1), DataType.REAL))
                .toList();
        Ear ear = connect(settings(port), tags);
        await("ten polls of all", () -> ear.of("T499").size() >= 10);
        ear.close();
        int before = ear.all().size();
        assertAscending(ear);
        assertEquals(ear.of("T0").size(), ear.of("T0").stream().distinct().count());
        int polls = ear.of("T499").size();
        assertTrue(ear.batches() <= 9 * (polls + 2), ear.batches() + " requests for " + polls + " polls");
        int[] asked = {0};
        counts();
        await("polling goes on", () -> (asked[0] += counts().getOrDefault(3, 0)) > 20);
        assertEquals(before, ear.all().size(), "nothing is heard after close");
        assertTrue(connector.connection().roundTripMicrosP50() > 0);
    }

    // Writes wait behind a long poll, and the loop's read-back comes too late.
    @Test
    void writesFromManyThreadsAllArrive() {
        List<TagDefinition> tags = IntStream.range(0, 100)
                .mapToObj(i -> writable("T" + i, "holding-register:" + (i + 1), DataType.INT))
                .toList();
        Ear ear = connect(settings(port), tags);
        ear.awaitGood("T99", 0);
        List<CompletableFuture<Integer>> writes = IntStream.range(0, 100)
                .parallel()
                .mapToObj(i -> connector.write(new TagId("T" + i), i, 5000).toCompletableFuture())
                .toList();
        writes.forEach(w -> assertEquals(StatusCode.GOOD, w.join()));
        assertEquals(IntStream.range(0, 100).boxed().toList(), get("hr", 0, 100));
    }

    // A connector that leaves threads behind makes an update of the gateway eat it up after some weeks.
    @Test
    void stoppingIsQuickAndLeavesNoThread() {
        Settings settings = settings(port);
        Ear ear = connect(settings, List.of(tag("x", "holding-register:1", DataType.INT)));
        ear.awaitGood("x", 0);
        assertTrue(!Fixtures.threads(settings.name()).isEmpty(), "control: there are threads while it runs");
        // The device closes first: PLC4X alone would keep a timer and four more threads.
        plc.close();
        await("LOST", () -> connector.connection().state() == State.LOST);
        plc = PeerProcess.python("plc_server.py", port);
        ear.clear();
        ear.awaitGood("x", 0);
        long begin = System.nanoTime();
        connector.stop();
        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
        assertTrue(took < 2000, took + " ms");
        assertEquals(State.CLOSED, connector.connection().state());
        await("threads end: " + Fixtures.threads(settings.name()), () -> Fixtures.threads(settings.name())
                .isEmpty());
        int heard = ear.all().size();
        assertEquals(StatusCode.BAD_NOT_CONNECTED, read(connector, "x").status());
        assertEquals(heard, ear.all().size());
    }

    // Stopping while the device is silent must not wait for it.
    @Test
    void stoppingDoesNotWaitForASilentPlc() {
        Settings settings = settings(port);
        Ear ear = connect(settings, List.of(tag("x", "holding-register:1", DataType.INT)));
        ear.awaitGood("x", 0);
        tell("silent");
        long begin = System.nanoTime();
        connector.stop();
        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
        assertTrue(took < 2000, took + " ms");
        await("threads end", () -> Fixtures.threads(settings.name()).isEmpty());
    }
}
