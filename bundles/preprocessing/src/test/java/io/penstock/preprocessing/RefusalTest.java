// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import static io.penstock.preprocessing.Contracts.input;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.MissingPolicy;
import io.penstock.api.model.OperatorSpec;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.OperatorFactory;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What compile refuses, and how it says so. */
class RefusalTest {
    private static String refusal(Contracts contracts) {
        return assertThrows(IllegalArgumentException.class, contracts::program).getMessage();
    }

    private static void requireParts(String message, String... parts) {
        for (String part : parts) {
            assertTrue(message.contains(part), () -> "'" + part + "' in: " + message);
        }
    }

    // A typing error in a contract would silently run with a default, or say "invalid" and nothing else.
    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "hampell window=3;operator 1;hampell;unknown;hampel",
                "hampel windw=3;hampel.windw;unknown parameter;window;k",
                "hampel window=4;hampel.window;odd;4;operator 1",
                "hampel window=3.5;hampel.window;whole number;3.5;65536",
                "hampel window=65537;hampel.window;3 to 65536;65537;operator",
                "hampel;hampel.window;exactly one of window and windowMs;neither;operator",
                "movingMean window=3 windowMs=5;movingMean.window;exactly one;both;operator",
                "movingMean windowMs=0;movingMean.windowMs;milliseconds from 1;was 0;operator",
                "movingMean windowMs=NaN;movingMean.windowMs;milliseconds;NaN;operator",
                "movingMean window=3 minFill=1.1;movingMean.minFill;from 0 to 1;1.1;operator",
                "movingStd window=3;movingStd.ddof;number;null;operator",
                "movingStd window=3 ddof=2;movingStd.ddof;0 to 1;was 2;operator",
                "zScore window=1 ddof=0;zScore.window;2 to;was 1;operator",
                "ewma;ewma.alpha;exactly one of alpha and tauMs;neither;operator",
                "ewma alpha=0;ewma.alpha;above 0;was 0;operator",
                "ewma alpha=1.5;ewma.alpha;at most 1;was 1.5;operator",
                "ewma alpha=high;ewma.alpha;number;high;operator",
                "scale rawLow=4 rawHigh=4 euLow=0 euHigh=1;scale.rawHigh;other than rawLow;was 4;operator",
                "scale rawLow=4;scale.rawHigh;number;null;operator",
                "scale factor=2 rawLow=4;scale.rawLow;not together;both;operator",
                "scale rawLow=4 rawHigh=20 euLow=0 euHigh=1 clamp=yes;scale.clamp;true or false;yes;operator",
                "convert from=CEL to=pH;convert.to;UNECE;pH;operator",
                "convert from=NTU to=FNU;convert.to;same quantity as NTU;FNU;operator",
                "convert from=Q30 to=C73;convert.to;same quantity as Q30;C73;operator",
                "range;range.low;at least one;none;operator",
                "range low=3 high=3;range.low;below high;was 3;operator",
                "range low=0 softLow=-1;range.softLow;at least low;was -1;operator",
                "range high=10 softHigh=11;range.softHigh;at most high;was 11;operator",
                "range low=5 softHigh=3;range.softHigh;in between;5 to 3;operator",
                "range high=5 softLow=7;range.softLow;in between;7 to 5;operator",
                "clip;clip.low;at least one;none;operator",
                "clip low=5 high=4;clip.low;below high;was 5;operator",
                "log1p base=2;log1p.base;unknown parameter;takes none;operator",
                "standardise mean=0 standardDeviation=0;standardise.standardDeviation;above 0;was 0;operator",
                "rateOfChange limit=0;rateOfChange.limit;above 0;was 0;operator",
                "rateOfChange limit=1 action=drop;rateOfChange.action;mark, bad;drop;operator",
                "frozen;frozen.identical;at least one;none;operator",
                "frozen window=3;frozen.resolution;number;null;operator",
                "frozen identical=3 resolution=1;frozen.resolution;only together with window;without;operator",
                "frozen window=3 resolution=1 reference=in;frozen.referenceMove;together with reference;absent;operator",
                "frozen window=3 resolution=1 reference=nix referenceMove=1;frozen.reference;one of the inputs;[in];nix",
                "resample method=linear maxAgeMs=5;resample.method;last, mean;not causal;linear",
                "resample maxAgeMs=5;resample.method;one of;absent;operator",
                "resample method=last;resample.maxAgeMs;number;null;operator",
                "align delayMs=5000000000 maxAgeMs=1;align.delayMs;2678400000;5000000000;operator",
                "lag cycles=0;lag.cycles;1 to 65536;was 0;operator",
                "derivative window=3;derivative.method;slope, ewma;absent;operator",
                "derivative method=slope window=3 tauMs=5;derivative.tauMs;not with this method;slope;operator",
                "log1p | resample method=count | lag cycles=1 | align delayMs=1 maxAgeMs=1;operator 4;align;at most one;resample",
                "stale maximumAgeMs=1 | resample method=count;operator 1;stale;after resample;before"
            })
    void operatorsNameWhatIsWrong(String chain, String a, String b, String c, String d) {
        requireParts(refusal(new Contracts().with(input("in")).feature("f", "in", chain)), "feature 'f'", a, b, c, d);
    }

    // A contract that contradicts itself would fail in the middle of the night instead of before the rollout.
    @Test
    void contractsThatContradictThemselves() {
        Contracts in = new Contracts().with(input("in"));
        requireParts(refusal(in.feature("f", "out", "")), "feature 'f'", "input 'out' is unknown", "[in]");
        requireParts(refusal(new Contracts().with(input("in")).with(input("in"))), "input 'in'", "twice");
        requireParts(
                refusal(new Contracts().with(input("in")).feature("f", "in", "").feature("f", "in", "log1p")),
                "feature 'f'",
                "twice");
        requireParts(
                refusal(new Contracts().with(input("in")).feature("f", "in", "").tensor(1, "f", "g")),
                "tensor 'x0'",
                "feature 'g' is unknown",
                "[f]");
        requireParts(
                refusal(new Contracts().with(input("in")).feature("f", "in", "").tensor(List.of(1L, 3L), 2, "f")),
                "tensor 'x0'",
                "shape",
                "2 x 1",
                "[1, 3]");
        requireParts(
                refusal(new Contracts().with(input("in")).feature("f", "in", "").tensor(List.of(1L, -1L), 1, "f")),
                "shape",
                "[1, -1]");
        requireParts(
                refusal(new Contracts().with(input("in")).feature("f", "in", "").tensor(List.of(1L, 1L), 0, "f")),
                "rows: at least 1",
                "was 0");
        requireParts(
                refusal(new Contracts().with(input("in")).feature("f", "in", "").tensor(List.of(), 1 << 23, "f")),
                "at most",
                "8388608");
    }

    // A substitute that does not exist would only be missed in the first outage.
    @Test
    void inputsNameWhatIsWrong() {
        requireParts(
                refusal(new Contracts().with(spec(0, 1, 5000, MissingPolicy.HOLD_LAST, 0, Double.NaN))),
                "input 'in'",
                "holdMs",
                "at least 1",
                "was 0");
        requireParts(
                refusal(new Contracts().with(spec(0, 1, 5000, MissingPolicy.CONSTANT, 0, Double.NaN))),
                "input 'in'",
                "constant",
                "finite",
                "NaN");
        requireParts(
                refusal(new Contracts().with(spec(0, 1, 0, MissingPolicy.FAIL, 0, 0))),
                "maximumAgeMs",
                "at least 1",
                "was 0");
        requireParts(
                refusal(new Contracts().with(spec(5, 5, 1, MissingPolicy.FAIL, 0, 0))),
                "range",
                "low below high",
                "5.0");
        requireParts(refusal(new Contracts().with(spec(Double.NaN, 5, 1, MissingPolicy.FAIL, 0, 0))), "range", "NaN");
    }

    private static InputSpec spec(
            double low, double high, long maximumAgeMs, MissingPolicy missing, long holdMs, double constant) {
        return new InputSpec("in", "NTU", true, low, high, maximumAgeMs, missing, holdMs, constant);
    }

    private record Doubling(String operator) implements OperatorFactory {
        @Override
        public long bytes(OperatorSpec spec, long shortestMs) {
            return 0;
        }

        @Override
        public Operator create(OperatorSpec spec) {
            return signal -> signal.value *= 2;
        }
    }

    // A site's own operator would need a new release of the gateway.
    @Test
    void operatorsOfOthersAreUsedAndMayNotHideEachOther() {
        Contracts contracts =
                new Contracts().with(input("in")).feature("f", "in", "double").tensor(1, "f");
        requireParts(refusal(contracts), "operator 'double' is unknown", "ewma");
        FeatureEngine one = FeatureEngines.standard(List.of(new Doubling("double")));
        Contracts.Run run = contracts.run(one.compile(contracts.contract()));
        assertEquals(16, run.step(0, 8, StatusCode.GOOD).value(0));
        FeatureEngine two = FeatureEngines.standard(List.of(new Doubling("double"), new Doubling("double")));
        requireParts(
                assertThrows(IllegalArgumentException.class, () -> two.compile(contracts.contract()))
                        .getMessage(),
                "'double'",
                "2 bundles");
        FeatureEngine hiding = FeatureEngines.standard(List.of(new Doubling("log1p")));
        Contracts standard = new Contracts().with(input("in")).feature("f", "in", "log1p");
        run = standard.run(hiding.compile(standard.contract()));
        assertEquals(Math.log1p(8), run.step(0, 8, StatusCode.GOOD).value(0));
    }

    // One exception in a site's own operator would end the pipeline's thread, and with it the predictions for ever.
    @Test
    void anOperatorThatThrowsMakesItsFeatureBad() {
        OperatorFactory picky = new OperatorFactory() {
            @Override
            public String operator() {
                return "picky";
            }

            @Override
            public long bytes(OperatorSpec spec, long shortestMs) {
                return 0;
            }

            @Override
            public Operator create(OperatorSpec spec) {
                return signal -> {
                    if (signal.value > 50) {
                        throw new ArithmeticException("too much");
                    }
                };
            }
        };
        Contracts contracts = new Contracts()
                .with(input("in"))
                .feature("f", "in", "picky")
                .feature("g", "in", "picky | resample method=last maxAgeMs=5000")
                .tensor(1, "f", "g");
        Contracts.Run run =
                contracts.run(FeatureEngines.standard(List.of(picky)).compile(contracts.contract()));
        assertEquals(StatusCode.GOOD, run.step(0, 8, StatusCode.GOOD).status());
        assertEquals(
                StatusCode.BAD_INTERNAL_ERROR, run.step(1, 80, StatusCode.GOOD).status());
        assertEquals(StatusCode.BAD_INTERNAL_ERROR, run.features.status(1));
        assertEquals(StatusCode.GOOD, run.step(2, 8, StatusCode.GOOD).status());
    }

    // Units would be matched by how they look: pH with picohenry, NTU with FNU.
    @Test
    void unitsOfDifferentQuantitiesDoNotConvert() {
        FeatureEngine engine = FeatureEngines.standard();
        for (String[] pair : new String[][] {
            {"NTU", "FNU"},
            {"Q30", "C73"},
            {"59", "M1"},
            {"KWT", "KVA"},
            {"HTZ", "RPM"},
            {"XXX", "XXX"},
            {"", "M1"},
            {"M1", ""}
        }) {
            assertTrue(engine.conversion(pair[0], pair[1]).isEmpty(), String.join(" ", pair));
        }
        assertEquals(1, engine.conversion("M1", "A93").orElseThrow().factor());
        assertEquals(1, engine.conversion("", "").orElseThrow().factor());
        assertEquals(1, engine.conversion("NTU", "NTU").orElseThrow().factor());
        assertEquals(1e4, engine.conversion("D10", "G42").orElseThrow().factor());
    }
}
