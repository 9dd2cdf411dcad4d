// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Writes the smallest useful ONNX file by hand: y = x + x on [1,1] floats, opset 17. */
final class TestGraph {
    private TestGraph() {}

    static byte[] doubled() {
        byte[] node = message(field(1, "x"), field(1, "x"), field(2, "y"), field(4, "Add"));
        byte[] graph =
                message(field(1, node), field(2, "doubled"), field(11, valueInfo("x")), field(12, valueInfo("y")));
        byte[] opset = message(field(1, ""), varint(2, 17));
        return message(varint(1, 8), field(2, "test"), field(7, graph), field(8, opset));
    }

    private static byte[] valueInfo(String name) {
        byte[] dimension = field(1, message(varint(1, 1)));
        byte[] shape = message(dimension, dimension);
        byte[] tensor = message(varint(1, 1), field(2, shape));
        return message(field(1, name), field(2, message(field(1, tensor))));
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

    private static byte[] field(int number, byte[] bytes) {
        return message(new byte[] {(byte) (number << 3 | 2), (byte) bytes.length}, bytes);
    }

    private static byte[] varint(int number, int value) {
        return new byte[] {(byte) (number << 3), (byte) value};
    }
}
