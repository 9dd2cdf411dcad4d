// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import io.penstock.api.model.ModelContract.ElementType;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Small graphs of any shape, written by hand in the fields of onnx.proto, opset 17. */
final class Graphs {
    private Graphs() {}

    /** y = x. */
    static byte[] identity(ElementType type, long... shape) {
        return model(node("Identity", "x", "y"), new byte[0], value("x", type, shape), value("y", type, shape));
    }

    /** y = one filter of width 1 over the channels of x [1, channels, length], whose weights are 1, 2, 3 … */
    static byte[] convolution(int channels, int length) {
        ByteBuffer weights = ByteBuffer.allocate(4 * channels).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 1; i <= channels; i++) {
            weights.putFloat(i);
        }
        byte[] tensor = message(
                varint(1, 1),
                varint(1, channels),
                varint(1, 1),
                varint(2, 1),
                field(8, "w"),
                field(9, weights.array()));
        return model(
                message(field(1, "x"), field(1, "w"), field(2, "y"), field(4, "Conv")),
                field(5, tensor),
                value("x", ElementType.FLOAT32, 1, channels, length),
                value("y", ElementType.FLOAT32, 1, 1, length));
    }

    /** An operator that reads x after so many copies; enough to be scanned, not to be run. */
    static byte[] read(String operator, int copies, long... shape) {
        ByteArrayOutputStream nodes = new ByteArrayOutputStream();
        String from = "x";
        for (int i = 0; i < copies; i++) {
            nodes.writeBytes(field(1, node(i % 2 == 0 ? "Cast" : "Identity", from, "x" + i)));
            from = "x" + i;
        }
        nodes.writeBytes(field(1, node(operator, from, "y")));
        byte[] x = value("x", ElementType.FLOAT32, shape);
        return file(message(nodes.toByteArray(), field(2, "read"), field(11, x), field(12, x)));
    }

    private static byte[] model(byte[] node, byte[] initializers, byte[] input, byte[] output) {
        return file(message(field(1, node), initializers, field(2, "graph"), field(11, input), field(12, output)));
    }

    private static byte[] file(byte[] graph) {
        byte[] operators = message(field(1, ""), varint(2, 17));
        return message(varint(1, 8), field(2, "test"), field(7, graph), field(8, operators));
    }

    private static byte[] node(String operator, String input, String output) {
        return message(field(1, input), field(2, output), field(4, operator));
    }

    private static byte[] value(String name, ElementType type, long... shape) {
        ByteArrayOutputStream dimensions = new ByteArrayOutputStream();
        for (long n : shape) {
            dimensions.writeBytes(field(1, varint(1, n)));
        }
        int code = type == ElementType.FLOAT32 ? 1 : type == ElementType.FLOAT64 ? 11 : 7;
        byte[] tensor = message(varint(1, code), field(2, dimensions.toByteArray()));
        return message(field(1, name), field(2, field(1, tensor)));
    }

    private static byte[] message(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    private static byte[] field(int number, String text) {
        return field(number, text.getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] field(int number, byte[] content) {
        return message(number(number << 3 | 2), number(content.length), content);
    }

    private static byte[] varint(int field, long value) {
        return message(number((long) field << 3), number(value));
    }

    private static byte[] number(long value) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        long left = value;
        while (left >= 0x80) {
            out.write((int) ((left & 0x7F) | 0x80));
            left >>>= 7;
        }
        out.write((int) left);
        return out.toByteArray();
    }
}
