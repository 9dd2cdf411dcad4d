// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;

/**
 * The past rows of one tensor. Until it is full the first row is repeated backwards in time and the prediction is
 * UncertainInitialValue. A cycle that has no value for a column empties it: rows are consecutive cycles or nothing.
 */
final class Ring {
    final int[] columns;
    private final String key;
    private final int rows;
    private final boolean[] allowsNaN;
    private final double[] data;
    private final int[] flags;
    private int filled;
    private int next;

    Ring(String key, int rows, int[] columns, boolean[] allowsNaN) {
        this.key = key;
        this.rows = rows;
        this.columns = columns;
        this.allowsNaN = allowsNaN;
        data = new double[rows * columns.length];
        flags = new int[rows];
    }

    String key() {
        return key;
    }

    boolean hasMemory() {
        return rows > 1;
    }

    int rows() {
        return rows;
    }

    /** Takes the row of this cycle. */
    void push(double[] values, int[] featureFlags) {
        int rowFlags = 0;
        for (int i = 0; i < columns.length; i++) {
            double value = values[columns[i]];
            if (Double.isNaN(value) && !allowsNaN[i]) {
                forget();
                return;
            }
            data[next * columns.length + i] = value;
            rowFlags |= featureFlags[columns[i]];
        }
        flags[next] = rowFlags;
        next = next + 1 == rows ? 0 : next + 1;
        filled = Math.min(filled + 1, rows);
    }

    /** What its rows say about the prediction; BAD while there is none. */
    int flags() {
        if (filled == 0) {
            return Flags.BAD;
        }
        int all = filled < rows ? Flags.INITIAL : 0;
        for (int row = 0; row < filled; row++) {
            all |= flags[row];
        }
        return all;
    }

    /** Writes the rows, oldest first. */
    void copyTo(double[] tensor) {
        int width = columns.length;
        if (filled == 0) {
            Arrays.fill(tensor, Double.NaN);
        } else if (filled < rows) {
            int missing = rows - filled;
            for (int row = 0; row < missing; row++) {
                System.arraycopy(data, 0, tensor, row * width, width);
            }
            System.arraycopy(data, 0, tensor, missing * width, filled * width);
        } else {
            int old = (rows - next) * width;
            System.arraycopy(data, next * width, tensor, 0, old);
            System.arraycopy(data, 0, tensor, old, next * width);
        }
    }

    void forget() {
        filled = 0;
        next = 0;
    }

    void save(DataOutput out) throws IOException {
        StateFormat.writeVersion(out);
        out.writeInt(filled);
        for (int i = 0; i < filled; i++) {
            int row = filled < rows ? i : (next + i) % rows;
            out.writeInt(flags[row]);
            for (int column = 0; column < columns.length; column++) {
                out.writeDouble(data[row * columns.length + column]);
            }
        }
    }

    void restore(DataInput in) throws IOException {
        StateFormat.readVersion(in);
        int count = StateFormat.readCount(in, rows);
        double[] values = new double[data.length];
        int[] rowFlags = new int[rows];
        for (int row = 0; row < count; row++) {
            rowFlags[row] = in.readInt();
            for (int column = 0; column < columns.length; column++) {
                double value = in.readDouble();
                StateFormat.require(
                        Double.isFinite(value) || (Double.isNaN(value) && allowsNaN[column]),
                        "a finite number, was " + value);
                values[row * columns.length + column] = value;
            }
        }
        System.arraycopy(values, 0, data, 0, data.length);
        System.arraycopy(rowFlags, 0, flags, 0, rows);
        filled = count;
        next = count == rows ? 0 : count;
    }
}
