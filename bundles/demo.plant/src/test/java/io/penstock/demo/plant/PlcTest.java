// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class PlcTest {
    private static final double WATCHDOG = 10;
    private final Plc plc = new Plc(WATCHDOG);
    private long now = 1_000_000_000_000L;

    /** Plant seconds at 60 times the wall clock, in scans of 6 s. */
    private void run(double plantSeconds, double turbidityB) {
        for (double t = 0; t < plantSeconds; t += 6) {
            now += 100_000_000L;
            plc.scan(turbidityB, 1000, 6, now);
        }
    }

    // Had this failed, a model that asks for 25 mg/l would have got it.
    @Test
    void setpointOutsideTheLimitsIsLimited() {
        plc.write(25, now);
        for (int i = 0; i < 30; i++) {
            run(60, 8);
            plc.write(25, now);
        }
        assertEquals(8.0, plc.used(), 1e-9);
        for (int i = 0; i < 120; i++) {
            run(60, 8);
            plc.write(-3, now);
        }
        assertEquals(1.0, plc.used(), 1e-9);
        assertTrue(plc.clamped() > 0);
    }

    // Had this failed, one wrong setpoint would have been in the water within a second.
    @Test
    void setpointIsApproachedOnTheRamp() {
        plc.write(5, now);
        run(60, 8);
        assertEquals(2.4 + 0.30, plc.used(), 1e-9);
        plc.write(1, now);
        run(60, 8);
        assertEquals(2.7 - 0.12, plc.used(), 1e-9);
    }

    // Had this failed, the last setpoint of a dead gateway would have stood through the storm.
    @Test
    void watchdogGivesTheDoseToTheCurveOfTheSecondTurbidimeter() {
        plc.write(3, now);
        run(60, 200);
        assertEquals(Plc.State.REMOTE, plc.state());
        now += TimeUnit.SECONDS.toNanos(11);
        run(3600, 200);
        assertEquals(Plc.State.FALLBACK, plc.state());
        assertEquals(7.5, plc.used(), 1e-9);
        plc.write(6, now);
        run(6, 200);
        assertEquals(Plc.State.REMOTE, plc.state());
    }

    // Had this failed, an operator who takes the machine back would still have had the gateway's dose.
    @Test
    void localIgnoresFreshSetpoints() {
        plc.selectRemote(false);
        for (int i = 0; i < 60; i++) {
            plc.write(8, now);
            run(60, 10);
        }
        assertEquals(Plc.State.LOCAL, plc.state());
        assertEquals(3.0, plc.used(), 1e-9);
        plc.selectRemote(true);
        run(6, 10);
        assertEquals(Plc.State.REMOTE, plc.state());
    }

    // Had this failed, a NaN in two registers would have stopped the dosing.
    @Test
    void whatIsNoNumberIsRefusedAndTheLastSetpointStands() {
        plc.write(4, now);
        plc.write(Double.NaN, now);
        plc.write(Double.POSITIVE_INFINITY, now);
        run(3600 / 60.0, 8);
        assertEquals(2, plc.refused());
        assertEquals(4, plc.requested());
        assertTrue(Double.isFinite(plc.used()));
    }

    // Had this failed, a dead second turbidimeter would have made the curve jump.
    @Test
    void curveHoldsTheLastGoodTurbidity() {
        run(3600, 50);
        assertEquals(4.8, plc.used(), 1e-9);
        run(3600, Double.NaN);
        assertEquals(4.8, plc.used(), 1e-9);
    }

    // Had this failed, the report would have credited coagulant to a stopped pump.
    @Test
    void failedPumpDosesNothing() {
        run(60, 8);
        assertEquals(plc.used(), plc.dose(), 1e-9);
        double used = plc.aluminiumKilograms();
        plc.failPump(true);
        run(600, 8);
        assertEquals(0, plc.dose());
        assertEquals(used, plc.aluminiumKilograms(), 1e-12);
    }
}
