// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.command;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The caller's end: asks the gateway of a home one thing. */
public final class GatewaySocket {
    private static final int LONGEST_ANSWER = Connection.LONGEST_ANSWER + 1;
    /** The gateway answers within what it was told; this is for the way. */
    private static final long WAY_MS = 3_000;

    private static final long AGAIN_MS = 50;
    private static final Set<String> REPEATABLE = Set.of("open", "status");

    private final Path socket;

    public GatewaySocket(Path home) {
        socket = SocketPlace.of(home);
    }

    public Path path() {
        return socket;
    }

    /** No gateway answers there. */
    public static final class DownException extends IOException {
        private static final long serialVersionUID = 1;

        DownException(String message, Throwable cause) {
            super(message, cause);
        }

        DownException(String message) {
            super(message);
        }
    }

    /**
     * Asks, and waits for the answer. Whoever is interrupted meanwhile, or dies, withdraws the request unless it had begun.
     *
     * @param request keys of the request but the version.
     * @param withinMs how long the gateway may take.
     * @throws DownException if no gateway runs there.
     * @throws IOException if it cannot be reached or does not answer in time; whether it was carried out is in the message.
     */
    public Map<?, ?> ask(Map<String, @Nullable Object> request, long withinMs) throws IOException {
        SocketPlace.checkLength(socket);
        if (!Files.exists(socket, LinkOption.NOFOLLOW_LINKS) && Files.isExecutable(socket.getParent())) {
            throw new DownException("no gateway runs in this home: there is no " + socket);
        }
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(withinMs);
        IOException first = null;
        while (true) {
            long leftMs = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            try {
                return askOnce(request, Math.max(1, leftMs));
            } catch (NotBegunException e) {
                first = first == null ? e : first;
                if (leftMs <= AGAIN_MS) {
                    throw new IOException(
                            "the gateway did not take the request within " + withinMs
                                    + " ms, nothing was begun: others keep" + " its socket " + socket
                                    + " busy; end them, then try again (" + first.getMessage() + ")",
                            first);
                }
                pause();
            } catch (DownException e) {
                throw first == null ? e : first;
            }
        }
    }

    /** The connection ended before the gateway can have had the request; it may be asked again. */
    private static final class NotBegunException extends IOException {
        private static final long serialVersionUID = 1;

        NotBegunException(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    private static void pause() throws IOException {
        try {
            Thread.sleep(AGAIN_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted; nothing was begun", e);
        }
    }

    private Map<?, ?> askOnce(Map<String, @Nullable Object> request, long withinMs) throws IOException {
        Map<String, @Nullable Object> line = new LinkedHashMap<>();
        line.put("penstock", Request.VERSION);
        line.putAll(request);
        line.put("withinMs", withinMs);
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
                Selector selector = Selector.open()) {
            connect(channel, withinMs);
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_READ);
            send(channel, ByteBuffer.wrap((Json.write(line) + "\n").getBytes(StandardCharsets.UTF_8)));
            try {
                return answer(channel, selector, withinMs + WAY_MS);
            } catch (ClosedWithoutAnswerException e) {
                if (REPEATABLE.contains(request.get("command"))) {
                    throw new NotBegunException(String.valueOf(e.getMessage()), e); // to do it twice is to do it once
                }
                throw e;
            }
        }
    }

    /** A gateway with more callers than it bears closes some unread. */
    private void send(SocketChannel channel, ByteBuffer out) throws IOException {
        try {
            while (out.hasRemaining()) {
                if (channel.write(out) == 0) {
                    throw new NotBegunException(socket + ": the gateway does not take the request", null);
                }
            }
        } catch (NotBegunException e) {
            throw e;
        } catch (IOException e) {
            throw new NotBegunException(socket + ": " + e.getMessage(), e);
        }
    }

    private static final class ClosedWithoutAnswerException extends IOException {
        private static final long serialVersionUID = 1;

        ClosedWithoutAnswerException(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** A gateway that is held up takes nobody, and to ask for a connection has no deadline of its own. */
    private void connect(SocketChannel channel, long withinMs) throws IOException {
        Thread caller = Thread.currentThread();
        CountDownLatch connected = new CountDownLatch(1);
        Thread watch = new Thread(
                () -> {
                    try {
                        if (!connected.await(withinMs, TimeUnit.MILLISECONDS)) {
                            channel.close();
                        }
                    } catch (InterruptedException | IOException e) {
                        caller.interrupt();
                    }
                },
                "penstock-connect");
        watch.setDaemon(true);
        watch.start();
        try {
            channel.connect(UnixDomainSocketAddress.of(socket));
        } catch (AsynchronousCloseException e) {
            throw new IOException(
                    "the gateway takes no caller within " + withinMs
                            + " ms; nothing was begun, is it stopped or overloaded?",
                    e);
        } catch (IOException e) {
            throw unreachable(e);
        } finally {
            connected.countDown();
        }
    }

    private IOException unreachable(IOException e) {
        String message = String.valueOf(e.getMessage());
        if (message.contains("refused")) {
            return new DownException("no gateway answers at " + socket + "; a killed one left it behind", e);
        }
        if (message.contains("No such file")) {
            return new DownException("no gateway runs in this home: there is no " + socket, e);
        }
        if (message.contains("Permission denied")) {
            return new IOException(
                    socket
                            + ": permission denied; use the user the gateway runs as, e.g. by sudo -u, or a member of the"
                            + " group of its folder",
                    e);
        }
        return new IOException(socket + ": " + message, e);
    }

    private Map<?, ?> answer(SocketChannel channel, Selector selector, long withinMs) throws IOException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(withinMs);
        ByteBuffer in = ByteBuffer.allocate(LONGEST_ANSWER);
        while (true) {
            long leftMs = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (leftMs <= 0) {
                throw new IOException("the gateway did not answer within " + withinMs
                        + " ms; it is withdrawn unless it had begun, see: penstock status");
            }
            selector.select(leftMs);
            selector.selectedKeys().clear();
            if (Thread.interrupted()) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted; it is withdrawn unless it had begun, see: penstock status");
            }
            int n;
            try {
                n = channel.read(in);
            } catch (IOException e) {
                throw new ClosedWithoutAnswerException(
                        "the gateway went away before it answered; start it, then see: penstock status", e);
            }
            int length = in.position();
            if (length > 0 && in.get(length - 1) == '\n') {
                String text = new String(Arrays.copyOf(in.array(), length), StandardCharsets.UTF_8);
                if (Json.parse(text) instanceof Map<?, ?> map) {
                    return map;
                }
                throw new IOException("the gateway's answer is no object; use the command line of its own folder");
            }
            if (n < 0 || !in.hasRemaining()) {
                if (length == 0) {
                    throw new ClosedWithoutAnswerException(
                            "the gateway closed the connection without an answer; see: penstock status", null);
                }
                throw new IOException("the gateway's answer is cut off; see: penstock status");
            }
        }
    }
}
