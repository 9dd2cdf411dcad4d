// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.examples.coagulant;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.api.model.ModelContract;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.tribuo.ensemble.WeightedEnsembleModel;
import org.tribuo.regression.Regressor;

/**
 * Trains one version of the model and writes the files of its bundle. The target is the dose itself, in mg Al/l: the smallest
 * that clears the simulated water, which the simulator knows and a plant would learn from jar tests. A forest cannot answer
 * outside what it was shown, so there is no base curve to fall back to inside the model; that curve is the PLC's.
 *
 * <p>The interval: a second forest learns the error of the first on episodes the first has not seen, and is stretched until
 * nine of ten doses of further episodes lie inside (split conformal).
 */
public final class CoagulantDose {
    /** What can be built. */
    public static final List<String> VERSIONS = List.of("1.0.0", "1.1.0");

    private static final float LOWEST_DOSE = 1;
    private static final float HIGHEST_DOSE = 8;
    private static final double COVERAGE = 0.9;
    private static final double SMALLEST_WIDTH = 0.02;
    private static final int GOLDEN_CYCLES = 120;
    /** Half an hour of calm, then the onset of the storm. */
    private static final int GOLDEN_FROM_CYCLE = 23 * 60 + 30;

    private final String version;
    private final ModelContract contract;
    private final byte[] modelJson;
    private final Forest dose;
    private final Forest halfWidth;
    private final WeightedEnsembleModel<Regressor> trained;
    private final List<History.Cycle> training;
    private final List<History.Cycle> heldOut;

    private CoagulantDose(
            String version,
            ModelContract contract,
            byte[] modelJson,
            Forest dose,
            Forest halfWidth,
            WeightedEnsembleModel<Regressor> trained,
            List<History.Cycle> training) {
        this.version = version;
        this.contract = contract;
        this.modelJson = modelJson.clone();
        this.dose = dose;
        this.halfWidth = halfWidth;
        this.trained = trained;
        this.training = training;
        heldOut = History.heldOut(contract);
    }

    /** How the versions differ: 1.0.0 is the first try, few episodes, few and shallow trees. */
    private record Recipe(Trainer trainer, int episodes, int everyCycle) {
        static Recipe of(String version) {
            return version.equals("1.0.0")
                    ? new Recipe(new Trainer(12, 4, 0.9f), 4, 5)
                    : new Recipe(new Trainer(40, 9, 0.7f), 16, 17);
        }
    }

    /** @throws IOException if there is no such version. */
    static CoagulantDose train(String version) throws IOException {
        ObjectNode model = ModelFiles.template(version);
        ModelContract template = ModelFiles.contract(model);
        Recipe recipe = Recipe.of(version);
        List<History.Cycle> all = History.episodes(template, 1_000, recipe.episodes());
        List<History.Cycle> training = thinned(all, recipe.everyCycle());
        ModelFiles.fillIn(model, all);
        WeightedEnsembleModel<Regressor> trained = recipe.trainer().train(rows(training), targets(training), 11);
        Forest dose = Forest.of(trained);
        int calibrationEpisodes = Math.max(3, recipe.episodes() / 4);
        List<History.Cycle> second =
                thinned(History.episodes(template, 2_000, calibrationEpisodes), recipe.everyCycle());
        double[] errors = second.stream()
                .mapToDouble(cycle -> Math.abs(clipped(dose.predict(cycle.row())) - cycle.best()))
                .toArray();
        Forest spread = Forest.of(new Trainer(20, 5, 0.9f).train(rows(second), errors, 12));
        List<History.Cycle> third =
                thinned(History.episodes(template, 3_000, calibrationEpisodes), recipe.everyCycle());
        double[] stretched = third.stream()
                .mapToDouble(cycle -> Math.abs(clipped(dose.predict(cycle.row())) - cycle.best())
                        / Math.max(SMALLEST_WIDTH, spread.predict(cycle.row())))
                .sorted()
                .toArray();
        double factor = stretched[(int) Math.ceil(COVERAGE * (stretched.length - 1))];
        return new CoagulantDose(
                version,
                ModelFiles.contract(model),
                ModelFiles.pretty(model),
                dose,
                spread.scaled(SMALLEST_WIDTH, factor),
                trained,
                training);
    }

    private static List<History.Cycle> thinned(List<History.Cycle> cycles, int every) {
        List<History.Cycle> kept = new ArrayList<>();
        for (int i = 0; i < cycles.size(); i += every) {
            if (cycles.get(i).isUsable()) {
                kept.add(cycles.get(i));
            }
        }
        return kept;
    }

    private static List<float[]> rows(List<History.Cycle> cycles) {
        return cycles.stream().map(History.Cycle::row).toList();
    }

    private static double[] targets(List<History.Cycle> cycles) {
        return cycles.stream().mapToDouble(History.Cycle::best).toArray();
    }

    private static double clipped(double dose) {
        return Math.max(LOWEST_DOSE, Math.min(HIGHEST_DOSE, dose));
    }

    ModelContract contract() {
        return contract;
    }

    WeightedEnsembleModel<Regressor> trained() {
        return trained;
    }

    /** What the graph computes: dose, lower and upper bound. */
    double[] predict(float[] row) {
        double centre = dose.predict(row);
        double width = halfWidth.predict(row);
        return new double[] {clipped(centre), clipped(centre - width), clipped(centre + width)};
    }

