// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import static io.penstock.preprocessing.Contracts.holding;
import static io.penstock.preprocessing.Contracts.input;
import static io.penstock.preprocessing.Contracts.nan;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.OperatorSpec;
import io.penstock.api.preprocessing.FeatureProgram.Restored;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.OperatorFactory;
import io.penstock.api.preprocessing.Signal;
import io.penstock.preprocessing.Contracts.Run;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** State over restarts and model swaps. */
class FeatureStateTest {
    /** Every operator that has state, one resampled chain, a held input, and a window tensor. */
    private static Contracts everything() {
        return new Contracts()
                .with(holding("a", 60_000))
                .with(nan("b"))
                .feature("mean", "a", "movingMean window=20")
                .feature("std", "a", "movingStd windowMs=9000 ddof=1")
                .feature("min", "a", "movingMin window=7")
                .feature("max", "a", "movingMax window=7")
                .feature("median", "a", "movingMedian window=8")
                .feature("z", "a", "zScore window=9 ddof=0")
                .feature("hampel", "a", "hampel window=5 k=2 maximumReplacements=2 | ewma tauMs=4000")
                .feature("frozen", "a", "frozen window=6 resolution=50 reference=b referenceMove=1 identical=3")
                .feature("rate", "a", "rateOfChange limit=3 release=3")
                .feature("slope", "a", "derivative method=slope window=6")
                .feature("filtered", "a", "derivative method=ewma tauMs=3000 | lag cycles=4")
                .feature("last", "a", "movingMean window=3 | resample method=mean maxAgeMs=5000 | lag cycles=2")
                .feature("aligned", "a", "align delayMs=3300 maxAgeMs=5000")
                .feature("b", "b", "movingMax window=4")
                .tensor(1, "mean", "std", "min", "max", "median", "z")
                .tensor(5, "hampel", "filtered", "b");
    }

    private static void drive(Run run, int from, int to) {
        for (int i = from; i < to; i++) {
            Random random = new Random(i);
            boolean bad = i % 17 == 5 || i % 23 < 2;
            run.at(i);
            run.pending(0, i - 0.6, 10 + random.nextGaussian(), StatusCode.GOOD);
            run.pending(
                    0,
                    i - 0.2,
                    bad ? Double.NaN : i % 11 == 0 ? 60 : 10 + random.nextGaussian(),
                    bad ? StatusCode.BAD_SENSOR_FAILURE : i % 13 == 0 ? StatusCode.UNCERTAIN : StatusCode.GOOD);
            run.value(1, random.nextDouble(), i % 7 == 3 ? StatusCode.BAD_TIMEOUT : StatusCode.GOOD);
            run.apply();
        }
    }

    private static void requireSame(Run expected, Run actual) {
        assertEquals(expected.features.status(), actual.features.status());
        for (int i = 0; i < expected.features.names().size(); i++) {
            String name = expected.features.names().get(i);
            assertEquals(expected.features.value(i), actual.features.value(i), name);
            assertEquals(expected.features.status(i), actual.features.status(i), name);
        }
        for (int i = 0; i < expected.features.layouts().size(); i++) {
            assertArrayEquals(expected.features.tensor(i), actual.features.tensor(i));
        }
    }

    // An operator added later would lose its state, and nobody would try.
    @Test
    void everyOperatorWithStateIsTried() {
        Set<String> withState = StandardOperators.all(new Units()).stream()
                .map(StandardOperators.Standard::operator)
                .collect(Collectors.toSet());
        withState.removeAll(Set.of("scale", "convert", "range", "clip", "log1p", "standardise", "stale"));
        assertEquals(withState, everything().operators());
    }

    // After an update of this bundle the loop would wait for all windows again, or go on with other numbers.
    @Test
    void aRestoredProgramGoesOnAsIfNothingHappened() {
        for (int cut : new int[] {1, 3, 12, 57, 100}) {
            Run untouched = everything().run();
            Run before = everything().run();
            drive(untouched, 0, cut);
            drive(before, 0, cut);
            Run after = everything().run();
            Restored restored = after.program.restoreState(before.program.saveState());
            assertEquals(new Restored(20, 20), restored);
            for (int i = cut; i < cut + 40; i++) {
                drive(untouched, i, i + 1);
                drive(after, i, i + 1);
                requireSame(untouched, after);
            }
        }
    }

