// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.eclipse.milo.opcua.stack.core.StatusCodes.Bad_TcpMessageTooLarge;
import static org.eclipse.milo.opcua.stack.core.StatusCodes.Bad_TcpMessageTypeInvalid;
import static org.eclipse.milo.opcua.stack.core.StatusCodes.Bad_TcpNotEnoughResources;
import static org.eclipse.milo.opcua.stack.core.StatusCodes.Bad_TcpSecureChannelUnknown;
import static org.eclipse.milo.opcua.stack.core.StatusCodes.Bad_Timeout;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.util.ReferenceCountUtil;
import io.penstock.publication.opcua.Connection.Stage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.channel.messages.ErrorMessage;
import org.eclipse.milo.opcua.stack.core.channel.messages.TcpMessageEncoder;
import org.jspecify.annotations.Nullable;

/**
 * Stands between the socket and Milo: collects the chunks of a message (Part 6 §6.7.2) on the heap, counted, and hands a message
 * on only when it is complete, so that Milo never holds a part of one. Sets the deadlines of the handshake, and disconnects who
 * does not read. Belongs to the event loop of its connection.
 */
final class MessageGuard extends ChannelDuplexHandler {
    /** Part 6 §7.1.2.3: Hello holds at most 4096 bytes of URL. */
    static final int HELLO_BYTES = 8 + 20 + 4 + 4096;
    /** Smallest buffer a client may announce (Part 6 §7.1.2.3); Milo would divide answers into chunks of no size. */
    static final int SMALLEST_BUFFER = 8192;

    static final int CHUNK_BYTES = 65_535;
    static final long HANDSHAKE_MS = 5_000;
    static final long SESSION_MS = 30_000;
    static final long MESSAGE_MS = 10_000;
    static final long READ_MS = 30_000;
    private static final int HEADER = 8;
    private static final int FIRST_BYTES = 512;
    private static final int POLICY_AT = 12;
    private static final int POLICY_BYTES = 256;
    private static final byte[] NONE = "#None".getBytes(java.nio.charset.StandardCharsets.US_ASCII);

    private final Connections connections;
    private final Connection connection;
    private final byte[] header = new byte[HEADER];
    private final Parts opening = new Parts();
    private final Parts message = new Parts();
    private byte @Nullable [] chunk;
    private int size;
    private int filled;
    private long held;
    private boolean secured;
    private boolean refused;
    private @Nullable Future<?> stageDeadline;
    private @Nullable Future<?> messageDeadline;
    private @Nullable Future<?> readDeadline;

    /** Largest message, in bytes and chunks, of each stage. */
    record Largest(int bytes, int chunks) {
        static final Largest HELLO = new Largest(HELLO_BYTES, 1);
        /** Certificate chains travel in it. */
        static final Largest OPEN = new Largest(64 << 10, 4);
        /** GetEndpoints and FindServers are some hundred bytes. */
        static final Largest DISCOVERY = new Largest(16 << 10, 4);

        static final Largest LOG_IN = new Largest(64 << 10, 8);
        static final Largest SESSION = new Largest((2 << 20) + (64 << 10), 64);

        static Largest of(Stage stage) {
            return switch (stage) {
                case CONNECTED, GREETED -> HELLO;
                case DISCOVERY -> DISCOVERY;
                case SECURED -> LOG_IN;
                case SESSION -> SESSION;
            };
        }
    }

    /** The chunks of one message so far. */
    private static final class Parts {
        final List<byte[]> chunks = new ArrayList<>();
        int bytes;

        void clear() {
            chunks.clear();
            bytes = 0;
        }
    }

    MessageGuard(Connections connections, Connection connection) {
        this.connections = connections;
        this.connection = connection;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        connection.onStage(() -> awaitStage(ctx));
        awaitStage(ctx);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) throws Exception {
        release();
        cancel(stageDeadline);
        cancel(messageDeadline);
        cancel(readDeadline);
        super.channelInactive(ctx);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        release();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) throws Exception {
        if (!(message instanceof ByteBuf in)) {
            super.channelRead(ctx, message);
            return;
        }
        try {
            while (in.isReadable() && !refused) {
                read(ctx, in);
            }
            if (incomplete() && messageDeadline == null && !refused) {
                messageDeadline = ctx.executor()
                        .schedule(
                                () -> refuse(
                                        ctx, Bad_Timeout, "a message was not complete after " + MESSAGE_MS + " ms"),
                                MESSAGE_MS,
                                TimeUnit.MILLISECONDS);
            }
        } finally {
            in.release();
        }
    }

