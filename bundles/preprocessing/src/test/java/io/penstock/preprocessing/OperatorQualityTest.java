// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import static io.penstock.preprocessing.Operators.T0;
import static io.penstock.preprocessing.Operators.feed;
import static io.penstock.preprocessing.Operators.operator;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.data.StatusCode;
import io.penstock.api.preprocessing.GridOperator;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.Signal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What operators do with Bad, Uncertain, gaps, and before they know enough. */
class OperatorQualityTest {
    private static final int GOOD = StatusCode.GOOD;
    private static final int FAILED = StatusCode.BAD_SENSOR_FAILURE;
    private static final int DOUBTFUL = StatusCode.UNCERTAIN_SENSOR_CALIBRATION;

    private static void expect(int status, double value, Signal signal) {
        assertEquals(StatusCode.name(status), StatusCode.name(signal.status));
        assertEquals(value, signal.value, 1e-12);
    }

    // A broken wire would be averaged away and the loop would go on dosing.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "movingMean window=3",
                "movingStd window=3 ddof=1",
                "movingMin window=3",
                "movingMax windowMs=3000",
                "movingMedian window=3",
                "zScore window=3 ddof=0",
                "hampel window=3",
                "derivative method=slope window=3",
                "derivative method=ewma tauMs=3000",
                "ewma alpha=0.5",
                "rateOfChange limit=1",
                "frozen window=3 resolution=0.1",
                "range low=0 high=10",
                "scale factor=2",
                "convert from=CEL to=KEL",
                "clip high=3",
                "log1p",
                "standardise mean=1 standardDeviation=2",
                "stale maximumAgeMs=1000"
            })
    void badStaysBadAndLeavesNoTrace(String text) {
        Operator spoiled = operator(text);
        Operator clean = operator(text);
        for (int i = 0; i < 10; i++) {
            feed(spoiled, i, 1 + 0.1 * i, GOOD);
            feed(clean, i, 1 + 0.1 * i, GOOD);
        }
        Signal bad = feed(spoiled, 10, Double.NaN, FAILED);
        assertEquals("BadSensorFailure", StatusCode.name(bad.status));
        assertTrue(Double.isNaN(bad.value));
        Signal after = null;
        Signal expected = null;
        for (int i = 11; i < 20; i++) {
            after = feed(spoiled, i, 2 + 0.1 * i, GOOD);
            expected = feed(clean, i, 2 + 0.1 * i, GOOD);
        }
        assertEquals(expected.value, after.value, text.contains("ewma") ? 0.1 : 1e-12);
        assertEquals(expected.status, after.status);
    }

    // The first minutes after a start would look as trustworthy as a full window.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "movingMean window=4",
                "movingStd window=4 ddof=1",
                "movingMin window=4",
                "movingMax window=4",
                "movingMedian window=4",
                "zScore window=4 ddof=0",
                "derivative method=slope window=4",
                "lag cycles=3",
                "movingMean windowMs=3000",
                "derivative method=ewma tauMs=3000",
                "ewma alpha=0.5 warmup=3"
            })
    void warmUpIsUncertainInitialValue(String text) {
        Operator operator = operator(text);
        Operator doubtful = operator(text);
        for (int i = 0; i < 3; i++) {
            assertEquals("UncertainInitialValue", StatusCode.name(feed(operator, i, 5 + i, GOOD).status));
            assertEquals("UncertainInitialValue", StatusCode.name(feed(doubtful, i, 5 + i, DOUBTFUL).status));
        }
        assertEquals("Good", StatusCode.name(feed(operator, 3, 8, GOOD).status));
        assertTrue(StatusCode.isUncertain(feed(doubtful, 3, 8, DOUBTFUL).status));
    }

    // A window with too many holes would pass for a whole one.
    @Test
    void tooFewGoodSamplesAreUncertainSubNormal() {
        Operator mean = operator("movingMean window=5");
        for (int i = 0; i < 4; i++) {
            feed(mean, i, 1, GOOD);
        }
        expect(GOOD, 1, feed(mean, 4, 1, GOOD));
        feed(mean, 5, Double.NaN, FAILED);
        expect(GOOD, 1, feed(mean, 6, 1, GOOD));
        feed(mean, 7, Double.NaN, FAILED);
        expect(StatusCode.UNCERTAIN_SUB_NORMAL, 1, feed(mean, 8, 1, GOOD));
    }

    // Doubtful samples would be laundered into Good ones by averaging.
    @Test
    void uncertainSamplesGiveTheirValueButAreNotGood() {
        Operator mean = operator("movingMean window=4 minFill=0.75");
        for (int i = 0; i < 4; i++) {
            feed(mean, i, 1, GOOD);
        }
        expect(DOUBTFUL, 2, feed(mean, 4, 5, DOUBTFUL));
        expect(StatusCode.UNCERTAIN_SUB_NORMAL, 3, feed(mean, 5, 5, DOUBTFUL));
    }

    // Values from before an outage would be mixed with those after it as if no time had passed.
    @Test
    void aGapRestartsTheWindow() {
        Operator byTime = operator("movingMean windowMs=3000");
        Operator byCount = operator("movingMean window=3 maxGapMs=3000");
        Operator unlimited = operator("movingMean window=3");
        for (int i = 0; i < 6; i++) {
            feed(byTime, i, 10, GOOD);
            feed(byCount, i, 10, GOOD);
            feed(unlimited, i, 10, GOOD);
        }
        expect(StatusCode.UNCERTAIN_INITIAL_VALUE, 40, feed(byTime, 60, 40, GOOD));
        expect(StatusCode.UNCERTAIN_INITIAL_VALUE, 40, feed(byCount, 60, 40, GOOD));
        expect(GOOD, 20, feed(unlimited, 60, 40, GOOD));
    }

    // A garbage REAL of 1e38, once, would falsify every mean after it until the next restart.
    @Test
    void oneHugeValueLeavesNoTrace() {
        for (double huge : new double[] {1e38, 3e154, 1e300, -1e20}) {
            Operator mean = operator("movingMean window=8");
            Operator deviation = operator("movingStd window=8 ddof=1");
            for (int i = 0; i < 30; i++) {
                feed(mean, i, i == 12 ? huge : 0.1, GOOD);
                feed(deviation, i, i == 12 ? huge : i % 2, GOOD);
            }
            expect(GOOD, 0.1, feed(mean, 30, 0.1, GOOD));
            expect(GOOD, Math.sqrt(4 * 0.25 * 2 / 7), feed(deviation, 30, 0, GOOD));
        }
    }

    // Two garbage LREALs of opposite sign would leave an average Bad until the next restart.
    @ParameterizedTest
    @ValueSource(strings = {"ewma alpha=0.5", "ewma tauMs=2000 warmup=3", "derivative method=ewma tauMs=2000"})
    void anOverflowLeavesNoTrace(String text) {
        Operator spoiled = operator(text);
        Operator clean = operator(text);
        feed(spoiled, 0, 8, GOOD);
        feed(spoiled, 1, -1.7e308, GOOD);
        feed(spoiled, 2, 1.7e308, GOOD);
        for (int i = 3; i < 3000; i++) {
            feed(spoiled, i, 8 + i % 3, GOOD);
            feed(clean, i, 8 + i % 3, GOOD);
        }
        Signal expected = feed(clean, 3000, 9, GOOD);
        expect(GOOD, expected.value, feed(spoiled, 3000, 9, GOOD));
    }

    // A value limited at one end would be shown as constant, the instrument as stuck.
    @Test
    void theLastLimitIsTheOneThatShows() {
        Operator clip = operator("clip low=2 high=5");
        assertEquals(StatusCode.LIMIT_LOW, feed(clip, 0, 1, StatusCode.LIMIT_HIGH).status);
        assertEquals(StatusCode.LIMIT_HIGH, feed(clip, 1, 6, DOUBTFUL | StatusCode.LIMIT_LOW).status & 0x0700);
        assertEquals(StatusCode.LIMIT_LOW, feed(clip, 2, 3, StatusCode.LIMIT_LOW).status);
    }

    // With a publishing interval most samples come after the cycle of their time; each mean would be drawn towards
    // them.
    @Test
    void aLateSampleCountsFromTheIntervalsBeginning() {
        Resample mean = (Resample) operator("resample method=mean maxAgeMs=5000");
        Resample largest = (Resample) operator("resample method=max maxAgeMs=5000");
        for (Resample resample : new Resample[] {mean, largest}) {
            feed(resample, 0, 10, GOOD);
            emit(resample, 1);
            feed(resample, 0.8, 20, GOOD); // half of an interval's weight would be its own
            feed(resample, 1.5, 10, GOOD);
        }
        expect(GOOD, 15, emit(mean, 2));
        expect(GOOD, 20, emit(largest, 2));
        expect(GOOD, 10, emit(mean, 3));
    }

    // A spike would dose; a real storm front would be held back for ever.
    @Test
    void hampelReplacesSpikesAndAcceptsALevelShift() {
        Operator hampel = operator("hampel window=7 k=3 resolution=0.1 maximumReplacements=2");
        for (int i = 0; i < 6; i++) {
            assertEquals(StatusCode.UNCERTAIN_INITIAL_VALUE, feed(hampel, i, i == 3 ? 800 : 8, GOOD).status);
        }
        expect(GOOD, 8, feed(hampel, 6, 8, GOOD));
        expect(GOOD, 8.05, feed(hampel, 7, 8.05, GOOD)); // MAD is 0: resolution keeps noise from being a spike
        expect(StatusCode.UNCERTAIN_SENSOR_NOT_ACCURATE, 8, feed(hampel, 8, 80, GOOD));
        for (int i = 9; i < 20; i++) {
            expect(GOOD, 8, feed(hampel, i, 8, GOOD));
        }
        expect(StatusCode.UNCERTAIN_SENSOR_NOT_ACCURATE, 8, feed(hampel, 20, 250, GOOD));
        expect(StatusCode.UNCERTAIN_SENSOR_NOT_ACCURATE, 8, feed(hampel, 21, 260, GOOD));
        expect(GOOD, 255, feed(hampel, 22, 255, GOOD)); // the median still is 8
        for (int i = 23; i < 40; i++) {
            expect(GOOD, 250, feed(hampel, i, 250, GOOD));
        }
        expect(StatusCode.UNCERTAIN_SENSOR_NOT_ACCURATE, 250, feed(hampel, 40, 8, GOOD));
    }

    // The choice of the contract between marking and refusing a spike would be ignored.
    @Test
    void hampelMarksOrRefusesWhenToldSo() {
        for (String action : new String[] {"mark", "bad"}) {
            Operator hampel = operator("hampel window=3 action=" + action);
            for (int i = 0; i < 5; i++) {
                feed(hampel, i, 8, GOOD);
            }
            Signal spike = feed(hampel, 5, 80, GOOD);
            expect(
                    action.equals("mark") ? StatusCode.UNCERTAIN_SENSOR_NOT_ACCURATE : FAILED,
                    action.equals("mark") ? 80 : Double.NaN,
                    spike);
        }
    }

    // A stuck turbidimeter would look like calm water in the middle of a storm.
    @Test
    void frozenNeedsAReferenceThatMoved() {
        Frozen frozen = (Frozen) operator("frozen window=4 resolution=0.1 reference=flow referenceMove=5");
        for (int i = 0; i < 8; i++) {
            frozen.reference(100);
            expect(GOOD, 8, feed(frozen, i, 8, GOOD));
        }
        frozen.reference(120);
        expect(StatusCode.UNCERTAIN_SENSOR_NOT_ACCURATE, 8, feed(frozen, 8, 8, GOOD));
        expect(GOOD, 8.2, feed(frozen, 9, 8.2, GOOD));
        for (int i = 10; i < 14; i++) {
            frozen.reference(Double.NaN); // a reference without a value proves nothing
            expect(GOOD, 8, feed(frozen, i, 8, GOOD));
        }
    }

    // The tenth identical reading of a noisy instrument would still be believed.
    @Test
    void frozenCountsIdenticalSamplesButNotHeldOnes() {
        Operator frozen = operator("frozen identical=3 action=bad");
        feed(frozen, 0, 8, GOOD);
        feed(frozen, 1, 8, GOOD);
        assertEquals(FAILED, feed(frozen, 2, 8, GOOD).status);
        expect(GOOD, 8.0000001, feed(frozen, 3, 8.0000001, GOOD));
        Operator held = operator("frozen identical=3 action=bad");
        for (int i = 0; i < 9; i++) {
            expect(StatusCode.UNCERTAIN_LAST_USABLE_VALUE, 8, feed(held, i, 8, StatusCode.UNCERTAIN_LAST_USABLE_VALUE));
        }
    }

    // A value that jumps faster than water can change would be trusted one sample later.
    @Test
    void rateOfChangeIsReleasedAfterSamplesInRange() {
        Operator rate = operator("rateOfChange limit=60 perMs=60000 release=2");
        expect(StatusCode.UNCERTAIN_INITIAL_VALUE, 8, feed(rate, 0, 8, GOOD));
        expect(GOOD, 8.9, feed(rate, 1, 8.9, GOOD));
        expect(StatusCode.UNCERTAIN_SENSOR_NOT_ACCURATE, 20, feed(rate, 2, 20, GOOD));
        expect(StatusCode.UNCERTAIN_SENSOR_NOT_ACCURATE, 20.1, feed(rate, 3, 20.1, GOOD));
        expect(GOOD, 20.2, feed(rate, 4, 20.2, GOOD));
        feed(rate, 5, Double.NaN, FAILED);
        expect(GOOD, 22, feed(rate, 6, 22, GOOD)); // over two seconds
    }

    // An outage would either freeze the average unseen or throw it away at once.
    @Test
    void ewmaBridgesBadSamplesOnlyAsLongAsItIsTold() {
        Operator plain = operator("ewma alpha=0.5");
        feed(plain, 0, 10, GOOD);
        expect(FAILED, Double.NaN, feed(plain, 1, Double.NaN, FAILED));
        expect(GOOD, 15, feed(plain, 2, 20, GOOD));

        Operator bridging = operator("ewma alpha=0.5 maxGapMs=3000");
        feed(bridging, 0, 10, GOOD);
        expect(StatusCode.UNCERTAIN_LAST_USABLE_VALUE, 10, feed(bridging, 3, Double.NaN, FAILED));
        expect(FAILED, Double.NaN, feed(bridging, 4, Double.NaN, FAILED));
        expect(GOOD, 20, feed(bridging, 5, 20, GOOD));
    }

    // A lagged Bad value would come back as a number.
    @Test
    void lagKeepsTheStatusOfItsTime() {
        Operator lag = operator("lag cycles=2");
        feed(lag, 0, 1, GOOD);
        expect(StatusCode.UNCERTAIN_INITIAL_VALUE, 1, feed(lag, 1, Double.NaN, FAILED));
        expect(GOOD, 1, feed(lag, 2, 3, GOOD));
        expect(FAILED, Double.NaN, feed(lag, 3, 4, GOOD));
        expect(GOOD, 3, feed(lag, 4, 5, GOOD));
    }

    // A wire break of 3.2 mA would be read as a level below zero.
    @Test
    void scaleKnowsNe43AndRoots() {
        Operator scale = operator("scale rawLow=4 rawHigh=20 euLow=0 euHigh=200 ne43=true clamp=true");
        expect(FAILED, Double.NaN, feed(scale, 0, 3.59, GOOD));
        expect(FAILED, Double.NaN, feed(scale, 1, 21.01, GOOD));
        expect(GOOD, 100, feed(scale, 2, 12, GOOD));
        Signal low = feed(scale, 3, 3.8, DOUBTFUL);
        expect(DOUBTFUL, 0, low);
        assertEquals(StatusCode.LIMIT_LOW, low.status & 0x0700);
        assertEquals(StatusCode.LIMIT_HIGH, feed(scale, 4, 20.5, GOOD).status & 0x0700);
        Operator flow = operator("scale rawLow=4 rawHigh=20 euLow=0 euHigh=100 squareRoot=true");
        expect(GOOD, 50, feed(flow, 0, 8, GOOD));
        expect(GOOD, 0, feed(flow, 1, 3.9, GOOD));
    }

    // A physically impossible value would only be doubted, or a rare one refused.
    @Test
    void rangeHasAHardAndASoftPair() {
        Operator range = operator("range low=0 softLow=2 softHigh=12 high=14");
        expect(StatusCode.BAD_OUT_OF_RANGE, Double.NaN, feed(range, 0, -0.1, GOOD));
        expect(StatusCode.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED, 1, feed(range, 1, 1, GOOD));
        expect(GOOD, 2, feed(range, 2, 2, GOOD));
        expect(DOUBTFUL, 13, feed(range, 3, 13, DOUBTFUL));
        expect(StatusCode.BAD_OUT_OF_RANGE, Double.NaN, feed(range, 4, 14.1, DOUBTFUL));
    }

    // ln of a negative turbidity would reach the model as NaN.
    @Test
    void log1pRefusesWhatHasNoLogarithm() {
        expect(StatusCode.BAD_OUT_OF_RANGE, Double.NaN, feed(operator("log1p"), 0, -1, GOOD));
        expect(StatusCode.BAD_OUT_OF_RANGE, Double.NaN, feed(operator("log1p"), 0, -2, GOOD));
    }

    // 5 K warmer water would be 278 K warmer... in Fahrenheit, 41.
    @Test
    void temperatureDifferencesHaveNoOffset() {
        expect(GOOD, 9, feed(operator("convert from=KEL to=FAH difference=true"), 0, 5, GOOD));
        expect(GOOD, 41, feed(operator("convert from=CEL to=FAH"), 0, 5, GOOD));
    }

    // Nobody would see that the newest value is half an hour old.
    @Test
    void staleLooksAtTheAgeOfTheInput() {
        Stale mark = (Stale) operator("stale maximumAgeMs=1000");
        mark.age(1_000_000_000L);
        expect(GOOD, 8, feed(mark, 0, 8, GOOD));
        mark.age(1_000_000_001L);
        expect(StatusCode.UNCERTAIN_LAST_USABLE_VALUE, 8, feed(mark, 1, 8, GOOD));
        Stale bad = (Stale) operator("stale maximumAgeMs=1000 action=bad");
        bad.age(Long.MAX_VALUE);
        expect(StatusCode.BAD_NO_COMMUNICATION, Double.NaN, feed(bad, 0, 8, GOOD));
    }

    private static Signal emit(GridOperator operator, double at) {
        Signal signal = new Signal().set(T0 + Math.round(at * Operators.SECOND), Double.NaN, FAILED);
        operator.emit(signal);
        return signal;
    }

    // A tag that only reports changes would be called dead while its server says it is alive, or alive while it is
    // dead.
    @Test
    void lastIsCarriedWhileItIsKnownToBeTrue() {
        Resample last = (Resample) operator("resample method=last maxAgeMs=3000");
        expect(StatusCode.BAD_WAITING_FOR_INITIAL_DATA, Double.NaN, emit(last, 0));
        feed(last, 0.5, 7, DOUBTFUL);
        expect(DOUBTFUL, 7, emit(last, 3.5));
        expect(StatusCode.BAD_NO_COMMUNICATION, Double.NaN, emit(last, 3.6));
        last.age(200_000_000L); // keep-alive 0.2 s ago
        expect(DOUBTFUL, 7, emit(last, 4));
        feed(last, 4.1, Double.NaN, FAILED);
        last.age(0);
        expect(FAILED, Double.NaN, emit(last, 4.2)); // 3.7 s since the usable sample
        feed(last, 4.3, 8, GOOD);
        feed(last, 4.4, Double.NaN, FAILED);
        expect(StatusCode.UNCERTAIN_LAST_USABLE_VALUE, 8, emit(last, 5));
        expect(FAILED, Double.NaN, emit(last, 8));
    }

    // Half a second of nothing in a second's mean would not show.
    @Test
    void meanShowsMissingTime() {
        GridOperator strict = (GridOperator) operator("resample method=mean maxAgeMs=10000");
        GridOperator lenient = (GridOperator) operator("resample method=mean maxAgeMs=10000 minGood=0.5");
        for (GridOperator mean : new GridOperator[] {strict, lenient}) {
            feed(mean, 0, 4, GOOD);
            expect(GOOD, 4, emit(mean, 1));
            feed(mean, 1.25, 8, GOOD);
            expect(GOOD, 7, emit(mean, 2));
            feed(mean, 2.5, Double.NaN, FAILED);
            expect(mean == strict ? StatusCode.UNCERTAIN_SUB_NORMAL : GOOD, 8, emit(mean, 3));
            expect(FAILED, Double.NaN, emit(mean, 4));
            feed(mean, 4, 9, GOOD);
            feed(mean, 4.5, 10, DOUBTFUL);
            expect(mean == strict ? DOUBTFUL : GOOD, 9.5, emit(mean, 5));
        }
    }

    // A count of samples would be Bad just when it says most: that none came.
    @Test
    void countAndExtremesTakeTheIntervalClosedOnTheRight() {
        GridOperator count = (GridOperator) operator("resample method=count");
        GridOperator largest = (GridOperator) operator("resample method=max maxAgeMs=2000");
        for (GridOperator operator : new GridOperator[] {count, largest}) {
            feed(operator, 0.2, 5, GOOD);
            feed(operator, 0.4, 9, DOUBTFUL);
            feed(operator, 1, 6, GOOD);
        }
        expect(GOOD, 3, emit(count, 1));
        expect(DOUBTFUL, 9, emit(largest, 1));
        expect(GOOD, 0, emit(count, 2));
        expect(GOOD, 6, emit(largest, 2));
        expect(StatusCode.BAD_NO_COMMUNICATION, Double.NaN, emit(largest, 4));
    }

    // Water that arrives in a minute would be judged by what the instrument upstream says now.
    @Test
    void alignGivesTheValueOfBackThen() {
        Align align = (Align) operator("align delayMs=2000 maxAgeMs=1500");
        expect(StatusCode.BAD_WAITING_FOR_INITIAL_DATA, Double.NaN, emit(align, 0));
        feed(align, 0, 1, GOOD);
        expect(StatusCode.UNCERTAIN_INITIAL_VALUE, 1, emit(align, 1));
        feed(align, 1.1, Double.NaN, FAILED);
        feed(align, 1.5, 2, DOUBTFUL);
        expect(GOOD, 1, emit(align, 3));
        expect(FAILED, Double.NaN, emit(align, 3.2));
        expect(DOUBTFUL, 2, emit(align, 3.5));
        expect(DOUBTFUL, 2, emit(align, 5));
        expect(StatusCode.BAD_NO_COMMUNICATION, Double.NaN, emit(align, 5.1));
        align.age(100_000_000L);
        emit(align, 6);
        expect(DOUBTFUL, 2, emit(align, 7)); // the keep-alives said so
    }
}