    // Far from zero the last bits of a window's sums depend on what has left it: a restored program would answer other
    // numbers than the one that went on, and a replay of the recording would not reproduce them.
    @Test
    void windowsFarFromZeroGoOnWithTheSameBits() {
        for (String text : List.of(
                "movingMean window=50",
                "movingStd window=50 ddof=1",
                "zScore window=50 ddof=0",
                "movingStd windowMs=40000 ddof=0")) {
            Contracts contract =
                    new Contracts().with(input("a")).feature("x", "a", text).tensor(1, "x");
            Run untouched = contract.run();
            Random random = new Random(2);
            for (int i = 0; i < 5_000; i++) {
                untouched.step(i, farFromZero(random, i), StatusCode.GOOD);
            }
            Run after = contract.run();
            assertEquals(new Restored(1, 1), after.program.restoreState(untouched.program.saveState()));
            for (int i = 5_000; i < 5_200; i++) {
                double value = farFromZero(random, i);
                untouched.step(i, value, StatusCode.GOOD);
                after.step(i, value, StatusCode.GOOD);
                requireSame(untouched, after);
            }
        }
    }

    private static double farFromZero(Random random, int i) {
        return 3e8 + random.nextGaussian() * (i % 97 == 0 ? 1e6 : 1e-2);
    }

    // After a restart a stuck instrument would be believed, because what its reference last was had been forgotten.
    @Test
    void theReferenceBeforeAGridIsRestored() {
        Contracts contract = new Contracts()
                .with(input("a"))
                .with(nan("flow"))
                .feature(
                        "x",
                        "a",
                        "frozen window=4 resolution=1 reference=flow referenceMove=5 | resample method=last maxAgeMs=9000")
                .tensor(1, "x");
        Run untouched = contract.run();
        untouched.at(0).pending(1, -0.9, 100, StatusCode.GOOD).pending(1, -0.2, 120, StatusCode.GOOD);
        untouched.pending(0, -0.5, 8, StatusCode.GOOD).apply();
        Run after = contract.run();
        assertEquals(new Restored(2, 2), after.program.restoreState(untouched.program.saveState()));
        for (Run run : new Run[] {untouched, after}) {
            // the flow comes once more, after the three samples it is compared with
            run.at(1).pending(1, 0.9, 120, StatusCode.GOOD);
            for (double at : new double[] {0.2, 0.4, 0.6}) {
                run.pending(0, at, 8, StatusCode.GOOD);
            }
            run.apply();
        }
        assertEquals(StatusCode.UNCERTAIN_SENSOR_NOT_ACCURATE, untouched.features.status(0));
        requireSame(untouched, after);
    }

    // A new model version with one more feature would make the whole pipeline warm up again.
    @Test
    void anotherContractTakesOverWhatMatches() {
        Contracts old = new Contracts()
                .with(input("a"))
                .feature("x", "a", "movingMean window=3")
                .feature("y", "a", "hampel window=3 | ewma alpha=0.5")
                .tensor(2, "x");
        Run before = old.run();
        for (int i = 0; i < 5; i++) {
            before.step(i, i, StatusCode.GOOD);
        }
        Run after = new Contracts()
                .with(input("b"))
                .with(input("a"))
                .feature("renamed", "a", "movingMean window=3")
                .feature("twice", "a", "movingMean window=3 | lag cycles=1")
                .feature("other", "a", "movingMean window=4")
                .feature("y", "a", "hampel window=3 | ewma alpha=0.25")
                .feature("elsewhere", "b", "movingMean window=3")
                .tensor(2, "renamed")
                .tensor(2, "other")
                .run();
        // taken: renamed, twice's mean, y's hampel, first tensor; new: lag, other, y's ewma, elsewhere, second tensor
        assertEquals(new Restored(4, 9), after.program.restoreState(before.program.saveState()));
        after.at(5).value(0, 1, StatusCode.GOOD).value(1, 5, StatusCode.GOOD).apply();
        assertEquals(4, after.features.value(0));
        assertEquals(StatusCode.GOOD, after.features.status(0));
        assertEquals(StatusCode.UNCERTAIN_INITIAL_VALUE, after.features.status(2));
        assertArrayEquals(new double[] {3, 4}, after.features.tensor(0));
    }

