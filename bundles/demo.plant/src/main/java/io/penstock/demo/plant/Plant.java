// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;

/**
 * WTP-1 whole: river, works, instruments, PLC. Deterministic for a seed. One thread; others read {@link Snapshot}s.
 *
 * <p>Noise comes from {@link Random}, whose algorithm is specified, so that a seed gives the same history on every JDK.
 */
public final class Plant {
    /** The titrator gives a value every half hour. */
    private static final double TITRATION_SECONDS = 1800;

    private static final double BUBBLES_PER_SECOND = 1e-4;

    private final double step;
    private final Plc plc;
    private final Works works;
    private final Random wanderNoise;
    private final Random bubbleNoise;
    private final Map<PlantTag, Transmitter> instruments = new EnumMap<>(PlantTag.class);
    private final double[] readings = new double[PlantTag.values().length];
    private River river;
    private Water water;
    private long steps;
    private double wander;
    private double titrated = Double.NaN;
    private double titratedAt;
    private Instant titratedInstant = Instant.EPOCH;

    /**
     * @param river the raw water.
     * @param stepSeconds seconds of the plant per step, above 0, at most 10.
     * @param watchdogSeconds seconds of the wall clock after which the PLC stops believing a remote setpoint.
     * @param seed of all noise.
     */
    public Plant(River river, double stepSeconds, double watchdogSeconds, long seed) {
        if (!(stepSeconds > 0 && stepSeconds <= 10)) {
            throw new IllegalArgumentException("stepSeconds: above 0, at most 10, was " + stepSeconds);
        }
        this.river = river;
        step = stepSeconds;
        plc = new Plc(watchdogSeconds);
        works = new Works(stepSeconds);
        wanderNoise = new Random(seed);
        bubbleNoise = new Random(seed ^ 0x5DEECE66DL);
        water = river.at(0, 0);
        add(PlantTag.FT_1001, 5, 0.005, 0, water.flow(), seed);
        add(PlantTag.AT_1002A, 30, 0.02, 0, water.turbidity(), seed);
        add(PlantTag.AT_1002B, 30, 0.05, 0, water.turbidity(), seed);
        add(PlantTag.AT_1003, 30, 0.01, 0, water.uv254(), seed);
        add(PlantTag.AT_1004, 15, 0, 0.01, water.ph(), seed);
        add(PlantTag.TT_1005, 60, 0, 0.02, water.temperature(), seed);
        add(PlantTag.AT_1006, 15, 0.003, 0, water.conductivity(), seed);
        add(PlantTag.AT_1007, 1, 0.01, 0, water.alkalinity(), seed);
        add(PlantTag.AT_2003, 15, 0, 0.01, 7, seed);
        add(PlantTag.AT_2004, 240, 0, 1, 0, seed);
        add(PlantTag.FT_2001, 2, 0.005, 0, 43, seed);
        add(PlantTag.AT_3001, 30, 0.02, 0, works.settled(), seed);
        add(PlantTag.AT_4001, 30, 0.02, 0, works.filtered(), seed);
        add(PlantTag.LT_2005, 5, 0, 0.1, plc.tankPercent(), seed);
    }

    private void add(PlantTag tag, double lag, double relativeNoise, double absoluteNoise, double first, long seed) {
        Random noise = new Random(31 * seed + 1_000_003L * (tag.index() + 1));
        instruments.put(tag, new Transmitter(tag, lag, relativeNoise, absoluteNoise, first, noise));
    }

    /** One step, with the PLC's watchdog standing still: for histories without a gateway. */
    public void step() {
        step(0, Instant.ofEpochMilli(Math.round(seconds() * 1000)));
    }

    /**
     * One step.
     *
     * @param nowNanos {@link System#nanoTime()}, for the PLC's watchdog.
     * @param now for the source times.
     */
    void step(long nowNanos, Instant now) {
        double hour = hour();
        wander = River.wander(wander, step, wanderNoise);
        water = river.at(hour, wander);
        measure(PlantTag.FT_1001, water.flow());
        measure(PlantTag.AT_1002A, water.turbidity() * bubbles());
        measure(PlantTag.AT_1002B, water.turbidity());
        measure(PlantTag.AT_1003, water.uv254());
        measure(PlantTag.AT_1004, water.ph());
        measure(PlantTag.TT_1005, water.temperature());
        measure(PlantTag.AT_1006, water.conductivity());
        titrate(now);
        plc.scan(
                instruments.get(PlantTag.AT_1002B).hasFailed() ? Double.NaN : reading(PlantTag.AT_1002B),
                water.flow(),
                step,
                nowNanos);
        works.treat(water, plc.dose());
        measure(PlantTag.AT_2003, works.ph());
        measure(PlantTag.AT_2004, Math.max(-300, Math.min(300, 120 * (works.ratio() - 1.15))));
        measure(PlantTag.FT_2001, plc.coagulantLitresPerHour());
        measure(PlantTag.AT_3001, works.settled());
        measure(PlantTag.AT_4001, works.filtered());
        measure(PlantTag.LT_2005, plc.tankPercent());
        readings[PlantTag.AIC_2001_SP_USED.index()] = plc.used();
        steps++;
    }

    private void measure(PlantTag tag, double truth) {
        Transmitter instrument = instruments.get(tag);
        instrument.measure(instrument.follow(truth, step), hour());
        readings[tag.index()] = instrument.reading();
    }

    /** Air bubbles in front of the optics: now and then one reading is far too high. */
    private double bubbles() {
        double chance = bubbleNoise.nextDouble();
        double size = 8 + 20 * bubbleNoise.nextDouble();
        return chance < BUBBLES_PER_SECOND * step ? size : 1;
    }

    private void titrate(Instant now) {
        Transmitter titrator = instruments.get(PlantTag.AT_1007);
        if (Double.isNaN(titrated) || seconds() - titratedAt >= TITRATION_SECONDS) {
            titrated = titrator.measure(water.alkalinity(), hour());
            titratedAt = seconds();
            titratedInstant = now;
        }
        readings[PlantTag.AT_1007.index()] = titrator.reading();
    }

    /** What the PLC reads of a tag. */
    public double reading(PlantTag tag) {
        return readings[tag.index()];
    }

    /** The raw water as it really is. */
    public Water water() {
        return water;
    }

    /** Time of the plant since its start. */
    public double seconds() {
        return steps * step;
    }

    double hour() {
        return seconds() / 3600;
    }

    Plc plc() {
        return plc;
    }

    Works works() {
        return works;
    }

    /** A storm begins now. */
    void storm() {
        river = river.with(River.Storm.typical(hour()));
    }

    Transmitter instrument(PlantTag tag) {
        return instruments.get(tag);
    }

    /** Repairs instruments and pump; a storm goes on. */
    void clearFaults() {
        instruments.values().forEach(Transmitter::repair);
        plc.failPump(false);
    }

    /** What the protocols show, frozen. */
    Snapshot snapshot(long nowNanos, Instant now) {
        boolean[] failed = new boolean[readings.length];
        instruments.forEach((tag, instrument) -> failed[tag.index()] = instrument.hasFailed());
        return new Snapshot(
                now,
                titratedInstant,
                seconds(),
                seconds() - titratedAt,
                readings.clone(),
                failed,
                plc.requested(),
                plc.requestAgeSeconds(nowNanos),
                plc.state(),
                plc.isRemoteSelected(),
                plc.isPumpFailed(),
                plc.coagulantLitresPerHour() > 0,
                plc.lifeCounter());
    }
}
