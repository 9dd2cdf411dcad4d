// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import java.nio.charset.StandardCharsets;

/**
 * Reads the one thing of an ONNX file that is needed before a runtime sees it: the version of the default operator set
 * ({@code ModelProto.opset_import}, field 8). Fields are skipped by their protobuf wire type.
 */
final class OnnxHeader {
    private static final int OPSET_IMPORT = 8;

    private final byte[] bytes;
    private final int end;
    private int at;

    private OnnxHeader(byte[] bytes, int from, int end) {
        this.bytes = bytes;
        this.at = from;
        this.end = end;
    }

    /** @throws ModelRejectedException if it is no ONNX file or names no default operator set. */
    static long opset(byte[] onnx) throws ModelRejectedException {
        OnnxHeader in = new OnnxHeader(onnx, 0, onnx.length);
        long opset = 0;
        while (in.at < in.end) {
            long tag = in.varint();
            if (tag >>> 3 == OPSET_IMPORT && (tag & 7) == 2) {
                int length = in.length();
                opset = Math.max(opset, new OnnxHeader(onnx, in.at, in.at + length).defaultDomainVersion());
                in.at += length;
            } else {
                in.skip((int) (tag & 7));
            }
        }
        if (opset < 1 || opset > 10_000) {
            throw new ModelRejectedException(
                    "model.onnx: names no version of the default operator set; export it as ONNX with an opset");
        }
        return opset;
    }

    private long defaultDomainVersion() throws ModelRejectedException {
        String domain = "";
        long version = 0;
        while (at < end) {
            long tag = varint();
            if (tag == (1 << 3 | 2)) {
                int length = length();
                domain = new String(bytes, at, length, StandardCharsets.UTF_8);
                at += length;
            } else if (tag == 2 << 3) {
                version = varint();
            } else {
                skip((int) (tag & 7));
            }
        }
        return domain.isEmpty() || domain.equals("ai.onnx") ? version : 0;
    }

    private void skip(int wireType) throws ModelRejectedException {
        switch (wireType) {
            case 0 -> varint();
            case 1 -> advance(8);
            case 2 -> advance(length());
            case 5 -> advance(4);
            default -> throw broken();
        }
    }

    private int length() throws ModelRejectedException {
        long length = varint();
        if (length < 0 || length > end - at) {
            throw broken();
        }
        return (int) length;
    }

    private void advance(int n) throws ModelRejectedException {
        if (n > end - at) {
            throw broken();
        }
        at += n;
    }

    private long varint() throws ModelRejectedException {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (at >= end) {
                throw broken();
            }
            byte b = bytes[at++];
            value |= (b & 0x7FL) << shift;
            if (b >= 0) {
                return value;
            }
        }
        throw broken();
    }

    private ModelRejectedException broken() {
        return new ModelRejectedException("model.onnx: is no ONNX file (broken at byte " + at + "); export it again");
    }
}
