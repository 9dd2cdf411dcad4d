// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.ConnectionStatus.State;
import io.penstock.api.data.StatusCode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against something that listens and is no OPC UA server, or a broken one. */
class GarbageServerTest {
    @TempDir
    Path home;

    /** Sends the same bytes to everyone who says anything, and counts who comes and who is still there. */
    private static final class Stranger implements AutoCloseable {
        final AtomicInteger came = new AtomicInteger();
        final AtomicInteger open = new AtomicInteger();
        private final ServerSocket server;

        Stranger(int port, byte[] says) throws IOException {
            server = new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
            thread(() -> {
                while (!server.isClosed()) {
                    try {
                        Socket socket = server.accept();
                        came.incrementAndGet();
                        open.incrementAndGet();
                        thread(() -> serve(socket, says));
                    } catch (IOException e) {
                        return;
                    }
                }
            });
        }

        private static void thread(Runnable task) {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            thread.start();
        }

        private void serve(Socket socket, byte[] says) {
            byte[] heard = new byte[4096];
            try (socket) {
                while (socket.getInputStream().read(heard) >= 0) {
                    socket.getOutputStream().write(says);
                }
            } catch (IOException e) {
                // the connector hung up
            } finally {
                open.decrementAndGet();
            }
        }

        void leave() throws IOException {
            server.close();
        }

        @Override
        public void close() throws IOException {
            leave();
        }
    }

    /** Lost with a reason, no value, nothing piles up; and the right server is found when it comes. */
    private void survives(byte[] says, boolean andFinds) throws IOException {
        try (Plant plant = Plant.withoutServer(home);
                Stranger stranger = new Stranger(plant.port, says)) {
            plant.start(Plant.impatient(plant.settings(Plant.COUNTER)));
            Plant.await("six attempts", () -> stranger.came.get() >= 6, stranger.came::get);
            assertEquals(State.LOST, plant.connector.connection().state());
            assertTrue(
                    plant.heard.samples().stream().allMatch(s -> StatusCode.isBad(s.status())),
                    plant.heard.samples().toString());
            assertTrue(
                    plant.connector.connection().detail().contains("127.0.0.1:" + plant.port),
                    plant.connector.connection().detail());
            assertTrue(stranger.open.get() <= 3, stranger.open + " connections of " + stranger.came + " are open");
            stranger.leave();
            if (andFinds) {
                plant.serve();
                plant.heard.await("C0", "value of the right server", s -> s.status() == StatusCode.GOOD);
            }
            plant.connector.stop();
            Plant.await("all closed", () -> stranger.open.get() == 0, stranger.open::get);
        }
    }

    // A half-open server behind a firewall must cost neither the gateway's thread nor its sockets, nor the server's
    // few.
    @Test
    void aServerThatNeverAnswersIsTriedAgainAndNothingPilesUp() throws IOException {
        survives(new byte[0], true);
    }

    // A web server on the port, a chunk that claims 2 GB, an error message, acknowledges without and with empty
    // content.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "485454502F312E3120343030204261642052657175657374",
                "41434B46FFFFFF7F",
                "45525246100000000000FD80FFFFFFFF",
                "41434B460000000000000000",
                "41434B461C000000000000000000000000000000000000000000000000"
            })
    void noiseIsSurvived(String hex) throws IOException {
        survives(HexFormat.of().parseHex(hex), false);
    }

    // Random text of the wrong service, more than one message's worth.
    @Test
    void aFloodIsSurvived() throws IOException {
        survives("no opc ua here\n".repeat(20_000).getBytes(StandardCharsets.US_ASCII), false);
    }

    // What nobody foresaw must not end the thread that would find the plant repaired.
    @Test
    void anUnforeseenFailureIsSaidAndTriedAgain() {
        try (Plant plant = Plant.withoutServer(home)) {
            Settings open = plant.settings(Plant.COUNTER);
            plant.start(new Settings(
                    open.name(),
                    open.endpointUrl(),
                    open.host(),
                    open.port(),
                    open.tags(),
                    open.policy(),
                    open.mode(),
                    false,
                    "operator",
                    "no\0path",
                    open.publishingIntervalMs(),
                    open.queueSize(),
                    open.requestTimeoutMs(),
                    open.keepAliveMs(),
                    open.lossToBadMs(),
                    open.retryMs(),
                    open.maxRetryMs(),
                    open.nodeRetryMs(),
                    open.serverCertificates()));
            plant.heard.await("C0", "Bad", s -> s.status() == StatusCode.BAD_NO_COMMUNICATION);
            assertEquals(State.LOST, plant.connector.connection().state());
            String detail = plant.connector.connection().detail();
            assertTrue(detail.contains("unexpected failure") && detail.contains("Nul character"), detail);
            assertTrue(
                    Thread.getAllStackTraces().keySet().stream()
                            .anyMatch(t -> t.getName().equals("connector.opcua-connection-plant")),
                    "it goes on trying");
        }
    }
}
