// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.model.OperatorSpec;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.OperatorFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** The operators of this room. The capabilities in {@code bnd.bnd} name the same ones, which a test sees to. */
final class StandardOperators {
    /** One operator: its name, the parameters it knows, and how it is made. */
    record Standard(String operator, List<String> parameters, Function<Parameters, Operator> maker)
            implements OperatorFactory {
        @Override
        public Operator create(OperatorSpec spec) {
            return maker.apply(new Parameters(spec, parameters));
        }
    }

    private StandardOperators() {}

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
                windowed("hampel", Hampel::new, "k", "resolution", "action", "maximumReplacements"),
                windowed("frozen", Frozen::new, "resolution", "reference", "referenceMove", "identical", "action"),
                of("stale", Stale::new, "maximumAgeMs", "action"),
                of("resample", Resample::new, "method", "maxAgeMs", "minGood"),
                of("align", Align::new, "delayMs", "maxAgeMs"),
                windowed("movingMean", WindowStatistics.Mean::new),
                windowed("movingStd", WindowStatistics.StandardDeviation::new, "ddof"),
                windowed("movingMin", parameters -> new WindowStatistics.Extreme(parameters, Extremes.smallest())),
                windowed("movingMax", parameters -> new WindowStatistics.Extreme(parameters, Extremes.largest())),
                windowed("movingMedian", WindowStatistics.Median::new),
                windowed("zScore", WindowStatistics.ZScore::new, "ddof", "minStd"),
                of("ewma", Ewma::new, "alpha", "tauMs", "warmup", "maxGapMs"),
                windowed("derivative", Derivatives::of, "method", "tauMs", "perMs"),
                of("lag", Lag::new, "cycles", "maxGapMs"));
    }

    private static Standard of(String operator, Function<Parameters, Operator> maker, String... parameters) {
        return new Standard(operator, List.of(parameters), maker);
    }

    private static Standard windowed(String operator, Function<Parameters, Operator> maker, String... more) {
        List<String> parameters = new ArrayList<>(WindowOperator.PARAMETERS);
        parameters.addAll(List.of(more));
        return new Standard(operator, List.copyOf(parameters), maker);
    }
}
