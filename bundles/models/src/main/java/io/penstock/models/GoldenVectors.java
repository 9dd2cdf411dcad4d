// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelRejectedException;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code PENSTOCK-INF/golden.json}: raw samples and what must come of them. A number is reproduced if it differs by at most
 * tolerance times the greater of 1 and its own magnitude.
 *
 * @param featureTolerance tolerance of features.
 * @param outputTolerance tolerance of outputs.
 * @param cycles cycles in order, from fresh operators.
 */
record GoldenVectors(double featureTolerance, double outputTolerance, List<Cycle> cycles) {
    private static final String FILE = "golden.json";
    private static final int MOST_CYCLES = 100_000;
    static final double DEFAULT_FEATURE_TOLERANCE = 1e-9;
    static final double DEFAULT_OUTPUT_TOLERANCE = 1e-5;

    GoldenVectors {
        cycles = List.copyOf(cycles);
    }

    /** One raw sample: NaN for none, age -1 for never. */
    record Input(double value, int status, double ageMs) {}

    /** A sample between two cycles. */
    record Pending(long timeNs, double value, int status) {}

    /**
     * One cycle.
     *
     * @param timeNs instant of the frame.
     * @param inputs by the order of the contract.
     * @param pending per input; empty where there is none.
     * @param features NaN where Bad; empty in files that only hold inputs.
     * @param outputs NaN where Bad; empty in files that only hold inputs.
     */
    record Cycle(
            long timeNs, List<Input> inputs, List<List<Pending>> pending, List<Double> features, List<Double> outputs) {
        Cycle {
            inputs = List.copyOf(inputs);
            pending = List.copyOf(pending);
            features = List.copyOf(features);
            outputs = List.copyOf(outputs);
        }
    }

    /** @throws ModelRejectedException naming path, value and limit of the first fault. */
    static GoldenVectors read(byte[] goldenJson, ModelContract contract) throws ModelRejectedException {
        return read(FILE, goldenJson, contract, true);
    }

    /** Reads inputs whose features and outputs are still to be computed; tolerances may be absent. */
    static GoldenVectors readInputs(String file, byte[] json, ModelContract contract) throws ModelRejectedException {
        return read(file, json, contract, false);
    }

    private static GoldenVectors read(String file, byte[] bytes, ModelContract contract, boolean results)
            throws ModelRejectedException {
        try {
            Json json = Json.parse(file, bytes);
            double features = DEFAULT_FEATURE_TOLERANCE;
            double outputs = DEFAULT_OUTPUT_TOLERANCE;
            if (results || json.has("tolerance")) {
                Json tolerance = json.object("tolerance");
                features = tolerance(tolerance, "features");
                outputs = tolerance(tolerance, "outputs");
                tolerance.end();
            }
            List<Cycle> cycles = new ArrayList<>();
            long last = Long.MIN_VALUE;
            for (Json cycle : json.objects("cycles", 1, MOST_CYCLES)) {
                Cycle read = cycle(cycle, contract, results);
                if (read.timeNs() <= last) {
                    throw cycle.fault("timeNs", "must be greater than the one before, was " + read.timeNs());
                }
                last = read.timeNs();
                cycles.add(read);
            }
            json.end();
            if (results
                    && cycles.stream()
                            .allMatch(cycle -> cycle.outputs().stream().allMatch(o -> o.isNaN()))) {
                throw json.fault("cycles", "no cycle has an output, so nothing is proved; add cycles past the warm-up");
            }
            return new GoldenVectors(features, outputs, cycles);
        } catch (IllegalArgumentException e) {
            throw new ModelRejectedException(e.getMessage(), e);
        }
    }

    private static double tolerance(Json json, String key) {
        double tolerance = json.number(key);
        if (tolerance < 0 || tolerance > 0.1) {
            throw json.fault(key, "0 to 0.1, was " + tolerance);
        }
        return tolerance;
    }

