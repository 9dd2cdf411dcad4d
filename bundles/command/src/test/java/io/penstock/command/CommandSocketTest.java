// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Role;
import io.penstock.api.actuation.Mode;
import io.penstock.command.Fakes.FakeCatalog;
import io.penstock.command.Fakes.FakePipeline;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The socket with its file, as the command line and whoever else gets at it sees it. */
class CommandSocketTest {
    @TempDir
    Path home;

    private final FakePipeline pipeline = new FakePipeline("dosing");
    private final FakeCatalog catalog = new FakeCatalog();
    private final List<SocketChannel> held = new ArrayList<>();
    private CommandSocket gateway;

    @BeforeEach
    void begin() throws IOException {
        gateway = start();
    }

    private CommandSocket start() throws IOException {
        CommandSocket started = new CommandSocket(home, Clock.systemUTC());
        started.addPipeline(pipeline);
        started.setCatalog(catalog);
        started.start();
        await("the socket answers", this::answers);
        return started;
    }

    @AfterEach
    void end() throws IOException {
        for (SocketChannel channel : held) {
            channel.close();
        }
        gateway.stop();
    }

    private Path socket() {
        return SocketPlace.of(home);
    }

    private boolean answers() {
        try {
            return ask(Map.of("command", "status")).get("done").equals(true);
        } catch (IOException e) {
            return false;
        }
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, what);
            LockSupport.parkNanos(5_000_000);
        }
    }

    private Map<?, ?> ask(Map<String, String> keys) throws IOException {
        return ask(keys, 20_000);
    }

    private Map<?, ?> ask(Map<String, String> keys, long withinMs) throws IOException {
        return new GatewaySocket(home).ask(new LinkedHashMap<String, @Nullable Object>(keys), withinMs);
    }

    private static Map<String, String> act(String command) {
        return Map.of("command", command, "pipeline", "dosing", "reason", "test");
    }

    private static Map<String, String> mode(Mode mode) {
        return Map.of("command", "mode", "pipeline", "dosing", "mode", mode.name(), "reason", "test");
    }

    private SocketChannel connect() throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        channel.connect(UnixDomainSocketAddress.of(socket()));
        held.add(channel);
        return channel;
    }

    private SocketChannel send(byte[] bytes) throws IOException {
        SocketChannel channel = connect();
        ByteBuffer out = ByteBuffer.wrap(bytes);
        try {
            while (out.hasRemaining()) {
                channel.write(out);
            }
        } catch (IOException e) {
            assertTrue(bytes.length > Connection.LONGEST_REQUEST, "closed early: " + e);
        }
        return channel;
    }

    /** What comes until the other end closes, or null where nothing has come by a bound. */
    private static @Nullable String rest(SocketChannel channel) throws IOException {
        ByteBuffer in = ByteBuffer.allocate(1 << 20);
        channel.configureBlocking(false);
        try (Selector selector = Selector.open()) {
            channel.register(selector, SelectionKey.OP_READ);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (System.nanoTime() < end) {
                selector.select(100);
                selector.selectedKeys().clear();
                try {
                    if (channel.read(in) < 0) {
                        return new String(in.array(), 0, in.position(), StandardCharsets.UTF_8);
                    }
                } catch (IOException e) { // closed on bytes that nobody read
                    return new String(in.array(), 0, in.position(), StandardCharsets.UTF_8);
                }
            }
        }
        return null;
    }

    private void theOperatorGetsIn(String under) throws IOException {
        pipeline.closed = true;
        assertEquals(true, ask(act("open")).get("done"), under);
        assertFalse(pipeline.closed, under);
    }

    // The one road that is left would not open the loop, or would raise a mode that somebody had lowered.
    @Test
    void openTakesTheMachineBackFromAnyState() throws IOException {
        for (Mode ceiling : List.of(Mode.OFF, Mode.SHADOW, Mode.ADVISORY)) {
            for (boolean closed : new boolean[] {false, true}) {
                pipeline.ceiling = ceiling;
                pipeline.closed = closed;
                Map<?, ?> answer = ask(act("open"));
                assertEquals(true, answer.get("done"));
                assertEquals(false, answer.get("closed"));
                assertEquals(closed ? "CLOSED" : ceiling.name(), answer.get("was"));
                assertEquals(closed ? "ADVISORY" : ceiling.name(), answer.get("mode"));
            }
        }
        assertEquals(6, pipeline.asked.size(), "also where it seemed open: a closing may be under way");
    }

    // The audit would not know who took the machine back, or a stranger's claim would stand for a name.
    @Test
    void whoAsksIsWhoTheKernelSays() throws IOException {
        Map<String, String> keys = new LinkedHashMap<>(act("open"));
        keys.put("for", "anna");
        ask(keys);
        assertEquals(System.getProperty("user.name"), pipeline.actor.name());
        assertEquals("command line, says it asks for anna", pipeline.actor.origin());
        assertEquals(Set.of(Role.OPERATOR, Role.ENGINEER, Role.MODEL_DEPLOYER), pipeline.actor.roles());
        assertEquals(
                Set.of(Role.OPERATOR),
                new Peer("bert", "operators", false).actor("").roles());
    }

    // To close would be easier on this road than on the other, or not tell why not.
    @Test
    void closingObeysTheSameGuards() throws IOException {
        pipeline.refusals = List.of("entry: too far", "audit: no log");
        Map<?, ?> answer = ask(mode(Mode.CLOSED));
        assertEquals(false, answer.get("done"));
        assertEquals(pipeline.refusals, answer.get("reasons"));
        assertFalse(pipeline.closed);
        pipeline.refusals = List.of();
        assertEquals("CLOSED", ask(mode(Mode.CLOSED)).get("mode"));
    }

    // Any byte that a broken script sends would end the gateway's last road.
    @Test
    void hostileBytesAreAnsweredOrClosedAndHarmNobody() throws IOException {
        String good = "{\"penstock\":1,\"command\":\"open\",\"pipeline\":\"dosing\",\"reason\":\"x\"}";
        List<String> lines = new ArrayList<>(List.of(
                "",
                "null",
                "[]",
                "\"x\"",
                "{",
                "{}",
                "{\"penstock\":2}",
                good + good,
                good.replace("1,", "1,\"penstock\":1,"),
                good.replace("open", "reboot"),
                good.replace("\"x\"", "\"\""),
                good.replace("\"x\"", "\" \""),
                good.replace("\"x\"", "7"),
                good.replace("\"x\"", "\"" + "x".repeat(501) + "\""),
                good.replace("}", ",\"more\":1}"),
                good.replace("}", ",\"withinMs\":0}"),
                good.replace("}", ",\"withinMs\":99999999999999999999}"),
                good.replace("\"open\"", "\"mode\",\"mode\":\"WILD\""),
                "[".repeat(4_000),
                "{\"a\":".repeat(1_000),
                "1e999999",
                "\u0000"));
        for (String line : lines) {
            String answer = rest(send((line + "\n").getBytes(StandardCharsets.UTF_8)));
            assertTrue(answer != null && answer.contains("\"bad-request\""), line + " gave " + answer);
        }
        Random random = new Random(7);
        for (int i = 0; i < 200; i++) {
            byte[] bytes = new byte[random.nextInt(3 * Connection.LONGEST_REQUEST)];
            random.nextBytes(bytes);
            bytes = i % 2 == 0 ? bytes : mutated(good + "\n", random);
            SocketChannel channel = send(bytes);
            if (i % 3 == 0) {
                channel.close();
            } else if (i % 3 == 1) {
                channel.shutdownOutput();
            }
        }
        theOperatorGetsIn("garbage");
    }

    private static byte[] mutated(String good, Random random) {
        byte[] bytes = good.getBytes(StandardCharsets.UTF_8);
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        return bytes;
    }

    // A script in a loop, or one that hangs, would keep the operator out.
    @Test
    void callersWithoutEndKeepNobodyOut() throws IOException {
        byte[] half = "{\"penstock\":1,".getBytes(StandardCharsets.UTF_8);
        byte[] status = "{\"penstock\":1,\"command\":\"status\"}\n".getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < 1_000; i++) {
            if (i % 3 == 0) {
                connect();
            } else {
                send(i % 3 == 1 ? half : status); // slow, and one that never reads
            }
            if (i % 100 == 99) {
                theOperatorGetsIn("after " + i + " callers");
            }
        }
        theOperatorGetsIn("a thousand callers");
    }

    // Somebody who connects and leaves without end had the operator's own request closed unread: "Broken pipe", and a
    // loop still closed.
    @Test
    void callersThatComeAndGoKeepNobodyOut() throws Exception {
        AtomicBoolean over = new AtomicBoolean();
        List<Thread> storm = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            storm.add(new Thread(
                    () -> {
                        List<SocketChannel> mine = new ArrayList<>();
                        while (!over.get()) {
                            try {
                                SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
                                mine.add(channel);
                                channel.connect(UnixDomainSocketAddress.of(socket()));
                            } catch (IOException e) {
                                // it is closed, or there are too many
                            }
                            if (mine.size() >= 300) {
                                mine.forEach(CommandSocketTest::closeQuietly);
                                mine.clear();
                            }
                        }
                        mine.forEach(CommandSocketTest::closeQuietly);
                    },
                    "storm-" + i));
        }
        storm.forEach(Thread::start);
        try {
            for (int i = 0; i < 60; i++) {
                theOperatorGetsIn("opening " + i + " in a storm of callers");
            }
        } finally {
            over.set(true);
            for (Thread thread : storm) {
                thread.join();
            }
        }
    }

    // What was not taken is never told as done, and says who is in the way.
    @Test
    void whoIsNotTakenIsToldThatNothingWasBegun() throws Exception {
        Path other = Files.createDirectories(home.resolve("other/data/run")).resolve("command.sock");
        AtomicInteger callers = new AtomicInteger();
        Thread closing;
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(other));
            closing = new Thread(() -> {
                try {
                    while (true) {
                        server.accept().close();
                        callers.incrementAndGet();
                    }
                } catch (IOException e) {
                    // the test is over
                }
            });
            closing.start();
            GatewaySocket busy = new GatewaySocket(home.resolve("other"));
            IOException refused =
                    assertThrows(IOException.class, () -> busy.ask(new LinkedHashMap<>(act("open")), 1_000));
            assertTrue(String.valueOf(refused.getMessage()).contains("nothing was begun"), refused.toString());
            assertTrue(callers.get() > 3, "it is tried again");
        }
        closing.join();
    }

    private static void closeQuietly(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // it is gone
        }
    }

    // A caller that never ends its request would hold its place for ever.
    @Test
    void whoDoesNotAskIsClosed() throws IOException {
        assertEquals("", rest(connect()));
        assertEquals("", rest(send("{\"penstock\":1,".getBytes(StandardCharsets.UTF_8))));
    }

    // The operator's opening would wait for a closing that asks a silent PLC, or for a rollback that hangs.
    @Test
    void openingWaitsForNoOtherAct() throws Exception {
        CountDownLatch hang = new CountDownLatch(1);
        pipeline.closing = hang;
        catalog.hang = hang;
        for (int i = 0; i < 30; i++) {
            send(line(mode(Mode.CLOSED)));
            send(line(act("rollback")));
        }
        assertTrue(pipeline.begun.await(30, TimeUnit.SECONDS));
        assertTrue(catalog.begun.await(30, TimeUnit.SECONDS));
        await("one more is told at once that it is too many", () -> {
            try {
                return "busy".equals(ask(mode(Mode.CLOSED)).get("error"));
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        theOperatorGetsIn("hung closings and rollbacks");
        assertEquals(true, ask(mode(Mode.OFF)).get("done"));
        hang.countDown();
    }

    private static byte[] line(Map<String, String> keys) {
        Map<String, Object> all = new LinkedHashMap<>(keys);
        all.put("penstock", 1);
        all.put("withinMs", 60_000);
        return (Json.write(all) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    // A rollback would be carried out minutes after its caller was killed.
    @Test
    void whatWasNotBegunGoesWithItsCaller() throws Exception {
        CountDownLatch hang = new CountDownLatch(1);
        catalog.hang = hang;
        for (int i = 0; i < 4; i++) {
            send(line(act("rollback"))); // all threads are taken
        }
        await("four have begun", () -> catalog.asked.size() == 4);
        SocketChannel killed = send(line(Map.of("command", "rollback", "pipeline", "killed", "reason", "x")));
        Map<?, ?> late = ask(Map.of("command", "rollback", "pipeline", "late", "reason", "x"), 300);
        assertEquals("not-begun", late.get("error"));
        killed.close();
        answers(); // the close was seen before this was answered
        hang.countDown();
        ask(Map.of("command", "rollback", "pipeline", "last", "reason", "x"));
        assertEquals(
                List.of("dosing", "dosing", "dosing", "dosing", "last"),
                catalog.asked.stream().map(one -> one.replaceAll(" .*", "")).toList());
    }

    // Who is told nothing would ask again, and go back two models.
    @Test
    void whatWasBegunIsToldSo() throws Exception {
        CountDownLatch hang = new CountDownLatch(1);
        catalog.hang = hang;
        Map<?, ?> answer = ask(act("rollback"), 500);
        assertEquals("no-answer", answer.get("error"));
        assertTrue(String.valueOf(answer.get("reasons")).contains("may still take effect"));
        hang.countDown();
    }

    // A fault of one room would look like a gateway that hangs.
    @Test
    void faultIsAnswered() throws IOException {
        pipeline.faulty = true;
        assertEquals("fault", ask(act("open")).get("error"));
        pipeline.faulty = false;
        theOperatorGetsIn("after a fault");
    }

    // The operator would not know that the name is wrong, nor which are right.
    @Test
    void unknownPipelineNamesTheOthers() throws IOException {
        Map<?, ?> answer = ask(Map.of("command", "open", "pipeline", "x", "reason", "y"));
        assertEquals("unknown-pipeline", answer.get("error"));
        assertTrue(String.valueOf(answer.get("reasons")).contains("running are dosing"));
    }

    // After a kill, or a hand that deletes or opens up the file, the road would be closed, or open to everybody.
    @Test
    void fileIsLookedAfter() throws Exception {
        assertEquals("rwx------", permissions(socket().getParent()));
        assertEquals("rw-------", permissions(socket()));

        Files.delete(socket());
        await("made again", this::answers);
        theOperatorGetsIn("deleted");

        Files.setPosixFilePermissions(socket(), PosixFilePermissions.fromString("rwxrwxrwx"));
        Files.setPosixFilePermissions(socket().getParent(), PosixFilePermissions.fromString("rwxrwxrwx"));
        await("closed to others", () -> permissions(socket().getParent()).equals("rwxrwx---"));
        await("as open as its folder", () -> permissions(socket()).equals("rw-rw----"));
        Files.setPosixFilePermissions(socket().getParent(), PosixFilePermissions.fromString("rwx------"));
        await("to its owner alone", () -> permissions(socket()).equals("rw-------"));
        theOperatorGetsIn("permissions changed");

        Files.delete(socket());
        try (ServerSocketChannel left = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            left.bind(UnixDomainSocketAddress.of(socket())); // closed, its file stays: as after kill -9
        }
        await("in place of a stale one", this::answers);
        theOperatorGetsIn("stale file");

        gateway.stop();
        assertFalse(Files.exists(socket()));
        assertThrows(GatewaySocket.DownException.class, () -> ask(act("open")));
        gateway = start();
        theOperatorGetsIn("a new start");
    }

    private static String permissions(Path file) {
        try {
            return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
        } catch (IOException e) {
            return e.toString();
        }
    }

    // A second gateway on one home would take the first one's road away.
    @Test
    void socketOfAnotherGatewayIsLeftAlone() throws IOException {
        SocketPlace second = new SocketPlace(home);
        IOException refused = assertThrows(IOException.class, second::look);
        assertTrue(Objects.requireNonNull(refused.getMessage()).contains("another gateway answers there"));
        theOperatorGetsIn("a second gateway");
    }

    // A home deep in a tree would have no road, and nobody knew why.
    @Test
    void pathThatIsTooLongIsRefusedInWords() throws IOException {
        Path deep = home.resolve("d".repeat(120));
        String message = assertThrows(IOException.class, () -> new SocketPlace(deep).look())
                .getMessage();
        assertTrue(Objects.requireNonNull(message).contains("the system allows 107"), message);
        assertThrows(IOException.class, () -> new GatewaySocket(deep).ask(Map.of("command", "status"), 1_000));
    }

    // What is in the way would be deleted, though it is somebody's file.
    @Test
    void fileInTheWayIsNamed() throws IOException {
        Path other = home.resolve("other");
        Files.createDirectories(other.resolve("data/run"));
        Files.writeString(other.resolve("data/run/command.sock"), "precious");
        assertThrows(IOException.class, () -> new SocketPlace(other).look());
        assertEquals("precious", Files.readString(other.resolve("data/run/command.sock")));
    }

    // Programs would take a removed pipeline, or a refused release, for one that serves.
    @Test
    void statusTellsFacts() throws IOException {
        Map<?, ?> answer = ask(Map.of("command", "status"));
        assertEquals("running", answer.get("gateway"));
        assertEquals(false, answer.get("well"), "no model serves");
        List<?> pipelines = (List<?>) answer.get("pipelines");
        Map<?, ?> dosing = (Map<?, ?>) pipelines.get(0);
        assertEquals("without-model", dosing.get("state"));
        assertNull(dosing.get("model"));
        assertEquals("1.1.0", ((Map<?, ?>) dosing.get("meant")).get("version"));
        assertEquals("dose 1.2.0 warms up", dosing.get("underWay"));
        assertEquals("removed", ((Map<?, ?>) pipelines.get(1)).get("state"));
        assertEquals(catalog.quarantined(), answer.get("quarantined"));
        assertEquals(catalog.crashes(), answer.get("crashes"));
        assertEquals(
                List.of("2026-11-30T10:00:00Z CRASH libfoo.so?; charged to dose 0.9.0 (2 of 2)"), answer.get("deaths"));
        Map<?, ?> receipt = (Map<?, ?>) ((List<?>) answer.get("receipts")).get(0);
        assertEquals("signer unknown?[2J", receipt.get("reason"));
        assertTrue(String.valueOf(answer.get("attention")).contains("there is no audit log"));
    }

    // What is written could not be read back, and what is no JSON would pass for some.
    @Test
    void jsonIsStrictAndReadsWhatItWrites() {
        String text = "a\"\\\n\t\u0001\u001b\u2028é€\ud83d\ude00";
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        map.put("text", text);
        map.put("list", List.of(1L, -2.5, true, false));
        map.put("none", null);
        map.put("empty", Map.of());
        assertEquals(map, Json.parse(Json.write(map)));
        assertFalse(Json.write(map).chars().anyMatch(c -> c < 0x20), "one line");
        for (String bad :
                List.of("01", "1.", "--1", "+1", "tru", "'a'", "{\"a\":1,}", "[1,]", "\"\\x\"", "\"\\u12g4\"")) {
            assertThrows(IllegalArgumentException.class, () -> Json.parse(bad), bad);
        }
    }
}
