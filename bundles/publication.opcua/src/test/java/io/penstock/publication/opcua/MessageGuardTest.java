// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.penstock.publication.opcua.Connection.Stage;
import io.penstock.publication.opcua.MessageGuard.Largest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What stands between socket and Milo, without either. */
final class MessageGuardTest {
    private final List<String> log = new ArrayList<>();
    private final Limited limited = new Limited(() -> 0, log::add);
    private final Connections connections = new Connections(Fakes.shares(3), address -> false, () -> 0, limited);

    private EmbeddedChannel channel(Stage stage) {
        EmbeddedChannel channel = new EmbeddedChannel();
        connections.admit(channel);
        Connection connection = Connection.of(channel);
        if (stage == Stage.SESSION) {
            connection.sessionActivated(false);
        } else {
            connection.reach(stage);
        }
        channel.runPendingTasks();
        return channel;
    }

    private static ByteBuf message(String type, char kind, int bytes) {
        return Unpooled.wrappedBuffer(RawClient.chunk(type, kind, bytes, bytes));
    }

    private static int delivered(EmbeddedChannel channel) {
        int bytes = 0;
        for (ByteBuf some = channel.readInbound(); some != null; some = channel.readInbound()) {
            bytes += some.readableBytes();
            some.release();
        }
        return bytes;
    }

    private static String error(EmbeddedChannel channel) {
        channel.runPendingTasks();
        ByteBuf error = channel.readOutbound();
        if (error == null) {
            return "";
        }
        String text = error.toString(StandardCharsets.UTF_8);
        error.release();
        return text;
    }

    static Stream<Arguments> sizes() {
        List<Arguments> cases = new ArrayList<>();
        for (Stage stage : List.of(Stage.DISCOVERY, Stage.SECURED, Stage.SESSION)) {
            for (int chunk : new int[] {64, 1_000, 8_192, 60_000, MessageGuard.CHUNK_BYTES}) {
                cases.add(Arguments.of(stage, chunk));
            }
        }
        return cases.stream();
    }

    // 45 strangers, one after the other, sent parts of messages and went: 160 MB were gone for good, and the PLCs with
    // them.
    @ParameterizedTest
    @MethodSource("sizes")
    void partsOfAMessageAreBoundedInBytesAndNumberAndGoWithTheConnection(Stage stage, int chunk) {
        EmbeddedChannel channel = channel(stage);
        Largest largest = Largest.of(stage);
        int sent = 0;
        long most = 0;
        while (channel.isOpen() && sent < 1_000) {
            channel.writeInbound(message("MSG", 'C', chunk));
            sent++;
            most = Math.max(most, connections.held().partialBytes());
        }
        assertTrue(most <= largest.bytes(), "held " + most + " of " + largest);
        assertTrue(sent <= largest.chunks() + 1, "took " + sent + " chunks, of " + largest);
        String error = error(channel);
        assertTrue(error.contains("more than " + largest.bytes() + " bytes or " + largest.chunks() + " chunks"), error);
        assertEquals(0, connections.held().partialBytes());
        assertEquals(0, delivered(channel), "Milo saw a part");
        channel.finishAndReleaseAll();
        assertTrue(log.get(0).contains("is disconnected: a message of more than " + largest.bytes()), log.toString());

        if (chunk > largest.bytes()) {
            return;
        }
        EmbeddedChannel leaving = channel(stage);
        leaving.writeInbound(message("MSG", 'C', chunk), Unpooled.wrappedBuffer(new byte[] {'M', 'S', 'G'}));
        assertTrue(connections.held().partialBytes() >= chunk);
        leaving.disconnect().syncUninterruptibly();
        leaving.runPendingTasks();
        assertEquals(0, connections.held().partialBytes());
        assertEquals(0, connections.held().connections());
    }

    // A message that is whole must arrive as it was sent, however the network cut it.
    @Test
    void messagesArriveWholeHoweverTheyAreCut() {
        Random random = new Random(7);
        for (int round = 0; round < 200; round++) {
            EmbeddedChannel channel = channel(Stage.SESSION);
            ByteBuf stream = Unpooled.buffer();
            int whole = 0;
            for (int message = 0; message < 4; message++) {
                int chunks = 1 + random.nextInt(5);
                boolean aborted = random.nextInt(4) == 0;
                for (int i = 0; i < chunks; i++) {
                    int bytes = 12 + random.nextInt(3_000);
                    char kind = i < chunks - 1 ? 'C' : aborted ? 'A' : 'F';
                    stream.writeBytes(RawClient.chunk("MSG", kind, bytes, bytes));
                    whole += aborted ? 0 : bytes;
                }
            }
            while (stream.isReadable()) {
                int some = Math.min(stream.readableBytes(), 1 + random.nextInt(1_500));
                channel.writeInbound(stream.readRetainedSlice(some));
            }
            assertEquals(whole, delivered(channel));
            assertEquals(0, connections.held().partialBytes());
            assertTrue(channel.isOpen());
            assertEquals(0, stream.refCnt() - 1, "a piece of the stream was kept");
            channel.finishAndReleaseAll();
        }
    }

