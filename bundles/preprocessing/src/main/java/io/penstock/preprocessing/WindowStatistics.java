// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.StatusCode;
import io.penstock.api.memory.HeapSize;
import io.penstock.api.preprocessing.Signal;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** The moving statistics. */
final class WindowStatistics {
    private WindowStatistics() {}

    static long extremeBytes(Parameters parameters, long shortestMs) {
        int places = WindowOperator.mostPlaces(parameters, shortestMs);
        return HeapSize.plus(WindowOperator.bytes(places, false), Extremes.bytes(places));
    }

    static long medianBytes(Parameters parameters, long shortestMs) {
        int places = WindowOperator.mostPlaces(parameters, shortestMs);
        return HeapSize.plus(WindowOperator.bytes(places, false), Sorted.bytes(places));
    }

    /** {@code movingMean}: arithmetic mean of the window's usable values. O(1). */
    static final class Mean extends Momentary {
        Mean(Parameters parameters) {
            super(parameters, 1, 0);
        }

        @Override
        double result(double value, Moments moments) {
            return moments.mean();
        }
    }

    /** {@code movingStd}: standard deviation with divisor {@code n - ddof}; 0 where n ≤ ddof. O(1). */
    static final class StandardDeviation extends Momentary {
        private final int ddof;

        StandardDeviation(Parameters parameters) {
            super(parameters, 2, parameters.whole("ddof", 0, 1));
            ddof = parameters.whole("ddof", 0, 1);
        }

        @Override
        double result(double value, Moments moments) {
            return moments.standardDeviation(ddof);
        }
    }

    /**
     * {@code zScore}: {@code (v - mean) / std} over the window, the present value included; 0 where the standard deviation
     * is not above {@code minStd}, so that a resting signal gives no infinities. O(1).
     */
    static final class ZScore extends Momentary {
        private final int ddof;
        private final double minStd;

        ZScore(Parameters parameters) {
            super(parameters, 2, parameters.whole("ddof", 0, 1));
            ddof = parameters.whole("ddof", 0, 1);
            minStd = parameters.number("minStd", 0, Double.MAX_VALUE, 0);
        }

        @Override
        double result(double value, Moments moments) {
            double deviation = moments.standardDeviation(ddof);
            return deviation > minStd ? moments.deviation(value) / deviation : 0;
        }
    }

    private abstract static class Momentary extends WindowOperator {
        private final Moments moments = new Moments();
        private final int ddof;

        Momentary(Parameters parameters, int leastSamples, int ddof) {
            super(parameters, leastSamples, false);
            this.ddof = ddof;
        }

        abstract double result(double value, Moments moments);

        @Override
        void enter(long slot, double value) {
            moments.enter(value);
        }

        @Override
        void leave(long slot, double value) {
            moments.leave(value);
        }

        @Override
        void clear() {
            moments.clear();
        }

        @Override
        void evaluate(Signal signal) {
            if (moments.isWorn()) {
                refill();
            }
            signal.status =
                    isFull() && moments.count() <= ddof ? StatusCode.UNCERTAIN_SUB_NORMAL : verdict(signal.status);
            signal.value = result(signal.value, moments);
        }

        @Override
        public void save(DataOutput out) throws IOException {
            super.save(out);
            moments.save(out);
        }

        @Override
        public void restore(DataInput in) throws IOException {
            super.restore(in);
            moments.restore(in);
        }
    }

    /** {@code movingMin}, {@code movingMax}: extreme of the window's usable values. Amortised O(1). */
    static final class Extreme extends WindowOperator {
        private final Extremes extremes;

        Extreme(Parameters parameters, Extremes extremes) {
            super(parameters, 1, false);
            this.extremes = extremes;
        }

        @Override
        void enter(long slot, double value) {
            extremes.enter(slot, value);
        }

        @Override
        void leave(long slot, double value) {
            extremes.leave(slot);
        }

        @Override
        void clear() {
            extremes.clear();
        }

        @Override
        void evaluate(Signal signal) {
            signal.status = verdict(signal.status);
            signal.value = extremes.value();
        }
    }

    /** {@code movingMedian}: median, the mean of the middle two for an even number. O(window) by block moves. */
    static final class Median extends WindowOperator {
        private final Sorted sorted = new Sorted();

        Median(Parameters parameters) {
            super(parameters, 1, false);
        }

        @Override
        void enter(long slot, double value) {
            sorted.enter(value);
        }

        @Override
        void leave(long slot, double value) {
            sorted.leave(value);
        }

        @Override
        void clear() {
            sorted.clear();
        }

        @Override
        void evaluate(Signal signal) {
            signal.status = verdict(signal.status);
            signal.value = sorted.median();
        }
    }
}
