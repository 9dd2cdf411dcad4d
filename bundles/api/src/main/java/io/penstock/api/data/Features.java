// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.data;

import java.util.Arrays;
import java.util.List;

/**
 * What the model receives in one cycle: the newest value of every feature, and the input tensors made of them. A tensor of
 * {@code rows} rows holds the last {@code rows} values of its features, oldest row first, newest last.
 *
 * <p>Filled by preprocessing, read by inference and publication, on the pipeline's thread. Not thread-safe.
 */
public final class Features {
    /**
     * One input tensor of the model.
     *
     * @param name name in the ONNX graph.
     * @param rows how many past cycles it spans, 1 for a plain feature vector.
     * @param features indices into the feature list, one per column.
     */
    public record Layout(String name, int rows, List<Integer> features) {
        public Layout {
            features = List.copyOf(features);
        }
    }

    private final List<String> names;
    private final List<Layout> layouts;
    private final double[] values;
    private final int[] statuses;
    private final double[][] tensors;
    private int status = StatusCode.BAD_WAITING_FOR_INITIAL_DATA;

    public Features(List<String> names, List<Layout> layouts) {
        this.names = List.copyOf(names);
        this.layouts = List.copyOf(layouts);
        values = new double[names.size()];
        statuses = new int[names.size()];
        tensors = new double[layouts.size()][];
        for (int i = 0; i < tensors.length; i++) {
            tensors[i] =
                    new double[layouts.get(i).rows() * layouts.get(i).features().size()];
        }
        Arrays.fill(values, Double.NaN);
        Arrays.fill(statuses, StatusCode.BAD_WAITING_FOR_INITIAL_DATA);
    }

    public List<String> names() {
        return names;
    }

    public List<Layout> layouts() {
        return layouts;
    }

    public double value(int feature) {
        return values[feature];
    }

    public int status(int feature) {
        return statuses[feature];
    }

    public void set(int feature, double value, int status) {
        values[feature] = value;
        statuses[feature] = status;
    }

    /** Row-major elements of an input tensor; the array itself, not a copy. */
    public double[] tensor(int index) {
        return tensors[index];
    }

    /** The status the prediction inherits from its inputs; Bad means: do not run the model. */
    public int status() {
        return status;
    }

    public void setStatus(int status) {
        this.status = status;
    }

    /** Copies values and statuses (not the tensors) of features with the same names. */
    public void copyFrom(Features other) {
        System.arraycopy(other.values, 0, values, 0, values.length);
        System.arraycopy(other.statuses, 0, statuses, 0, statuses.length);
        status = other.status;
    }
}
