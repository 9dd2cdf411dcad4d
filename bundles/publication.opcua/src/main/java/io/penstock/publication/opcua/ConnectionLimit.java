// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** Bounds the connections that are open at once, so that nobody takes the files and sockets the gateway needs for the plant. */
final class ConnectionLimit {
    private static final long QUIET_NS = Duration.ofMinutes(1).toNanos();

    private final int most;
    private final LongSupplier nanoTime;
    private final Consumer<String> log;
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicLong told;

    ConnectionLimit(int most, LongSupplier nanoTime, Consumer<String> log) {
        this.most = most;
        this.nanoTime = nanoTime;
        this.log = log;
        told = new AtomicLong(nanoTime.getAsLong() - QUIET_NS);
    }

    /** Counts a new connection until it is closed; one too many is closed at once. */
    void admit(Channel channel) {
        int now = open.incrementAndGet();
        channel.closeFuture().addListener(closed -> open.decrementAndGet());
        if (now > most) {
            Future<?> unused = channel.close();
            long at = nanoTime.getAsLong();
            long last = told.get();
            if (at - last >= QUIET_NS && told.compareAndSet(last, at)) {
                log.accept("more than " + most + " connections at the results port, the last from "
                        + channel.remoteAddress()
                        + ": closed; look who opens them (ss -tn), or raise maxSessions where they are clients");
            }
        }
    }
}
