// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Actor;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.models.Fakes.FakeFeatures;
import io.penstock.models.Fakes.FakeInference;
import io.penstock.models.Fakes.FakePipeline;
import io.penstock.models.Fakes.FakeStaging;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The component with its thread, its folders and the command line's requests. */
class ModelsTest {
    private static final Settings SETTINGS = new Settings(20, 300, 5_000, false, 5_000, 0, 0, 1, List.of(), false, 2);

    @TempDir
    Path home;

    private Keys keys;
    private Models models;
    private final FakePipeline pipeline = new FakePipeline("dosing");

    @BeforeEach
    void begin() throws Exception {
        keys = Keys.p256();
        keys.trustIn(home.resolve("etc/trust/models"));
        models = open();
        models.start();
    }

    private Models open() throws IOException {
        Models opened = new Models(home, SETTINGS, new FakeStaging(), Clock.fixed(Keys.NOW, ZoneOffset.UTC));
        opened.setFeatures(new FakeFeatures());
        opened.setInference(new FakeInference());
        opened.addPipeline(pipeline);
        return opened;
    }

    @AfterEach
    void end() throws IOException {
        models.stop();
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, what);
            LockSupport.parkNanos(5_000_000);
        }
    }

    private void drop(String version, long sequence) throws Exception {
        Files.write(
                home.resolve("releases/coagulant-dose-" + version + ".penstock"),
                Samples.release(keys, version, sequence, "ok").toBytes());
        await(version + " serves", () -> pipeline.label().endsWith(version));
        await("receipt", () -> models.receipts().size() >= sequence);
    }

    // A dropped release, a rollback at the console and one on the command line would not reach the pipeline.
    @Test
    void dropRollBackAndStatus() throws Exception {
        assertTrue(models.fallback("dosing").isEmpty());
        drop("1.0.0", 1);
        drop("1.1.0", 2);
        drop("1.2.0", 3);
        assertEquals("1.1.0", models.fallback("dosing").orElseThrow().version());

        Actor actor = new Actor("anna", Set.of(), "opc.ua");
        assertEquals(
                RolloutOutcome.ROLLED_BACK,
                models.rollback("dosing", actor, "too high").outcome());
        assertEquals("coagulant-dose 1.1.0", pipeline.label());

        GatewayHome gateway = new GatewayHome(home);
        assertTrue(gateway.isRunning());
        List<String> lines = gateway.rollback("dosing", "bert", "still too high", 20_000);
        assertEquals("ROLLED_BACK to coagulant-dose 1.0.0", lines.get(lines.size() - 1));
        assertEquals("coagulant-dose 1.0.0", pipeline.label());
        assertTrue(models.receipts().get(0).reason().contains("cli:bert (command line): still too high"));
        String message = assertThrows(
                        ModelRejectedException.class, () -> gateway.rollback("dosing", "bert", "again", 20_000))
                .getMessage();
        assertTrue(message.contains("no model to return to"), message);
        assertTrue(gateway.status(3).get(1).contains("dosing: coagulant-dose 1.0.0 (sequence 1), fallback none"));
        assertTrue(gateway.statusJson().startsWith("{\"running\":true"));
        try (var left = Files.list(home.resolve("data/requests"))) {
            assertEquals(0, left.count());
        }
    }

    // After a stop there would be threads or a lock left, and the next start would fail.
    @Test
    void stopsWithinTwoSecondsAlsoInMidRolloutAndStartsAgain() throws Exception {
        drop("1.0.0", 1);
        pipeline.nextCycle = new CountDownLatch(1);
        Files.write(
                home.resolve("releases/next.penstock"),
                Samples.release(keys, "1.1.0", 2, "ok").toBytes());
        await("rollout has begun", () -> {
            try {
                return !ReleaseStore.readState(home.resolve("data/models"))
                        .trying()
                        .isEmpty();
            } catch (IOException e) {
                return false;
            }
        });
        long begun = System.nanoTime();
        models.stop();
        assertTrue(System.nanoTime() - begun < TimeUnit.SECONDS.toNanos(2));
        assertEquals("", ReleaseStore.readState(home.resolve("data/models")).trying());
        assertFalse(Files.exists(home.resolve("data/models/serving")));
        assertFalse(new GatewayHome(home).isRunning());

        pipeline.nextCycle = null;
        models = open();
        models.start();
        await("1.1.0 serves", () -> pipeline.label().endsWith("1.1.0"));
    }

    // A request that is no request would stop the room, or be answered by nobody.
    @Test
    void brokenRequestsAreAnswered() throws Exception {
        Path request = home.resolve("data/requests/00000000-0000-0000-0000-000000000001.json");
        Path reply = home.resolve("data/requests/00000000-0000-0000-0000-000000000001.reply.json");
        Files.writeString(home.resolve("data/requests/x.tmp"), "{\"command\":\"rollback\"}");
        Files.move(home.resolve("data/requests/x.tmp"), request);
        await("reply", () -> Files.exists(reply));
        assertTrue(Files.readString(reply).contains("pipeline: is missing"));
        assertFalse(Files.exists(request));
    }

    // A typing error in the configuration would be taken for the default.
    @Test
    void nonsenseIsRefused() {
        ModelsCheck check = new ModelsCheck();
        check.check(Map.of());
        check.check(Map.of("pollMs", 100L, "requiredSigners", new String[] {"CN=a,O=b", "CN=c"}));
        for (Map<String, Object> bad : List.<Map<String, Object>>of(
                Map.of("pollMs", 5L),
                Map.of("maximumReleaseMiB", -1),
                Map.of("maximumReleaseMiB", 1025),
                Map.of("maximumCrashes", 0),
                Map.of("requiredSigners", new String[] {"nobody"}),
                Map.of("requiredSigners", new String[] {"CN=a", "cn=A"}))) {
            String key = bad.keySet().iterator().next();
            String message = assertThrows(IllegalArgumentException.class, () -> check.check(bad))
                    .getMessage();
            assertTrue(message.startsWith(key + ": "), message);
        }
    }
}
