// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.peers;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One independent program a test talks to, as a child process. Scripts live in {@code itests/peers}; {@code scripts/peers}
 * installs what they need. A script prints lines, the first that starts with {@code ready} says it serves. Closing kills the
 * process. A missing peer fails the test and names the script that installs it; it is never skipped.
 */
public final class PeerProcess implements AutoCloseable {
    private static final int FIRST_PORT = 20_000;
    private static final int PORTS = 12_000;
    /** Begins anywhere, so that test runs side by side rarely look at the same port. */
    private static final AtomicInteger NEXT_PORT =
            new AtomicInteger((int) (ProcessHandle.current().pid() * 97));

    private final Process process;
    private final BufferedWriter stdin;
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>(10_000);
    private final List<String> seen = new ArrayList<>();

    private PeerProcess(List<String> command, Path directory) throws IOException {
        process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        stdin = process.outputWriter(StandardCharsets.UTF_8);
        Thread reader = new Thread(this::readLines, "peer-output-" + process.pid());
        reader.setDaemon(true);
        reader.start();
    }

    /** Starts {@code itests/peers/<script>} with Node.js and waits until it is ready. */
    public static PeerProcess node(String script, Object... arguments) {
        Path directory = directory();
        if (!Files.exists(directory.resolve("node_modules"))) {
            throw new IllegalStateException("node-opcua is not installed in " + directory + "; run scripts/peers");
        }
        return start(directory, "node", script, arguments);
    }

    /** Starts {@code itests/peers/<script>} with the Python 3 that {@code scripts/peers} chose and waits until it is ready. */
    public static PeerProcess python(String script, Object... arguments) {
        Path directory = directory();
        Path own = directory.resolve("venv/bin/python3");
        String python = Files.isExecutable(own) ? own.toString() : "/usr/bin/python3";
        return start(directory, python, script, arguments);
    }

    private static PeerProcess start(Path directory, String program, String script, Object... arguments) {
        List<String> command = new ArrayList<>(List.of(program, script));
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        try {
            PeerProcess peer = new PeerProcess(command, directory);
            peer.await("ready", 60);
            return peer;
        } catch (IOException e) {
            throw new IllegalStateException(
                    "cannot start " + command + ": " + e.getMessage() + "; run scripts/peers", e);
        }
    }

    /**
     * A port nobody listens on at this moment, each time another one. Out of those below the range that systems give to
     * outgoing connections, so that none of these takes it before it is used.
     */
    public static int freePort() {
        for (int tried = 0; tried < PORTS; tried++) {
            int port = FIRST_PORT + Math.floorMod(NEXT_PORT.getAndIncrement(), PORTS);
            try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            } catch (IOException e) {
                // somebody has it: the next
            }
        }
        throw new IllegalStateException("no port from " + FIRST_PORT + " to " + (FIRST_PORT + PORTS - 1) + " is free");
    }

    /** The next line that starts with {@code prefix}; fails after {@code seconds} with all that was printed. */
    public String await(String prefix, int seconds) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        try {
            for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
                String line = lines.poll(Math.min(left, 100_000_000L), TimeUnit.NANOSECONDS);
                if (line == null) {
                    if (!process.isAlive() && lines.isEmpty()) {
                        break;
                    }
                    continue;
                }
                seen.add(line);
                if (line.startsWith(prefix)) {
                    return line;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        throw new IllegalStateException("no line '" + prefix + "' within " + seconds + " s from "
                + process.info().commandLine().orElse("the peer") + "; it printed:\n" + String.join("\n", seen));
    }

    /** Writes one line to the peer's standard input. */
    public void tell(String line) {
        try {
            stdin.write(line);
            stdin.newLine();
            stdin.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Stops the peer in its tracks, as a hung machine does: its sockets stay open and answer nothing. */
    public void pause() {
        signal("STOP");
    }

    /** Lets a paused peer run on. */
    public void resume() {
        signal("CONT");
    }

    private void signal(String name) {
        try {
            Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start();
            if (!kill.waitFor(5, TimeUnit.SECONDS) || kill.exitValue() != 0) {
                throw new IllegalStateException("kill -" + name + " " + process.pid() + " failed");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** Kills the peer as a power cut would. */
    @Override
    public void close() {
        process.destroyForcibly();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                throw new IllegalStateException("peer " + process.pid() + " does not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void readLines() {
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.offer(line);
            }
        } catch (IOException e) {
            lines.offer("output ended: " + e.getMessage());
        }
    }

    /** {@code itests/peers} of this checkout, found from the working directory upwards. */
    private static Path directory() {
        for (Path p = Path.of("").toAbsolutePath(); p != null; p = p.getParent()) {
            Path peers = p.resolve("itests").resolve("peers");
            if (Files.isDirectory(peers)) {
                return peers;
            }
        }
        throw new IllegalStateException("no itests/peers above " + Path.of("").toAbsolutePath());
    }
}
