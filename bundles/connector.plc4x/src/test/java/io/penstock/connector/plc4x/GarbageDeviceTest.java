// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.ConnectionStatus.State;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.data.StatusCode;
import io.penstock.connector.plc4x.Fixtures.Ear;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against devices that speak something else than Modbus, or Modbus wrongly. */
final class GarbageDeviceTest {
    private interface Answer {
        byte[] to(byte[] request);
    }

    private static ServerSocket serve(Answer answer) throws IOException {
        ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread thread = new Thread(() -> {
            while (!server.isClosed()) {
                try (Socket socket = server.accept()) {
                    byte[] request = new byte[12];
                    while (socket.getInputStream().readNBytes(request, 0, 12) == 12) {
                        socket.getOutputStream().write(answer.to(request));
                    }
                } catch (IOException e) {
                    // the connector hung up; wait for it to come again
                }
            }
        });
        thread.setDaemon(true);
        thread.start();
        return server;
    }

    private static void neverGood(Answer answer) throws IOException {
        try (ServerSocket server = serve(answer)) {
            Settings settings = Fixtures.settings(server.getLocalPort());
            PlcConnector connector = Fixtures.start(
                    settings,
                    List.of(
                            Fixtures.tag("x", "holding-register:1", DataType.LREAL),
                            Fixtures.tag("y", "holding-register:5", DataType.INT)));
            try {
                Ear ear = new Ear(connector);
                ear.awaitStatus("x", StatusCode.BAD_NO_COMMUNICATION);
                assertTrue(
                        ear.all().stream().allMatch(s -> StatusCode.isBad(s.status())),
                        ear.all().toString());
                Fixtures.await("LOST", () -> connector.connection().state() == State.LOST);
            } finally {
                connector.stop();
            }
            Fixtures.await(
                    "threads end", () -> Fixtures.threads(settings.name()).isEmpty());
        }
    }

    // Another service on the port of the PLC must not look like a plant, nor eat the gateway's memory.
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 4096})
    void noiseIsNeverAValue(int length) throws IOException {
        Random random = new Random(42);
        neverGood(request -> {
            byte[] noise = new byte[length];
            random.nextBytes(noise);
            return noise;
        });
    }

    // A device that answers with fewer registers than asked would shift every value behind the missing one.
    @Test
    void aShortAnswerIsNeverAValue() throws IOException {
        neverGood(r -> new byte[] {r[0], r[1], 0, 0, 0, 5, r[6], r[7], 2, 0, 42});
    }

    // Behind a gateway several devices share a connection: another one's level must not pass for this one's.
    @Test
    void anAnswerOfAnotherUnitIsNeverAValue() throws IOException {
        neverGood(r -> answer(r, r[6] + 1, r[7], 2 * r[11]));
    }

    // Input registers sent for holding registers, or one register more than asked, are somebody else's values.
    @Test
    void anAnswerOfAnotherKindOrLengthIsNeverAValue() throws IOException {
        neverGood(r -> answer(r, r[6], r[7] + 1, 2 * r[11]));
        neverGood(r -> answer(r, r[6], r[7], 2 * r[11] + 2));
    }

    private static byte[] answer(byte[] request, int unit, int function, int bytes) {
        byte[] answer = new byte[9 + bytes];
        System.arraycopy(request, 0, answer, 0, 4);
        answer[5] = (byte) (3 + bytes);
        answer[6] = (byte) unit;
        answer[7] = (byte) function;
        answer[8] = (byte) bytes;
        return answer;
    }

    // The late answer to an earlier question must not be taken for the answer to this one.
    @Test
    void anAnswerToAnotherQuestionIsNeverAValue() throws IOException {
        neverGood(r -> new byte[] {(byte) (r[0] + 1), r[1], 0, 0, 0, 13, r[6], r[7], 10, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1});
    }
}