    // A connection that says nothing, or nothing more, stayed for ever: all places were taken by one laptop.
    @ParameterizedTest
    @EnumSource(Stage.class)
    void everyStageButASessionHasADeadline(Stage stage) {
        EmbeddedChannel channel = channel(stage);
        channel.advanceTimeBy(MessageGuard.SESSION_MS + 1, TimeUnit.MILLISECONDS);
        channel.runScheduledPendingTasks();
        channel.runPendingTasks();
        assertEquals(stage == Stage.SESSION, channel.isOpen());
        if (stage != Stage.SESSION) {
            assertTrue(error(channel).contains("it has not " + stage.next + " within"), log.toString());
        }
        channel.finishAndReleaseAll();
    }

    // A client whose session ended must not keep its connection, nor lose it before.
    @Test
    void aConnectionWhoseSessionEndsHasADeadlineAgain() {
        EmbeddedChannel channel = channel(Stage.SESSION);
        Connection.of(channel).sessionEnded();
        channel.runPendingTasks();
        assertTrue(channel.isOpen());
        channel.advanceTimeBy(MessageGuard.SESSION_MS + 1, TimeUnit.MILLISECONDS);
        channel.runScheduledPendingTasks();
        channel.runPendingTasks();
        assertFalse(channel.isOpen());
        channel.finishAndReleaseAll();
    }

    // One byte of a message now and then would hold its memory for ever.
    @ParameterizedTest
    @EnumSource(Stage.class)
    void anIncompleteMessageHasADeadlineFromItsFirstByte(Stage stage) {
        EmbeddedChannel channel = channel(stage);
        String type = stage == Stage.CONNECTED ? "HEL" : stage == Stage.GREETED ? "OPN" : "MSG";
        channel.writeInbound(Unpooled.wrappedBuffer(RawClient.chunk(type, 'F', 1_000, 20)));
        assertTrue(connections.held().partialBytes() > 0);
        for (long waited = 0; waited <= MessageGuard.MESSAGE_MS; waited += 1_000) {
            if (channel.isOpen()) {
                channel.writeInbound(Unpooled.wrappedBuffer(new byte[1]));
            }
            channel.advanceTimeBy(1_000, TimeUnit.MILLISECONDS);
            channel.runScheduledPendingTasks();
        }
        channel.runPendingTasks();
        assertFalse(channel.isOpen());
        assertEquals(0, connections.held().partialBytes());
        channel.finishAndReleaseAll();
    }

    static Stream<Arguments> nonsense() {
        return Stream.of(
                Arguments.of(Stage.CONNECTED, "MSG", 'F', 100, "not expected"),
                Arguments.of(Stage.CONNECTED, "OPN", 'F', 100, "not expected"),
                Arguments.of(Stage.CONNECTED, "GET", ' ', 100, "not expected"),
                Arguments.of(Stage.CONNECTED, "HEL", 'C', 100, "not expected"),
                Arguments.of(Stage.CONNECTED, "HEL", 'F', 4_200, "more than 4128 bytes"),
                Arguments.of(Stage.CONNECTED, "HEL", 'F', 11, "more than"),
                Arguments.of(Stage.CONNECTED, "HEL", 'F', -1, "more than"),
                Arguments.of(Stage.CONNECTED, "HEL", 'F', Integer.MIN_VALUE, "more than"),
                Arguments.of(Stage.GREETED, "HEL", 'F', 100, "not expected"),
                Arguments.of(Stage.GREETED, "MSG", 'F', 100, "not expected"),
                Arguments.of(Stage.GREETED, "OPN", 'F', 65_536, "more than"),
                Arguments.of(Stage.SESSION, "MSG", 'X', 100, "not expected"),
                Arguments.of(Stage.SESSION, "MSG", 'F', Integer.MAX_VALUE, "more than"),
                Arguments.of(Stage.SESSION, "ACK", 'F', 100, "not expected"));
    }

    // Whatever a scanner sends costs it the connection, and the gateway nothing.
    @ParameterizedTest
    @MethodSource("nonsense")
    void nonsenseIsRefusedByItsHeader(Stage stage, String type, char kind, int size, String words) {
        EmbeddedChannel channel = channel(stage);
        channel.writeInbound(Unpooled.wrappedBuffer(RawClient.chunk(type, kind, size, 8)));
        String error = error(channel);
        assertTrue(error.startsWith("ERR") && error.contains(words), error);
        assertFalse(channel.isOpen());
        assertEquals(0, connections.held().partialBytes());
        channel.finishAndReleaseAll();
    }

