// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import com.fasterxml.jackson.databind.JsonNode;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.Budget;
import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelContract.FeatureSpec;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.MissingPolicy;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.model.OperatorSpec;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** Reads {@code PENSTOCK-INF/model.json}: all of it or none of it. */
public final class ContractReader {
    private static final String FILE = "model.json";
    private static final long LONGEST_MS = 365L * 24 * 3600 * 1000;
    private static final Pattern UNIT = Pattern.compile("|[A-Z0-9]{2,3}");
    private static final Pattern TENSOR = Pattern.compile("[\\x21-\\x7E]{1,200}");
    private static final Pattern OPERATOR = Pattern.compile("[A-Za-z][A-Za-z0-9]{0,39}");
    private static final Map<String, ElementType> TYPES =
            Map.of("float32", ElementType.FLOAT32, "float64", ElementType.FLOAT64, "int64", ElementType.INT64);

    private ContractReader() {}

    /** @throws ModelRejectedException naming file, path, value and limit of the first fault. */
    public static ModelContract read(byte[] modelJson) throws ModelRejectedException {
        try {
            Json json = Json.parse(FILE, modelJson);
            ModelContract contract = contract(json);
            checkReferences(contract);
            return contract;
        } catch (IllegalArgumentException e) {
            throw new ModelRejectedException(e.getMessage(), e);
        }
    }

    private static ModelContract contract(Json json) {
        json.integer("schema", 1, 1);
        ModelContract contract = new ModelContract(
                json.text("name", Names.MODEL, Names.MODEL_FORM),
                json.text("version", Names.VERSION, Names.VERSION_FORM),
                json.integer("cycleMs", 0, LONGEST_MS),
                json.objects("inputs", 1, 500).stream()
                        .map(ContractReader::input)
                        .toList(),
                json.objects("features", 1, 2000).stream()
                        .map(ContractReader::feature)
                        .toList(),
                json.objects("tensors", 1, 16).stream()
                        .map(ContractReader::tensor)
                        .toList(),
                json.objects("outputs", 1, 200).stream()
                        .map(ContractReader::output)
                        .toList(),
                budget(json.object("budget")));
        json.end();
        return contract;
    }

    private static InputSpec input(Json json) {
        double[] range = range(json);
        Json missing = json.object("missing");
        String policy = missing.text("policy", 20);
        long holdMs = 0;
        double constant = Double.NaN;
        MissingPolicy missingPolicy;
        switch (policy) {
            case "fail" -> missingPolicy = MissingPolicy.FAIL;
            case "nan" -> missingPolicy = MissingPolicy.NAN;
            case "holdLast" -> {
                missingPolicy = MissingPolicy.HOLD_LAST;
                holdMs = missing.integer("holdMs", 1, LONGEST_MS);
            }
            case "constant" -> {
                missingPolicy = MissingPolicy.CONSTANT;
                constant = missing.number("value");
            }
            default -> throw missing.fault("policy", "fail, holdLast, constant or nan, was '" + policy + "'");
        }
        missing.end();
        InputSpec input = new InputSpec(
                json.text("name", Names.SIGNAL, Names.SIGNAL_FORM),
                unit(json),
                json.flag("required"),
                range[0],
                range[1],
                json.integer("maximumAgeMs", 1, LONGEST_MS),
                missingPolicy,
                holdMs,
                constant);
        json.end();
        return input;
    }

    /** As the contract writes it. */
    static String policy(MissingPolicy policy) {
        return switch (policy) {
            case FAIL -> "fail";
            case NAN -> "nan";
            case HOLD_LAST -> "holdLast";
            case CONSTANT -> "constant";
        };
    }

    private static String unit(Json json) {
        return json.text("unit", UNIT, "a UNECE common code of 2 or 3 capitals and digits, or empty for none");
    }

    private static double[] range(Json json) {
        List<Double> range = json.numbers("range", 2, 2);
        if (range.get(0) >= range.get(1)) {
            throw json.fault("range", "the first number must be less than the second, were " + range);
        }
        return new double[] {range.get(0), range.get(1)};
    }

    private static FeatureSpec feature(Json json) {
        FeatureSpec feature = new FeatureSpec(
                json.text("name", Names.SIGNAL, Names.SIGNAL_FORM),
                json.text("input", Names.SIGNAL, Names.SIGNAL_FORM),
                json.objects("operators", 0, 50).stream()
                        .map(ContractReader::operator)
                        .toList());
        json.end();
        return feature;
    }

