// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.StatusCode;
import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.preprocessing.FeatureProgram;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Runs golden inputs through the very engines that will serve: to compare on a gateway, to compute when a bundle is packed. */
final class GoldenReplay {
    private static final int LATE_REPEATS = 9;

    private final FeatureEngine features;
    private final InferenceEngine inference;

    GoldenReplay(FeatureEngine features, InferenceEngine inference) {
        this.features = features;
        this.inference = inference;
    }

    /**
     * Replays and compares.
     *
     * @return the evidence in one line.
     * @throws ModelRejectedException naming cycle, feature or output, expected and found value and tolerance.
     */
    String compare(ModelArtifact model, GoldenVectors golden) throws ModelRejectedException {
        long started = System.nanoTime();
        Difference featureDifference = new Difference();
        Difference outputDifference = new Difference();
        List<GoldenVectors.Cycle> found = run(model, golden.cycles());
        ModelContract contract = model.contract();
        for (int i = 0; i < found.size(); i++) {
            GoldenVectors.Cycle wanted = golden.cycles().get(i);
            for (int f = 0; f < wanted.features().size(); f++) {
                featureDifference.check(
                        i,
                        "feature " + contract.features().get(f).name(),
                        wanted.features().get(f),
                        found.get(i).features().get(f),
                        golden.featureTolerance());
            }
            for (int o = 0; o < wanted.outputs().size(); o++) {
                outputDifference.check(
                        i,
                        "output " + contract.outputs().get(o).name(),
                        wanted.outputs().get(o),
                        found.get(i).outputs().get(o),
                        golden.outputTolerance());
            }
        }
        return String.format(
                Locale.ROOT,
                "%d golden cycles on %s in %d ms, largest relative difference of features %.2g (allowed %.2g), of outputs %.2g (allowed %.2g)",
                found.size(),
                inference.runtime(),
                (System.nanoTime() - started) / 1_000_000,
                featureDifference.largest,
                golden.featureTolerance(),
                outputDifference.largest,
                golden.outputTolerance());
    }

    /** The same cycles with computed features and outputs. */
    List<GoldenVectors.Cycle> run(ModelArtifact model, List<GoldenVectors.Cycle> cycles) throws ModelRejectedException {
        ModelContract contract = model.contract();
        FeatureProgram program;
        try {
            program = features.compile(contract);
        } catch (IllegalArgumentException e) {
            throw new ModelRejectedException(
                    "features: " + contract.name() + " does not compile: " + e.getMessage(), e);
        }
        try (InferenceSession session = inference.open(model)) {
            Frame frame = new Frame(contract.inputNames());
            Features values = program.newFeatures();
            Prediction prediction = new Prediction(contract.outputNames());
            List<GoldenVectors.Cycle> results = new ArrayList<>();
            long number = 0;
            for (GoldenVectors.Cycle cycle : cycles) {
                if (Thread.interrupted()) {
                    throw new ModelRejectedException("golden vectors: replay was stopped in cycle " + number);
                }
                fill(frame, ++number, cycle);
                program.apply(frame, values);
                if (StatusCode.isBad(values.status())) {
                    prediction.setAll(values.status());
                } else if (StatusCode.isBad(answer(session, values, prediction, contract))) {
                    throw new ModelRejectedException(
                            "golden vectors: cycle " + (number - 1) + ": the model failed: " + session.lastError());
                }
                results.add(result(cycle, values, prediction));
            }
            return results;
        }
    }

    /** A model that is too slow is late each time; one answer that came late only shows how busy the machine is. */
    private static int answer(
            InferenceSession session, Features values, Prediction prediction, ModelContract contract) {
        int status = session.run(values, prediction);
        for (int repeats = 0; status == StatusCode.BAD_TIMEOUT && repeats < LATE_REPEATS; repeats++) {
            LockSupport.parkNanos(
                    TimeUnit.MILLISECONDS.toNanos(contract.budget().deadlineMs()));
            status = session.run(values, prediction);
        }
        return status;
    }

    private static void fill(Frame frame, long number, GoldenVectors.Cycle cycle) {
        frame.begin(number, cycle.timeNs());
        for (int i = 0; i < cycle.inputs().size(); i++) {
            GoldenVectors.Input input = cycle.inputs().get(i);
            if (input.ageMs() < 0) {
                frame.set(i, input.value(), input.status(), 0, Long.MAX_VALUE);
            } else {
                long ageNanos = Math.round(input.ageMs() * 1e6);
                frame.set(i, input.value(), input.status(), cycle.timeNs() - ageNanos, ageNanos);
            }
        }
        for (int i = 0; i < cycle.pending().size(); i++) {
            for (GoldenVectors.Pending sample : cycle.pending().get(i)) {
                frame.addPending(i, sample.value(), sample.status(), sample.timeNs());
            }
        }
    }

    private static GoldenVectors.Cycle result(GoldenVectors.Cycle cycle, Features values, Prediction prediction) {
        List<Double> features = new ArrayList<>();
        for (int i = 0; i < values.names().size(); i++) {
            features.add(known(values.value(i), values.status(i)));
        }
        List<Double> outputs = new ArrayList<>();
        for (int i = 0; i < prediction.size(); i++) {
            outputs.add(known(prediction.value(i), prediction.status(i)));
        }
        return new GoldenVectors.Cycle(cycle.timeNs(), cycle.inputs(), cycle.pending(), features, outputs);
    }

    private static double known(double value, int status) {
        return StatusCode.isBad(status) || !Double.isFinite(value) ? Double.NaN : value;
    }

    private static final class Difference {
        private double largest;

        void check(int cycle, String what, double wanted, double found, double tolerance)
                throws ModelRejectedException {
            if (Double.isNaN(wanted) && Double.isNaN(found)) {
                return;
            }
            double difference = Math.abs(found - wanted) / Math.max(1, Math.abs(wanted));
            if (!(difference <= tolerance)) { // also where one of them is NaN
                throw new ModelRejectedException("golden vectors: cycle " + cycle + ": " + what + " is "
                        + text(found) + ", the bundle says " + text(wanted) + ", tolerance " + tolerance
                        + "; this gateway would compute something else than was trained, have the model checked");
            }
            largest = Math.max(largest, difference);
        }

        private static String text(double value) {
            return Double.isNaN(value) ? "Bad" : Double.toString(value);
        }
    }
}