    // Values in one unit would be averaged with values in another, or seconds with minutes.
    @Test
    void stateOfAnotherUnitOrCycleIsNotTaken() {
        Run before = new Contracts()
                .with(input("a"))
                .feature("x", "a", "movingMean window=3")
                .run();
        before.step(0, 1, StatusCode.GOOD);
        Map<String, byte[]> state = before.program.saveState();
        Run otherCycle = new Contracts()
                .cycleMs(60_000)
                .with(input("a"))
                .feature("x", "a", "movingMean window=3")
                .run();
        assertEquals(new Restored(0, 1), otherCycle.program.restoreState(state));
        InputSpec a = input("a");
        Run otherUnit = new Contracts()
                .with(new InputSpec("a", "FNU", true, a.low(), a.high(), 5000, a.missing(), 0, Double.NaN))
                .feature("x", "a", "movingMean window=3")
                .run();
        assertEquals(new Restored(0, 1), otherUnit.program.restoreState(state));
    }

    // A held value or past rows out of a state that was refused would go into the model all the same.
    @Test
    void aStateThatIsRefusedAtItsEndLeavesNoTrace() {
        Contracts contract =
                new Contracts().with(holding("a", 60_000)).feature("x", "a", "").tensor(3, "x");
        Run before = contract.run();
        for (int i = 0; i < 3; i++) {
            before.step(i, 7, StatusCode.GOOD);
        }
        Map<String, byte[]> longer = new HashMap<>();
        before.program
                .saveState()
                .forEach((key, value) -> longer.put(key, StateEnvelope.close(out -> {
                    out.write(value, 5, value.length - 5);
                    out.writeByte(0);
                })));
        Run after = contract.run();
        assertEquals(new Restored(0, 2), after.program.restoreState(longer));
        assertTrue(StatusCode.isBad(
                after.step(3, Double.NaN, StatusCode.BAD_TIMEOUT).status()));
        after.step(4, 1, StatusCode.GOOD);
        assertEquals(StatusCode.UNCERTAIN_INITIAL_VALUE, after.features.status());
        assertArrayEquals(new double[] {1, 1, 1}, after.features.tensor(0));
    }

    // A model with a large window would warm up for days after every restart.
    @Test
    void theLargestTensorIsRestored() {
        String[] columns = new String[1 << 14];
        Arrays.fill(columns, "x");
        Contracts contract =
                new Contracts().with(input("a")).feature("x", "a", "").tensor(256, columns);
        Run before = contract.run();
        for (int i = 0; i < 256; i++) {
            before.step(i, i % 100, StatusCode.GOOD);
        }
        Run after = contract.run();
        assertEquals(new Restored(1, 1), after.program.restoreState(before.program.saveState()));
        before.step(256, 5, StatusCode.GOOD);
        after.step(256, 5, StatusCode.GOOD);
        requireSame(before, after);
    }

    // One faulty operator of another bundle would have cost the plant every window of the model, and the swap that was
    // to
    // replace it.
    @Test
    void anOperatorThatCannotSaveIsLeftOutAndNoOther() {
        OperatorFactory faulty = new OperatorFactory() {
            @Override
            public String operator() {
                return "faulty";
            }

            @Override
            public long bytes(OperatorSpec spec, long shortestMs) {
                return 0;
            }

            @Override
            public Operator create(OperatorSpec spec) {
                return new Operator() {
                    @Override
                    public void apply(Signal signal) {}

                    @Override
                    public void save(DataOutput out) throws IOException {
                        out.writeLong(1);
                        throw new IllegalStateException("cannot save");
                    }
                };
            }
        };
        Contracts contract = new Contracts()
                .with(input("a"))
                .feature("x", "a", "movingMean window=3 | faulty | ewma alpha=0.5")
                .tensor(2, "x");
        OperatorFeatureEngine engine = new OperatorFeatureEngine(List.of(faulty));
        Run before = contract.run(engine.compile(contract.contract()));
        for (int i = 0; i < 5; i++) {
            before.step(i, i, StatusCode.GOOD);
        }
        Map<String, byte[]> state = before.program.saveState();
        assertEquals(1, before.program.unsavedStates());
        Run after = contract.run(engine.compile(contract.contract()));
        assertEquals(new Restored(3, 4), after.program.restoreState(state));
        before.step(5, 7, StatusCode.GOOD);
        after.step(5, 7, StatusCode.GOOD);
        requireSame(before, after);
    }

