// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.attack;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * A client of OPC UA TCP that keeps no promise: it writes what it is told, byte by byte (Part 6 §6.7, §7.1). Without security, for
 * it has neither certificate nor password.
 */
final class RawConnection implements AutoCloseable {
    private static final String NONE = "http://opcfoundation.org/UA/SecurityPolicy#None";
    private static final int BUFFER = 65_535;
    private static final int ANSWER_MS = 3_000;

    private final Socket socket = new Socket();
    private final String url;
    private int sequence = 1;
    private int channel;
    private int token;

    /**
     * @param from local address to come from, so that one machine plays many.
     * @throws IOException if it is not let in.
     */
    RawConnection(String from, int port, String path) throws IOException {
        url = "opc.tcp://127.0.0.1:" + port + path;
        socket.bind(new InetSocketAddress(local(from), 0));
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), ANSWER_MS);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(ANSWER_MS);
    }

    /** An address of this machine's own network, as 127.0.0.3. */
    static InetAddress local(String text) throws IOException {
        byte[] bytes = new byte[4];
        String[] parts = text.split("\\.", -1);
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(parts[i]);
        }
        return InetAddress.getByAddress(bytes);
    }

    void write(byte... bytes) throws IOException {
        socket.getOutputStream().write(bytes);
    }

    byte[] helloMessage() {
        return message("HEL", 'F', body -> {
            body.putInt(0).putInt(BUFFER).putInt(BUFFER).putInt(0).putInt(0);
            text(body, url);
        });
    }

    /** HEL, and waits for ACK. */
    void hello() throws IOException {
        write(helloMessage());
        answer();
    }

    /** OpenSecureChannel without security. */
    void open() throws IOException {
        int id = sequence++;
        write(message("OPN", 'F', body -> {
            body.putInt(0);
            text(body, NONE);
            body.putInt(-1).putInt(-1); // no certificate, no thumbprint
            body.putInt(id).putInt(id);
            nodeId(body, 446); // OpenSecureChannelRequest
            requestHeader(body, id);
            body.putInt(0).putInt(0).putInt(1); // protocol version, issue, mode None
            body.putInt(-1).putInt(600_000); // no nonce, lifetime
        }));
        ByteBuffer answer = answer();
        // behind the message header: channel, policy, two absent byte strings, sequence header, type, response header …
        answer.position(8);
        channel = answer.getInt();
        int policy = answer.getInt();
        answer.position(answer.position() + policy + 8 + 8 + 4);
        answer.position(answer.position() + 8 + 4 + 4 + 1 + 4 + 3); // response header without texts
        answer.getInt(); // protocol version
        answer.getInt(); // channel once more
        token = answer.getInt();
    }

    /** One chunk of a message that may never end. */
    void chunk(char kind, int request, int bytes) throws IOException {
        byte[] content = new byte[bytes];
        write(message("MSG", kind, body -> body.putInt(channel)
                .putInt(token)
                .putInt(sequence++)
                .putInt(request)
                .put(content)));
    }

    /** GetEndpoints; the answer is not read. */
    void getEndpoints() throws IOException {
        int id = sequence++;
        write(message("MSG", 'F', body -> {
            body.putInt(channel).putInt(token).putInt(id).putInt(id);
            nodeId(body, 428); // GetEndpointsRequest
            requestHeader(body, id);
            text(body, url);
            body.putInt(-1).putInt(-1); // any locale, any profile
        }));
    }

    /** Whether the other side has closed; waits a little while for it. */
    boolean closed(int milliseconds) {
        try {
            socket.setSoTimeout(milliseconds);
            InputStream in = socket.getInputStream();
            byte[] some = new byte[4096];
            while (true) {
                if (in.read(some) < 0) {
                    return true;
                }
            }
        } catch (java.net.SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    private interface Body {
        void write(ByteBuffer body);
    }

    private static byte[] message(String type, char kind, Body content) {
        ByteBuffer message = ByteBuffer.allocate(BUFFER + 1024).order(ByteOrder.LITTLE_ENDIAN);
        message.put(type.getBytes(StandardCharsets.US_ASCII)).put((byte) kind).putInt(0);
        content.write(message);
        message.putInt(4, message.position());
        byte[] bytes = new byte[message.position()];
        message.flip();
        message.get(bytes);
        return bytes;
    }

    private static void text(ByteBuffer body, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        body.putInt(bytes.length).put(bytes);
    }

    private static void nodeId(ByteBuffer body, int id) {
        body.put((byte) 1).put((byte) 0).putShort((short) id);
    }

    private static void requestHeader(ByteBuffer body, int handle) {
        body.put((byte) 0).put((byte) 0); // no authentication token
        body.putLong(0).putInt(handle).putInt(0).putInt(-1).putInt(10_000);
        body.put((byte) 0).put((byte) 0).put((byte) 0); // no additional header
    }

    private ByteBuffer answer() throws IOException {
        InputStream in = socket.getInputStream();
        byte[] head = in.readNBytes(8);
        if (head.length < 8) {
            throw new IOException("closed");
        }
        int length = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getInt(4);
        if (length < 8 || length > BUFFER) {
            throw new IOException("an answer of " + length + " bytes");
        }
        byte[] all = java.util.Arrays.copyOf(head, length);
        if (in.readNBytes(all, 8, length - 8) < length - 8 || head[0] == 'E') {
            throw new IOException("refused");
        }
        return ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** At once, without the words that end a connection properly. */
    @Override
    public void close() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }
}
