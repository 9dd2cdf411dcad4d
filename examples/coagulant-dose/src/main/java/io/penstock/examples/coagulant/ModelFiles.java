// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.examples.coagulant;

import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.models.ContractReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/** The JSON files of a model bundle. */
final class ModelFiles {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    /** Values a little beyond what training saw are no extrapolation worth a warning. */
    private static final double MARGIN = 0.05;

    private ModelFiles() {}

    /** {@code model.json} as written by hand: ranges and substitutes still to be filled in. */
    static ObjectNode template(String version) throws IOException {
        try (InputStream in = ModelFiles.class.getResourceAsStream(version + ".json")) {
            if (in == null) {
                throw new IOException("no template " + version + ".json; versions are " + CoagulantDose.VERSIONS);
            }
            return (ObjectNode) MAPPER.readTree(in);
        }
    }

    static ModelContract contract(JsonNode model) throws IOException {
        try {
            return ContractReader.read(pretty(model));
        } catch (ModelRejectedException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** Fills in the range seen in training, and the median where the contract asks for a constant in place of a missing value. */
    static void fillIn(ObjectNode model, List<History.Cycle> cycles) {
        ArrayNode inputs = (ArrayNode) model.get("inputs");
        for (int i = 0; i < inputs.size(); i++) {
            double[] sorted = column(cycles, i);
            int rare = sorted.length / 1000; // bubbles are no range
            double low = sorted[rare];
            double high = sorted[sorted.length - 1 - rare];
            double margin = MARGIN * (high - low);
            ObjectNode input = (ObjectNode) inputs.get(i);
            input.putArray("range").add(rounded(Math.max(0, low - margin))).add(rounded(high + margin));
            ObjectNode missing = (ObjectNode) input.get("missing");
            if (missing.has("value")) {
                missing.put("value", rounded(sorted[sorted.length / 2]));
            }
        }
    }

    private static double[] column(List<History.Cycle> cycles, int input) {
        return cycles.stream()
                .mapToDouble(cycle -> cycle.inputs()[input])
                .sorted()
                .toArray();
    }

    private static double rounded(double value) {
        return Math.rint(value * 1000) / 1000;
    }

    /** {@code reference.json}: how inputs and outputs were distributed in training. */
    static ObjectNode reference(ModelContract contract, List<History.Cycle> cycles, List<double[]> outputs) {
        ObjectNode reference = MAPPER.createObjectNode();
        ObjectNode inputs = reference.putObject("inputs");
        for (int i = 0; i < contract.inputs().size(); i++) {
            inputs.set(contract.inputNames().get(i), distribution(column(cycles, i)));
        }
        ObjectNode results = reference.putObject("outputs");
        for (int i = 0; i < contract.outputs().size(); i++) {
            int output = i;
            results.set(
                    contract.outputNames().get(i),
                    distribution(outputs.stream()
                            .mapToDouble(row -> row[output])
                            .sorted()
                            .toArray()));
        }
        return reference;
    }

    private static ObjectNode distribution(double... sorted) {
        ObjectNode distribution = MAPPER.createObjectNode();
        ArrayNode quantiles = distribution.putArray("quantiles");
        for (int i = 0; i <= 10; i++) {
            quantiles.add(sorted[(int) Math.round(i / 10.0 * (sorted.length - 1))]);
        }
        double sum = 0;
        for (double value : sorted) {
            sum += value;
        }
        double mean = sum / sorted.length;
        double squares = 0;
        for (double value : sorted) {
            squares += (value - mean) * (value - mean);
        }
        distribution.put("mean", mean);
        distribution.put("standardDeviation", Math.sqrt(squares / sorted.length));
        return distribution;
    }

    /** {@code golden.json}: cycles from fresh operators on, with what must come out. */
    static ObjectNode golden(List<History.Cycle> cycles, List<double[]> outputs) {
        ObjectNode golden = MAPPER.createObjectNode();
        golden.putObject("tolerance").put("features", 1e-9).put("outputs", 1e-5);
        ArrayNode list = golden.putArray("cycles");
        for (int i = 0; i < cycles.size(); i++) {
            History.Cycle cycle = cycles.get(i);
            ObjectNode node = list.addObject();
            node.put("timeNs", cycle.timeNs());
            ArrayNode inputs = node.putArray("inputs");
            Arrays.stream(cycle.inputs())
                    .forEach(value ->
                            inputs.addArray().add(value).add(StatusCode.GOOD).add(0));
            ArrayNode pending = node.putArray("pending");
            Arrays.stream(cycle.inputs()).forEach(value -> pending.addArray()
                    .addArray()
                    .add(cycle.timeNs())
                    .add(value)
                    .add(StatusCode.GOOD));
            ArrayNode features = node.putArray("features");
            Arrays.stream(cycle.features()).forEach(features::add);
            ArrayNode results = node.putArray("outputs");
            Arrays.stream(outputs.get(i)).forEach(results::add);
        }
        return golden;
    }

    /** Indented, with the same line ends everywhere. */
    static byte[] pretty(JsonNode node) throws IOException {
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
        printer.indentObjectsWith(new DefaultIndenter("  ", "\n"));
        return (MAPPER.writer(printer).writeValueAsString(node) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    static byte[] compact(JsonNode node) throws IOException {
        return (MAPPER.writeValueAsString(node) + "\n").getBytes(StandardCharsets.UTF_8);
    }
}
