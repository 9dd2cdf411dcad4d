// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import io.penstock.peers.PeerProcess;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import javax.tools.ToolProvider;

/**
 * The shipped gateway as a process that dies and is started again: pipelines {@code a} and {@code b} on a Modbus plant, a model
 * each that ends the process where its input is -1, and a loop on {@code b}.
 */
final class ChildGateway implements AutoCloseable {
    static final Releases.Model MODEL = new Releases.Model(100, "NTU", 0);
    private static final int XA = 0;
    private static final int XB = 2;
    private static final int SETPOINT = 4;

    final Path home;
    final Map<String, String> environment = new HashMap<>();
    final PeerProcess plc;
    private final Releases releases;
    private Process process;
    private int starts;
    private long startedNanos;

    ChildGateway(Path home) throws IOException {
        this.home = home;
        releases = new Releases().trustedBy(home);
        int port = PeerProcess.freePort();
        plc = PeerProcess.python("plc_server.py", port);
        inputsAreGood();
        set(SETPOINT, 5);
        Files.writeString(home.resolve("etc/tags/plc.csv"), """
                Tag;Description;Address;DataType;Length;ByteOrder;PeriodMs;RawLow;RawHigh;Low;High;Unit;Access
                XA;;holding-register:1;REAL;1;ABCD;50;;;;;NTU;R
                XB;;holding-register:3;REAL;1;ABCD;50;;;;;NTU;R
                SP;;holding-register:5;REAL;1;ABCD;50;;;;;M1;RW
                """);
        Files.writeString(home.resolve("etc/io.penstock.connector.plc4x~plc.cfg.json"), """
                { "name": "plc", "url": "modbus-tcp://127.0.0.1:%d", "unitIdentifier": 1, "tags": "plc.csv",
                  "lossToBadMs": 60000 }
                """.formatted(port));
        for (String name : List.of("a", "b")) {
            Files.writeString(home.resolve("etc/io.penstock.pipeline~" + name + ".cfg.json"), """
                    { "name": "%s", "model": "line", "versionRange": "%s", "trigger": "grid", "periodMs": 100,
                      "bindings": ["x=X%s"] }
                    """.formatted(
                    name, name.equals("a") ? "[1.0,2.0)" : "[2.0,3.0)", name.toUpperCase(java.util.Locale.ROOT)));
        }
        Files.writeString(home.resolve("etc/io.penstock.actuation~loop.cfg.json"), """
                { "name": "loop", "pipeline": "b", "output": "y", "target": "SP", "low": 2, "high": 8,
                  "maximumExcessPercent": 10, "rateUpPerMinute": 240, "rateDownPerMinute": 120, "deadband": 0,
                  "stepLimit": 2.5, "maximumInputAgeMs": 1000, "validityMs": 500, "readBackTolerance": 0.001,
                  "readBackTimeMs": 500, "maximumReadBackMismatches": 5, "writeDeadlineMs": 400,
                  "maximumWriteFailures": 2, "maximumConsecutiveRefusals": 100, "holdMs": 20000,
                  "approvedReleases": ["line 2.0.0"] }
                """);
    }

