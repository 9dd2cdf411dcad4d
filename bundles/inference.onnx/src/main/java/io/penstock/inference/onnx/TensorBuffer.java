// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelContract.TensorLayout;
import io.penstock.api.model.ModelContract.TensorSpec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import org.jspecify.annotations.Nullable;

/** One tensor over memory that both Java and ONNX Runtime see; made once, used in every run. */
abstract sealed class TensorBuffer {
    /** Beyond it a double no longer holds every whole number. */
    private static final double EXACT = 0x1p53;

    final OnnxTensor tensor;
    /** Where each value of a window lies in the tensor; null where both have the same order. */
    private final int @Nullable [] places;

    private TensorBuffer(OnnxTensor tensor, int @Nullable [] places) {
        this.tensor = tensor;
        this.places = places;
    }

    /** For what comes out of the graph. */
    static TensorBuffer allocate(OrtEnvironment environment, ElementType type, long[] shape, int elements)
            throws OrtException {
        return allocate(environment, type, shape, elements, null);
    }

    /** For what goes into it. */
    static TensorBuffer allocate(OrtEnvironment environment, TensorSpec spec, long[] shape, int elements)
            throws OrtException {
        int rows = spec.rows();
        int columns = spec.features().size();
        if (spec.layout() == TensorLayout.ROWS_FEATURES || rows == 1 || columns == 1) {
            return allocate(environment, spec.type(), shape, elements, null);
        }
        int[] places = new int[elements];
        for (int i = 0; i < elements; i++) {
            places[i] = i % columns * rows + i / columns;
        }
        return allocate(environment, spec.type(), shape, elements, places);
    }

    private static TensorBuffer allocate(
            OrtEnvironment environment, ElementType type, long[] shape, int elements, int @Nullable [] places)
            throws OrtException {
        ByteBuffer memory = ByteBuffer.allocateDirect(elements * bytes(type)).order(ByteOrder.nativeOrder());
        return switch (type) {
            case FLOAT32 -> new Float32(environment, memory.asFloatBuffer(), shape, places);
            case FLOAT64 -> new Float64(environment, memory.asDoubleBuffer(), shape, places);
            case INT64 -> new Int64(environment, memory.asLongBuffer(), shape, places);
        };
    }

    final int place(int index) {
        int[] order = places;
        return order == null ? index : order[index];
    }

    static int bytes(ElementType type) {
        return type == ElementType.FLOAT32 ? Float.BYTES : Long.BYTES;
    }

    /**
     * Takes over all values of a window, row by row; {@code NaN} passes where the type has one.
     *
     * @return index of the first it cannot hold, or -1.
     */
    abstract int fill(double[] values);

    /** Why the type cannot hold a value {@link #fill} stopped at. */
    abstract String refusal();

    /** An element as double, {@code NaN} where a double cannot hold it. */
    abstract double get(int index);

    /** Makes an element that is not written by the next run show as {@code NaN}, where the type has one. */
    abstract void forget(int index);

    void close() {
        tensor.close();
    }

    private static final class Float32 extends TensorBuffer {
        private final FloatBuffer elements;

        Float32(OrtEnvironment environment, FloatBuffer elements, long[] shape, int @Nullable [] places)
                throws OrtException {
            super(OnnxTensor.createTensor(environment, elements, shape), places);
            this.elements = elements;
        }

        @Override
        int fill(double[] values) {
            for (int i = 0; i < values.length; i++) {
                float value = (float) values[i];
                if (Float.isInfinite(value)) {
                    return i;
                }
                elements.put(place(i), value);
            }
            return -1;
        }

        @Override
        String refusal() {
            return "is infinite or beyond float32";
        }

        @Override
        double get(int index) {
            return elements.get(index);
        }

        @Override
        void forget(int index) {
            elements.put(index, Float.NaN);
        }
    }

    private static final class Float64 extends TensorBuffer {
        private final DoubleBuffer elements;

        Float64(OrtEnvironment environment, DoubleBuffer elements, long[] shape, int @Nullable [] places)
                throws OrtException {
            super(OnnxTensor.createTensor(environment, elements, shape), places);
            this.elements = elements;
        }

        @Override
        int fill(double[] values) {
            for (int i = 0; i < values.length; i++) {
                if (Double.isInfinite(values[i])) {
                    return i;
                }
                elements.put(place(i), values[i]);
            }
            return -1;
        }

        @Override
        String refusal() {
            return "is infinite";
        }

        @Override
        double get(int index) {
            return elements.get(index);
        }

        @Override
        void forget(int index) {
            elements.put(index, Double.NaN);
        }
    }

    private static final class Int64 extends TensorBuffer {
        private final LongBuffer elements;

        Int64(OrtEnvironment environment, LongBuffer elements, long[] shape, int @Nullable [] places)
                throws OrtException {
            super(OnnxTensor.createTensor(environment, elements, shape), places);
            this.elements = elements;
        }

        @Override
        int fill(double[] values) {
            for (int i = 0; i < values.length; i++) {
                double value = values[i];
                // written so that NaN fails too
                if (!(Math.rint(value) == value && Math.abs(value) <= EXACT)) {
                    return i;
                }
                elements.put(place(i), (long) value);
            }
            return -1;
        }

        @Override
        String refusal() {
            return "is no whole number of at most 2^53, but the tensor is int64";
        }

        @Override
        double get(int index) {
            long value = elements.get(index);
            return Math.abs((double) value) <= EXACT ? value : Double.NaN;
        }

        @Override
        void forget(int index) {
            // int64 has no value that means "none"
        }
    }
}
