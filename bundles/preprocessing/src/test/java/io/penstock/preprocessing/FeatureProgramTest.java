// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import static io.penstock.preprocessing.Contracts.constant;
import static io.penstock.preprocessing.Contracts.holding;
import static io.penstock.preprocessing.Contracts.input;
import static io.penstock.preprocessing.Contracts.nan;
import static io.penstock.preprocessing.Contracts.optional;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.preprocessing.Contracts.Run;
import java.util.List;
import org.junit.jupiter.api.Test;

/** From frame to features: missing policies, status algebra, grids and tensors. */
class FeatureProgramTest {
    private static final int GOOD = StatusCode.GOOD;

    private static void expect(int status, Features features) {
        assertEquals(StatusCode.name(status), StatusCode.name(features.status()));
    }

    private static Run one(InputSpec input) {
        return new Contracts().with(input).feature("f", "in", "").tensor(1, "f").run();
    }

    // The simplest of all: what the plant measures is what the model gets.
    @Test
    void goodValuesGoThrough() {
        Run run = one(input("in"));
        expect(GOOD, run.step(0, 8.5, GOOD));
        assertEquals(8.5, run.features.value(0));
        assertArrayEquals(new double[] {8.5}, run.features.tensor(0));
    }

    // A dead PLC would go unnoticed: the last value stands in the frame for ever.
    @Test
    void olderThanMaximumAgeIsMissing() {
        Run run = one(input("in"));
        expect(GOOD, run.at(0).sample(0, 8, GOOD, 5000).apply());
        expect(
                StatusCode.BAD_NO_COMMUNICATION,
                run.at(1).sample(0, 8, GOOD, 5001).apply());
        assertTrue(Double.isNaN(run.features.value(0)));
        assertTrue(Double.isNaN(run.features.tensor(0)[0]));
    }

    // A pipeline would predict out of nothing before the first sample came.
    @Test
    void beforeTheFirstSampleThePredictionWaits() {
        Run run = one(input("in"));
        expect(StatusCode.BAD_WAITING_FOR_INITIAL_DATA, run.at(0).apply());
    }

    // An OPC UA server that sends NaN with Good would put NaN into the model.
    @Test
    void aGoodStatusOnNoNumberIsNotBelieved() {
        for (double value : new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
            Run run = one(input("in"));
            expect(StatusCode.BAD_SENSOR_FAILURE, run.step(0, value, GOOD));
            assertTrue(Double.isNaN(run.features.tensor(0)[0]));
        }
    }

    // Someone looks for a cable because one of two causes hid the other.
    @Test
    void causesAreNamedOnlyWhereAllAgree() {
        Run run = new Contracts()
                .with(input("a"))
                .with(input("b"))
                .feature("fa", "a", "")
                .feature("fb", "b", "")
                .tensor(1, "fa", "fb")
                .run();
        run.at(0).value(0, Double.NaN, StatusCode.BAD_SENSOR_FAILURE).value(1, 1, GOOD);
        expect(StatusCode.BAD_SENSOR_FAILURE, run.apply());
        run.at(1).value(0, Double.NaN, StatusCode.BAD_SENSOR_FAILURE | 0x0500);
        run.value(1, Double.NaN, StatusCode.BAD_SENSOR_FAILURE);
        expect(StatusCode.BAD_SENSOR_FAILURE, run.apply());
        run.at(2).value(0, Double.NaN, StatusCode.BAD_SENSOR_FAILURE).sample(1, 1, GOOD, 9000);
        expect(StatusCode.BAD, run.apply());
        run.at(3).sample(0, 1, GOOD, 9000).sample(1, 1, GOOD, 9000);
        expect(StatusCode.BAD_NO_COMMUNICATION, run.apply());
        run.at(4).value(0, 1, GOOD).value(1, 1, GOOD);
        expect(GOOD, run.apply());
    }

