// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.command;

import io.penstock.command.Connection.Work;
import java.io.IOException;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Talks to callers. One thread reads and writes and never waits for one of them; acts run on threads of their own, those that
 * take the machine back on other ones than the rest. Nothing here touches a disk.
 */
final class CommandServer {
    private static final Logger LOG = LoggerFactory.getLogger(CommandServer.class);
    static final int MOST_CONNECTIONS = 64;
    private static final int ACCEPTS_A_TURN = 16;
    private static final long TURN_MS = 200;
    private static final long BACK_OFF_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final Commands commands;
    private final Peers peers;
    private final long requestNanos;
    private final long answerNanos;
    private final Selector selector;
    private final ConcurrentLinkedQueue<ServerSocketChannel> offered = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<Answer> answers = new ConcurrentLinkedQueue<>();
    private final List<Connection> connections = new ArrayList<>();
    private final ExecutorService openings = pool("open", 8, 24);
    private final ExecutorService models = pool("models", 4, 8);
    private final ExecutorService others = pool("other", 4, 8);
    private final Thread thread = new Thread(this::run, "io.penstock.command-socket-caller");
    private @Nullable ServerSocketChannel server;
    private long acceptAgainNanos;
    private boolean backedOff;
    private volatile boolean stopping;

    private record Answer(Connection connection, Map<String, @Nullable Object> map) {}

    /** Who is at the other end. */
    interface Peers {
        Peer of(SocketChannel channel) throws IOException;
    }

    /**
     * @param requestMs how long a caller may take for its request.
     * @param answerMs how long it may take to read the answer.
     */
    CommandServer(Commands commands, Peers peers, long requestMs, long answerMs) throws IOException {
        this.commands = commands;
        this.peers = peers;
        requestNanos = TimeUnit.MILLISECONDS.toNanos(requestMs);
        answerNanos = TimeUnit.MILLISECONDS.toNanos(answerMs);
        selector = Selector.open();
        thread.setDaemon(true);
    }

