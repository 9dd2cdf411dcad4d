// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.FeatureSpec;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.model.OperatorSpec;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The manifest of a model bundle: written from the contract, and read back strictly. Only headers that describe data are
 * known; whatever could run or share code (Bundle-Activator, Fragment-Host, Import-Package, Service-Component, …) is not.
 */
final class BundleManifest {
    private static final String MODEL_NAMESPACE = "io.penstock.model";
    private static final String INFERENCE_NAMESPACE = "io.penstock.inference";
    private static final String OPERATOR_NAMESPACE = "io.penstock.operator";
    private static final Set<String> HEADERS = Set.of(
            "Manifest-Version",
            "Bundle-ManifestVersion",
            "Bundle-SymbolicName",
            "Bundle-Version",
            "Bundle-Name",
            "Bundle-Description",
            "Bundle-Vendor",
            "Bundle-License",
            "Bundle-Copyright",
            "Created-By",
            "Provide-Capability",
            "Require-Capability");
    private static final int LONGEST_LINE = 72;

    private BundleManifest() {}

    static byte[] write(ModelContract contract, long opset) {
        StringBuilder text = new StringBuilder();
        header(text, "Manifest-Version", "1.0");
        header(text, "Bundle-ManifestVersion", "2");
        header(text, "Bundle-SymbolicName", symbolicName(contract.name()));
        header(text, "Bundle-Version", contract.version());
        header(text, "Bundle-Name", "Model " + contract.name());
        header(text, "Provide-Capability", provided(contract));
        header(text, "Require-Capability", String.join(",", required(contract, opset)));
        return text.append("\r\n").toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void header(StringBuilder text, String name, String value) {
        String line = name + ": " + value;
        String indent = "";
        while (indent.length() + line.length() > LONGEST_LINE - 2) {
            int cut = LONGEST_LINE - 2 - indent.length();
            text.append(indent).append(line, 0, cut).append("\r\n");
            line = line.substring(cut);
            indent = " ";
        }
        text.append(indent).append(line).append("\r\n");
    }

    static String symbolicName(String model) {
        return "io.penstock.model." + model;
    }

    private static String provided(ModelContract contract) {
        return MODEL_NAMESPACE + ";model=\"" + contract.name() + "\";version:Version=\"" + contract.version() + "\"";
    }

    private static List<String> required(ModelContract contract, long opset) {
        List<String> clauses = new ArrayList<>();
        clauses.add(INFERENCE_NAMESPACE + ";filter:=\"" + inferenceFilter(opset) + "\"");
        for (String operator : operators(contract)) {
            clauses.add(OPERATOR_NAMESPACE + ";filter:=\"" + operatorFilter(operator) + "\"");
        }
        return clauses;
    }

    private static String inferenceFilter(long opset) {
        return "(&(format=onnx)(opset>=" + opset + "))";
    }

    private static String operatorFilter(String operator) {
        return "(operator=" + operator + ")";
    }

    static Set<String> operators(ModelContract contract) {
        Set<String> operators = new TreeSet<>();
        for (FeatureSpec feature : contract.features()) {
            for (OperatorSpec operator : feature.operators()) {
                operators.add(operator.operator());
            }
        }
        return operators;
    }

    /** Refuses a manifest that is not about this contract, or asks for more or less than the model needs. */
    static void check(byte[] manifest, ModelContract contract, long opset) throws ModelRejectedException {
        Map<String, String> headers = parse(manifest);
        expect(headers, "Manifest-Version", "1.0");
        expect(headers, "Bundle-ManifestVersion", "2");
        expect(headers, "Bundle-SymbolicName", symbolicName(contract.name()));
        expect(headers, "Bundle-Version", contract.version());
        expect(headers, "Provide-Capability", provided(contract));
        Set<String> wanted = new TreeSet<>(required(contract, opset));
        Set<String> there = new TreeSet<>(clauses(needed(headers, "Require-Capability")));
        if (!there.equals(wanted)) {
            throw refused("Require-Capability: model.json and model.onnx need " + wanted + ", the manifest says '"
                    + Json.shortened(String.join(",", there)) + "'; pack it with 'penstock model pack'");
        }
    }

    /** Splits at commas outside quotes; blanks around clauses do not matter. */
    private static List<String> clauses(String value) {
        List<String> clauses = new ArrayList<>();
        StringBuilder clause = new StringBuilder();
        boolean quoted = false;
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            quoted ^= c == '"';
            if (c == ',' && !quoted) {
                clauses.add(clause.toString().trim());
                clause.setLength(0);
            } else {
                clause.append(c);
            }
        }
        clauses.add(clause.toString().trim());
        return clauses;
    }

    private static void expect(Map<String, String> headers, String name, String value) throws ModelRejectedException {
        String found = needed(headers, name);
        if (!found.equals(value)) {
            throw refused(name + ": must be '" + value + "', was '" + Json.shortened(found) + "'");
        }
    }

    private static String needed(Map<String, String> headers, String name) throws ModelRejectedException {
        String value = headers.get(name);
        if (value == null) {
            throw refused(name + ": is missing");
        }
        return value;
    }

    private static Map<String, String> parse(byte[] manifest) throws ModelRejectedException {
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(manifest))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new ModelRejectedException("bundle: manifest: is not UTF-8", e);
        }
        if (!text.endsWith("\n")) {
            throw refused("the last line has no end");
        }
        Map<String, String> headers = new LinkedHashMap<>();
        Set<String> seen = new TreeSet<>();
        String name = "";
        boolean ended = false;
        for (String line : text.replace("\r\n", "\n").split("\n", -1)) {
            if (line.isEmpty()) {
                ended = true;
            } else if (ended) {
                throw refused("there is a section of its own ('" + Json.shortened(line)
                        + "'), only main headers are allowed");
            } else if (line.indexOf('\r') >= 0 || line.indexOf('\0') >= 0) {
                throw refused("a line holds a control character");
            } else if (line.startsWith(" ") && !name.isEmpty()) {
                headers.merge(name, line.substring(1), String::concat);
            } else {
                name = header(line);
                if (!seen.add(name.toLowerCase(Locale.ROOT))) {
                    throw refused(name + ": comes twice");
                }
                headers.put(name, line.substring(name.length() + 2));
            }
        }
        return headers;
    }

    private static String header(String line) throws ModelRejectedException {
        int colon = line.indexOf(": ");
        String name = colon < 0 ? line : line.substring(0, colon);
        if (colon < 0 || !HEADERS.contains(name)) {
            throw refused("header '" + Json.shortened(name) + "' is not allowed in a model bundle; allowed are "
                    + new TreeSet<>(HEADERS));
        }
        return name;
    }

    private static ModelRejectedException refused(String message) {
        return new ModelRejectedException("bundle: manifest: " + message);
    }
}
