// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.attack;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Stands between a well-meant client and the gateway, and makes it one that stops reading, or dies. */
final class Forwarder implements AutoCloseable {
    private final ServerSocket server;
    private final int port;
    private final String from;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private volatile boolean deaf;

    /** @param from local address towards the gateway. */
    Forwarder(String from, int port) throws IOException {
        this.port = port;
        this.from = from;
        server = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
        thread(this::accept);
    }

    int port() {
        return server.getLocalPort();
    }

    /** From now on nothing that the gateway says is read. */
    void stopReading() {
        deaf = true;
    }

    /** Ends every connection as a power cut does. */
    void cut() {
        for (Socket socket : sockets) {
            try {
                socket.setSoLinger(true, 0);
                socket.close();
            } catch (IOException e) {
                // it is what was wanted
            }
        }
        sockets.clear();
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket client = server.accept();
                Socket gateway = new Socket(InetAddress.getLoopbackAddress(), port, RawConnection.local(from), 0);
                gateway.setReceiveBufferSize(8192);
                sockets.add(client);
                sockets.add(gateway);
                thread(() -> copy(client, gateway, false));
                thread(() -> copy(gateway, client, true));
            } catch (IOException e) {
                // the gateway does not let it in, or this one is closed
            }
        }
    }

    private void copy(Socket in, Socket out, boolean answers) {
        byte[] some = new byte[8192];
        try (InputStream from = in.getInputStream();
                OutputStream to = out.getOutputStream()) {
            while (!(answers && deaf)) {
                int n = from.read(some);
                if (n < 0) {
                    return;
                }
                to.write(some, 0, n);
            }
            while (!in.isClosed() && !server.isClosed()) {
                java.util.concurrent.locks.LockSupport.parkNanos(20_000_000); // deaf, but still there
            }
        } catch (IOException e) {
            // either side has gone
        }
    }

    private static void thread(Runnable work) {
        Thread thread = new Thread(work, "attack-forwarder");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        server.close();
        cut();
    }
}