    /** Lets an agent run in the gateway, which does what is asked of it by a file. */
    void withAgent() throws IOException {
        Path folder = Files.createDirectories(home.resolve("agent"));
        Path source = folder.resolve("Agent.java");
        Files.writeString(source, AGENT);
        assertEquals(
                0,
                ToolProvider.getSystemJavaCompiler()
                        .run(null, null, null, "-nowarn", "-d", folder.toString(), source.toString()));
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().putValue("Premain-Class", "Agent");
        Path jar = folder.resolve("agent.jar");
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream entries = new JarOutputStream(out, manifest)) {
            entries.putNextEntry(new JarEntry("Agent.class"));
            Files.copy(folder.resolve("Agent.class"), entries);
            entries.closeEntry();
        }
        environment.put("PENSTOCK_OPTS", "-javaagent:" + jar + "=" + trigger());
    }

    private Path trigger() {
        return home.resolve("trigger");
    }

    void ask(String fault) throws IOException {
        Framework.drop(trigger(), fault);
    }

    private static final String AGENT = """
            import java.nio.*;
            import java.nio.file.*;
            import java.util.*;
            import java.util.concurrent.locks.LockSupport;

            public class Agent {
                static final List<Object> KEPT = new ArrayList<>();

                public static void premain(String trigger) {
                    Thread thread = new Thread(() -> watch(Path.of(trigger)), "itest-agent");
                    thread.setDaemon(true);
                    thread.start();
                }

                static void watch(Path trigger) {
                    while (true) {
                        LockSupport.parkNanos(20_000_000);
                        try {
                            String fault = Files.readString(trigger);
                            Files.delete(trigger);
                            fault(fault);
                        } catch (java.io.IOException e) {
                            continue;
                        } catch (Throwable e) {
                            KEPT.clear();
                            System.out.println("agent survived " + e);
                        }
                    }
                }

                static void fault(String fault) throws Exception {
                    while (fault.equals("heap")) {
                        KEPT.add(new byte[100_000]);
                    }
                    while (fault.equals("direct")) {
                        KEPT.add(ByteBuffer.allocateDirect(1_000_000));
                    }
                    if (fault.equals("segv")) {
                        Class<?> type = Class.forName("sun.misc.Unsafe");
                        java.lang.reflect.Field field = type.getDeclaredField("theUnsafe");
                        field.setAccessible(true);
                        type.getMethod("putAddress", long.class, long.class).invoke(field.get(null), 8L, 1L);
                    }
                }
            }
            """;

    /** What one of the models needs to live. */
    void inputsAreGood() {
        set(XA, 9);
        set(XB, 9);
    }

    void crashInA() {
        set(XA, -1);
    }

    private void set(int address, float value) {
        int bits = Float.floatToIntBits(value);
        plc.tell("set hr " + address + " " + (bits >>> 16) + " " + (bits & 0xffff));
        plc.await("set", 10);
    }

    void drop(int version) throws IOException {
        drop(version, "line-" + version + ".penstock");
    }

    /** Drops the release of this version, each time the same bytes. */
    void drop(int version, String name) throws IOException {
        Path made = home.resolve("line-" + version + ".made");
        if (!Files.exists(made)) {
            Files.write(made, releases.crashing(version, version, MODEL));
        }
        Framework.drop(made, home.resolve("releases"), name);
    }

    void start() throws IOException {
        inputsAreGood();
        ProcessBuilder builder = new ProcessBuilder(
                Shipped.distribution().resolve("bin/penstock-gateway").toString());
        builder.environment().put("PENSTOCK_HOME", home.toString());
        builder.environment()
                .put(
                        "PENSTOCK_JAVA",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString());
        builder.environment().putAll(environment);
        builder.redirectErrorStream(true).redirectOutput(output(++starts).toFile());
        startedNanos = System.nanoTime();
        process = builder.start();
    }

    Process process() {
        return process;
    }

    void signal(String name) throws Exception {
        assertEquals(
                0,
                new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                        .start()
                        .waitFor());
    }

    int awaitDeath() throws InterruptedException {
        assertTrue("the gateway dies within 30 s: " + text(), process.waitFor(30, TimeUnit.SECONDS));
        return process.exitValue();
    }

    /** Waits for a line of this start; the time since it, in seconds. */
    double awaitLog(String text) {
        Framework.await(
                "output " + starts + ": " + text,
                90,
                () -> {
                    assertTrue("the gateway ended: " + text(), process.isAlive());
                    return text().contains(text);
                },
                this::text);
        return (System.nanoTime() - startedNanos) / 1e9;
    }

    String text() {
        try {
            return Files.readString(output(starts));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path output(int number) {
        return home.resolve("output-" + number + ".txt");
    }

    /** Lines of the status that begin so, newest first. */
    List<String> status(String begin) throws IOException {
        return Framework.penstock("model", "status", "--home", home.toString())
                .lines()
                .filter(line -> line.startsWith(begin))
                .toList();
    }

    @Override
    public void close() {
        if (process != null) {
            process.destroyForcibly();
        }
        plc.close();
    }
}
