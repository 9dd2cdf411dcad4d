// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.netty.channel.Channel;
import io.netty.util.AttributeKey;
import io.netty.util.concurrent.Future;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** One connection to the results port and what is held for it. Counters are written by many threads, the stage by its event loop. */
final class Connection {
    /** How far it came. */
    enum Stage {
        CONNECTED("sent a Hello message"),
        GREETED("opened a secure channel"),
        /** Secure channel without security: discovery, unless the configuration allows sessions on it. */
        DISCOVERY("opened a session"),
        SECURED("opened a session"),
        SESSION("");

        /** What is waited for. */
        final String next;

        Stage(String next) {
            this.next = next;
        }
    }

    private static final AttributeKey<Connection> KEY = AttributeKey.valueOf(Connection.class, "connection");

    private static final int READ_AHEAD = 8;

    final Channel channel;
    final Origin origin;
    final @Nullable InetAddress address;
    /** Grows over all connections; what has the smallest stood still for longest. */
    private volatile long moved;

    private final AtomicLong moves;
    /** Bytes of a message that is not complete. */
    final AtomicLong partial = new AtomicLong();
    /** Bytes of answers the client has not taken. */
    final AtomicLong unread = new AtomicLong();
    /** Requests taken that have no answer yet, apart from Publish. */
    final AtomicInteger requests = new AtomicInteger();

    final AtomicInteger publishes = new AtomicInteger();
    /** Size of the message being delivered; for its event loop, on which decoding and dispatch happen in one go. */
    int messageBytes;

    private volatile Stage reached = Stage.CONNECTED;
    private final AtomicInteger sessions = new AtomicInteger();
    private volatile boolean operator;
    private volatile Runnable onStage = () -> {};

    /** @param moves counts the steps of all connections. */
    Connection(Channel channel, Origin origin, AtomicLong moves) {
        this.channel = channel;
        this.origin = origin;
        this.moves = moves;
        moved = moves.incrementAndGet();
        address = channel.remoteAddress() instanceof InetSocketAddress inet ? inet.getAddress() : null;
        channel.attr(KEY).set(this);
    }

    /** Null for a channel that was not admitted here. */
    static @Nullable Connection of(Channel channel) {
        return channel.attr(KEY).get();
    }

    Stage stage() {
        return sessions.get() > 0 ? Stage.SESSION : reached;
    }

    void reach(Stage stage) {
        reached = stage;
        moved = moves.incrementAndGet();
        told();
    }

    /** Whether it proved to have a certificate that is trusted, which strangers cannot. */
    boolean known() {
        return stage().compareTo(Stage.SECURED) >= 0;
    }

    long moved() {
        return moved;
    }

    /** @param listener told on the event loop when it came further, or sessions came or went. */
    void onStage(Runnable listener) {
        onStage = listener;
    }

    void sessionActivated(boolean ofOperator) {
        sessions.incrementAndGet();
        if (ofOperator) {
            operator = true;
        }
        told();
    }

    void sessionEnded() {
        if (sessions.decrementAndGet() == 0) {
            operator = false;
        }
        told();
    }

    /** Whether an OPERATOR, ENGINEER or SUPERVISOR has a session on it. */
    boolean operator() {
        return operator;
    }

    /** Reads on as long as it takes its answers and few requests are at work; the rest waits with the client. */
    void pace() {
        channel.config().setAutoRead(channel.isWritable() && requests.get() < READ_AHEAD);
    }

    boolean open() {
        return channel.isActive();
    }

    void close() {
        Future<?> unused = channel.close();
    }

    private void told() {
        if (!channel.eventLoop().isShuttingDown()) {
            channel.eventLoop().execute(onStage);
        }
    }
}