    byte[] onnx() {
        int columns = contract.tensors().get(0).features().size();
        return OnnxWriter.write(dose, halfWidth, columns, LOWEST_DOSE, HIGHEST_DOSE);
    }

    /**
     * How good it is on a storm it has not seen.
     *
     * @param meanAbsoluteError mg Al/l, all cycles.
     * @param stormError mg Al/l, from the onset on for a day.
     * @param worst mg Al/l.
     * @param coverage share of best doses inside the interval.
     */
    record Score(double meanAbsoluteError, double stormError, double worst, double coverage) {}

    Score score() {
        double sum = 0;
        double stormSum = 0;
        double worst = 0;
        int inside = 0;
        int n = 0;
        int storm = 0;
        for (int i = 0; i < heldOut.size(); i++) {
            History.Cycle cycle = heldOut.get(i);
            if (!cycle.isUsable()) {
                continue;
            }
            double[] predicted = predict(cycle.row());
            double error = Math.abs(predicted[0] - cycle.best());
            sum += error;
            n++;
            worst = Math.max(worst, error);
            if (i >= 24 * 60 && i < 48 * 60) {
                stormSum += error;
                storm++;
            }
            if (cycle.best() >= predicted[1] && cycle.best() <= predicted[2]) {
                inside++;
            }
        }
        return new Score(sum / n, stormSum / storm, worst, (double) inside / n);
    }

    /** Writes {@code <out>/<version>/}: model.onnx, model.json, golden.json, reference.json, model-card.md. */
    Path write(Path out) throws IOException {
        Path directory = Files.createDirectories(out.resolve(version));
        Files.write(directory.resolve("model.onnx"), onnx());
        Files.write(directory.resolve("model.json"), modelJson);
        List<History.Cycle> golden = goldenCycles();
        Files.write(directory.resolve("golden.json"), ModelFiles.compact(ModelFiles.golden(golden, outputs(golden))));
        Files.write(
                directory.resolve("reference.json"),
                ModelFiles.pretty(ModelFiles.reference(contract, training, outputs(training))));
        Files.writeString(directory.resolve("model-card.md"), card(), StandardCharsets.UTF_8);
        return directory;
    }

    /** Raw inputs of the held-out storm's first hour, replayed from fresh operators as a gateway does. */
    private List<History.Cycle> goldenCycles() {
        List<History.Cycle> storm =
                History.heldOut(contract).subList(GOLDEN_FROM_CYCLE, GOLDEN_FROM_CYCLE + GOLDEN_CYCLES);
        return History.replay(contract, storm);
    }

    private List<double[]> outputs(List<History.Cycle> cycles) {
        return cycles.stream().map(cycle -> predict(cycle.row())).toList();
    }

    private String card() {
        Score score = score();
        return String.format(
                Locale.ROOT,
                """
                # coagulant-dose %s

                Proposes the coagulant dose of the demo water works WTP-1 in mg Al/l, with an interval that holds nine of ten.

                - Intended use: the demo. The plant is simulated, its coefficients are plausible and fitted to nothing; do not
                  dose real water with it.
                - Inputs: %s.
                - Target: the smallest dose that exceeds the water's demand by 15 %% at the pH it causes itself, as the simulator
                  knows it. A plant would take it from jar tests.
                - Method: random forest, %d trees (Tribuo), and a forest for the width of the interval, stretched by split
                  conformal calibration. It answers only within the doses it was shown.
                - Trained on %d cycles of simulated history, one per minute of the plant, one storm in three days, all seasons.
                  Operators' windows count cycles of one minute: on the wall clock the demo runs 60 times faster, 1 s each.
                - Not among the inputs: settled turbidity and streaming current. They depend on the dose given; a model
                  trained on them in closed loop would learn the controller.

                Held-out storm (72 h, seed never trained on):

                | figure | value |
                |---|---|
                | mean absolute error | %.3f mg Al/l |
                | mean absolute error in the day after the onset | %.3f mg Al/l |
                | largest error | %.3f mg Al/l |
                | best doses inside the interval | %.1f %% |

                Limits: it is trained for raw water within the ranges of the contract; outside, the gateway marks the output
                UncertainEngineeringUnitsExceeded. It does not know when the product's strength has changed.
                """,
                version,
                String.join(", ", contract.inputNames()),
                dose.trees().size(),
                training.size(),
                score.meanAbsoluteError(),
                score.stormError(),
                score.worst(),
                100 * score.coverage());
    }

    /**
     * Trains the versions named, or all, and writes their files.
     *
     * @param arguments folder, then versions.
     */
    public static void main(String[] arguments) throws IOException {
        if (arguments.length == 0) {
            System.err.println("usage: CoagulantDose DIR [VERSION...]; versions are " + VERSIONS);
            System.exit(2);
        }
        List<String> versions = arguments.length > 1 ? Arrays.asList(arguments).subList(1, arguments.length) : VERSIONS;
        for (String version : versions) {
            long began = System.nanoTime();
            CoagulantDose model = train(version);
            Path directory = model.write(Path.of(arguments[0]));
            System.out.printf(
                    Locale.ROOT,
                    "%s: %s in %.1f s, %s%n",
                    version,
                    directory,
                    (System.nanoTime() - began) / 1e9,
                    model.score());
        }
    }
}