    private void read(ChannelHandlerContext ctx, ByteBuf in) {
        byte[] into = chunk;
        if (into == null) {
            int some = Math.min(HEADER - filled, in.readableBytes());
            in.readBytes(header, filled, some);
            filled += some;
            if (filled == HEADER) {
                begin(ctx);
            }
            return;
        }
        int some = Math.min(size - filled, in.readableBytes());
        if (into.length < filled + some) {
            int grown = Math.min(size, Math.max(filled + some, 2 * into.length));
            if (!hold(ctx, grown - into.length)) {
                return;
            }
            into = Arrays.copyOf(into, grown);
            chunk = into;
        }
        in.readBytes(into, filled, some);
        filled += some;
        if (filled == size) {
            chunk = null;
            filled = 0;
            complete(ctx, into);
        }
    }

    /** The header is there: is this a message that may come now, and of this size? */
    private void begin(ChannelHandlerContext ctx) {
        size = intAt(header, 4);
        Stage stage = connection.stage();
        Largest largest =
                switch (type(header)) {
                    case "HEL" -> stage == Stage.CONNECTED ? Largest.HELLO : null;
                    case "OPN" -> stage == Stage.CONNECTED ? null : Largest.OPEN;
                    case "MSG", "CLO" -> stage.compareTo(Stage.GREETED) > 0 ? Largest.of(stage) : null;
                    default -> null;
                };
        if (largest == null || (header[3] != 'F' && (header[0] == 'H' || (header[3] != 'C' && header[3] != 'A')))) {
            refuse(ctx, Bad_TcpMessageTypeInvalid, "a message of type '" + type(header) + "' is not expected here");
            return;
        }
        Parts parts = parts(header);
        if (size < HEADER + 4
                || size > CHUNK_BYTES
                || parts.bytes + size > largest.bytes()
                || parts.chunks.size() >= largest.chunks()) {
            refuse(
                    ctx,
                    Bad_TcpMessageTooLarge,
                    "a message of more than " + largest.bytes() + " bytes or " + largest.chunks() + " chunks"
                            + (stage == Stage.SESSION ? "" : "; larger ones need a session"));
            return;
        }
        int first = Math.min(size, FIRST_BYTES);
        if (hold(ctx, first)) {
            byte[] into = new byte[first];
            System.arraycopy(header, 0, into, 0, HEADER);
            chunk = into;
        }
    }

    private void complete(ChannelHandlerContext ctx, byte[] whole) {
        if (header[0] == 'H') {
            if (tooSmall(intAt(whole, 12)) || tooSmall(intAt(whole, 16))) {
                refuse(ctx, Bad_TcpNotEnoughResources, "it announces a buffer of less than 8192 bytes");
                return;
            }
            deliver(ctx, List.of(whole));
            return;
        }
        Parts parts = parts(header);
        if (header[3] == 'A') {
            give(parts.bytes + size);
            parts.clear();
            idle();
            return;
        }
        if (!parts.chunks.isEmpty() && intAt(parts.chunks.get(0), HEADER) != intAt(whole, HEADER)) {
            refuse(ctx, Bad_TcpSecureChannelUnknown, "the chunks of one message name different channels");
            return;
        }
        parts.chunks.add(whole);
        parts.bytes += size;
        if (header[3] == 'C') {
            return;
        }
        if (header[0] == 'O') {
            secured = !withoutSecurity(parts.chunks.get(0));
        }
        List<byte[]> chunks = List.copyOf(parts.chunks);
        parts.clear();
        deliver(ctx, chunks);
    }

    /** As an unsigned number, which may be beyond ours. */
    private static boolean tooSmall(int buffer) {
        return buffer >= 0 && buffer < SMALLEST_BUFFER;
    }

    /** Milo decodes and dispatches before this returns. */
    private void deliver(ChannelHandlerContext ctx, List<byte[]> chunks) {
        int bytes = chunks.stream().mapToInt(each -> each.length).sum();
        give(bytes);
        idle();
        connection.messageBytes = bytes;
        for (byte[] each : chunks) {
            if (!ctx.channel().isActive()) {
                return;
            }
            ctx.fireChannelRead(Unpooled.wrappedBuffer(each));
        }
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) throws Exception {
        if (!(message instanceof ByteBuf out) || refused) {
            super.write(ctx, message, promise);
            return;
        }
        int bytes = out.readableBytes();
        ChannelPromise done = promise.unvoid();
        if (bytes >= HEADER) {
            sent(out, done);
        }
        boolean mayStay = connections.holdUnread(connection, bytes);
        done.addListener(written -> connections.holdUnread(connection, -bytes));
        if (mayStay) {
            Future<?> unused = ctx.write(out, done);
        } else {
            refused = true;
            ReferenceCountUtil.release(out);
            done.tryFailure(new java.nio.channels.ClosedChannelException());
            Future<?> unused = ctx.close();
        }
    }

