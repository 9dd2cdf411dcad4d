// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import static io.penstock.preprocessing.Contracts.input;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelContract;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.preprocessing.GridOperator;
import io.penstock.preprocessing.Contracts.Run;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.openjdk.jol.info.GraphLayout;

/** What a program is said to take, against the objects that are there when its windows are full and its state is saved. */
class ProgramSizeTest {
    /** Objects that are there once, whatever the contract says. */
    private static final long NOISE = 8 << 10;

    private static final int MOST_TIMES = 8;

    static {
        System.setProperty("jol.magicFieldOffset", "true"); // records
    }

    private static final List<String> CHAINS = List.of(
            "movingMean window=%d",
            "movingStd window=%d ddof=1",
            "movingMin window=%d",
            "movingMax window=%d",
            "movingMedian window=%d",
            "zScore window=%d ddof=0",
            "hampel window=%d",
            "derivative method=slope window=%d",
            "frozen window=%d resolution=0.1",
            "frozen window=%d resolution=0.1 reference=other referenceMove=1",
            "lag cycles=%d",
            "movingMean windowMs=%d000",
            "movingMedian windowMs=%d000",
            "movingMax windowMs=%d000",
            "align delayMs=%d000 maxAgeMs=60000",
            "resample method=mean maxAgeMs=60000 | movingMean window=%d | lag cycles=%d");

    static Stream<String> chains() {
        return CHAINS.stream().flatMap(chain -> IntStream.of(3, 7, 63, 65, 1001, 5001)
                .mapToObj(size -> chain.replace("%d", Integer.toString(size))));
    }

    // A gateway that takes in a contract it believes to be small ends with all its pipelines when the windows have
    // filled.
    @ParameterizedTest
    @MethodSource("chains")
    void noOperatorTakesMoreThanItSaid(String chain) {
        check(new Contracts()
                .with(input("in"))
                .with(input("other"))
                .feature("f", "in", chain)
                .tensor(1, "f"));
    }

    // The rows of a tensor are what an image-like contract consists of.
    @Test
    void rowsOfTensorsAreCounted() {
        for (int rows : new int[] {1, 2, 64, 1000}) {
            for (int columns : new int[] {1, 3, 100}) {
                Contracts contracts = new Contracts().with(input("in")).with(input("other"));
                String[] names =
                        IntStream.range(0, columns).mapToObj(i -> "f" + i).toArray(String[]::new);
                for (String name : names) {
                    contracts.feature(name, "in", "clip low=0 high=100 | lag cycles=2");
                }
                check(contracts.tensor(rows, names));
            }
        }
    }

    private static void check(Contracts contracts) {
        ModelContract contract = contracts.contract();
        long computed = FeatureEngines.standard().memory(contract, 1000).bytes();
        // smallest values keep all of a rising window, largest values all of a falling one
        long measured = Math.max(measured(contracts, 1), measured(contracts, -1));
        String figures = contract.features().get(0).operators() + ": computed " + computed + ", measured " + measured;
        assertTrue(computed >= measured, figures);
        boolean bounded = !figures.contains("delayMs") || figures.contains("mostSamples");
        assertTrue(!bounded || computed <= MOST_TIMES * measured + NOISE, figures);
    }

    private static long measured(Contracts contracts, int direction) {
        ModelContract contract = contracts.contract();
        FeatureEngine engine = FeatureEngines.standard();
        CompiledProgram program = (CompiledProgram) engine.compile(contract);
        Run run = contracts.run(program);
        Random random = new Random(7);
        for (int cycle = 0; cycle < 5100; cycle++) {
            run.at(cycle);
            double value = 50 + direction * cycle / 200.0;
            run.sample(0, value, StatusCode.GOOD, 0);
            run.sample(1, cycle % 2 == 0 ? value : random.nextDouble() * 100, StatusCode.GOOD, 0);
            run.frame.addPending(0, value, StatusCode.GOOD, run.frame.instantNs());
            run.apply();
        }
        Map<String, byte[]> state = program.saveState();
        return GraphLayout.parseInstance(program, state)
                .subtract(GraphLayout.parseInstance(contract, engine))
                .totalSize();
    }

