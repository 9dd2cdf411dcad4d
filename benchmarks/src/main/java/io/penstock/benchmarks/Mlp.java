// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.Budget;
import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.ModelIdentity;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The model of the benchmarks: 8 inputs, 16 hidden units, 1 output, float32. */
public final class Mlp {
    public static final int INPUTS = 8;

    private static final List<String> FEATURES = List.of("f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7");

    /** What a release of it holds. */
    enum Form {
        /** the network alone. */
        PLAIN,
        /** a ninth input, {@code sequence}, passed through to an output of that name. */
        SEQUENCE
    }

    private Mlp() {}

    public static byte[] onnx() throws IOException {
        try (InputStream in = Mlp.class.getResourceAsStream("mlp.onnx")) {
            return in.readAllBytes();
        }
    }

    /** The graph of a form. Two protobuf messages one behind the other are one: the second adds to the first. */
    static byte[] onnx(Form form) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(onnx());
        if (form == Form.SEQUENCE) { // graph = 7: node = 1, input = 11, output = 12; node: input = 1, output = 2, type
            // = 4
            byte[] node = message(field(1, text("s")), field(2, text("sequence")), field(4, text("Identity")));
            out.write(field(7, message(field(1, node), field(11, scalar("s")), field(12, scalar("sequence")))));
        }
        return out.toByteArray();
    }

    /** {@code ValueInfoProto} of a float32 of shape [1, 1]. */
    private static byte[] scalar(String name) {
        byte[] one = field(1, new byte[] {1 << 3, 1}); // dim = 1: dim_value = 1
        byte[] tensor = message(new byte[] {1 << 3, 1}, field(2, message(one, one))); // elem_type = 1: FLOAT, shape = 2
        return message(field(1, text(name)), field(2, field(1, tensor)));
    }

    private static byte[] field(int number, byte[] content) {
        return message(new byte[] {(byte) (number << 3 | 2), (byte) content.length}, content); // below 128 bytes all
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] message(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    /** {@code model.json} of a form: inputs i0 to i7, z-scores of 32 cycles, output y. */
    static String contract(Form form) {
        boolean sequence = form == Form.SEQUENCE;
        String input = "{\"name\": \"%s\", \"unit\": \"\", \"required\": true, \"range\": [-1e9, 1e9],"
                + " \"maximumAgeMs\": 5000, \"missing\": {\"policy\": \"fail\"}}";
        String tensor =
                "{\"name\": \"%s\", \"type\": \"float32\", \"shape\": [1, %d], \"rows\": 1, \"features\": [%s]}";
        String output = "{\"name\": \"%s\", \"tensor\": \"%<s\", \"index\": 0, \"unit\": \"\", \"range\": [-1e9, 1e9]}";
        return "{\"schema\": 1, \"name\": \"mlp\", \"version\": \"1.0.0\", \"cycleMs\": 0, \"inputs\": ["
                + each(input.replace("%s", "i%d"), 0, 0, ", ")
                + (sequence ? ", " + input.formatted("sequence") : "")
                + "], \"features\": ["
                + each(
                        "{\"name\": \"f%d\", \"input\": \"i%<d\", \"operators\": [{\"operator\": \"zScore\","
                                + " \"window\": 32, \"ddof\": 0}]}",
                        0, 0, ", ")
                + (sequence ? ", {\"name\": \"sequence\", \"input\": \"sequence\", \"operators\": []}" : "")
                + "], \"tensors\": [" + tensor.formatted("x", INPUTS, each("\"f%d\"", 0, 0, ", "))
                + (sequence ? ", " + tensor.formatted("s", 1, "\"sequence\"") : "")
                + "], \"outputs\": [" + output.formatted("y")
                + (sequence ? ", " + output.formatted("sequence") : "")
                + "], \"budget\": {\"deadlineMs\": 50, \"memoryMiB\": 64}}";
    }

    /** Raw inputs of forty cycles for the golden vectors of a form. */
    static String golden(Form form) {
        return IntStream.range(0, 40)
                .mapToObj(i -> "{\"timeNs\": " + (1_767_225_600_000_000_000L + i * 1_000_000L) + ", \"inputs\": ["
                        + IntStream.range(0, INPUTS)
                                .mapToObj(k -> "[" + (0.1 * k + 0.01 * (i % 7)) + ", 0, 0]")
                                .collect(Collectors.joining(", "))
                        + (form == Form.SEQUENCE ? ", [" + i + ", 0, 0]" : "") + "]}")
                .collect(Collectors.joining(", ", "{\"cycles\": [", "]}"));
    }

    /** The pattern for each input, with its number and {@code from + step * number}. */
    static String each(String pattern, int from, int step, String between) {
        return IntStream.range(0, INPUTS)
                .mapToObj(i -> String.format(Locale.ROOT, pattern, i, from + step * i))
                .collect(Collectors.joining(between));
    }

    static ModelArtifact artifact() throws IOException {
        ModelContract contract = new ModelContract(
                "mlp",
                "1.0.0",
                0,
                List.of(),
                List.of(),
                List.of(new TensorSpec("x", ElementType.FLOAT32, List.of(1L, (long) INPUTS), 1, FEATURES)),
                List.of(new OutputSpec("y", "y", 0, "", -1e9, 1e9, "", "")),
                new Budget(50, 64));
        return new ModelArtifact(new ModelIdentity("mlp", "1.0.0", 1, "", "CN=benchmark"), contract, onnx());
    }
}
