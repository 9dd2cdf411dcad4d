// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import java.util.concurrent.TimeUnit;

/**
 * The PLC's program, the safety boundary of the plant: it trusts nothing that comes over the wire. It chooses between the
 * remote setpoint and its own curve, clamps, ramps, and drives the pump by ratio control. One thread.
 *
 * <p>A remote setpoint counts for as long as it is written again within the watchdog and HS-2001 stands on REMOTE. There is no
 * handshake in this profile: whoever writes again after a time-out is in control again.
 */
public final class Plc {
    /** Lowest dose the PLC will use, mg Al/l. */
    public static final double DOSE_LOW = 1.0;
    /** Highest dose the PLC will use, mg Al/l. */
    public static final double DOSE_HIGH = 8.0;
    /** Ramp upwards, mg Al/l per minute of the plant. */
    static final double RAMP_UP = 0.30;
    /** Ramp downwards, mg Al/l per minute of the plant. */
    static final double RAMP_DOWN = 0.12;

    private static final double[] CURVE_NTU = {0, 5, 10, 25, 50, 100, 200, 400, 1000};
    private static final double[] CURVE_DOSE = {2.2, 2.5, 3.0, 3.8, 4.8, 6.0, 7.5, 8.0, 8.0};
    private static final double PUMP_LITRES_PER_HOUR = 200;
    private static final double TANK_LITRES = 3000;

    /** Who decides the dose; the number is what register 40156 shows. */
    enum State {
        LOCAL(1),
        WAITING(2),
        REMOTE(3),
        FALLBACK(4);

        private final int code;

        State(int code) {
            this.code = code;
        }

        int code() {
            return code;
        }
    }

    private final long watchdogNanos;
    private boolean remoteSelected = true;
    private boolean pumpFailed;
    private double requested = Double.NaN;
    private long requestedAtNanos;
    private double used = 2.4;
    private State state = State.WAITING;
    private double turbidity = 8;
    private double coagulantLitres;
    private double dose;
    private double tankPercent = 80;
    private double aluminiumKilograms;
    private int lifeCounter;
    private long accepted;
    private long clamped;
    private long refused;

    Plc(double watchdogSeconds) {
        watchdogNanos = Math.round(watchdogSeconds * TimeUnit.SECONDS.toNanos(1));
    }

    /** A setpoint came over the wire. What is no number is refused; what is outside the limits is limited, when it is used. */
    void write(double setpoint, long nowNanos) {
        if (!Double.isFinite(setpoint)) {
            refused++;
            return;
        }
        accepted++;
        if (setpoint < DOSE_LOW || setpoint > DOSE_HIGH) {
            clamped++;
        }
        requested = setpoint;
        requestedAtNanos = nowNanos;
    }

    /**
     * One scan.
     *
     * @param turbidityB what the second turbidimeter reads, NaN if it has failed; the last good value then holds.
     * @param flow raw water flow, m³/h.
     */
    void scan(double turbidityB, double flow, double seconds, long nowNanos) {
        if (!Double.isNaN(turbidityB)) {
            turbidity = turbidityB;
        }
        boolean fresh = !Double.isNaN(requested) && nowNanos - requestedAtNanos <= watchdogNanos;
        if (!remoteSelected) {
            state = State.LOCAL;
        } else if (fresh) {
            state = State.REMOTE;
        } else {
            state = Double.isNaN(requested) ? State.WAITING : State.FALLBACK;
        }
        double target = state == State.REMOTE ? Math.min(DOSE_HIGH, Math.max(DOSE_LOW, requested)) : curve(turbidity);
        used = ramp(used, target, seconds);
        coagulantLitres =
                pumpFailed ? 0 : Math.min(PUMP_LITRES_PER_HOUR, used * flow / Coagulation.ALUMINIUM_PER_LITRE);
        dose = flow > 0 ? coagulantLitres * Coagulation.ALUMINIUM_PER_LITRE / flow : 0;
        aluminiumKilograms += dose * flow * seconds / 3.6e6;
        tankPercent -= coagulantLitres * seconds / 3600 / TANK_LITRES * 100;
        if (tankPercent < 20) {
            tankPercent = 95;
        }
        lifeCounter = lifeCounter + 1 & 0xFFFF;
    }

    /** The dose by the PLC's own curve over the second turbidimeter. */
    static double curve(double turbidity) {
        for (int i = 1; i < CURVE_NTU.length; i++) {
            if (turbidity <= CURVE_NTU[i]) {
                double part = (turbidity - CURVE_NTU[i - 1]) / (CURVE_NTU[i] - CURVE_NTU[i - 1]);
                return CURVE_DOSE[i - 1] + Math.max(0, part) * (CURVE_DOSE[i] - CURVE_DOSE[i - 1]);
            }
        }
        return CURVE_DOSE[CURVE_DOSE.length - 1];
    }

    static double ramp(double from, double target, double seconds) {
        return from + Math.min(RAMP_UP / 60 * seconds, Math.max(-RAMP_DOWN / 60 * seconds, target - from));
    }

    void selectRemote(boolean remote) {
        remoteSelected = remote;
    }

    void failPump(boolean failed) {
        pumpFailed = failed;
    }

    boolean isRemoteSelected() {
        return remoteSelected;
    }

    boolean isPumpFailed() {
        return pumpFailed;
    }

    /** The last setpoint written, before limits; NaN if there was none. */
    double requested() {
        return requested;
    }

    /** Seconds since the last accepted write; infinite if there was none. */
    double requestAgeSeconds(long nowNanos) {
        return Double.isNaN(requested) ? Double.POSITIVE_INFINITY : (nowNanos - requestedAtNanos) / 1e9;
    }

    /** The dose setpoint in use, after limits and ramp. */
    double used() {
        return used;
    }

    State state() {
        return state;
    }

    double coagulantLitresPerHour() {
        return coagulantLitres;
    }

    /** What really reaches the water, mg Al/l. */
    double dose() {
        return dose;
    }

    double tankPercent() {
        return tankPercent;
    }

    double aluminiumKilograms() {
        return aluminiumKilograms;
    }

    int lifeCounter() {
        return lifeCounter;
    }

    long accepted() {
        return accepted;
    }

    long clamped() {
        return clamped;
    }

    long refused() {
        return refused;
    }
}
