// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import static io.penstock.preprocessing.Contracts.holding;
import static io.penstock.preprocessing.Contracts.input;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.penstock.api.data.StatusCode;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.Signal;
import io.penstock.preprocessing.Contracts.Run;
import java.lang.management.ManagementFactory;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What must not creep: garbage and rounding. */
class SteadyStateTest {
    private static final int SAMPLES = 100_000;

    private static Run everyOperator() {
        return contract().run();
    }

    private static Contracts contract() {
        return new Contracts()
                .cycleMs(1)
                .with(input("a"))
                .with(holding("b", 60_000))
                .feature("scaled", "a", "scale factor=1.5 offset=2 | convert from=CEL to=FAH | clip high=300 | log1p")
                .feature(
                        "checked",
                        "a",
                        "range low=-100 high=200 | rateOfChange limit=1e9 | standardise mean=1 standardDeviation=2")
                .feature("hampel", "a", "hampel window=31 | ewma tauMs=5000 | lag cycles=5")
                .feature(
                        "frozen",
                        "a",
                        "frozen windowMs=50 resolution=0.1 reference=b referenceMove=1 identical=5 | stale maximumAgeMs=5000")
                .feature("mean", "a", "movingMean window=100")
                .feature("std", "a", "movingStd windowMs=64 ddof=1")
                .feature("min", "a", "movingMin window=50")
                .feature("max", "a", "movingMax window=50")
                .feature("median", "a", "movingMedian window=51")
                .feature("z", "b", "zScore window=32 ddof=0")
                .feature("slope", "b", "derivative method=slope window=10")
                .feature("filtered", "b", "derivative method=ewma tauMs=20")
                .feature("grid", "a", "movingMean window=3 | resample method=mean maxAgeMs=5000 | movingMax window=4")
                .feature("aligned", "b", "align delayMs=20 maxAgeMs=5000")
                .tensor(1, "scaled", "checked", "hampel", "frozen", "mean", "std")
                .tensor(32, "min", "max", "median", "z", "slope", "filtered", "grid", "aligned");
    }

    private static void cycles(Run run, double[] noise, int from, int to) {
        for (int i = from; i < to; i++) {
            run.at(i * 0.001);
            double value = noise[i % noise.length];
            run.frame.addPending(0, value, StatusCode.GOOD, run.frame.instantNs() - 500_000);
            run.frame.addPending(0, value + 1, StatusCode.GOOD, run.frame.instantNs());
            run.frame.set(0, value + 1, StatusCode.GOOD, run.frame.instantNs(), 0);
            boolean bad = i % 50 == 7;
            run.value(1, bad ? Double.NaN : value * 2, bad ? StatusCode.BAD_TIMEOUT : StatusCode.GOOD);
            run.apply();
        }
    }

    // A garbage collection in the middle of a cycle is a cycle too late.
    @Test
    void nothingIsAllocatedPerCycle() {
        Run run = everyOperator();
        double[] noise = new Random(1).doubles(1009, 5, 15).toArray();
        cycles(run, noise, 0, 20_000);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long thread = Thread.currentThread().getId();
        long control = threads.getThreadAllocatedBytes(thread);
        byte[] garbage = new byte[100_000];
        assertTrue(threads.getThreadAllocatedBytes(thread) - control >= garbage.length, "allocation is not measured");
        long before = threads.getThreadAllocatedBytes(thread);
        cycles(run, noise, 20_000, 20_000 + SAMPLES);
        long allocated = threads.getThreadAllocatedBytes(thread) - before;
        assertTrue(allocated <= 16_384, allocated + " bytes in " + SAMPLES + " cycles");
        assertTrue(StatusCode.isUncertain(run.features.status()), StatusCode.name(run.features.status()));
    }

    // An operator added later would make garbage nobody measures.
    @Test
    void everyOperatorIsMeasured() {
        assertEquals(
                StandardOperators.all(new Units()).stream()
                        .map(StandardOperators.Standard::operator)
                        .collect(Collectors.toSet()),
                contract().operators());
    }

    // After a year without a restart the mean would be off by more than the instrument.
    @Test
    void movingStatisticsDoNotDrift() {
        Operator mean = Operators.operator("movingMean window=50");
        Operator deviation = Operators.operator("movingStd window=50 ddof=1");
        Operator zScore = Operators.operator("zScore window=50 ddof=1");
        double[] window = new double[50];
        Random random = new Random(3);
        Signal signal = new Signal();
        for (int i = 0; i < 3_000_000; i++) {
            double value = 1e5 + random.nextGaussian() * (i % 1000 == 0 ? 1e9 : 1e-2);
            window[i % 50] = value;
            long timeNs = Operators.T0 + i * 1_000_000L;
            mean.apply(signal.set(timeNs, value, StatusCode.GOOD));
            double actualMean = signal.value;
            deviation.apply(signal.set(timeNs, value, StatusCode.GOOD));
            double actualDeviation = signal.value;
            zScore.apply(signal.set(timeNs, value, StatusCode.GOOD));
            if (i > 50 && i % 99_991 < 3) {
                requireExact(window, value, actualMean, actualDeviation, signal.value);
            }
        }
    }

    private static void requireExact(double[] window, double value, double mean, double deviation, double zScore) {
        BigDecimal n = BigDecimal.valueOf(window.length);
        BigDecimal sum = BigDecimal.ZERO;
        for (double v : window) {
            sum = sum.add(new BigDecimal(v));
        }
        BigDecimal exactMean = sum.divide(n, MathContext.DECIMAL128);
        BigDecimal squares = BigDecimal.ZERO;
        for (double v : window) {
            squares = squares.add(new BigDecimal(v).subtract(exactMean).pow(2));
        }
        double exactDeviation = squares.divide(n.subtract(BigDecimal.ONE), MathContext.DECIMAL128)
                .sqrt(MathContext.DECIMAL128)
                .doubleValue();
        double exactScore = new BigDecimal(value).subtract(exactMean).doubleValue() / exactDeviation;
        assertEquals(exactMean.doubleValue(), mean, 1e-12 * Math.abs(mean));
        assertEquals(exactDeviation, deviation, 1e-9 * exactDeviation);
        assertEquals(exactScore, zScore, 1e-9 * Math.max(1e-3, Math.abs(exactScore)));
    }

    // Golden vectors that pass once and fail once let nobody roll out anything.
    @Test
    void theSameFramesGiveTheSameBits() {
        double[] noise = new Random(5).doubles(997, -5, 15).toArray();
        Run first = everyOperator();
        Run second = everyOperator();
        for (int i = 0; i < 3000; i++) {
            cycles(first, noise, i, i + 1);
            cycles(second, noise, i, i + 1);
            for (int k = 0; k < first.features.names().size(); k++) {
                assertEquals(
                        Double.doubleToLongBits(first.features.value(k)),
                        Double.doubleToLongBits(second.features.value(k)));
            }
        }
    }
}