    // A damaged state file would keep the gateway from starting, or poison the features without a word.
    @Test
    void garbageIsRefusedAndCounted() {
        Run before = everything().run();
        drive(before, 0, 60);
        Map<String, byte[]> state = before.program.saveState();
        Random random = new Random(7);
        int entries = state.size() - 1; // without the clock
        for (int round = 0; round < 60; round++) {
            Map<String, byte[]> garbage = new HashMap<>();
            int kind = round % 5;
            state.forEach((key, value) -> garbage.put(key, spoiled(value, kind, random)));
            Run after = everything().run();
            assertEquals(new Restored(0, 20), after.program.restoreState(garbage), "kind " + kind);
            assertEquals(entries + 1, after.program.refusedStates());
            Run fresh = everything().run();
            for (int i = 60; i < 70; i++) {
                drive(after, i, i + 1);
                drive(fresh, i, i + 1);
                requireSame(fresh, after);
            }
        }
    }

    private static byte[] spoiled(byte[] good, int kind, Random random) {
        if (kind < 3) {
            return kind == 0 ? new byte[0] : Arrays.copyOf(good, good.length + (kind == 1 ? -1 : 1));
        }
        byte[] bytes = kind == 3 ? good.clone() : new byte[random.nextInt(200)];
        if (kind == 3) {
            bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        } else {
            random.nextBytes(bytes);
        }
        return bytes;
    }

    // A state with a right checksum and wrong content (another version of an operator) would allocate gigabytes or
    // throw.
    @Test
    void contentIsCheckedBehindTheChecksum() {
        Run before = everything().run();
        drive(before, 0, 60);
        Random random = new Random(11);
        for (int round = 0; round < 300; round++) {
            Map<String, byte[]> forged = new HashMap<>();
            before.program.saveState().forEach((key, value) -> {
                byte[] content = Arrays.copyOfRange(value, 5, value.length);
                for (int i = 0; i < 3 && !key.equals("clock"); i++) {
                    content[random.nextInt(Math.min(content.length, 40))] = (byte) random.nextInt();
                }
                forged.put(key, StateEnvelope.close(out -> out.write(content)));
            });
            Run after = everything().run();
            Restored restored = after.program.restoreState(forged);
            assertEquals(20, restored.total());
            drive(after, 60, 70); // whatever was taken: no exception
            for (int i = 0; i < after.features.names().size() - 1; i++) {
                boolean bad = StatusCode.isBad(after.features.status(i));
                assertEquals(bad, Double.isNaN(after.features.value(i)));
            }
        }
    }

    // A gateway that was off for an hour would hold a value for longer than allowed.
    @Test
    void heldValuesExpireOverARestart() {
        Contracts contract =
                new Contracts().with(holding("a", 10_000)).feature("x", "a", "").tensor(1, "x");
        Run before = contract.run();
        before.step(0, 7, StatusCode.GOOD);
        for (int seconds : new int[] {10, 11}) {
            Run after = contract.run();
            assertEquals(new Restored(1, 1), after.program.restoreState(before.program.saveState()));
            after.step(seconds, Double.NaN, StatusCode.BAD_TIMEOUT);
            assertEquals(seconds == 11, StatusCode.isBad(after.features.status()));
        }
        assertTrue(contract.run().program.saveState().isEmpty());
    }
}
