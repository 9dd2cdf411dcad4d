// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Actor;
import io.penstock.api.model.ModelStanding;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.kit.Disk;
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

/** The component with its threads and folders. */
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
        Models opened =
                new Models(home, SETTINGS, new FakeStaging(), Clock.fixed(Keys.NOW, ZoneOffset.UTC), new Disk());
        opened.setFeatures(new FakeFeatures());
        opened.setAudit(new Fakes.Audit());
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
        assertEquals(
                RolloutOutcome.ROLLED_BACK,
                models.rollback("dosing", actor, "still too high").outcome());
        assertEquals("coagulant-dose 1.0.0", pipeline.label());
        assertTrue(models.receipts().get(0).reason().contains("anna (opc.ua): still too high"));
        Receipt none = models.rollback("dosing", actor, "again");
        assertTrue(none.reason().contains("no model to return to"), none.reason());
        ModelStanding standing = models.standings().get(0);
        assertEquals("1.0.0", standing.current().version());
        assertEquals(Keys.NOW, standing.since());
        assertNull(standing.fallback());
    }

    // A gateway that is down, a release in quarantine or a pipeline that was removed would be listed as if it served.
    @Test
    void lastKnownStateSaysWhatItIs() throws Exception {
        drop("1.0.0", 1);
        drop("1.1.0", 2);
        models.stop();
        State state = ReleaseStore.readState(home.resolve("data/models"));
        String fallback = state.pipelines().get("dosing").history().get(0);
        Files.delete(home.resolve("data/models/desired.json.kept"));
        Files.write(
                home.resolve("data/models/desired.json"),
                state.withCrashes(fallback, 2, "x").toBytes());
        String json = new GatewayHome(home).lastKnownJson(1);
        assertTrue(json.startsWith("{\"penstock\":1,\"done\":true,\"gateway\":\"down\",\"asOf\":\"2"), json);
        assertTrue(json.contains("\"well\":false"), json);
        assertTrue(
                json.contains("{\"name\":\"dosing\",\"state\":\"removed\",\"meant\":{\"name\":\"coagulant-dose\""),
                json);
        assertFalse(json.contains("\"fallback\""), json);
        assertTrue(json.contains("coagulant-dose 1.0.0 (sequence 1): 2 crashes"), json);
        assertEquals(1, json.split("\"outcome\"", -1).length - 1, json);

        Files.writeString(home.resolve("etc/io.penstock.pipeline~a.cfg.json"), "{ \"name\" : \"dosing\" }");
        Files.writeString(home.resolve("etc/io.penstock.models.cfg.json"), "{\"maximumCrashes\": 3}");
        json = new GatewayHome(home).lastKnownJson(0);
        assertTrue(json.contains("\"state\":\"down\""), json);
        assertTrue(json.contains("\"fallback\":{"), json);
        assertTrue(json.contains("\"quarantined\":[]"), json);
        models = open();
        models.start();
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

    // What somebody asked for three weeks ago, and nobody waits for, would be carried out at the next start.
    @Test
    void requestsLeftInFilesAreNotCarriedOut() throws Exception {
        drop("1.0.0", 1);
        drop("1.1.0", 2);
        models.stop();
        Path requests = Files.createDirectories(home.resolve("data/requests"));
        Files.writeString(
                requests.resolve("00000000-0000-0000-0000-000000000001.json"),
                "{\"command\":\"rollback\",\"pipeline\":\"dosing\",\"user\":\"bert\",\"reason\":\"x\"}");
        Files.createSymbolicLink(requests.resolve("zero.json"), Path.of("/dev/zero"));
        models = open();
        models.start();
        assertFalse(Files.exists(requests));
        await("1.1.0 serves", () -> pipeline.label().endsWith("1.1.0"));
        assertEquals(2, models.receipts().size());
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