    // A hiccup of the line would stop the loop, or a long outage would never stop it.
    @Test
    void holdLastHoldsForItsTime() {
        Run run = one(holding("in", 3000));
        run.step(0, 7, GOOD);
        run.step(1, 99, StatusCode.UNCERTAIN); // usable, not Good: not what is held
        expect(StatusCode.UNCERTAIN_SUB_NORMAL, run.features);
        expect(StatusCode.UNCERTAIN_SUB_NORMAL, run.step(3, Double.NaN, StatusCode.BAD_SENSOR_FAILURE));
        assertEquals(7, run.features.value(0));
        assertEquals("UncertainLastUsableValue", StatusCode.name(run.features.status(0)));
        expect(StatusCode.BAD_SENSOR_FAILURE, run.step(3.001, Double.NaN, StatusCode.BAD_SENSOR_FAILURE));
        assertTrue(Double.isNaN(run.features.value(0)));
        Run fresh = one(holding("in", 3000));
        expect(StatusCode.BAD_SENSOR_FAILURE, fresh.step(0, Double.NaN, StatusCode.BAD_SENSOR_FAILURE));
    }

    // Operators would not see whether the line or the instrument failed.
    @Test
    void aHeldValueSaysWhy() {
        Run run = one(holding("in", 60_000));
        run.step(0, 7, GOOD);
        run.at(10).sample(0, 7, GOOD, 10_000).apply();
        assertEquals("UncertainNoCommunicationLastUsableValue", StatusCode.name(run.features.status(0)));
    }

    // A constant would be shown as a measured value.
    @Test
    void constantAndNanSubstitutesAreUncertain() {
        Run run = one(constant("in", 12));
        expect(StatusCode.UNCERTAIN_SUB_NORMAL, run.step(0, Double.NaN, StatusCode.BAD));
        assertEquals(12, run.features.tensor(0)[0]);
        Run hole = one(nan("in"));
        expect(StatusCode.UNCERTAIN_SUB_NORMAL, hole.step(0, Double.NaN, StatusCode.BAD));
        assertTrue(Double.isNaN(hole.features.tensor(0)[0]));
        assertTrue(StatusCode.isUncertain(hole.features.status(0)));
    }

    // The loop would be held because an input is missing that the model does not need.
    @Test
    void missingOptionalInputsAreGoodSubNormal() {
        expect(StatusCode.GOOD_SUB_NORMAL, one(optional(constant("in", 12))).step(0, Double.NaN, StatusCode.BAD));
        expect(StatusCode.GOOD_SUB_NORMAL, one(optional(nan("in"))).step(0, Double.NaN, StatusCode.BAD));
        Run unused = new Contracts()
                .with(input("in"))
                .with(optional(input("other")))
                .feature("f", "in", "")
                .feature("shown", "other", "")
                .tensor(1, "f")
                .run();
        unused.at(0).value(0, 1, GOOD).value(1, Double.NaN, StatusCode.BAD);
        expect(StatusCode.GOOD_SUB_NORMAL, unused.apply());
        assertTrue(StatusCode.isBad(unused.features.status(1)));
    }

    // NaN would reach a model that never saw one, through an input that is merely optional.
    @Test
    void anOptionalInputWithoutSubstituteStopsTheModelThatNeedsItsFeature() {
        expect(StatusCode.BAD_TIMEOUT, one(optional(input("in"))).step(0, Double.NaN, StatusCode.BAD_TIMEOUT));
    }

