// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** What the states of the built-in operators have in common: a version in front, and a mistrust of every number read. */
final class StateFormat {
    private static final int VERSION = 1;

    private StateFormat() {}

    static void writeVersion(DataOutput out) throws IOException {
        out.writeByte(VERSION);
    }

    static void readVersion(DataInput in) throws IOException {
        int version = in.readUnsignedByte();
        require(version == VERSION, "version " + VERSION + " is known, was " + version);
    }

    /** A count that is checked before anything is allocated for it. */
    static int readCount(DataInput in, int most) throws IOException {
        int count = in.readInt();
        require(count >= 0 && count <= most, "a count from 0 to " + most + ", was " + count);
        return count;
    }

    static double readFinite(DataInput in) throws IOException {
        double value = in.readDouble();
        require(Double.isFinite(value), "a finite number, was " + value);
        return value;
    }

    static void require(boolean condition, String message) throws IOException {
        if (!condition) {
            throw new IOException("state refused: " + message);
        }
    }
}
