// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.attack;

import io.penstock.tools.demo.DemoHome;
import io.penstock.tools.demo.GatewayClient;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.milo.opcua.stack.core.UaException;

/**
 * The honest one. Over and over it closes the loop, goes away, and comes back as somebody who has just walked up to the screen:
 * connects, logs in, opens the loop. One thread.
 */
final class Operator implements Runnable {
    /** Beyond this it is not tried any longer. */
    private static final long GIVES_UP_NANOS = TimeUnit.SECONDS.toNanos(60);

    private static final long CLOSING_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Ground ground;
    private final List<Double> seconds = new ArrayList<>();
    private volatile boolean stopped;
    private int opened;
    private String lastFault = "";

    Operator(Ground ground) {
        this.ground = ground;
    }

    @Override
    public void run() {
        while (!stopped) {
            close();
            open();
        }
    }

    /** Ends after the act it is in. */
    void stop() {
        stopped = true;
    }

    /** How long it took each time to get in, and where a closed loop was opened, to have it open, in seconds. */
    List<Double> seconds() {
        return List.copyOf(seconds);
    }

    /** How many of them opened a loop that was closed. */
    int opened() {
        return opened;
    }

    String lastFault() {
        return lastFault;
    }

    private void close() {
        long end = System.nanoTime() + CLOSING_NANOS;
        act(client -> {
            while (!client.setMode(DemoHome.PIPELINE, "CLOSED", "attack suite: the operator closes the loop")
                            .isEmpty()
                    && System.nanoTime() - end < 0) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
            }
        });
    }

    private void open() {
        act(client -> {
            boolean closed = "CLOSED".equals(mode(client));
            List<String> refusals =
                    client.setMode(DemoHome.PIPELINE, "ADVISORY", "attack suite: the operator opens the loop");
            if (!refusals.isEmpty()) {
                throw new IOException(refusals.get(0));
            }
            opened += closed ? 1 : 0;
        });
    }

    private interface Act {
        void with(GatewayClient client) throws Exception;
    }

    /** Tries until it is done, and notes how long it took to get in, and for an opening to the answer. */
    private void act(Act act) {
        long began = System.nanoTime();
        while (System.nanoTime() - began < GIVES_UP_NANOS && ground.gatewayAlive()) {
            try {
                GatewayClient client = ground.operator();
                double in = secondsSince(began);
                try {
                    int before = opened;
                    act.with(client);
                    seconds.add(opened > before ? secondsSince(began) : in);
                    return;
                } finally {
                    Attacks.quietly(client);
                }
            } catch (Exception e) {
                lastFault = e.toString();
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        }
        seconds.add(secondsSince(began));
    }

    private static double secondsSince(long nanos) {
        return (System.nanoTime() - nanos) / 1e9;
    }

    private static String mode(GatewayClient client) throws UaException {
        String node = DemoHome.PIPELINE + "/Mode";
        return String.valueOf(client.read(List.of(node)).get(node).value().value());
    }
}
