// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.model.ModelContract.TensorLayout;
import io.penstock.api.model.ModelRejectedException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A contract says how a window lies in its tensor, or there is only one way. */
class TensorLayoutTest {
    private static final int LONGEST = 6;

    // A convolution was given cycles for channels: it answered, and nobody could see that the numbers meant nothing.
    @Test
    void whatCanBeReadTwoWaysMustSayItsLayout() throws Exception {
        int accepted = 0;
        int refused = 0;
        for (int rows = 1; rows <= LONGEST; rows++) {
            for (int features = 1; features <= LONGEST; features++) {
                for (List<Integer> shape : shapes(rows * features)) {
                    boolean byRows = readable(shape, rows, features);
                    boolean byFeatures = readable(shape, features, rows);
                    boolean same = rows == 1 || features == 1;
                    assertEquals(
                            byRows ? TensorLayout.ROWS_FEATURES : null, layout(shape, rows, features, "rowsFeatures"));
                    assertEquals(
                            byFeatures ? TensorLayout.FEATURES_ROWS : null,
                            layout(shape, rows, features, "featuresRows"));
                    TensorLayout unsaid = layout(shape, rows, features, null);
                    assertEquals(
                            same || (byRows && !byFeatures) ? TensorLayout.ROWS_FEATURES : null,
                            unsaid,
                            shape + " for " + rows + " rows of " + features);
                    accepted += unsaid == null ? 0 : 1;
                    refused += unsaid == null ? 1 : 0;
                }
            }
        }
        assertTrue(accepted > 50 && refused > 50, accepted + " accepted, " + refused + " refused");
    }

    // The model team must learn what to write, not only that something is wrong.
    @Test
    void theRefusalSaysWhatToWrite() {
        String message = assertThrows(
                        ModelRejectedException.class, () -> ContractReader.read(contract(List.of(1, 3, 4), 4, 3, null)))
                .getMessage();
        for (String word :
                List.of("tensors[0]: layout", "[1, 3, 4]", "4 rows of 3 features", "rowsFeatures", "featuresRows")) {
            assertTrue(message.contains(word), message);
        }
        message = assertThrows(
                        ModelRejectedException.class,
                        () -> ContractReader.read(contract(List.of(1, 3, 4), 4, 3, "channelsFirst")))
                .getMessage();
        assertTrue(message.contains("rowsFeatures or featuresRows, was 'channelsFirst'"), message);
        message = assertThrows(
                        ModelRejectedException.class,
                        () -> ContractReader.read(contract(List.of(1, 3, 4), 4, 3, "rowsFeatures")))
                .getMessage();
        assertTrue(message.contains("4 rows and then 3 features"), message);
    }

    private static TensorLayout layout(List<Integer> shape, int rows, int features, String layout) {
        try {
            return ContractReader.read(contract(shape, rows, features, layout))
                    .tensors()
                    .get(0)
                    .layout();
        } catch (ModelRejectedException e) {
            assertTrue(e.getMessage().contains("layout"), e.getMessage());
            return null;
        }
    }

    /** Told by walking through the elements: the outer index changes only where a dimension ends. */
    private static boolean readable(List<Integer> shape, int outer, int inner) {
        if (outer == 1 || inner == 1) {
            return true;
        }
        List<Integer> sides = shape.stream().filter(side -> side > 1).toList();
        if (sides.size() == 1) {
            return true;
        }
        for (int border = 1; border < sides.size(); border++) {
            int before = sides.subList(0, border).stream().reduce(1, (a, b) -> a * b);
            int after = sides.subList(border, sides.size()).stream().reduce(1, (a, b) -> a * b);
            if (before == outer && after == inner) {
                return true;
            }
        }
        return false;
    }

    /** Every shape of up to four dimensions with this many elements, the first of which may be a batch of 1. */
    private static List<List<Integer>> shapes(int elements) {
        List<List<Integer>> shapes = new ArrayList<>();
        for (int a = 1; a <= elements; a++) {
            for (int b = 1; b <= elements / a; b++) {
                for (int c = 1; c <= elements / a / b; c++) {
                    if (elements % (a * b * c) == 0) {
                        shapes.add(List.of(a, b, c, elements / (a * b * c)));
                    }
                }
            }
        }
        shapes.add(List.of(elements));
        return shapes;
    }

    private static byte[] contract(List<Integer> shape, int rows, int features, String layout) {
        String definitions = IntStream.range(0, features)
                .mapToObj(i -> "{\"name\":\"f" + i + "\",\"input\":\"turbidity\",\"operators\":[]}")
                .collect(Collectors.joining(","));
        String names =
                IntStream.range(0, features).mapToObj(i -> "\"f" + i + "\"").collect(Collectors.joining(","));
        return Samples.bytes(
                """
                { "schema": 1, "name": "window", "version": "1.0.0", "cycleMs": 1000,
                  "inputs": [ {"name":"turbidity","unit":"","required":true,"range":[0,1],"maximumAgeMs":5000,
                               "missing":{"policy":"fail"}} ],
                  "features": [ %s ],
                  "tensors": [ {"name":"x","type":"float32","shape":%s,"rows":%d,%s"features":[%s]} ],
                  "outputs": [ {"name":"dose","tensor":"y","index":0,"unit":"","range":[1,800]} ],
                  "budget": {"deadlineMs":50,"memoryMiB":64} }
                """.formatted(definitions, shape, rows, layout == null ? "" : "\"layout\":\"" + layout + "\",", names));
    }
}
