// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Takes at most a thousand connections a second; the others wait with the kernel. Taking one costs the threads on which the
 * messages of all clients are read, and a flood of connections would leave them no time for anything else. Thread-safe.
 */
final class AcceptPace {
    static final int AT_ONCE = 10;
    static final long PAUSE_MS = 10;

    private final LongSupplier nanoTime;
    private long since;
    private int taken;

    AcceptPace(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        since = nanoTime.getAsLong();
    }

    /** @param listening the channel from which a connection came. */
    void taken(Channel listening) {
        synchronized (this) {
            long now = nanoTime.getAsLong();
            if (now - since >= TimeUnit.MILLISECONDS.toNanos(PAUSE_MS)) {
                since = now;
                taken = 0;
            }
            if (++taken != AT_ONCE) {
                return;
            }
        }
        listening.config().setAutoRead(false);
        Future<?> unused = listening
                .eventLoop()
                .schedule(() -> listening.config().setAutoRead(true), PAUSE_MS, TimeUnit.MILLISECONDS);
    }
}
