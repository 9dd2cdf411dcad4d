// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import io.penstock.publication.opcua.Connection.Stage;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/**
 * Who is connected, and the shares of it: places per address, places in reserve, and the memory that incomplete messages,
 * requests at work and unread answers may take together. Whoever is over loses what is worth least: of the address that has the
 * most connections without a session the one that stood still for longest, or the client that holds the most. Thread-safe.
 */
final class Connections {
    /** All incomplete messages together. */
    static final long PARTIAL_BYTES = 4 << 20;
    /** All requests at work together; small ones always pass, here and where memory is short. */
    static final long REQUEST_BYTES = 4 << 20;

    static final int SMALL_REQUEST = 8 << 10;
    static final int REQUESTS = 32;
    static final int PUBLISHES = 64;
    private static final int REMEMBERED_ADDRESSES = 64;
    private static final long REMEMBERED_NS = Duration.ofMinutes(10).toNanos();

    private final Shares shares;
    private final Predicate<InetAddress> local;
    private final LongSupplier nanoTime;
    private final Limited limited;
    private final Set<Connection> all = ConcurrentHashMap.newKeySet();
    private final AtomicLong partial = new AtomicLong();
    private final AtomicLong unread = new AtomicLong();
    private final AtomicLong requests = new AtomicLong();
    /** Guarded by itself: addresses of operators and when they were last seen there. */
    private final Map<Origin, Long> operators = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Origin, Long> eldest) {
            return size() > REMEMBERED_ADDRESSES;
        }
    };

    private final AtomicLong moves = new AtomicLong();

    /** What is held at present, all connections together. */
    record Held(int connections, long partialBytes, long requestBytes, long unreadBytes) {}

    /** @param local for whom, beside operators, places are kept: those on the gateway itself. */
    Connections(Shares shares, Predicate<InetAddress> local, LongSupplier nanoTime, Limited limited) {
        this.shares = shares;
        this.local = local;
        this.nanoTime = nanoTime;
        this.limited = limited;
    }

    /** Takes a new channel, or closes it; the guard of one that is taken stands before everything else in its pipeline. */
    void admit(Channel channel) {
        Connection connection = admitted(channel);
        if (connection == null) {
            Future<?> unused = channel.close();
        } else {
            channel.pipeline().addFirst("guard", new MessageGuard(this, connection));
        }
    }

    private synchronized @org.jspecify.annotations.Nullable Connection admitted(Channel channel) {
        Connection connection = new Connection(channel, Origin.of(channel.remoteAddress()), moves);
        long ofAddress = all.stream()
                .filter(other -> other.origin.equals(connection.origin))
                .count();
        if (ofAddress >= shares.connectionsPerAddress()) {
            limited.tell(
                    "connections",
                    connection.origin.name(),
                    "more than " + shares.connectionsPerAddress() + " connections from " + connection.origin
                            + ": one without a session is closed for each that comes; look who opens them (ss -tn),"
                            + " or raise maxConnectionsPerAddress where they are clients");
            if (!replace(weakest(connection.origin::equals))) {
                return null;
            }
        } else if (all.size() >= shares.connections() - (kept(connection) ? 0 : shares.reservedConnections())) {
            limited.tell(
                    "connections",
                    "all clients",
                    "more than " + shares.connections() + " connections at the results port, "
                            + shares.reservedConnections() + " of them in reserve, the last from " + connection.origin
                            + ": one without a session is closed for each that comes; look who opens them (ss -tn),"
                            + " or raise maxConnections where they are clients");
            if (!replace(crowding(connection))) {
                return null;
            }
        }
        all.add(connection);
        channel.closeFuture().addListener(closed -> all.remove(connection));
        return connection;
    }

    private boolean replace(Optional<Connection> weakest) {
        weakest.ifPresent(victim -> {
            all.remove(victim); // its place is free at once
            victim.close();
        });
        return weakest.isPresent();
    }

    /**
     * The weakest of the addresses with the most connections that have no session, as long as the newcomer's has not as many; else
     * of its own. Those in reserve give way only to their like.
     */
    private Optional<Connection> crowding(Connection newcomer) {
        boolean alike = kept(newcomer);
        Map<Origin, Integer> idle = new HashMap<>();
        for (Connection connection : all) {
            if (connection.stage() != Stage.SESSION && (alike || !kept(connection))) {
                idle.merge(connection.origin, 1, Integer::sum);
            }
        }
        int most = idle.values().stream().mapToInt(Integer::intValue).max().orElse(0);
        return most > idle.getOrDefault(newcomer.origin, 0)
                ? weakest(origin -> idle.getOrDefault(origin, 0) == most)
                : weakest(newcomer.origin::equals);
    }

    /**
     * Of those without a session one that shows no trusted certificate: at the stage where the most stand, the one that has stood
     * still for longest. Who means to log in takes its steps within milliseconds; who holds places does not.
     */
    private Optional<Connection> weakest(Predicate<Origin> of) {
        List<Connection> idle = all.stream()
                .filter(connection -> connection.stage() != Stage.SESSION && of.test(connection.origin))
                .toList();
        Map<Stage, Integer> standing = new EnumMap<>(Stage.class);
        idle.forEach(connection -> standing.merge(connection.stage(), 1, Integer::sum));
        return idle.stream()
                .min(Comparator.comparing(Connection::known)
                        .thenComparing(connection -> -standing.getOrDefault(connection.stage(), 0))
                        .thenComparing(Connection::stage)
                        .thenComparingLong(Connection::moved));
    }

    /** Whether it may use the places in reserve. */
    private boolean kept(Connection connection) {
        if (connection.address != null && local.test(connection.address)) {
            return true;
        }
        synchronized (operators) {
            Long seen = operators.get(connection.origin);
            return seen != null && nanoTime.getAsLong() - seen < REMEMBERED_NS;
        }
    }

    /** An operator is at work at this address. */
    void operatorAt(Origin origin) {
        synchronized (operators) {
            operators.put(origin, nanoTime.getAsLong());
        }
    }

    /** About once a second: addresses of operators stay known for as long as they are there. */
    void refresh() {
        all.stream().filter(Connection::operator).forEach(connection -> operatorAt(connection.origin));
    }

    /** Takes (or gives back) memory for an incomplete message; false if this very one holds the most of too much. */
    boolean holdPartial(Connection connection, long bytes) {
        connection.partial.addAndGet(bytes);
        if (partial.addAndGet(bytes) <= PARTIAL_BYTES || bytes <= 0) {
            return true;
        }
        return most(
                connection, candidate -> candidate.partial.get(), partial, "incomplete messages", PARTIAL_BYTES, "");
    }

    /** Takes (or gives back) memory for an answer on its way; false if this very one holds the most of too much. */
    boolean holdUnread(Connection connection, long bytes) {
        long mine = connection.unread.addAndGet(bytes);
        long now = unread.addAndGet(bytes);
        if (bytes <= 0 || (now <= shares.answerBytes() && mine <= shares.answerBytes() / 2)) {
            return true;
        }
        if (now <= shares.answerBytes()) {
            slow(connection, mine + " bytes of answers unread, more than half of answerMemoryMb");
            return false;
        }
        return most(
                connection,
                candidate -> candidate.unread.get(),
                unread,
                "unread answers",
                shares.answerBytes(),
                "; read faster, ask for less, or raise answerMemoryMb");
    }

    /** Tells that a client is disconnected because it does not read. */
    void slow(Connection connection, String why) {
        limited.tell(
                "unread answers",
                connection.origin.name(),
                "the client at " + connection.channel.remoteAddress() + " does not read: " + why
                        + "; it is disconnected");
    }

    /** Tells that a client is disconnected because of what it sends, or does not. */
    void refused(Connection connection, String why) {
        limited.tell(
                "messages",
                connection.origin.name(),
                "the client at " + connection.channel.remoteAddress() + " is disconnected: " + why);
    }

    private boolean most(
            Connection asking,
            ToLongFunction<Connection> holds,
            AtomicLong together,
            String what,
            long share,
            String nextStep) {
        Connection victim = asking;
        for (Connection connection : all) {
            if (holds.applyAsLong(connection) > holds.applyAsLong(victim)) {
                victim = connection;
            }
        }
        boolean small = holds.applyAsLong(asking) <= SMALL_REQUEST;
        if (small && victim == asking) {
            return true; // those who held the memory are on their way out, and this one is not charged for it
        }
        if (!small && together.get() > 2 * share) {
            victim = asking; // the others take their time to go
        }
        limited.tell(
                what,
                victim.origin.name(),
                "more than " + share + " bytes of " + what + ": the client at " + victim.channel.remoteAddress()
                        + ", which holds most of them with " + holds.applyAsLong(victim) + ", is disconnected"
                        + nextStep);
        victim.close();
        return victim != asking;
    }

    /** Takes a request to work on; false if there are too many. */
    boolean begin(Connection connection, boolean publish, int bytes) {
        int open = (publish ? connection.publishes : connection.requests).incrementAndGet();
        long now = requests.addAndGet(bytes);
        if (open <= (publish ? PUBLISHES : REQUESTS) && (now <= REQUEST_BYTES || bytes <= SMALL_REQUEST)) {
            connection.pace();
            return true;
        }
        end(connection, publish, bytes);
        limited.tell(
                "requests",
                connection.origin.name(),
                "the client at " + connection.channel.remoteAddress() + " has too many requests at once, or too large"
                        + " ones: at most " + REQUESTS + ", and " + PUBLISHES + " of Publish, and " + REQUEST_BYTES
                        + " bytes of all clients; the rest is refused");
        return false;
    }

    void end(Connection connection, boolean publish, int bytes) {
        (publish ? connection.publishes : connection.requests).decrementAndGet();
        requests.addAndGet(-bytes);
        connection.pace();
    }

    Held held() {
        return new Held(all.size(), partial.get(), requests.get(), unread.get());
    }
}
