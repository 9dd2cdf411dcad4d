// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Reads of an ONNX file what must be known before ONNX Runtime sees it: operator sets, whether any tensor lies in another file,
 * and which operators read a window. From bytes ONNX Runtime 1.29 resolves such files against the working directory, and refuses them only by chance.
 *
 * <p>Field numbers are those of onnx.proto (IR version 13). What this reader cannot read is refused.
 */
final class GraphScan {
    private static final int DEPTH_LIMIT = 100; // as in protobuf's own parser
    private static final int MAIN_NODE = 2; // below the model and its graph

    /** Messages on the way to tensors and operator sets. */
    private enum Message {
        MODEL,
        GRAPH,
        NODE,
        ATTRIBUTE,
        TENSOR,
        SPARSE_TENSOR,
        TRAINING,
        FUNCTION,
        OPERATOR_SET,
        ENTRY;

        @Nullable
        Message field(int number) {
            return switch (this) {
                case MODEL ->
                    switch (number) {
                        case 7 -> GRAPH;
                        case 8 -> OPERATOR_SET;
                        case 20 -> TRAINING;
                        case 25 -> FUNCTION;
                        default -> null;
                    };
                case GRAPH ->
                    switch (number) {
                        case 1 -> NODE;
                        case 5 -> TENSOR;
                        case 15 -> SPARSE_TENSOR;
                        default -> null;
                    };
                case NODE -> number == 5 ? ATTRIBUTE : null;
                case ATTRIBUTE ->
                    switch (number) {
                        case 5, 10 -> TENSOR;
                        case 6, 11 -> GRAPH;
                        case 22, 23 -> SPARSE_TENSOR;
                        default -> null;
                    };
                case SPARSE_TENSOR -> number == 1 || number == 2 ? TENSOR : null;
                case TRAINING -> number == 1 || number == 2 ? GRAPH : null;
                case FUNCTION ->
                    switch (number) {
                        case 7 -> NODE;
                        case 9 -> OPERATOR_SET;
                        case 11 -> ATTRIBUTE;
                        default -> null;
                    };
                case TENSOR -> number == 13 ? ENTRY : null;
                case OPERATOR_SET, ENTRY -> null;
            };
        }
    }

    private final byte[] bytes;
    private long opset;
    private long mlOpset;
    private @Nullable String external;
    private final Map<String, Set<String>> readers = new HashMap<>();
    private final Map<String, String> copies = new HashMap<>();

    private GraphScan(byte[] bytes) {
        this.bytes = bytes;
    }

    /** @throws IllegalArgumentException if it is no ONNX file. */
    static GraphScan of(byte[] onnx) {
        GraphScan scan = new GraphScan(onnx);
        scan.message(Message.MODEL, 0, onnx.length, 0);
        return scan;
    }

    /** Highest operator set of the default domain the file asks for, 0 for none. */
    long opset() {
        return opset;
    }

    /** Highest operator set of {@code ai.onnx.ml} the file asks for, 0 for none. */
    long mlOpset() {
        return mlOpset;
    }

    /** Name of a tensor that lies in another file, null for none. */
    @Nullable
    String external() {
        return external;
    }

    /** Operators for which the order of a window has a meaning and that read a tensor of the main graph, as it is or copied. */
    Set<String> readers(String tensor) {
        return readers.getOrDefault(tensor, Set.of());
    }

    private void node(String operator, String input, String output) {
        String origin = copies.getOrDefault(input, input);
        switch (operator) {
            case "Identity", "Cast" -> copies.put(output, origin);
            case "Conv", "LSTM", "GRU", "RNN" ->
                readers.computeIfAbsent(origin, t -> new TreeSet<>()).add(operator);
            default -> {}
        }
    }

    private void message(Message kind, int from, int to, int depth) {
        if (depth > DEPTH_LIMIT) {
            throw new IllegalArgumentException("nested deeper than " + DEPTH_LIMIT + " messages at byte " + from);
        }
        String text = "";
        String input = "";
        String output = "";
        long number = 0;
        boolean elsewhere = false;
        int at = from;
        while (at < to) {
            long tag = varint(at, to);
            at = afterVarint(at, to);
            int field = (int) (tag >>> 3);
            if (field == 0 || tag >>> 32 != 0) {
                throw malformed(at); // protobuf has no such field; ONNX Runtime's own ORT format begins like this
            }
            switch ((int) tag & 7) {
                case 0 -> {
                    long value = varint(at, to);
                    at = afterVarint(at, to);
                    if (kind == Message.OPERATOR_SET && field == 2) {
                        number = value;
                    }
                    elsewhere |= kind == Message.TENSOR && field == 14 && value != 0;
                }
                case 1 -> at = skip(at, 8, to);
                case 5 -> at = skip(at, 4, to);
                case 2 -> {
                    long length = varint(at, to);
                    int start = afterVarint(at, to);
                    at = skip(start, length, to);
                    Message inner = kind.field(field);
                    if (inner == Message.ENTRY) {
                        elsewhere = true;
                    } else if (inner != null) {
                        message(inner, start, at, depth + 1);
                    } else if (kind == Message.NODE && depth == MAIN_NODE && field == 1 && input.isEmpty()) {
                        input = new String(bytes, start, at - start, StandardCharsets.UTF_8);
                    } else if (kind == Message.NODE && depth == MAIN_NODE && field == 2 && output.isEmpty()) {
                        output = new String(bytes, start, at - start, StandardCharsets.UTF_8);
                    } else if (kind == Message.NODE && depth == MAIN_NODE && field == 4) {
                        text = new String(bytes, start, at - start, StandardCharsets.UTF_8);
                    } else if ((kind == Message.OPERATOR_SET && field == 1) || (kind == Message.TENSOR && field == 8)) {
                        text = new String(bytes, start, at - start, StandardCharsets.UTF_8);
                    }
                }
                default -> throw malformed(at);
            }
        }
        if (kind == Message.OPERATOR_SET) {
            switch (text) {
                case "", "ai.onnx" -> opset = Math.max(opset, number);
                case "ai.onnx.ml" -> mlOpset = Math.max(mlOpset, number);
                default -> {} // an unknown domain is refused by ONNX Runtime, with the operator's name
            }
        }
        if (kind == Message.NODE && depth == MAIN_NODE) {
            node(text, input, output);
        }
        if (elsewhere) {
            external = text;
        }
    }

    private int skip(int at, long length, int to) {
        if (length < 0 || length > to - at) {
            throw malformed(at);
        }
        return at + (int) length;
    }

    private long varint(int at, int to) {
        long value = 0;
        for (int i = 0; i < 10 && at + i < to; i++) {
            value |= (bytes[at + i] & 0x7FL) << (7 * i);
            if (bytes[at + i] >= 0) {
                return value;
            }
        }
        throw malformed(at);
    }

    private int afterVarint(int at, int to) {
        int i = at;
        while (i < to && bytes[i] < 0) {
            i++;
        }
        return i + 1;
    }

    private static IllegalArgumentException malformed(int at) {
        return new IllegalArgumentException("no ONNX file: cannot be read at byte " + at);
    }
}
