// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelContract.TensorLayout;
import java.util.List;

/**
 * In which order a window lies in a tensor. A count of elements does not tell, and a model that is given rows for features
 * answers with numbers that look right; so the contract says it, unless its shape leaves one reading only.
 */
final class TensorLayouts {
    static final String ROWS_FEATURES = "rowsFeatures";
    static final String FEATURES_ROWS = "featuresRows";

    private TensorLayouts() {}

    /**
     * The layout of a tensor whose elements are rows times features.
     *
     * @param layout what the contract says, empty if nothing.
     * @throws IllegalArgumentException if the shape cannot be read so, or can be read both ways and the contract says nothing.
     */
    static TensorLayout of(Json json, String layout, List<Long> shape, int rows, int features) {
        boolean window = rows > 1 && features > 1;
        boolean rowsFirst = !window || beginsWith(shape, rows);
        boolean featuresFirst = !window || beginsWith(shape, features);
        switch (layout) {
            case ROWS_FEATURES -> {
                if (!rowsFirst) {
                    throw noBorder(json, layout, shape, rows + " rows", features + " features");
                }
                return TensorLayout.ROWS_FEATURES;
            }
            case FEATURES_ROWS -> {
                if (!featuresFirst) {
                    throw noBorder(json, layout, shape, features + " features", rows + " rows");
                }
                return TensorLayout.FEATURES_ROWS;
            }
            case "" -> {
                if (window && (!rowsFirst || featuresFirst)) {
                    throw json.fault(
                            "layout",
                            "is missing, and shape " + shape + " does not tell how " + rows + " rows of " + features
                                    + " features lie in it; write \"" + ROWS_FEATURES
                                    + "\" where the graph wants the features of one cycle side by side, oldest cycle"
                                    + " first, or \"" + FEATURES_ROWS
                                    + "\" where it wants the cycles of one feature side by side (channels first)");
                }
                return TensorLayout.ROWS_FEATURES;
            }
            default -> throw json.fault("layout", ROWS_FEATURES + " or " + FEATURES_ROWS + ", was '" + layout + "'");
        }
    }

    /** Whether the outer of two sides can be this long: the first dimensions make it, or there is one dimension only. */
    private static boolean beginsWith(List<Long> shape, long outer) {
        long product = 1;
        int sides = 0;
        boolean border = false;
        for (long dimension : shape) {
            product *= dimension;
            sides += dimension > 1 ? 1 : 0;
            border |= product == outer;
        }
        return border || sides == 1;
    }

    private static IllegalArgumentException noBorder(
            Json json, String layout, List<Long> shape, String outer, String inner) {
        return json.fault(
                "layout",
                "\"" + layout + "\" needs " + outer + " and then " + inner + ", and shape " + shape
                        + " has no border between them; correct shape or layout");
    }

    /** As the contract writes it. */
    static String name(TensorLayout layout) {
        return layout == TensorLayout.ROWS_FEATURES ? ROWS_FEATURES : FEATURES_ROWS;
    }
}
