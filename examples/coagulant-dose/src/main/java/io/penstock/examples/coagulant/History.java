// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.examples.coagulant;

import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelContract;
import io.penstock.api.preprocessing.FeatureProgram;
import io.penstock.demo.plant.Coagulation;
import io.penstock.demo.plant.Plant;
import io.penstock.demo.plant.PlantTag;
import io.penstock.demo.plant.River;
import io.penstock.demo.plant.Water;
import io.penstock.preprocessing.FeatureEngines;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * What the gateway would have seen of a simulated plant, cycle by cycle, with the dose that would have been best. One cycle
 * is one minute of the plant, as in the demo at 60 times the wall clock; features are made by the gateway's own operators.
 */
final class History {
    /** Which instrument each input of the contract is. */
    static final Map<String, PlantTag> TAGS = Map.of(
            "turbidity", PlantTag.AT_1002A,
            "temperature", PlantTag.TT_1005,
            "uv254", PlantTag.AT_1003,
            "ph", PlantTag.AT_1004,
            "conductivity", PlantTag.AT_1006,
            "alkalinity", PlantTag.AT_1007);

    private static final int STEPS_PER_CYCLE = 6;
    private static final double STEP_SECONDS = 10;
    private static final double WATCHDOG_SECONDS = 10;
    private static final long FIRST_CYCLE_NS = 1_767_225_600_000_000_000L; // 2026-01-01T00:00:00Z
    private static final int CYCLES_PER_HOUR = 60;

    /**
     * One cycle.
     *
     * @param timeNs instant of the frame.
     * @param inputs by the order of the contract.
     * @param features by the order of the contract.
     * @param row the first tensor as float32.
     * @param status of the features.
     * @param water as it really was.
     */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares cycles
    record Cycle(long timeNs, double[] inputs, double[] features, float[] row, int status, Water water) {
        boolean isUsable() {
            return StatusCode.isGood(status);
        }

        /** The dose that would have been best, mg Al/l. */
        double best() {
            return Coagulation.bestDose(water);
        }
    }

    private History() {}

    /** Days with one storm each, in all seasons. */
    static List<Cycle> episodes(ModelContract contract, long firstSeed, int count) {
        List<Cycle> cycles = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            cycles.addAll(run(contract, river(new Random(firstSeed + i)), firstSeed + i, 72));
        }
        return cycles;
    }

    private static River river(Random random) {
        double alkalinity = between(random, 60, 120);
        River base = new River(
                between(random, 5, 14),
                between(random, 8, 17),
                between(random, 3, 20),
                alkalinity,
                between(random, 7.35, 7.85),
                200 + 1.67 * alkalinity + between(random, -20, 20),
                between(random, 900, 1100),
                List.of());
        return base.with(new River.Storm(
                between(random, 10, 30),
                between(random, 40, 380),
                between(random, 5, 18),
                between(random, 0.6, 2.5),
                between(random, 5, 14)));
    }

    private static double between(Random random, double low, double high) {
        return low + (high - low) * random.nextDouble();
    }

    /** The storm that both versions are judged by; no training episode has its seed. */
    static List<Cycle> heldOut(ModelContract contract) {
        return run(contract, River.CALM.with(River.Storm.typical(24)), 987_654_321, 72);
    }

    static List<Cycle> run(ModelContract contract, River river, long seed, int hours) {
        Plant plant = new Plant(river, STEP_SECONDS, WATCHDOG_SECONDS, seed);
        FeatureProgram program = FeatureEngines.standard().compile(contract);
        Frame frame = new Frame(contract.inputNames());
        Features features = program.newFeatures();
        List<Cycle> cycles = new ArrayList<>();
        for (int cycle = 1; cycle <= hours * CYCLES_PER_HOUR; cycle++) {
            for (int step = 0; step < STEPS_PER_CYCLE; step++) {
                plant.step();
            }
            long timeNs = FIRST_CYCLE_NS + cycle * contract.cycleMs() * 1_000_000;
            double[] inputs = contract.inputNames().stream()
                    .mapToDouble(name -> plant.reading(TAGS.get(name)))
                    .toArray();
            fill(frame, cycle, timeNs, inputs);
            program.apply(frame, features);
            cycles.add(cycle(timeNs, inputs, features, plant.water()));
        }
        return cycles;
    }

    /** The same raw inputs through fresh operators. */
    static List<Cycle> replay(ModelContract contract, List<Cycle> raw) {
        FeatureProgram program = FeatureEngines.standard().compile(contract);
        Frame frame = new Frame(contract.inputNames());
        Features features = program.newFeatures();
        List<Cycle> cycles = new ArrayList<>();
        for (Cycle cycle : raw) {
            fill(frame, cycles.size() + 1, cycle.timeNs(), cycle.inputs());
            program.apply(frame, features);
            cycles.add(cycle(cycle.timeNs(), cycle.inputs(), features, cycle.water()));
        }
        return cycles;
    }

    /** Good values of this instant. */
    static void fill(Frame frame, long cycle, long timeNs, double[] inputs) {
        frame.begin(cycle, timeNs);
        for (int i = 0; i < inputs.length; i++) {
            frame.addPending(i, inputs[i], StatusCode.GOOD, timeNs);
            frame.set(i, inputs[i], StatusCode.GOOD, timeNs, 0);
        }
    }

    private static Cycle cycle(long timeNs, double[] inputs, Features features, Water water) {
        double[] values = new double[features.names().size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = features.value(i);
        }
        double[] tensor = features.tensor(0);
        float[] row = new float[tensor.length];
        for (int i = 0; i < row.length; i++) {
            row[i] = (float) tensor[i];
        }
        return new Cycle(timeNs, inputs, values, row, features.status(), water);
    }
}
