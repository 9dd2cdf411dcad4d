// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.HexFormat;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The process: a water works on the wall clock, behind Modbus TCP and OPC UA on loopback. It prints one line that begins with
 * {@code ready} when it serves, takes commands on standard input, and ends when that ends, so a parent that was killed leaves
 * nothing behind.
 */
public final class DemoPlant implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(DemoPlant.class);
    private static final long TICK_MILLIS = 100;
    private static final double LONGEST_STEP_SECONDS = 10;
    private static final int EXIT_USAGE = 2;
    private static final int EXIT_CANNOT_START = 3;

    private final Clock clock;
    private final Plant plant;
    private final int stepsPerTick;
    private final ModbusFace modbus;
    private final OpcUaFace opcUa;
    private final Commands commands;
    private final ScheduledExecutorService thread;
    private final String addresses;
    private final Future<?> ticking;
    private volatile boolean telling;

    DemoPlant(Options options, Clock clock) throws IOException {
        this.clock = clock;
        double tickSeconds = options.speed() * TICK_MILLIS / 1000;
        stepsPerTick = (int) Math.ceil(tickSeconds / LONGEST_STEP_SECONDS);
        plant = new Plant(River.CALM, tickSeconds / stepsPerTick, options.watchdogSeconds(), options.seed());
        free("--modbus-port", options.modbusPort());
        free("--opcua-port", options.opcUaPort());
        Files.createDirectories(options.home());
        String password = password(options.home().resolve("opcua-password"));
        plant.step(System.nanoTime(), clock.instant());
        Snapshot first = plant.snapshot(System.nanoTime(), clock.instant());
        thread = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread made = new Thread(task, "demo.plant-clock");
            made.setDaemon(true);
            return made;
        });
        modbus = new ModbusFace(options.modbusPort(), first, this::writeSetpoint);
        commands = new Commands(plant, modbus);
        try {
            opcUa = new OpcUaFace(options.opcUaPort(), options.home().resolve("pki"), password, first, this::command);
        } catch (IOException | RuntimeException e) {
            modbus.close();
            thread.shutdownNow();
            throw e;
        }
        addresses = "modbus=127.0.0.1:" + options.modbusPort() + " opcua=" + opcUa.url();
        ticking = thread.scheduleAtFixedRate(this::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** Where its servers are. */
    String addresses() {
        return addresses;
    }

    /** An error must not stop the clock unseen: a plant that stands still looks like a calm one. */
    private void tick() {
        try {
            scan();
        } catch (RuntimeException e) {
            LOG.error("Plant step failed", e);
        }
    }

    private void scan() {
        long now = System.nanoTime();
        for (int i = 0; i < stepsPerTick; i++) {
            plant.step(now, clock.instant());
        }
        Snapshot snapshot = plant.snapshot(now, clock.instant());
        modbus.show(snapshot);
        opcUa.show(snapshot);
    }

    private void writeSetpoint(double setpoint) {
        long now = System.nanoTime();
        if (telling) {
            System.out.println("wrote " + (float) setpoint);
        }
        thread.execute(() -> plant.plc().write(setpoint, now));
    }

    /**
     * Carries out one command between two scans.
     *
     * @throws IllegalArgumentException if it is none.
     */
    String command(String line) {
        Future<String> answer = thread.submit(() -> commands.run(line, System.nanoTime()));
        try {
            return answer.get(Commands.PATIENCE_NANOS, TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IllegalArgumentException refused) {
                throw new IllegalArgumentException(refused.getMessage(), refused);
            }
            throw new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            throw new IllegalStateException("the plant's clock does not answer within 5 s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    @Override
    public void close() {
        ticking.cancel(false);
        thread.shutdownNow();
        modbus.close();
        opcUa.close();
    }

    /** @throws IOException naming option and port if somebody listens there. */
    private static void free(String option, int port) throws IOException {
        try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            probe.getLocalPort();
        } catch (IOException e) {
            throw new IOException(
                    "port " + port + " is in use; stop who listens there or choose another with " + option, e);
        }
    }

    /** The password in the file, made at first start and readable by its owner only. */
    private static String password(Path file) throws IOException {
        if (!Files.exists(file)) {
            byte[] random = new byte[16];
            new SecureRandom().nextBytes(random);
            if (file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
                Files.createFile(
                        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            }
            Files.writeString(file, HexFormat.of().formatHex(random) + "\n", StandardOpenOption.CREATE);
        }
        String password = Files.readString(file).strip();
        if (password.length() < 12) {
            throw new IOException(file + ": a password of at least 12 characters is needed, has " + password.length()
                    + "; delete the file to have one made");
        }
        return password;
    }

    /** Runs until the input ends; returns the exit code. */
    static int run(String[] arguments, InputStream in, PrintStream out, PrintStream err) {
        Options options;
        try {
            options = Options.parse(arguments);
        } catch (IllegalArgumentException e) {
            err.println("plant: " + e.getMessage());
            err.println(Options.USAGE);
            return EXIT_USAGE;
        }
        try (DemoPlant plant = new DemoPlant(options, Clock.systemUTC())) {
            out.println("ready " + plant.addresses());
            BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.isBlank()) {
                    out.println(plant.answer(line));
                }
            }
            return 0;
        } catch (IOException | IllegalStateException e) {
            err.println("plant: " + e.getMessage());
            return EXIT_CANNOT_START;
        }
    }

    private String answer(String line) {
        if (line.strip().equals("tell on")) {
            telling = true; // about the process, not the plant: no method of its server
            return "ok every write is told";
        }
        try {
            return command(line);
        } catch (IllegalArgumentException e) {
            return "error " + e.getMessage();
        }
    }

    /** Entry of the process. SIGTERM ends it at once: there is nothing to save. */
    public static void main(String[] arguments) {
        int code = run(arguments, System.in, System.out, System.err);
        System.out.flush();
        System.exit(code);
    }
}