    // Quality would get lost between the input and the prediction; each row of the algebra, first match wins.
    @Test
    void theStatusAlgebraRanks() {
        Contracts two = new Contracts()
                .with(input("a"))
                .with(optional(input("b")))
                .feature("fa", "a", "")
                .feature("fb", "b", "")
                .tensor(1, "fa", "fb");
        record Case(int expected, double a, int statusA, double b, int statusB) {}
        for (Case c : List.of(
                new Case(GOOD, 1, GOOD, 1, GOOD),
                new Case(GOOD, 1, StatusCode.GOOD_LOCAL_OVERRIDE, 1, GOOD),
                new Case(StatusCode.GOOD_SUB_NORMAL, 1, GOOD, 1, StatusCode.UNCERTAIN),
                new Case(StatusCode.UNCERTAIN_SIMULATED_VALUE, 1, GOOD, 1, StatusCode.UNCERTAIN_SIMULATED_VALUE),
                new Case(
                        StatusCode.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED,
                        101,
                        GOOD,
                        1,
                        StatusCode.UNCERTAIN_SIMULATED_VALUE),
                new Case(StatusCode.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED, 1, GOOD, -0.1, GOOD),
                new Case(StatusCode.UNCERTAIN_SUB_NORMAL, 101, StatusCode.UNCERTAIN_SENSOR_CALIBRATION, 1, GOOD),
                new Case(
                        StatusCode.UNCERTAIN_INITIAL_VALUE,
                        101,
                        StatusCode.UNCERTAIN_SENSOR_CALIBRATION,
                        1,
                        StatusCode.UNCERTAIN_INITIAL_VALUE),
                new Case(
                        StatusCode.BAD_TIMEOUT,
                        Double.NaN,
                        StatusCode.BAD_TIMEOUT,
                        1,
                        StatusCode.UNCERTAIN_INITIAL_VALUE))) {
            Run run = two.run();
            run.at(0).value(0, c.a, c.statusA).value(1, c.b, c.statusB);
            assertEquals(
                    StatusCode.name(c.expected), StatusCode.name(run.apply().status()), c.toString());
        }
    }

    // A prediction out of half-full windows would be trusted.
    @Test
    void warmUpOfAnyWindowShowsInThePrediction() {
        Run run = new Contracts()
                .with(input("in"))
                .feature("f", "in", "")
                .feature("m", "in", "movingMean window=3")
                .tensor(1, "f", "m")
                .run();
        expect(StatusCode.UNCERTAIN_INITIAL_VALUE, run.step(0, 1, GOOD));
        expect(StatusCode.UNCERTAIN_INITIAL_VALUE, run.step(1, 2, StatusCode.UNCERTAIN));
        expect(StatusCode.UNCERTAIN_SUB_NORMAL, run.step(2, 3, GOOD));
        expect(StatusCode.UNCERTAIN_SUB_NORMAL, run.step(3, 4, GOOD));
        expect(GOOD, run.step(4, 5, GOOD));
        assertEquals(4, run.features.value(1));
    }

    // A hard range verdict inside the chain would leave NaN in the tensor and a Good status on the prediction.
    @Test
    void aVerdictOfAnOperatorReachesThePrediction() {
        Run run = new Contracts()
                .with(input("in"))
                .feature("f", "in", "range low=0 high=50 | movingMean window=1")
                .tensor(1, "f")
                .run();
        expect(StatusCode.BAD_OUT_OF_RANGE, run.step(0, 60, GOOD));
        expect(GOOD, run.step(1, 40, GOOD));
        Run soft = new Contracts()
                .with(input("in"))
                .feature("f", "in", "range softHigh=50")
                .tensor(1, "f")
                .run();
        expect(StatusCode.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED, soft.step(0, 60, GOOD));
    }

    // Arithmetic that overflows would reach the model as infinity.
    @Test
    void nothingInfiniteGoesOn() {
        Run run = new Contracts()
                .with(input("in"))
                .feature("f", "in", "scale factor=1e300 | scale factor=1e300")
                .tensor(1, "f")
                .run();
        expect(StatusCode.BAD_OUT_OF_RANGE, run.step(0, 8, GOOD));
        assertTrue(Double.isNaN(run.features.tensor(0)[0]));
    }

