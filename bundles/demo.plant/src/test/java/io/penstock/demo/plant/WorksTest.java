// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * River, chemistry, works, instruments and the PLC's curve against figures of {@code src/test/python/plant_simulation.py},
 * computed by {@code make_reference.py} with the same random numbers. Tolerance 1e-9 relative: the same equations in the same
 * order, other libraries' exp and log.
 */
class WorksTest {
    private static final double STEP = 10;
    private static final double TOLERANCE = 1e-9;
    private static final int EVERY = 90;

    // Had this failed, the demo would have shown a plant whose answers nobody has checked.
    @ParameterizedTest
    @ValueSource(strings = {"constant-dose", "plc-curve", "faults"})
    void threeDaysWithAStormAreThoseOfThePythonScript(String name) throws IOException {
        List<double[]> expected = csv(name + ".csv");
        RandomGenerator noise = new Lcg(1);
        River river = River.CALM.with(River.Storm.typical(24));
        Works works = new Works(STEP);
        Transmitter turbidityA = new Transmitter(PlantTag.AT_1002A, 30, 0.02, 0, 8, noise);
        Transmitter uv = new Transmitter(PlantTag.AT_1003, 30, 0.01, 0, 12, noise);
        Transmitter turbidityB = new Transmitter(PlantTag.AT_1002B, 30, 0.05, 0, 8, noise);
        boolean faults = name.equals("faults");
        double wander = 0;
        double setpoint = 2.4;
        int compared = 0;
        for (int k = 0; k < 72 * 360; k++) {
            double hour = k * STEP / 3600;
            wander = River.wander(wander, STEP, noise);
            Water water = river.at(hour, wander);
            double lagged = turbidityA.follow(water.turbidity(), STEP);
            if (faults) {
                turbidityA.repair();
                if (hour >= 4 && hour < 20) {
                    turbidityA.foul(4);
                } else if (hour >= 26 && hour < 40) {
                    turbidityA.freeze();
                }
            }
            double a = turbidityA.measure(lagged, hour);
            double u = uv.measure(uv.follow(water.uv254(), STEP), hour);
            double b = turbidityB.measure(lagged, hour);
            if (!name.equals("plc-curve")) {
                setpoint = 2.6;
            } else if (k >= 30) { // the script holds 300 s before it gives the dose to the PLC
                setpoint = Plc.ramp(setpoint, Plc.curve(b), STEP);
            }
            double dose = faults && hour >= 10 && hour < 10.75
                    ? 0
                    : Math.min(setpoint, 200 * Coagulation.ALUMINIUM_PER_LITRE / water.flow());
            works.treat(water, dose);
            if (k % EVERY == 0) {
                double[] row = {
                    hour,
                    water.turbidity(),
                    water.uv254(),
                    water.flow(),
                    setpoint,
                    dose,
                    works.ph(),
                    works.ratio(),
                    works.settled(),
                    works.filtered(),
                    works.carbonLeft(),
                    a,
                    u,
                    b
                };
                double[] want = expected.get(compared++);
                for (int i = 0; i < want.length; i++) {
                    assertEquals(
                            want[i],
                            row[i],
                            TOLERANCE * Math.max(1, Math.abs(want[i])),
                            "hour " + hour + " column " + i);
                }
            }
        }
        assertEquals(expected.size(), compared);
    }

    // Had this failed, the dose that clears the water in the demo would not be the one of the jar tests.
    @Test
    void staticDoseTableIsThatOfThePythonScript() throws IOException {
        for (double[] row : csv("static.csv")) {
            double ph = Coagulation.ph(90, 7.6, 9, row[2]);
            double ratio = Coagulation.ratio(row[0], row[1], 9, ph, row[2]);
            assertEquals(row[3], Coagulation.demand(row[0], row[1], 9), TOLERANCE * row[3]);
            assertEquals(row[4], ph, TOLERANCE * row[4]);
            assertEquals(row[5], Coagulation.settled(row[0], ratio, row[2]), TOLERANCE * row[5]);
            assertEquals(row[6], Coagulation.carbonLeft(4.0, row[1], ph, row[2]), TOLERANCE * row[6]);
        }
    }

    // Had this failed, the model would have been taught a dose that does not clear the water.
    @Test
    void bestDoseIsAtTheBottomOfTheUShapedCurve() {
        Water calm = River.CALM.at(7, 0);
        double best = Coagulation.bestDose(calm);
        double settledAtBest = settledAt(calm, best);
        assertTrue(settledAtBest < 1.1, "settled " + settledAtBest);
        assertTrue(settledAt(calm, best - 0.6) > 1.4 * settledAtBest, "underdose must show");
        assertTrue(settledAt(calm, 8) > 2, "overdose must show");
    }

    private static double settledAt(Water water, double dose) {
        double ph = Coagulation.ph(water.alkalinity(), water.ph(), water.temperature(), dose);
        double ratio = Coagulation.ratio(water.turbidity(), water.uv254(), water.temperature(), ph, dose);
        return Coagulation.settled(water.turbidity(), ratio, dose);
    }

    // Had this failed, two demonstrations with one seed would not show the same thing.
    @Test
    void aSeedGivesOneHistory() {
        Map<Long, double[]> runs = new java.util.HashMap<>();
        for (long seed : new long[] {7, 7, 8}) {
            Plant plant = new Plant(River.CALM, 6, 10, seed);
            for (int i = 0; i < 2000; i++) {
                plant.step();
            }
            double[] readings = java.util.Arrays.stream(PlantTag.values())
                    .mapToDouble(plant::reading)
                    .toArray();
            double[] before = runs.put(seed, readings);
            if (before != null) {
                org.junit.jupiter.api.Assertions.assertArrayEquals(before, readings);
            }
        }
        assertTrue(!java.util.Arrays.equals(runs.get(7L), runs.get(8L)), "another seed must give another history");
    }

    private static List<double[]> csv(String name) throws IOException {
        List<double[]> rows = new ArrayList<>();
        try (InputStream in = WorksTest.class.getResourceAsStream(name);
                BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
            lines.readLine();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                rows.add(java.util.Arrays.stream(line.split(",", -1))
                        .mapToDouble(Double::parseDouble)
                        .toArray());
            }
        }
        return rows;
    }

    /** The generator of {@code make_reference.py}. */
    private static final class Lcg implements RandomGenerator {
        private long state;

        Lcg(long seed) {
            state = seed;
        }

        @Override
        public long nextLong() {
            state = state * 6364136223846793005L + 1442695040888963407L;
            return state;
        }

        @Override
        public double nextDouble() {
            return (nextLong() >>> 11) / (double) (1L << 53);
        }

        @Override
        public double nextGaussian() {
            double u = nextDouble();
            double v = nextDouble();
            return Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);
        }
    }
}
