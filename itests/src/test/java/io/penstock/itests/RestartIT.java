// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import io.penstock.models.GatewayHome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.After;
import org.junit.Test;

/** The shipped gateway as a process that is killed at any instant. */
public class RestartIT {
    private static final int RELEASES = 5;
    private static final String LINE = "etc/io.penstock.pipeline~line.cfg.json";
    private static final String GOOD = """
            { "name": "line", "model": "line", "versionRange": "[1.0,100.0)", "trigger": "grid", "periodMs": 100,
              "bindings": ["x=X"] }
            """;

    // a blank, as an engineer may well have in a path; a link, as an update by exchanging it needs
    private final Path home = Shipped.linked(Shipped.newHome("re start"));
    private final Path user = Shipped.newFolder("user");
    private final Releases releases = new Releases().trustedBy(home);
    private Process gateway;
    private int starts;

    @After
    public void end() {
        if (gateway != null) {
            gateway.destroyForcibly();
        }
    }

    // After a power cut the plant would get no model, an older one, a half-made one, or a loop that moves by itself.
    @Test
    public void killedAtAnyInstantTheGatewayComesBackWithWhatWasDesired() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        System.out.println("seed " + seed);
        releases.write(home.resolve("made"), RELEASES, new Releases.Model(100, "NTU", 0));
        Files.writeString(home.resolve(LINE), GOOD);
        Files.writeString(home.resolve("etc/io.penstock.actuation~loop.cfg.json"), """
                { "name": "loop", "pipeline": "line", "output": "y", "target": "SP", "low": 2, "high": 8,
                  "maximumExcessPercent": 10, "rateUpPerMinute": 240, "rateDownPerMinute": 120, "deadband": 0,
                  "stepLimit": 2.5, "maximumInputAgeMs": 1000, "validityMs": 500, "readBackTolerance": 0.001,
                  "readBackTimeMs": 500, "maximumReadBackMismatches": 5, "writeDeadlineMs": 400,
                  "maximumWriteFailures": 2, "maximumConsecutiveRefusals": 100, "holdMs": 20000,
                  "approvedReleases": ["line 1.0.0"] }
                """);
        start();
        awaitLog("Pipeline line waits for model");
        for (int version = 1; version <= RELEASES; version++) {
            String name = "line-" + version + ".penstock";
            Framework.drop(home.resolve("made/" + name), home.resolve("releases"), name);
            // somewhere between the first look at the file and some time of serving
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(2_500)));
            String desired = facts();
            kill();
            if (version % 2 == 0) {
                delete(home.resolve("data/cache"));
            }
            start();
            awaitServing(version);
            awaitLog("Loop loop: line.y to SP, 2.0 to 8.0; open");
            System.out.println("killed at: " + desired + ", back: " + facts());
        }
        // a stop as it should be, and a cache that is gone: nothing is dropped again
        gateway.destroy();
        assertTrue("stops within 10 s", gateway.waitFor(10, TimeUnit.SECONDS));
        delete(home.resolve("data/cache"));
        delete(home.resolve("releases"));
        Files.createDirectories(home.resolve("releases"));
        start();
        awaitServing(RELEASES);
        String status = new GatewayHome(home).lastKnownJson(1_000);
        for (int version = 1; version <= RELEASES; version++) {
            String label = "\"model\":\"line " + version + ".0.0\"";
            assertEquals(
                    status,
                    1,
                    Stream.of(status.split("\\{"))
                            .filter(l -> l.contains("\"ACTIVATED\"") && l.contains(label))
                            .count());
        }
        assertFalse(status, status.contains("REJECTED") || status.contains("ROLLBACK"));
        kill();
        // ONNX Runtime would tell its maker when, where and on what the plant runs a model
        assertArrayEquals(new String[0], user.toFile().list());
        String verdict = Framework.penstock("audit", "verify", "--home", home.toString());
        assertTrue(verdict, verdict.startsWith("0: "));
    }

    // After a slip of the pen and a power cut the line would stand still, or run by a file that nobody took.
    @Test
    public void aBrokenFileLeavesTheLastGoodOneInForceAfterARestart() throws Exception {
        Files.writeString(home.resolve(LINE), GOOD);
        start();
        awaitLog("Pipeline line waits for model");
        kill();
        Files.writeString(
                home.resolve(LINE), GOOD.replace("\"periodMs\": 100", "\"periodMs\": 100, \"periodMs\": 200"));
        start();
        awaitLog("~line.cfg.json is refused: key 'periodMs' stands twice, again in line 1; keep one; its last good "
                + "configuration keeps running");
        awaitLog("Pipeline line waits for model");
        Framework.drop(home.resolve("etc/io.penstock.pipeline~other.cfg.json"), GOOD);
        awaitLog("~other.cfg.json is refused: name: 'line' is taken by io.penstock.pipeline~line.cfg.json");
        kill();
        Files.delete(home.resolve("etc/io.penstock.pipeline~other.cfg.json"));
        delete(home.resolve("data/configuration"));
        start();
        awaitLog("again in line 1; keep one; its component does not run");
        assertFalse(text(), text().contains("Pipeline line waits for model"));
        Framework.drop(home.resolve(LINE), GOOD);
        awaitLog("Pipeline line waits for model");
        kill();
    }

    private void start() throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                Shipped.distribution().resolve("bin/penstock-gateway").toString());
        builder.environment().put("PENSTOCK_HOME", home.toString());
        builder.environment().put("HOME", user.toString());
        builder.environment().keySet().removeAll(List.of("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"));
        builder.environment()
                .put(
                        "PENSTOCK_JAVA",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString());
        builder.redirectErrorStream(true).redirectOutput(output(++starts).toFile());
        gateway = builder.start();
    }

    private Path output(int number) {
        return home.resolve("output-" + number + ".txt");
    }

    private void kill() throws InterruptedException {
        gateway.destroyForcibly(); // SIGKILL
        assertTrue(gateway.waitFor(10, TimeUnit.SECONDS));
    }

    private void awaitServing(int version) {
        awaitLog("Model line " + version + ".0.0 active on line");
        Framework.await(
                "line " + version + " is what is desired",
                10,
                () -> facts().contains("\"meant\":{\"name\":\"line\",\"version\":\"" + version + ".0.0\""),
                this::facts);
    }

    private void awaitLog(String text) {
        Framework.await(
                "output " + starts + ": " + text,
                60,
                () -> {
                    assertTrue("the gateway ended: " + text(), gateway.isAlive());
                    return text().contains(text);
                },
                this::text);
    }

    private String text() {
        try {
            return Files.readString(output(starts));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The pipelines and what is desired for them. */
    private String facts() {
        try {
            return new GatewayHome(home).lastKnownJson(0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
