// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.attack;

import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;

import io.penstock.tools.demo.DemoHome;
import io.penstock.tools.demo.GatewayClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.milo.opcua.sdk.client.OpcUaClient;
import org.eclipse.milo.opcua.sdk.client.subscriptions.OpcUaMonitoredItem;
import org.eclipse.milo.opcua.sdk.client.subscriptions.OpcUaSubscription;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.enumerated.DataChangeTrigger;
import org.eclipse.milo.opcua.stack.core.types.enumerated.DeadbandType;
import org.eclipse.milo.opcua.stack.core.types.enumerated.TimestampsToReturn;
import org.eclipse.milo.opcua.stack.core.types.structured.DataChangeFilter;

/** What strangers and readers do to the gateway. Each is bounded in time, connections and bytes, and ends by itself. */
enum Attacks {
    UNFINISHED_MESSAGES(
            "messages of 33 chunks that are never finished, without security, one connection after the other") {
        @Override
        void run(Ground ground, long end) {
            for (int i = 0; i < 400 && before(end); i++) {
                try (RawConnection raw = new RawConnection("127.0.0.3", ground.port(), "/discovery")) {
                    raw.hello();
                    raw.open();
                    for (int chunk = 0; chunk < 33; chunk++) {
                        raw.chunk('C', 1_000, 60_000);
                    }
                } catch (IOException e) {
                    pause(50);
                }
            }
        }
    },
    HELD_MESSAGES("100 connections at once, each with an unfinished message, held open") {
        @Override
        void run(Ground ground, long end) throws Exception {
            hold(ground, end, 100, i -> "127.0.1." + (1 + i % 100), raw -> {
                raw.hello();
                raw.open();
                for (int chunk = 0; chunk < 30; chunk++) {
                    raw.chunk('C', 1_000, 60_000);
                }
            });
        }
    },
    HELLO_ONLY("connections that say hello and nothing more, from the operator's own address") {
        @Override
        void run(Ground ground, long end) throws Exception {
            hold(ground, end, 300, i -> "127.0.0.1", RawConnection::hello);
        }
    },
    HELLO_ONLY_FROM_MANY("connections that say hello and nothing more, from 200 addresses") {
        @Override
        void run(Ground ground, long end) throws Exception {
            hold(ground, end, 300, i -> "127.0.2." + (1 + i % 200), RawConnection::hello);
        }
    },
    SILENT("connections that say nothing, from the operator's own address") {
        @Override
        void run(Ground ground, long end) throws Exception {
            hold(ground, end, 300, i -> "127.0.0.1", raw -> {});
        }
    },
    SLOW_BYTES("hello, one byte every 200 ms, on 60 connections") {
        @Override
        void run(Ground ground, long end) throws Exception {
            List<RawConnection> open = new ArrayList<>();
            byte[] hello = null;
            int at = 0;
            try {
                while (before(end)) {
                    while (open.size() < 60 && before(end)) {
                        try {
                            RawConnection raw = new RawConnection("127.0.0.4", ground.port(), "/penstock");
                            hello = raw.helloMessage();
                            open.add(raw);
                        } catch (IOException e) {
                            break;
                        }
                    }
                    byte one = hello == null ? 0 : hello[at++ % hello.length];
                    open.removeIf(raw -> !writes(raw, one));
                    pause(200);
                }
            } finally {
                closeAll(open);
            }
        }
    },
    ENDPOINTS("GetEndpoints asked on 20 connections, no answer read") {
        @Override
        void run(Ground ground, long end) throws Exception {
            List<RawConnection> open = new ArrayList<>();
            try {
                while (before(end)) {
                    while (open.size() < 20 && before(end)) {
                        try {
                            RawConnection raw = new RawConnection("127.0.0.5", ground.port(), "/discovery");
                            raw.hello();
                            raw.open();
                            open.add(raw);
                        } catch (IOException e) {
                            break;
                        }
                    }
                    open.removeIf(raw -> !asks(raw));
                    pause(20);
                }
            } finally {
                closeAll(open);
            }
        }
    },
    GARBAGE("bytes that are no OPC UA, and lengths of 2 GB") {
        @Override
        void run(Ground ground, long end) {
            byte[] huge = {'M', 'S', 'G', 'F', -1, -1, -1, 0x7F, 0, 0, 0, 0};
            byte[] none = "GET / HTTP/1.1\r\nHost: gateway\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
            for (int i = 0; before(end); i++) {
                try (RawConnection raw = new RawConnection("127.0.0.6", ground.port(), "/penstock")) {
                    if (i % 3 == 0) {
                        raw.hello();
                    }
                    raw.write(i % 2 == 0 ? huge : none);
                    raw.closed(20);
                } catch (IOException e) {
                    pause(20);
                }
            }
        }
    },
    DYING_SESSIONS("a reader that dies after CreateSession, again and again") {
        @Override
        void run(Ground ground, long end) throws Exception {
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                Thread thread = new Thread(() -> dieAgainAndAgain(ground, end), "attack-dying-" + i);
                thread.setDaemon(true);
                thread.start();
                threads.add(thread);
            }
            for (Thread thread : threads) {
                thread.join();
            }
        }