    private static Cycle cycle(Json json, ModelContract contract, boolean results) {
        int size = contract.inputs().size();
        long timeNs = json.integer("timeNs", 0, Long.MAX_VALUE);
        List<Input> inputs = new ArrayList<>();
        for (JsonNode input : json.array("inputs", size, size)) {
            if (!input.isArray() || input.size() != 3) {
                throw json.fault("inputs", "[value, status, ageMs] is needed, was " + Json.shortened(input.toString()));
            }
            int status = status(json, "inputs", input.get(1));
            double age = input.get(2).isNull() ? -1 : number(json, "inputs", input.get(2));
            if (!input.get(2).isNull() && age < 0) {
                throw json.fault("inputs", "ageMs must not be negative, was " + age);
            }
            inputs.add(new Input(value(json, "inputs", input.get(0), status), status, age));
        }
        List<List<Pending>> pending = new ArrayList<>();
        if (json.has("pending")) {
            for (JsonNode samples : json.array("pending", size, size)) {
                pending.add(pending(json, samples, timeNs));
            }
        }
        List<Double> features = new ArrayList<>();
        List<Double> outputs = new ArrayList<>();
        if (results || json.has("features")) {
            int count = contract.features().size();
            json.array("features", count, count).forEach(n -> features.add(nullable(json, "features", n)));
        }
        if (results || json.has("outputs")) {
            int count = contract.outputs().size();
            json.array("outputs", count, count).forEach(n -> outputs.add(nullable(json, "outputs", n)));
        }
        json.end();
        return new Cycle(timeNs, inputs, pending, features, outputs);
    }

    private static List<Pending> pending(Json json, JsonNode samples, long timeNs) {
        if (!samples.isArray() || samples.size() > 10_000) {
            throw json.fault("pending", "a list of at most 10000 samples per input is needed");
        }
        List<Pending> list = new ArrayList<>();
        long last = Long.MIN_VALUE;
        for (JsonNode sample : samples) {
            if (!sample.isArray() || sample.size() != 3 || !sample.get(0).canConvertToLong()) {
                throw json.fault(
                        "pending", "[timeNs, value, status] is needed, was " + Json.shortened(sample.toString()));
            }
            long time = sample.get(0).longValue();
            if (time <= last || time > timeNs) {
                throw json.fault("pending", "times ascend and are not after the cycle's " + timeNs + ", was " + time);
            }
            last = time;
            int status = status(json, "pending", sample.get(2));
            list.add(new Pending(time, value(json, "pending", sample.get(1), status), status));
        }
        return list;
    }

    private static int status(Json json, String key, JsonNode node) {
        if (!node.isIntegralNumber()
                || !node.canConvertToLong()
                || node.longValue() < Integer.MIN_VALUE
                || node.longValue() > 0xFFFFFFFFL) {
            throw json.fault(
                    key, "a status code of 32 bits is needed as third part, was " + Json.shortened(node.toString()));
        }
        return (int) node.longValue();
    }

    private static double value(Json json, String key, JsonNode node, int status) {
        if (node.isNull() && !StatusCode.isBad(status)) {
            throw json.fault(key, "null stands for a Bad value only, the status was " + StatusCode.name(status));
        }
        return nullable(json, key, node);
    }

    private static double nullable(Json json, String key, JsonNode node) {
        return node.isNull() ? Double.NaN : number(json, key, node);
    }

    private static double number(Json json, String key, JsonNode node) {
        if (!node.isNumber() || !Double.isFinite(node.doubleValue())) {
            throw json.fault(key, "a finite number or null is needed, was " + Json.shortened(node.toString()));
        }
        return node.doubleValue();
    }

    byte[] toBytes() {
        ObjectNode root = Json.newObject();
        root.putObject("tolerance").put("features", featureTolerance).put("outputs", outputTolerance);
        ArrayNode list = root.putArray("cycles");
        for (Cycle cycle : cycles) {
            ObjectNode node = list.addObject();
            node.put("timeNs", cycle.timeNs());
            ArrayNode inputs = node.putArray("inputs");
            for (Input input : cycle.inputs()) {
                ArrayNode parts = inputs.addArray();
                add(parts, input.value());
                parts.add(input.status());
                if (input.ageMs() < 0) {
                    parts.addNull();
                } else {
                    parts.add(input.ageMs());
                }
            }
            if (!cycle.pending().isEmpty()) {
                ArrayNode pending = node.putArray("pending");
                for (List<Pending> samples : cycle.pending()) {
                    ArrayNode perInput = pending.addArray();
                    for (Pending sample : samples) {
                        ArrayNode parts = perInput.addArray().add(sample.timeNs());
                        add(parts, sample.value());
                        parts.add(sample.status());
                    }
                }
            }
            ArrayNode features = node.putArray("features");
            cycle.features().forEach(value -> add(features, value));
            ArrayNode outputs = node.putArray("outputs");
            cycle.outputs().forEach(value -> add(outputs, value));
        }
        return Json.compact(root);
    }

    private static void add(ArrayNode array, double value) {
        if (Double.isNaN(value)) {
            array.addNull();
        } else {
            array.add(value);
        }
    }
}
