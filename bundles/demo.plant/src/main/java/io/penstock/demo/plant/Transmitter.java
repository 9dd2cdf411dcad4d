// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import java.util.random.RandomGenerator;

/**
 * One instrument on a 4–20 mA loop, read by a 12-bit analogue input: lag, noise, quantisation, and what can go wrong with it.
 * Saturates at 3.8 and 20.5 mA; below 3.6 or above 21 mA it reports failure (NAMUR NE 43). One thread.
 */
final class Transmitter {
    private static final int COUNTS = 4095;
    /** What a broken wire reads: 0 mA. */
    private static final double BROKEN_MILLIAMPERE = 0;

    private final PlantTag tag;
    private final double lagSeconds;
    private final double relativeNoise;
    private final double absoluteNoise;
    private final RandomGenerator random;
    private double lagged;
    private double signal;
    private boolean frozen;
    private boolean wireBroken;
    private double foulingSinceHour = Double.NaN;

    Transmitter(
            PlantTag tag,
            double lagSeconds,
            double relativeNoise,
            double absoluteNoise,
            double first,
            RandomGenerator random) {
        this.tag = tag;
        this.lagSeconds = lagSeconds;
        this.relativeNoise = relativeNoise;
        this.absoluteNoise = absoluteNoise;
        this.random = random;
        lagged = first;
        signal = first;
    }

    /** The lagged truth without noise: two instruments at one point of the pipe share it. */
    double follow(double truth, double seconds) {
        lagged += Math.min(1, seconds / lagSeconds) * (truth - lagged);
        return lagged;
    }

    /** Adds noise and faults to what {@link #follow} returned. */
    double measure(double truth, double hour) {
        double noisy = truth * (1 + relativeNoise * random.nextGaussian());
        if (absoluteNoise > 0) {
            noisy += absoluteNoise * random.nextGaussian();
        }
        if (frozen) {
            return signal;
        }
        signal = Double.isNaN(foulingSinceHour) ? noisy : noisy * (1 + 0.05 * (hour - foulingSinceHour));
        return signal;
    }

    /** What the PLC's analogue input makes of the loop current. */
    double reading() {
        double span = tag.high() - tag.low();
        double milliampere =
                wireBroken ? BROKEN_MILLIAMPERE : Math.min(20.5, Math.max(3.8, 4 + 16 * (signal - tag.low()) / span));
        return tag.low() + StrictMath.rint((milliampere - 4) / 16 * COUNTS) / COUNTS * span;
    }

    boolean hasFailed() {
        return wireBroken;
    }

    void freeze() {
        frozen = true;
    }

    /** From now on it reads 5 % more per hour. */
    void foul(double hour) {
        foulingSinceHour = hour;
    }

    void breakWire() {
        wireBroken = true;
    }

    void repair() {
        frozen = false;
        wireBroken = false;
        foulingSinceHour = Double.NaN;
    }

    /** The fault in a word, empty if there is none. */
    String fault() {
        if (wireBroken) {
            return "wirebreak";
        }
        return frozen ? "freeze" : Double.isNaN(foulingSinceHour) ? "" : "foul";
    }
}