    private static ExecutorService pool(String role, int threads, int queue) {
        AtomicInteger number = new AtomicInteger();
        ThreadPoolExecutor pool = new ThreadPoolExecutor(
                threads, threads, 30, TimeUnit.SECONDS, new ArrayBlockingQueue<>(queue), work -> {
                    Thread made = new Thread(work, "io.penstock.command-" + role + "-" + number.incrementAndGet());
                    made.setDaemon(true);
                    return made;
                });
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    void start() {
        thread.start();
    }

    /** Takes callers from this socket from now on, and from no former one. */
    void serve(ServerSocketChannel channel) {
        offered.add(channel);
        selector.wakeup();
    }

    void stop(long timeoutMs) {
        stopping = true;
        selector.wakeup();
        for (ExecutorService pool : List.of(openings, models, others)) {
            pool.shutdownNow();
        }
        try {
            thread.join(timeoutMs);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        while (!stopping) {
            try {
                selector.select(TURN_MS);
                takeServer();
                for (SelectionKey key : selector.selectedKeys()) {
                    serve(key);
                }
                selector.selectedKeys().clear();
                takeAnswers();
                closeLate();
            } catch (IOException | RuntimeException e) {
                LOG.error("The command socket met a fault; it goes on", e);
                backOff();
            }
        }
        connections.forEach(Connection::close);
        takeServer();
        close(server);
        close(selector);
    }

    private void takeServer() {
        for (ServerSocketChannel next = offered.poll(); next != null; next = offered.poll()) {
            close(server);
            server = next;
            try {
                next.configureBlocking(false);
                next.register(selector, SelectionKey.OP_ACCEPT);
            } catch (IOException e) {
                LOG.error("The command socket cannot be used: {}", e.toString());
                close(next);
            }
        }
    }

    private static void close(@Nullable AutoCloseable closeable) {
        if (closeable != null) {
            try {
                closeable.close();
            } catch (Exception e) {
                LOG.debug("Not closed", e);
            }
        }
    }

    private void serve(SelectionKey key) {
        try {
            if (key.isValid() && key.isAcceptable()) {
                accept();
            } else if (key.isValid() && key.attachment() instanceof Connection connection) {
                advance(connection, key);
            }
        } catch (CancelledKeyException e) {
            LOG.debug("Gone", e);
        }
    }

    private void accept() {
        ServerSocketChannel from = server;
        for (int i = 0; i < ACCEPTS_A_TURN && from != null; i++) {
            SocketChannel channel;
            try {
                channel = from.accept();
            } catch (IOException e) {
                LOG.warn("No caller can be taken at present: {}", e.toString());
                backOff(); // out of file descriptors: to try at once would only burn time
                return;
            }
            if (channel == null) {
                return;
            }
            if (connections.size() >= MOST_CONNECTIONS) {
                makeRoom();
            }
            Connection connection = new Connection(channel, System.nanoTime() + requestNanos);
            connections.add(connection);
            try {
                channel.configureBlocking(false);
                advance(connection, channel.register(selector, SelectionKey.OP_READ, connection));
            } catch (IOException e) {
                drop(connection);
            }
        }
    }

    /** Who has been asking for longest goes: a caller with something to say says it at once. */
    private void makeRoom() {
        connections.stream()
                .filter(one -> one.work() == Work.READING || one.writing())
                .min(Comparator.comparingLong(one -> one.deadlineNanos))
                .or(() -> connections.stream()
                        .filter(one -> one.work() == Work.WAITING)
                        .findFirst())
                .or(() -> connections.stream().findFirst())
                .ifPresent(this::drop);
    }

    private void backOff() {
        acceptAgainNanos = System.nanoTime() + BACK_OFF_NANOS;
        backedOff = true;
        interest(0);
    }

    private void interest(int operations) {
        ServerSocketChannel from = server;
        SelectionKey key = from == null ? null : from.keyFor(selector);
        if (key != null && key.isValid()) {
            key.interestOps(operations);
        }
    }

    private void advance(Connection connection, SelectionKey key) {
        try {
            if (connection.writing()) {
                write(connection, key);
            } else if (connection.work() == Work.READING) {
                String line = connection.read();
                if (line != null) {
                    take(connection, Request.parse(line));
                }
            } else if (connection.ended()) {
                drop(connection); // withdraws it where it has not begun
            }
        } catch (IllegalArgumentException e) {
            answer(connection, Commands.refused("bad-request", Text.shown(Text.message(e))));
        } catch (IOException e) {
            drop(connection);
        }
    }

    private void write(Connection connection, SelectionKey key) throws IOException {
        if (connection.write()) {
            drop(connection);
        } else {
            key.interestOps(SelectionKey.OP_WRITE);
        }
    }

    private void take(Connection connection, Request request) {
        connection.waits();
        connection.deadlineNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(request.withinMs());
        ExecutorService pool = request.opens()
                ? openings
                : request.command() == Request.Command.ROLLBACK || request.command() == Request.Command.CANCEL
                        ? models
                        : others;
        try {
            pool.execute(() -> carryOut(connection, request));
        } catch (RejectedExecutionException e) {
            connection.withdraw();
            answer(
                    connection,
                    Commands.refused(
                            "busy", "other requests of this kind are not done yet; nothing was begun, try again"));
        }
    }

    private void carryOut(Connection connection, Request request) {
        if (!connection.begin()) {
            return; // the caller went away, or nobody waits any more
        }
        Map<String, @Nullable Object> map;
        try {
            map = commands.run(request, peers.of(connection.channel));
        } catch (IOException e) {
            map = Commands.refused("denied", "the system does not say who asks: " + e);
        } catch (RuntimeException | StackOverflowError e) {
            map = commands.fault(request, e);
        }
        answers.add(new Answer(connection, map));
        selector.wakeup();
    }

    private void takeAnswers() {
        for (Answer next = answers.poll(); next != null; next = answers.poll()) {
            if (connections.contains(next.connection()) && !next.connection().writing()) {
                answer(next.connection(), next.map());
            }
        }
    }

    private void answer(Connection connection, Map<String, @Nullable Object> map) {
        connection.answer(map, System.nanoTime() + answerNanos);
        try {
            SelectionKey key = connection.channel.keyFor(selector);
            if (key == null || !key.isValid()) {
                drop(connection);
            } else {
                write(connection, key);
            }
        } catch (IOException e) {
            drop(connection);
        }
    }

    private void closeLate() {
        long now = System.nanoTime();
        if (backedOff && acceptAgainNanos - now <= 0) {
            backedOff = false;
            interest(SelectionKey.OP_ACCEPT);
        }
        for (Connection connection : List.copyOf(connections)) {
            if (connection.deadlineNanos - now > 0) {
                continue;
            }
            if (connection.writing() || connection.work() == Work.READING) {
                drop(connection);
            } else if (connection.withdraw()) {
                answer(
                        connection,
                        Commands.refused(
                                "not-begun", "it was not begun in time, and is not any more; nothing was changed"));
            } else {
                answer(
                        connection,
                        Commands.refused(
                                "no-answer",
                                "it was begun and has not ended in time; it may still take effect, see: penstock status"));
            }
        }
    }

    private void drop(Connection connection) {
        connection.close();
        connections.remove(connection);
    }
}