    // Milo would cut an answer into chunks of no size, without end.
    @ParameterizedTest
    @org.junit.jupiter.params.provider.ValueSource(ints = {0, 1, 31, 8_191})
    void aHelloWithBuffersTooSmallIsRefused(int buffer) {
        for (int at : new int[] {12, 16}) {
            byte[] hello = RawClient.chunk("HEL", 'F', 40, 40);
            java.nio.ByteBuffer fields = java.nio.ByteBuffer.wrap(hello).order(java.nio.ByteOrder.LITTLE_ENDIAN);
            fields.putInt(12, 65_535).putInt(16, 65_535).putInt(at, buffer);
            EmbeddedChannel channel = channel(Stage.CONNECTED);
            channel.writeInbound(Unpooled.wrappedBuffer(hello));
            assertTrue(error(channel).contains("a buffer of less than 8192"));
            channel.finishAndReleaseAll();
        }
    }

    // Chunks of one message that name different channels left the first of them in Milo.
    @Test
    void chunksOfDifferentChannelsAreRefused() {
        EmbeddedChannel channel = channel(Stage.SESSION);
        channel.writeInbound(message("MSG", 'C', 100));
        ByteBuf other = message("MSG", 'F', 100);
        other.setInt(8, 0x01000000);
        channel.writeInbound(other);
        assertTrue(error(channel).contains("different channels"));
        assertEquals(0, delivered(channel));
        channel.finishAndReleaseAll();
    }

    // Many that hold a little each must not take more than one that holds much.
    @Test
    void incompleteMessagesOfAllTogetherAreBoundedAndTheLargestGoes() {
        List<EmbeddedChannel> channels = new ArrayList<>();
        long most = 0;
        EmbeddedChannel small = channel(Stage.SESSION);
        small.writeInbound(Unpooled.wrappedBuffer(RawClient.chunk("MSG", 'F', 400, 20)));
        for (int i = 0; i < 20; i++) {
            EmbeddedChannel channel = channel(Stage.SESSION);
            channels.add(channel);
            for (int chunk = 0; chunk < 16 && channel.isOpen(); chunk++) {
                channel.writeInbound(message("MSG", 'C', 60_000));
                channels.forEach(EmbeddedChannel::runPendingTasks);
                most = Math.max(most, connections.held().partialBytes());
            }
        }
        assertTrue(most <= Connections.PARTIAL_BYTES + 60_000, "held " + most);
        assertTrue(small.isOpen(), "who holds little stays");
        assertTrue(log.toString().contains("bytes of incomplete messages"), log.toString());
        channels.add(small);
        channels.forEach(EmbeddedChannel::finishAndReleaseAll);
        assertEquals(0, connections.held().partialBytes());
    }

    // The client that asks and never reads took the memory that the PLC's connection needed.
    @ParameterizedTest
    @org.junit.jupiter.params.provider.ValueSource(ints = {500, 60_000, 1_000_000, 2_000_000})
    void answersUnreadAreBoundedAndTheSlowOneGoes(int answer) {
        long share = Fakes.shares(3).answerBytes();
        List<EmbeddedChannel> readers = new ArrayList<>();
        long most = 0;
        int closed = 0;
        for (int i = 0; i < 12; i++) {
            EmbeddedChannel reader = channel(Stage.SESSION);
            readers.add(reader);
            for (int n = 0; n < 8_000_000 / answer && reader.isOpen(); n++) {
                var unused = reader.write(Unpooled.wrappedBuffer(new byte[answer])); // never flushed
                readers.forEach(EmbeddedChannel::runPendingTasks);
                most = Math.max(most, connections.held().unreadBytes());
            }
        }
        for (EmbeddedChannel reader : readers) {
            closed += reader.isOpen() ? 0 : 1;
        }
        assertTrue(most <= share + answer, "held " + most + " of " + share);
        assertTrue(closed > 0 && log.toString().contains("disconnected"), log.toString());
        readers.forEach(EmbeddedChannel::finishAndReleaseAll);
        assertEquals(0, connections.held().unreadBytes());
    }

    // Nobody reads requests of a client that does not read the answers; and it does not stay for ever.
    @Test
    void whoDoesNotReadIsNotReadAndGoesAfterAWhile() {
        EmbeddedChannel reader = channel(Stage.SESSION);
        assertTrue(reader.config().isAutoRead());
        var unused = reader.write(Unpooled.wrappedBuffer(new byte[200_000]));
        reader.runPendingTasks();
        assertFalse(reader.config().isAutoRead());
        reader.flush();
        reader.runPendingTasks();
        assertTrue(reader.config().isAutoRead(), "it read after all");
        reader.releaseOutbound();

        var unusedToo = reader.write(Unpooled.wrappedBuffer(new byte[200_000]));
        reader.runPendingTasks();
        reader.advanceTimeBy(MessageGuard.READ_MS + 1, TimeUnit.MILLISECONDS);
        reader.runScheduledPendingTasks();
        reader.runPendingTasks();
        assertFalse(reader.isOpen());
        assertTrue(log.toString().contains("does not read: 200000 bytes of answers unread for"), log.toString());
        reader.finishAndReleaseAll();
        assertEquals(0, connections.held().unreadBytes());
        assertNull(reader.readOutbound());
    }
}