    // Spikes between two cycles would be missed, or samples counted twice.
    @Test
    void operatorsBeforeTheGridSeeEverySample() {
        Run run = new Contracts()
                .with(input("in"))
                .feature("count", "in", "resample method=count")
                .feature("max", "in", "movingMax window=2 | resample method=last maxAgeMs=5000")
                .feature("last", "in", "resample method=last maxAgeMs=5000 | lag cycles=1")
                .tensor(1, "count", "max", "last")
                .run();
        run.at(1)
                .pending(0, 0.2, 5, GOOD)
                .pending(0, 0.4, 9, GOOD)
                .pending(0, 0.8, 6, GOOD)
                .apply();
        assertEquals(3, run.features.value(0));
        assertEquals(9, run.features.value(1));
        run.at(2).apply(); // nothing new
        assertEquals(0, run.features.value(0));
        assertEquals(6, run.features.value(2));
        run.at(3).pending(0, 2.5, 7, GOOD).apply();
        assertEquals(1, run.features.value(0));
        assertEquals(7, run.features.value(1));
        assertEquals(6, run.features.value(2));
        expect(GOOD, run.features);
    }

    // Network delay would turn time backwards inside a window.
    @Test
    void samplesOutOfOrderOrFromTheFutureAreDroppedAndCounted() {
        Run run = new Contracts()
                .with(input("in"))
                .feature("f", "in", "resample method=count")
                .run();
        run.at(1);
        run.frame.addPending(0, 1, GOOD, Operators.T0 + 500);
        run.frame.addPending(0, 2, GOOD, Operators.T0 + 500);
        run.frame.addPending(0, 3, GOOD, Operators.T0 + 400);
        run.frame.addPending(0, 4, GOOD, Operators.T0 + 2 * Operators.SECOND);
        run.frame.set(0, 1, GOOD, Operators.T0 + 500, 0);
        assertEquals(1, run.apply().value(0));
        assertEquals(3, run.program.droppedSamples());
    }

    // After a model swap a laboratory value of this morning would be unknown until tomorrow.
    @Test
    void theSampleOfTheFrameItselfStartsAGrid() {
        Run run = new Contracts()
                .with(input("in"))
                .feature("f", "in", "resample method=last maxAgeMs=5000")
                .tensor(1, "f")
                .run();
        expect(GOOD, run.at(10).sample(0, 8, GOOD, 3000).apply());
        assertEquals(8, run.features.value(0));
    }

    // A substitute would not be seen behind a resampled feature.
    @Test
    void substitutesEnterAGridAtTheInstant() {
        Run run = new Contracts()
                .with(constant("in", 3))
                .feature("f", "in", "scale factor=2 | resample method=last maxAgeMs=5000")
                .tensor(1, "f")
                .run();
        expect(GOOD, run.at(1).pending(0, 0.5, 8, GOOD).apply());
        run.at(2).pending(0, 1.5, Double.NaN, StatusCode.BAD_SENSOR_FAILURE);
        expect(StatusCode.UNCERTAIN_SUB_NORMAL, run.apply());
        assertEquals(6, run.features.value(0));
        expect(GOOD, run.at(3).pending(0, 2.5, 9, GOOD).apply());
        assertEquals(18, run.features.value(0));
    }

    // A frozen instrument would be trusted although the flow moves, or a calm day be called a fault.
    @Test
    void frozenComparesWithItsReferenceInput() {
        for (String chain : new String[] {
            "frozen window=4 resolution=0.1 reference=flow referenceMove=5",
            "frozen window=4 resolution=0.1 reference=flow referenceMove=5 | resample method=last maxAgeMs=5000"
        }) {
            Run run = new Contracts()
                    .with(input("turbidity"))
                    .with(input("flow"))
                    .feature("f", "turbidity", chain)
                    .tensor(1, "f")
                    .run();
            for (int i = 0; i < 8; i++) {
                run.at(i).pending(0, i - 0.1, 8, GOOD).pending(1, i - 0.2, 50, GOOD);
                expect(GOOD, run.apply());
            }
            run.at(8).pending(0, 7.9, 8, GOOD).pending(1, 7.8, 60, GOOD);
            expect(StatusCode.UNCERTAIN_SUB_NORMAL, run.apply());
            assertEquals("UncertainSensorNotAccurate", StatusCode.name(run.features.status(0)));
        }
    }