        private void dieAgainAndAgain(Ground ground, long end) {
            while (before(end)) {
                try (Forwarder forwarder = new Forwarder("127.0.0.7", ground.port())) {
                    ground.dying(forwarder);
                } catch (Exception e) {
                    pause(20); // as it was meant to be
                }
            }
        }
    },
    ABANDONED_SESSIONS("a reader that logs in, subscribes and dies, again and again") {
        @Override
        void run(Ground ground, long end) throws Exception {
            while (before(end)) {
                try (Forwarder forwarder = new Forwarder("127.0.0.8", ground.port())) {
                    GatewayClient reader = ground.reader(forwarder.port());
                    items(reader.client(), 200, 10);
                    forwarder.cut();
                } catch (IOException | UaException e) {
                    pause(100);
                }
            }
        }
    },
    LONG_QUEUES("a reader's 3,000 items with a queue of 10,000 each") {
        @Override
        void run(Ground ground, long end) throws Exception {
            List<GatewayClient> readers = new ArrayList<>();
            try {
                while (before(end)) {
                    try {
                        GatewayClient reader = ground.reader(ground.port());
                        readers.add(reader);
                        items(reader.client(), 3_000, 10_000);
                    } catch (UaException e) {
                        pause(500); // refused; it tries again
                    }
                    pause(200);
                    if (readers.size() == 8) {
                        break;
                    }
                }
                rest(end);
            } finally {
                for (GatewayClient reader : readers) {
                    quietly(reader);
                }
            }
        }
    },
    READS_NOTHING("a reader that asks for large answers and never reads one") {
        @Override
        void run(Ground ground, long end) throws Exception {
            while (before(end)) {
                try (Forwarder forwarder = new Forwarder("127.0.0.9", ground.port())) {
                    GatewayClient reader = ground.reader(forwarder.port());
                    forwarder.stopReading();
                    List<NodeId> many = Collections.nCopies(1_000, new NodeId(2, DemoHome.PIPELINE + "/Outputs/dose"));
                    for (int i = 0; i < 500 && before(end); i++) {
                        var unused = reader.client().readValuesAsync(0, TimestampsToReturn.Both, many);
                        pause(5);
                    }
                } catch (IOException | UaException e) {
                    pause(200);
                }
            }
        }
    },
    WRONG_PASSWORDS("log-ins with wrong passwords, from another address") {
        @Override
        void run(Ground ground, long end) throws Exception {
            while (before(end)) {
                try (Forwarder forwarder = new Forwarder("127.0.0.10", ground.port())) {
                    quietly(ground.client(DemoHome.USER, "wrong", forwarder.port()));
                } catch (IOException | UaException e) {
                    pause(20);
                }
            }
        }
    },
    JUNK_RELEASES("files that are no release, dropped by the dozen") {
        @Override
        void run(Ground ground, long end) throws Exception {
            byte[] junk = new byte[256 * 1024];
            for (int i = 0; i < 200 && before(end); i++) {
                junk[i] = (byte) i; // each another content
                Path file = ground.work().resolve("junk-" + i + ".penstock");
                Files.write(file, junk);
                ground.drop(file);
                Files.delete(file);
                pause(50);
            }
            rest(end);
        }
    };

    /** Equal values too, so that a queue fills as fast as cycles run. */
    private static final DataChangeFilter EVERY_RESULT =
            new DataChangeFilter(DataChangeTrigger.StatusValueTimestamp, uint(DeadbandType.None.getValue()), 0.0);

    private final String words;

    Attacks(String words) {
        this.words = words;
    }

    String words() {
        return words;
    }

    /** Attacks until {@link System#nanoTime} says that it is the end. */
    abstract void run(Ground ground, long end) throws Exception;

    private interface Opening {
        void with(RawConnection raw) throws IOException;
    }

    private interface Origin {
        String of(int connection);
    }

    /** Keeps as many connections as it gets, up to a limit, and opens anew what is closed. */
    private static void hold(Ground ground, long end, int limit, Origin origin, Opening opening) throws IOException {
        List<RawConnection> open = new ArrayList<>();
        int count = 0;
        try {
            while (before(end)) {
                open.removeIf(raw -> raw.closed(1) && closes(raw));
                int refusals = 0;
                while (open.size() < limit && refusals < 5 && before(end)) {
                    try {
                        RawConnection raw = new RawConnection(origin.of(count++), ground.port(), "/discovery");
                        open.add(raw);
                        opening.with(raw);
                    } catch (IOException e) {
                        refusals++;
                    }
                }
                pause(100);
            }
        } finally {
            closeAll(open);
        }
    }

    private static void items(OpcUaClient client, int count, int queue) throws UaException {
        OpcUaSubscription subscription = new OpcUaSubscription(client);
        subscription.setPublishingInterval(60_000.0);
        subscription.create();
        for (int i = 0; i < count; i++) {
            OpcUaMonitoredItem item = OpcUaMonitoredItem.newDataItem(new NodeId(2, Ground.PACE + "/Outputs/dose"));
            item.setSamplingInterval(0.0);
            item.setQueueSize(uint(queue));
            item.setFilter(EVERY_RESULT);
            subscription.addMonitoredItem(item);
        }
        subscription.createMonitoredItems();
    }

    private static boolean writes(RawConnection raw, byte one) {
        try {
            raw.write(one);
            return true;
        } catch (IOException e) {
            return !closes(raw);
        }
    }

    private static boolean asks(RawConnection raw) {
        try {
            raw.getEndpoints();
            return true;
        } catch (IOException e) {
            return !closes(raw);
        }
    }

    private static boolean closes(RawConnection raw) {
        try {
            raw.close();
        } catch (IOException e) {
            // it is gone all the same
        }
        return true;
    }

    private static void closeAll(List<RawConnection> open) {
        open.forEach(Attacks::closes);
    }

    static void quietly(GatewayClient client) {
        try {
            client.close();
        } catch (UaException e) {
            // it was thrown out
        }
    }

    static boolean before(long end) {
        return System.nanoTime() - end < 0;
    }

    private static void rest(long end) {
        while (before(end)) {
            pause(100);
        }
    }

    static void pause(int milliseconds) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(milliseconds));
    }
}
