// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.data.StatusCode;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random days of a loop: values, qualities, delays, faults, swaps, openings and closings in any order. */
class LimitsPropertyTest {
    private static final int STEPS = 6_000;
    private static final List<String> RELEASES = List.of("dose 1.0.0", "dose 1.1.0", "dose 6.6.6");

    private final double rateUp = 60;
    private final double rateDown = 30;

    // N1, N2, N3, N5: the plant would see a value outside its limits, faster than its rates, from a Bad prediction, or
    // from a
    // loop that nobody closed.
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void nothingTheGatewayMeetsBreaksALimit(long seed) {
        Random random = new Random(seed);
        Rig rig = new Rig(Map.of(
                "deadband", random.nextBoolean() ? 0.0 : 0.02,
                "maximumReadBackMismatches", 5L,
                "maximumWriteFailures", 5L,
                "maximumConsecutiveRefusals", 20L));
        double lastValue = rig.plant.setpoint;
        long lastNanos = rig.time.nanos();
        boolean actorClosed = false;
        int seenArrivals = 0;
        long writes = 0;
        double walk = 3;
        rig.plant.onWrite = () -> {
            if (random.nextInt(3) == 0) { // the pipeline goes on while a write is in flight
                rig.offer(rig.plant.setpoint + random.nextGaussian());
            }
        };
        for (int step = 0; step < STEPS; step++) {
            rig.time.advanceNanos((long) (random.nextDouble() * 1.5e9));
            rig.plant.latencyNanos = (long) (random.nextDouble() * random.nextDouble() * 2e8);
            rig.plant.readLatencyNanos = (long) (random.nextDouble() * 2e6);
            rig.plant.writeStatus = random.nextInt(20) == 0 ? StatusCode.BAD_TIMEOUT : StatusCode.GOOD;
            rig.plant.readStatus = random.nextInt(30) == 0 ? StatusCode.BAD_TIMEOUT : StatusCode.GOOD;
            rig.plant.ignoresWrites = random.nextInt(30) == 0;
            if (random.nextInt(100) == 0) {
                double low = 1 + random.nextDouble() * 2;
                rig.loop.model(Rig.model(RELEASES.get(random.nextInt(20) == 0 ? 2 : random.nextInt(2)), low, low + 4));
            }
            walk = Math.max(-1, Math.min(10, walk + random.nextGaussian() * 0.3));
            boolean bad = random.nextInt(15) == 0;
            int status = bad ? StatusCode.BAD_SENSOR_FAILURE : StatusCode.GOOD;
            double value = random.nextInt(40) == 0 ? Double.NaN : walk;
            WriteOutcome outcome = rig.offer(value, status);
            actorClosed &= rig.loop.closed();
            assertEquals(rig.loop.closed(), actorClosed, "the loop closed by itself");
            if (bad || Double.isNaN(value)) {
                assertTrue(
                        outcome.kind() != WriteOutcome.Kind.ASKED && outcome.kind() != WriteOutcome.Kind.LIMITED,
                        outcome.toString());
            }
            if (random.nextInt(3) > 0) {
                rig.work();
            }
            if (random.nextInt(500) == 0) {
                rig.loop.open(Rig.ANNA, "random");
            }
            if (random.nextInt(300) == 0) {
                rig.time.stepWallMs(random.nextInt(7_200_000) - 3_600_000); // the wall clock must not matter to a rate
            }
            if (random.nextInt(200) == 0) { // a gap
                rig.time.advanceMs(random.nextInt(9_000));
            }
            rig.loop.watch();
            actorClosed &= rig.loop.closed();
            for (; seenArrivals < rig.plant.arrivals.size(); seenArrivals++) {
                FakePlant.Arrival arrival = rig.plant.arrivals.get(seenArrivals);
                writes++;
                assertTrue(arrival.value() >= 1 && arrival.value() <= 8, "N1: " + arrival);
                double minutes = (arrival.nanos() - lastNanos) / 60e9;
                double change = arrival.value() - lastValue;
                assertTrue(
                        change <= rateUp * minutes + 1e-9 && change >= -rateDown * minutes - 1e-9,
                        "N2: from " + lastValue + " to " + arrival.value() + " in " + minutes * 60 + " s");
                lastValue = arrival.value();
                lastNanos = arrival.nanos();
            }
            if (!rig.loop.closed() && random.nextInt(5) == 0) {
                if (random.nextInt(3) == 0) { // an operator moves the setpoint by hand while the loop is open
                    rig.plant.setpoint = 1 + random.nextDouble() * 7;
                    lastValue = rig.plant.setpoint;
                    lastNanos = rig.time.nanos();
                }
                rig.work();
                rig.plant.readStatus = StatusCode.GOOD;
                rig.offer(rig.plant.setpoint);
                actorClosed = rig.loop.close(Rig.ANNA, "random").isEmpty();
            }
        }
        assertTrue(writes > 300, "too little was written to prove anything: " + writes);
        assertTrue(rig.loop.counts().limited() > 100, "the limits were not met");
    }
}