    /** What Milo answers tells how far the handshake is. */
    private void sent(ByteBuf out, ChannelPromise done) {
        int at = out.readerIndex();
        byte first = out.getByte(at);
        byte third = out.getByte(at + 2);
        if (first == 'A' && third == 'K') {
            reach(Stage.GREETED);
        } else if (first == 'O' && third == 'N') {
            reach(secured ? Stage.SECURED : Stage.DISCOVERY);
        } else if (first == 'E' && third == 'R') {
            done.addListener(ChannelFutureListener.CLOSE);
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) throws Exception {
        boolean writable = ctx.channel().isWritable();
        connection.pace();
        cancel(readDeadline);
        readDeadline = writable
                ? null
                : ctx.executor()
                        .schedule(
                                () -> {
                                    connections.slow(
                                            connection,
                                            connection.unread.get() + " bytes of answers unread for " + READ_MS
                                                    + " ms");
                                    Future<?> unused = ctx.close();
                                },
                                READ_MS,
                                TimeUnit.MILLISECONDS);
        super.channelWritabilityChanged(ctx);
    }

    /** Where nothing behind took care of it, or the memory of the server is used up. */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (cause instanceof ServerMemory.UsedUpException) {
            connections.refused(connection, String.valueOf(cause.getMessage()));
        }
        Future<?> unused = ctx.close();
    }

    private void reach(Stage stage) {
        if (stage.compareTo(connection.stage()) > 0) {
            connection.reach(stage);
        }
    }

    private void awaitStage(ChannelHandlerContext ctx) {
        cancel(stageDeadline);
        Stage stage = connection.stage();
        if (stage == Stage.SESSION || !ctx.channel().isOpen()) {
            stageDeadline = null;
            return;
        }
        long ms = stage.compareTo(Stage.DISCOVERY) < 0 ? HANDSHAKE_MS : SESSION_MS;
        stageDeadline = ctx.executor()
                .schedule(
                        () -> refuse(ctx, Bad_Timeout, "it has not " + stage.next + " within " + ms + " ms"),
                        ms,
                        TimeUnit.MILLISECONDS);
    }

    /** Says why, as far as the client listens, and disconnects. */
    private void refuse(ChannelHandlerContext ctx, long status, String why) {
        if (refused) {
            return;
        }
        connections.refused(connection, why);
        release();
        ByteBuf error = null;
        try {
            error = TcpMessageEncoder.encode(new ErrorMessage(status, why));
        } catch (UaException e) {
            // then without words
        }
        refused = true;
        if (error == null) {
            Future<?> unused = ctx.close();
        } else {
            ctx.writeAndFlush(error).addListener(ChannelFutureListener.CLOSE);
            // where the client does not read either
            Future<?> unused = ctx.executor().schedule(() -> connection.close(), 1, TimeUnit.SECONDS);
        }
    }

    private boolean hold(ChannelHandlerContext ctx, int bytes) {
        held += bytes;
        if (connections.holdPartial(connection, bytes)) {
            return true;
        }
        refused = true;
        release();
        Future<?> unused = ctx.close();
        return false;
    }

    private void give(int bytes) {
        held -= bytes;
        connections.holdPartial(connection, -bytes);
    }

    private void release() {
        chunk = null;
        filled = 0;
        opening.clear();
        message.clear();
        if (held != 0) {
            connections.holdPartial(connection, -held);
            held = 0;
        }
        idle();
    }

    /** The deadline of a message begins with its first byte. */
    private void idle() {
        if (!incomplete()) {
            cancel(messageDeadline);
            messageDeadline = null;
        }
    }

    private boolean incomplete() {
        return filled > 0 || chunk != null || !opening.chunks.isEmpty() || !message.chunks.isEmpty();
    }

    private Parts parts(byte[] chunkHeader) {
        return chunkHeader[0] == 'O' ? opening : message;
    }

    private static String type(byte[] chunkHeader) {
        return new String(chunkHeader, 0, 3, java.nio.charset.StandardCharsets.US_ASCII);
    }

    /** Part 6 §6.7.2.3: the policy stands in the clear, before the certificates. */
    private static boolean withoutSecurity(byte[] opn) {
        int length = opn.length >= POLICY_AT + 4 ? intAt(opn, POLICY_AT) : -1;
        int end = POLICY_AT + 4 + length;
        return length < NONE.length
                || length > POLICY_BYTES
                || end > opn.length
                || Arrays.equals(opn, end - NONE.length, end, NONE, 0, NONE.length);
    }

    private static int intAt(byte[] bytes, int at) {
        return (bytes[at] & 0xFF)
                | (bytes[at + 1] & 0xFF) << 8
                | (bytes[at + 2] & 0xFF) << 16
                | (bytes[at + 3] & 0xFF) << 24;
    }

    private static void cancel(@Nullable Future<?> deadline) {
        if (deadline != null) {
            deadline.cancel(false);
        }
    }
}