    private static OperatorSpec operator(Json json) {
        String operator = json.text("operator", OPERATOR, "1 to 40 letters and digits");
        Map<String, Object> parameters = new TreeMap<>();
        for (String key : json.keys()) {
            if (!key.equals("operator")) {
                parameters.put(key, parameter(json, key));
            }
        }
        return new OperatorSpec(operator, parameters);
    }

    private static Object parameter(Json json, String key) {
        JsonNode value = json.needed(key);
        if (value.isBoolean()) {
            return value.booleanValue();
        }
        if (value.isTextual()) {
            return json.text(key, 200);
        }
        return value.isArray() ? json.numbers(key, 0, 10_000) : (Object) json.number(key);
    }

    private static TensorSpec tensor(Json json) {
        String type = json.text("type", 20);
        if (!TYPES.containsKey(type)) {
            throw json.fault("type", "float32, float64 or int64, was '" + type + "'");
        }
        List<Long> shape = new ArrayList<>();
        long elements = 1;
        for (double dimension : json.numbers("shape", 1, 8)) {
            if (dimension != Math.rint(dimension) || dimension < 1 || dimension > 1_000_000) {
                throw json.fault("shape", "whole numbers from 1 to 1000000, was " + dimension);
            }
            shape.add((long) dimension);
            elements = Math.min(elements * (long) dimension, Integer.MAX_VALUE);
        }
        TensorSpec tensor = new TensorSpec(
                json.text("name", TENSOR, "1 to 200 printable characters without blanks"),
                TYPES.get(type),
                shape,
                (int) json.integer("rows", 1, 100_000),
                json.texts("features", 1, 2000, Names.SIGNAL, Names.SIGNAL_FORM));
        String layout = json.text("layout", "", 20);
        json.end();
        long product = (long) tensor.rows() * tensor.features().size();
        if (elements != product || product > 1_000_000) {
            throw json.fault(
                    "shape",
                    shape + " has " + elements + " elements, rows times features are " + tensor.rows() + " x "
                            + tensor.features().size() + " = " + product + "; both must be equal and at most 1000000");
        }
        return new TensorSpec(
                tensor.name(),
                tensor.type(),
                shape,
                tensor.rows(),
                tensor.features(),
                TensorLayouts.of(
                        json, layout, shape, tensor.rows(), tensor.features().size()));
    }

    private static OutputSpec output(Json json) {
        double[] range = range(json);
        OutputSpec output = new OutputSpec(
                json.text("name", Names.SIGNAL, Names.SIGNAL_FORM),
                json.text("tensor", TENSOR, "1 to 200 printable characters without blanks"),
                (int) json.integer("index", 0, 1_000_000),
                unit(json),
                range[0],
                range[1],
                json.text("lower", "", 64),
                json.text("upper", "", 64));
        json.end();
        return output;
    }

    private static Budget budget(Json json) {
        Budget budget = new Budget(json.integer("deadlineMs", 1, 60_000), json.integer("memoryMiB", 1, 4096));
        json.end();
        return budget;
    }

    private static void checkReferences(ModelContract contract) {
        Set<String> inputs = unique("inputs", contract.inputNames());
        Set<String> features = unique(
                "features", contract.features().stream().map(FeatureSpec::name).toList());
        unique("tensors", contract.tensors().stream().map(TensorSpec::name).toList());
        Set<String> outputs = unique("outputs", contract.outputNames());
        unique(
                "outputs",
                contract.outputs().stream()
                        .map(output -> output.tensor() + "[" + output.index() + "]")
                        .toList());
        for (FeatureSpec feature : contract.features()) {
            refer("feature " + feature.name() + ": input", feature.input(), inputs);
        }
        for (TensorSpec tensor : contract.tensors()) {
            unique("tensor " + tensor.name() + ": features", tensor.features());
            tensor.features().forEach(feature -> refer("tensor " + tensor.name() + ": feature", feature, features));
        }
        for (OutputSpec output : contract.outputs()) {
            for (String bound : List.of(output.lower(), output.upper())) {
                if (!bound.isEmpty()) {
                    refer("output " + output.name() + ": bound", bound, outputs);
                    if (bound.equals(output.name())) {
                        throw new IllegalArgumentException(
                                FILE + ": output " + bound + ": lower and upper must name other outputs");
                    }
                }
            }
        }
    }

    private static Set<String> unique(String list, List<String> names) {
        Set<String> seen = new HashSet<>();
        for (String name : names) {
            if (!seen.add(name)) {
                throw new IllegalArgumentException(FILE + ": " + list + ": '" + name + "' comes twice");
            }
        }
        return seen;
    }

    private static void refer(String from, String name, Set<String> known) {
        if (!known.contains(name)) {
            throw new IllegalArgumentException(FILE + ": " + from + " '" + name + "' is not defined");
        }
    }
}
