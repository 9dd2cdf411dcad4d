// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.eclipse.milo.opcua.stack.core.encoding.DefaultEncodingContext;
import org.eclipse.milo.opcua.stack.core.encoding.binary.OpcUaBinaryDecoder;
import org.eclipse.milo.opcua.stack.core.encoding.binary.OpcUaBinaryEncoder;
import org.eclipse.milo.opcua.stack.core.types.UaRequestMessageType;
import org.eclipse.milo.opcua.stack.core.types.UaResponseMessageType;
import org.eclipse.milo.opcua.stack.core.types.builtin.ByteString;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.eclipse.milo.opcua.stack.core.types.enumerated.SecurityTokenRequestType;
import org.eclipse.milo.opcua.stack.core.types.structured.OpenSecureChannelRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.OpenSecureChannelResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.RequestHeader;

/** A client by hand, which sends what no client would: UA binary over a plain socket, without security. */
final class RawClient implements Closeable {
    static final String NONE = "http://opcfoundation.org/UA/SecurityPolicy#None";

    private static final int CHUNK = 60_000;

    private final Socket socket;
    private final DataInputStream in;
    private final String url;
    private int channel;
    private int token;
    private int sequence;
    NodeId session = NodeId.NULL_VALUE;

    /** @param from the address of this machine that it comes from; loopback has many. */
    RawClient(String from, int port) throws IOException {
        this(from, port, 0);
    }

    RawClient(String from, int port, int receiveBuffer) throws IOException {
        socket = new Socket();
        socket.setTcpNoDelay(true);
        if (receiveBuffer > 0) {
            socket.setReceiveBufferSize(receiveBuffer);
        }
        socket.bind(new InetSocketAddress(from, 0));
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 20_000);
        socket.setSoTimeout(20_000);
        in = new DataInputStream(socket.getInputStream());
        url = "opc.tcp://127.0.0.1:" + port + "/penstock";
    }

    private static ByteBuffer into(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A message header (Part 6 §7.1.2.2), with the rest zero. */
    static byte[] chunk(String type, char kind, int size, int bytes) {
        byte[] chunk = new byte[Math.max(bytes, 8)];
        into(chunk)
                .put(type.getBytes(StandardCharsets.US_ASCII))
                .put((byte) kind)
                .putInt(size);
        return chunk;
    }

    void send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
    }

    RawClient hello() throws IOException {
        return hello(65_535);
    }

    RawClient hello(int buffers) throws IOException {
        byte[] to = url.getBytes(StandardCharsets.US_ASCII);
        byte[] hello = new byte[32 + to.length];
        ByteBuffer out = into(hello);
        out.put("HELF".getBytes(StandardCharsets.US_ASCII)).putInt(32 + to.length);
        out.putInt(0)
                .putInt(buffers)
                .putInt(buffers)
                .putInt(0)
                .putInt(0)
                .putInt(to.length)
                .put(to);
        send(hello);
        return this;
    }

    /** Hello and a secure channel without security. */
    RawClient open() throws IOException {
        hello();
        read();
        byte[] body = encoded(new OpenSecureChannelRequest(
                header(),
                uint(0),
                SecurityTokenRequestType.Issue,
                MessageSecurityMode.None,
                ByteString.NULL_VALUE,
                uint(3_600_000)));
        byte[] policy = NONE.getBytes(StandardCharsets.US_ASCII);
        byte[] opening = new byte[8 + 4 + 4 + policy.length + 8 + 8 + body.length];
        ByteBuffer out = into(opening);
        out.put("OPNF".getBytes(StandardCharsets.US_ASCII)).putInt(out.capacity());
        out.putInt(0).putInt(policy.length).put(policy).putInt(-1).putInt(-1);
        out.putInt(++sequence).putInt(sequence).put(body);
        send(opening);
        OpenSecureChannelResponse answer =
                (OpenSecureChannelResponse) decoded(read(), 8 + 4 + 4 + policy.length + 8 + 8);
        channel = answer.getSecurityToken().getChannelId().intValue();
        token = answer.getSecurityToken().getTokenId().intValue();
        return this;
    }

    /** One chunk of a message on the open channel, of the given size. */
    byte[] part(char kind, int bytes) {
        byte[] part = new byte[bytes];
        ByteBuffer out = into(part);
        out.put("MSG".getBytes(StandardCharsets.US_ASCII)).put((byte) kind).putInt(bytes);
        out.putInt(channel).putInt(token).putInt(++sequence).putInt(sequence);
        return part;
    }

    RequestHeader header() {
        return new RequestHeader(session, DateTime.now(), uint(1), uint(0), null, uint(60_000), null);
    }

    void ask(UaRequestMessageType request) throws IOException {
        byte[] body = encoded(request);
        int id = sequence + 1;
        for (int at = 0; at < body.length; at += CHUNK) {
            int some = Math.min(CHUNK, body.length - at);
            byte[] chunk = part(at + some < body.length ? 'C' : 'F', 24 + some);
            into(chunk).putInt(20, id);
            System.arraycopy(body, at, chunk, 24, some);
            send(chunk);
        }
    }

    /** The next answer, of as many chunks as it has. */
    UaResponseMessageType answer() throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        for (byte[] chunk = read(); ; chunk = read()) {
            if (chunk[0] != 'M') {
                throw new IOException("no answer but " + new String(chunk, 0, 3, StandardCharsets.US_ASCII));
            }
            body.write(chunk, 24, chunk.length - 24);
            if (chunk[3] == 'F') {
                return (UaResponseMessageType) decoded(body.toByteArray(), 0);
            }
        }
    }

    UaResponseMessageType call(UaRequestMessageType request) throws IOException {
        ask(request);
        return answer();
    }

    byte[] read() throws IOException {
        byte[] head = new byte[8];
        in.readFully(head);
        byte[] whole =
                new byte[ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getInt(4)];
        System.arraycopy(head, 0, whole, 0, 8);
        in.readFully(whole, 8, whole.length - 8);
        return whole;
    }

    /** The reason of an error message; empty if the connection was closed without one. */
    String error() throws IOException {
        try {
            byte[] message = read();
            return new String(message, 0, 3, StandardCharsets.US_ASCII).equals("ERR")
                    ? new String(message, 16, message.length - 16, StandardCharsets.UTF_8)
                    : "no error but " + new String(message, 0, 3, StandardCharsets.US_ASCII);
        } catch (EOFException | SocketException e) {
            return "";
        }
    }

    boolean closed() {
        try {
            socket.setSoTimeout(1);
            return socket.getInputStream().read() < 0;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    private static byte[] encoded(UaRequestMessageType request) {
        ByteBuf out = Unpooled.buffer();
        new OpcUaBinaryEncoder(DefaultEncodingContext.INSTANCE).setBuffer(out).encodeMessage(null, request);
        byte[] bytes = new byte[out.readableBytes()];
        out.readBytes(bytes);
        return bytes;
    }

    private static Object decoded(byte[] message, int at) {
        return new OpcUaBinaryDecoder(DefaultEncodingContext.INSTANCE)
                .setBuffer(Unpooled.wrappedBuffer(message, at, message.length - at))
                .decodeMessage(null);
    }
}