    // A recurrent model would see its past in the wrong order, or see zeros for a past that is not there.
    @Test
    void tensorsHoldThePastOldestFirst() {
        Run run = new Contracts()
                .with(input("in"))
                .feature("f", "in", "")
                .feature("g", "in", "scale factor=10")
                .tensor(3, "f", "g")
                .run();
        expect(StatusCode.UNCERTAIN_INITIAL_VALUE, run.step(0, 1, GOOD));
        assertArrayEquals(new double[] {1, 10, 1, 10, 1, 10}, run.features.tensor(0));
        expect(StatusCode.UNCERTAIN_INITIAL_VALUE, run.step(1, 2, GOOD));
        assertArrayEquals(new double[] {1, 10, 1, 10, 2, 20}, run.features.tensor(0));
        expect(GOOD, run.step(2, 3, GOOD));
        expect(GOOD, run.step(3, 4, GOOD));
        assertArrayEquals(new double[] {2, 20, 3, 30, 4, 40}, run.features.tensor(0));
        expect(StatusCode.UNCERTAIN_SUB_NORMAL, run.step(4, 5, StatusCode.UNCERTAIN));
        expect(StatusCode.UNCERTAIN_SUB_NORMAL, run.step(6, 6, GOOD)); // the doubtful row is still in it
        run.step(7, 7, GOOD);
        expect(GOOD, run.step(8, 8, GOOD));
    }

    // The past of a recurrent model would have a NaN in it long after the wire was mended.
    @Test
    void aBadCycleEmptiesTheTensorsPast() {
        Run run = new Contracts()
                .with(input("in"))
                .feature("f", "in", "")
                .tensor(2, "f")
                .run();
        run.step(0, 1, GOOD);
        expect(GOOD, run.step(1, 2, GOOD));
        expect(StatusCode.BAD_SENSOR_FAILURE, run.step(2, Double.NaN, StatusCode.BAD_SENSOR_FAILURE));
        expect(StatusCode.UNCERTAIN_INITIAL_VALUE, run.step(3, 4, GOOD));
        assertArrayEquals(new double[] {4, 4}, run.features.tensor(0));
        expect(GOOD, run.step(4, 5, GOOD));
        expect(
                StatusCode.UNCERTAIN_INITIAL_VALUE,
                run.step(60, 6, GOOD)); // rows of a minute ago are no past of this one
    }

    // A cycle that is offered twice would count twice in every window.
    @Test
    void aFrameThatIsNotNewerIsLeftOut() {
        Run run = new Contracts()
                .with(input("in"))
                .feature("f", "in", "movingMean window=2")
                .tensor(1, "f")
                .run();
        run.step(0, 1, GOOD);
        run.step(1, 3, GOOD);
        expect(GOOD, run.step(1, 100, GOOD));
        expect(GOOD, run.step(0.5, 100, GOOD));
        assertEquals(2, run.features.value(0));
        assertArrayEquals(new double[] {2}, run.features.tensor(0));
        assertEquals(2, run.program.stragglers());
        run.step(2, 5, GOOD);
        assertEquals(4, run.features.value(0));
    }

    // After the clock was set back by an hour the pipeline would stand still for an hour.
    @Test
    void aClockSetBackBeginsAnew() {
        Run run = new Contracts()
                .with(input("in"))
                .feature("f", "in", "movingMean window=2")
                .tensor(1, "f")
                .run();
        run.step(7200, 1, GOOD);
        run.step(7201, 3, GOOD);
        expect(StatusCode.UNCERTAIN_INITIAL_VALUE, run.step(3601, 9, GOOD));
        assertEquals(9, run.features.value(0));
        expect(GOOD, run.step(3602, 9, GOOD));
        assertEquals(1, run.program.clockSteps());
    }

    // A frame of another pipeline would be computed as if its inputs were ours.
    @Test
    void aFrameOfAnotherContractIsRefused() {
        Run run = one(input("in"));
        Frame other = new Frame(List.of("a", "b"));
        String message = assertThrows(IllegalArgumentException.class, () -> run.program.apply(other, run.features))
                .getMessage();
        assertTrue(message.contains("1 inputs") && message.contains("was 2"), message);
    }
}
