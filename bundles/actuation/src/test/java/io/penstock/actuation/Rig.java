// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelIdentity;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** One loop with a plant, an audit and a clock; without threads unless {@link #loop} is started. */
final class Rig {
    static final Actor ANNA = new Actor("anna", Set.of(Role.OPERATOR), "test");
    static final TagId TARGET = new TagId("FIC-7.SP");

    final FakeTime time = new FakeTime();
    final FakePlant plant = new FakePlant(time, TARGET);
    final FakeAudit audit = new FakeAudit();
    final Leases leases;
    final SetpointLoop loop;
    final Prediction prediction = new Prediction(List.of("doseLow", "dose"));

    Rig(Map<String, ?> changes) {
        this(changes, new Leases());
    }

    Rig(Map<String, ?> changes, Leases leases) {
        this.leases = leases;
        Map<String, Object> properties = properties();
        properties.putAll(changes);
        loop = new SetpointLoop(Settings.of(properties), leases, time, time::nanos, time::advanceNanos);
        loop.addWriter(plant);
        loop.setAuditLog(audit);
        loop.model(model("dose 1.0.0", 1, 8));
    }

    Rig() {
        this(Map.of());
    }

    /** A rate of 60 a minute is one a second. */
    static Map<String, Object> properties() {
        Map<String, Object> properties = new HashMap<>();
        properties.put("name", "dose");
        properties.put("pipeline", "coagulation");
        properties.put("output", "dose");
        properties.put("target", TARGET.name());
        properties.put("low", 1);
        properties.put("high", 8.0);
        properties.put("maximumExcessPercent", 10);
        properties.put("rateUpPerMinute", 60);
        properties.put("rateDownPerMinute", 30);
        properties.put("deadband", 0.05);
        properties.put("stepLimit", 1.5);
        properties.put("maximumInputAgeMs", 5_000L);
        properties.put("validityMs", 2_000L);
        properties.put("readBackTolerance", 0.01);
        properties.put("readBackTimeMs", 500L);
        properties.put("maximumReadBackMismatches", 1L);
        properties.put("writeDeadlineMs", 200L);
        properties.put("maximumWriteFailures", 1L);
        properties.put("maximumConsecutiveRefusals", 5L);
        properties.put("holdMs", 10_000L);
        properties.put("approvedReleases", new String[] {"dose 1.0.0", "dose 1.1.0"});
        return properties;
    }

    static ModelArtifact model(String label, double low, double high) {
        return model(label, low, high, 1_000);
    }

    static ModelArtifact model(String label, double low, double high, long cycleMs) {
        String[] parts = label.split(" ", 2);
        return new ModelArtifact(
                new ModelIdentity(parts[0], parts[1], 1, label + low + high, "CN=test"),
                new ModelContract(
                        parts[0],
                        parts[1],
                        cycleMs,
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of(
                                new ModelContract.OutputSpec("doseLow", "y", 1, "M1", 0, 10, "", ""),
                                new ModelContract.OutputSpec("dose", "y", 0, "M1", low, high, "", "")),
                        new ModelContract.Budget(50, 64)),
                new byte[0]);
    }

    /** Offers a fresh, Good value. */
    WriteOutcome offer(double value) {
        return offer(value, StatusCode.GOOD);
    }

    WriteOutcome offer(double value, int status) {
        return offer(value, status, 0, 100);
    }

    WriteOutcome offer(double value, int status, long computedMsAgo, long oldestMs) {
        prediction.set(1, value, status);
        prediction.setTimes(0, time.nanos() - computedMsAgo * 1_000_000, oldestMs * 1_000_000);
        return loop.offer(prediction);
    }

    /** Closes at the plant's present setpoint. */
    void close() {
        offer(plant.setpoint);
        List<String> failing = loop.close(ANNA, "test");
        if (!failing.isEmpty()) {
            throw new AssertionError("not closed: " + failing);
        }
    }

    /** A second passes, a value is offered, and the lane does its work. */
    WriteOutcome cycle(double value) {
        time.advanceMs(1_000);
        WriteOutcome outcome = offer(value);
        work();
        return outcome;
    }

    void work() {
        while (loop.step()) {
            // until nothing is due
        }
    }

    static boolean within(long ms, BooleanSupplier condition) {
        long end = System.nanoTime() + ms * 1_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                return false;
            }
            LockSupport.parkNanos(500_000);
        }
        return true;
    }
}