    // A window over time must not be taken for as large as it could be where the grid says how many values it sees.
    @Test
    void aGridBoundsWindowsOverTime() {
        Contracts contracts = new Contracts()
                .with(input("in"))
                .feature("f", "in", "movingMean windowMs=60000")
                .tensor(1, "f");
        FeatureEngine engine = FeatureEngines.standard();
        long onTheGrid = engine.memory(contracts.contract(), 1000).bytes();
        assertTrue(onTheGrid < 32 << 10, "was " + onTheGrid);
        long atAnyPace = engine.memory(contracts.contract(), 0).bytes();
        assertTrue(atAnyPace > 65_536 * 17, "was " + atAnyPace);
    }

    // Samples before the grid come at any pace: mostSamples keeps both what is computed and what is taken small.
    @Test
    void mostSamplesBoundsWhatComesAtItsOwnPace() {
        for (String chain : List.of(
                "align delayMs=600000 maxAgeMs=60000 mostSamples=128",
                "movingMedian windowMs=600000 mostSamples=128 | resample method=last maxAgeMs=60000")) {
            Contracts contracts = new Contracts()
                    .with(input("in"))
                    .with(input("other"))
                    .feature("f", "in", chain)
                    .tensor(1, "f");
            check(contracts);
            long computed =
                    FeatureEngines.standard().memory(contracts.contract(), 1000).bytes();
            assertTrue(computed < 64 << 10, chain + ": was " + computed);
        }
    }

    // Sizing must not itself take what it is to refuse.
    @Test
    void whatIsFarTooLargeIsComputedWithoutMakingIt() {
        Contracts contracts = new Contracts().with(input("in"));
        for (int i = 0; i < 2000; i++) {
            contracts.feature("f" + i, "in", "movingMedian window=65536 | ".repeat(19) + "lag cycles=65536");
        }
        contracts.tensor(List.of(1_000_000_000L), Integer.MAX_VALUE, "f0", "f1");
        long computed =
                FeatureEngines.standard().memory(contracts.contract(), 0).bytes();
        assertTrue(computed > 40_000L * 65_536 * 25, "was " + computed);
    }

    // What cannot be compiled must be refused in the same words at every door.
    @Test
    void whatCannotBeSizedIsRefusedByItsName() {
        for (String chain : List.of("movingMean", "movingMean window=-1", "lag cycles=1000000000", "nonsense k=1")) {
            Contracts contracts = new Contracts().with(input("in")).feature("f", "in", chain);
            String message = assertThrows(IllegalArgumentException.class, () -> FeatureEngines.standard()
                            .memory(contracts.contract(), 0))
                    .getMessage();
            assertTrue(message.startsWith("feature 'f', operator 1: "), message);
        }
    }

    // An operator that makes a grid but is not known as one would be sized by the pace of cycles and fed at that of
    // samples.
    @Test
    void theOperatorsThatMakeAGridAreKnown() {
        Set<String> grid = StandardOperators.all(new Units()).stream()
                .filter(standard -> List.of("resample", "align").contains(standard.operator())
                        || !standard.parameters().contains("delayMs"))
                .filter(standard -> made(standard) instanceof GridOperator)
                .map(StandardOperators.Standard::operator)
                .collect(Collectors.toSet());
        assertEquals(StandardOperators.GRID_OPERATORS, grid);
    }

    private static Object made(StandardOperators.Standard standard) {
        for (String parameters : List.of(
                "",
                "method=last maxAgeMs=1",
                "delayMs=1 maxAgeMs=1",
                "window=3",
                "window=3 ddof=0",
                "window=3 resolution=1",
                "method=slope window=3",
                "cycles=1",
                "low=0 high=1",
                "factor=1 offset=0",
                "mean=0 standardDeviation=1",
                "maximumAgeMs=1 action=mark",
                "alpha=0.5",
                "limit=1 perMs=1",
                "from=NTU to=NTU")) {
            try {
                return standard.create(Operators.specs((standard.operator() + " " + parameters).strip())
                        .get(0));
            } catch (IllegalArgumentException e) {
                // the next may fit
            }
        }
        throw new AssertionError(standard.operator() + ": no parameters fit; add some");
    }
}
