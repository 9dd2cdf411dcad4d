// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.memory.HeapSize;
import io.penstock.api.model.OperatorSpec;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.OperatorFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/** The operators of this room. The capabilities in {@code bnd.bnd} name the same ones, which a test sees to. */
final class StandardOperators {
    /** Of an operator without a window: its fields, generously. */
    private static final long SMALL = HeapSize.object(244);

    /** What an operator takes by its parameters, where the samples it sees are at least so many ms apart. */
    interface Size {
        long bytes(Parameters parameters, long shortestMs);
    }

    /** One operator: its name, the parameters it knows, how it is made, and what it takes. */
    record Standard(String operator, List<String> parameters, Function<Parameters, Operator> maker, Size size)
            implements OperatorFactory {
        @Override
        public Operator create(OperatorSpec spec) {
            return maker.apply(new Parameters(spec, parameters));
        }

        @Override
        public long bytes(OperatorSpec spec, long shortestMs) {
            return size.bytes(new Parameters(spec, parameters), shortestMs);
        }
    }

    /** Those that are a {@link io.penstock.api.preprocessing.GridOperator}; a test compares. */
    static final Set<String> GRID_OPERATORS = Set.of("resample", "align");

    private StandardOperators() {}

    /** Whether it makes a grid, or is of somebody else and may make one. */
    static boolean mayMakeAGrid(OperatorFactory factory) {
        return !(factory instanceof Standard own) || GRID_OPERATORS.contains(own.operator());
    }

    static List<Standard> all(Units units) {
        return List.of(
                of(
                        "scale",
                        Arithmetic::scale,
                        "rawLow",
                        "rawHigh",
                        "euLow",
                        "euHigh",
                        "clamp",
                        "squareRoot",
                        "ne43",
                        "factor",
                        "offset"),
                of("convert", parameters -> Arithmetic.convert(parameters, units), "from", "to", "difference"),
                of("range", Arithmetic::range, "low", "high", "softLow", "softHigh"),
                of("clip", Arithmetic::clip, "low", "high"),
                of("log1p", Arithmetic::log1p),
                of("standardise", Arithmetic::standardise, "mean", "standardDeviation"),
                of("rateOfChange", RateOfChange::new, "limit", "perMs", "release", "maxGapMs", "action"),
                windowed("hampel", Hampel::new, Hampel::bytes, "k", "resolution", "action", "maximumReplacements"),
                windowed(
                        "frozen",
                        Frozen::new,
                        Frozen::bytes,
                        "resolution",
                        "reference",
                        "referenceMove",
                        "identical",
                        "action"),
                of("stale", Stale::new, "maximumAgeMs", "action"),
                of("resample", Resample::new, "method", "maxAgeMs", "minGood"),
                of("align", Align::new, Align::bytes, "delayMs", "maxAgeMs", "mostSamples"),
                windowed("movingMean", WindowStatistics.Mean::new, WindowOperator::bytes),
                windowed("movingStd", WindowStatistics.StandardDeviation::new, WindowOperator::bytes, "ddof"),
                windowed(
                        "movingMin",
                        parameters -> new WindowStatistics.Extreme(parameters, Extremes.smallest()),
                        WindowStatistics::extremeBytes),
                windowed(
                        "movingMax",
                        parameters -> new WindowStatistics.Extreme(parameters, Extremes.largest()),
                        WindowStatistics::extremeBytes),
                windowed("movingMedian", WindowStatistics.Median::new, WindowStatistics::medianBytes),
                windowed("zScore", WindowStatistics.ZScore::new, WindowOperator::bytes, "ddof", "minStd"),
                of("ewma", Ewma::new, "alpha", "tauMs", "warmup", "maxGapMs"),
                windowed("derivative", Derivatives::of, Derivatives::bytes, "method", "tauMs", "perMs"),
                of("lag", Lag::new, Lag::bytes, "cycles", "maxGapMs"));
    }

    private static Standard of(String operator, Function<Parameters, Operator> maker, String... parameters) {
        return of(operator, maker, (given, shortestMs) -> SMALL, parameters);
    }

    private static Standard of(String operator, Function<Parameters, Operator> maker, Size size, String... parameters) {
        return new Standard(operator, List.of(parameters), maker, size);
    }

    private static Standard windowed(String operator, Function<Parameters, Operator> maker, Size size, String... more) {
        List<String> parameters = new ArrayList<>(WindowOperator.PARAMETERS);
        parameters.addAll(List.of(more));
        return new Standard(operator, List.copyOf(parameters), maker, size);
    }
}
