// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.data.Features;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.StatusCode;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelContract.TensorLayout;
import io.penstock.api.model.ModelRejectedException;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** What a graph sees of a window, element by element. */
final class WindowLayoutTest {
    private static final OnnxInferenceEngine ENGINE = new OnnxInferenceEngine();

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    // A network that wants channels first saw four cycles as three sensors; its answers were of the right size and
    // meant nothing.
    @Test
    void theGraphSeesEachFeatureWhereItsLayoutSays() throws Exception {
        for (ElementType type : ElementType.values()) {
            for (int rows : new int[] {1, 2, 4, 5}) {
                for (int columns : new int[] {1, 2, 3, 5}) {
                    long[] byRows = {1, rows, columns};
                    long[] byFeatures = {1, columns, rows};
                    long[] flat = {1, (long) rows * columns};
                    see(type, rows, columns, TensorLayout.ROWS_FEATURES, byRows);
                    see(type, rows, columns, TensorLayout.FEATURES_ROWS, byFeatures);
                    see(type, rows, columns, TensorLayout.ROWS_FEATURES, flat);
                    see(type, rows, columns, TensorLayout.FEATURES_ROWS, flat);
                }
            }
        }
    }

    private static void see(ElementType type, int rows, int columns, TensorLayout layout, long... shape)
            throws ModelRejectedException {
        TestModels model = TestModels.named("seen").window("x", type, rows, columns, layout, shape);
        for (int i = 0; i < rows * columns; i++) {
            model.output("y" + i, "y", i);
        }
        var artifact = model.artifact(Graphs.identity(type, shape));
        try (InferenceSession session = ENGINE.open(artifact)) {
            Features features = TestModels.features(artifact.contract());
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < columns; column++) {
                    features.tensor(0)[row * columns + column] = 100 * column + row; // constant rows but for the count
                }
            }
            Prediction seen = new Prediction(artifact.contract().outputNames());
            assertEquals(StatusCode.GOOD, session.run(features, seen), session.lastError());
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < columns; column++) {
                    int place = layout == TensorLayout.ROWS_FEATURES ? row * columns + column : column * rows + row;
                    assertEquals(
                            100 * column + row, seen.value(place), type + " " + layout + " " + List.of(rows, columns));
                }
            }
        }
    }

    // A value that does not fit must be told by its own feature, not by the one that lies in its place.
    @Test
    void aFaultNamesTheFeatureOfTheWindow() throws Exception {
        TestModels model = TestModels.named("seen")
                .window("x", ElementType.INT64, 4, 3, TensorLayout.FEATURES_ROWS, 1, 3, 4)
                .output("y", "y", 0);
        var artifact = model.artifact(Graphs.identity(ElementType.INT64, 1, 3, 4));
        try (InferenceSession session = ENGINE.open(artifact)) {
            Features features = TestModels.features(artifact.contract());
            features.tensor(0)[2 * 3 + 1] = 0.5;
            session.run(features, new Prediction(artifact.contract().outputNames()));
            assertTrue(session.lastError().contains("feature x1 (tensor x, row 2)"), session.lastError());
        }
    }

    // The contract says one order, the operator that reads the window takes the other: seen before it serves.
    @Test
    void theOperatorThatReadsAWindowSaysItsOrder() throws Exception {
        for (String reader : List.of("Conv", "LSTM", "GRU", "RNN")) {
            boolean channels = reader.equals("Conv");
            for (int rows : new int[] {3, 4}) {
                for (TensorLayout layout : TensorLayout.values()) {
                    for (int hops = 0; hops < 3; hops++) {
                        long[] shape = layout == TensorLayout.FEATURES_ROWS
                                ? new long[] {1, 3, rows}
                                : channels ? new long[] {1, rows, 3} : new long[] {rows, 1, 3};
                        var artifact = TestModels.named("read")
                                .window("x", ElementType.FLOAT32, rows, 3, layout, shape)
                                .output("y", "y", 0)
                                .artifact(Graphs.read(reader, hops, shape));
                        GraphScan scan = GraphScan.of(artifact.onnx());
                        assertEquals(java.util.Set.of(reader), scan.readers("x"));
                        Wiring wiring = new Wiring("read 1.0.0", artifact.contract());
                        if (channels == (layout == TensorLayout.FEATURES_ROWS)) {
                            wiring.checkLayouts(scan);
                        } else {
                            String refusal = assertThrows(ModelRejectedException.class, () -> wiring.checkLayouts(scan))
                                    .getMessage();
                            assertTrue(
                                    refusal.contains("input tensor x of shape") && refusal.contains(reader), refusal);
                        }
                    }
                }
            }
        }
    }

    // The same at the door, with a graph that ONNX Runtime takes.
    @Test
    void aConvolutionIsGivenChannelsFirstOrNothing() throws Exception {
        TestModels right = TestModels.named("means")
                .window("x", ElementType.FLOAT32, 4, 3, TensorLayout.FEATURES_ROWS, 1, 3, 4)
                .output("sum", "y", 0);
        var artifact = right.artifact(Graphs.convolution(3, 4));
        try (InferenceSession session = ENGINE.open(artifact)) {
            Features features = TestModels.features(artifact.contract());
            for (int row = 0; row < 4; row++) {
                features.tensor(0)[row * 3] = 1;
                features.tensor(0)[row * 3 + 1] = 10;
                features.tensor(0)[row * 3 + 2] = 100;
            }
            Prediction sum = new Prediction(artifact.contract().outputNames());
            assertEquals(StatusCode.GOOD, session.run(features, sum), session.lastError());
            assertEquals(1 * 1 + 2 * 10 + 3 * 100, sum.value(0)); // the weights of the channels are 1, 2, 3
        }
        TestModels square = TestModels.named("means")
                .window("x", ElementType.FLOAT32, 3, 3, TensorLayout.ROWS_FEATURES, 1, 3, 3)
                .output("sum", "y", 0);
        String refusal = assertThrows(
                        ModelRejectedException.class, () -> ENGINE.open(square.artifact(Graphs.convolution(3, 3))))
                .getMessage();
        assertTrue(refusal.contains("is read by Conv") && refusal.contains("featuresRows"), refusal);
    }
}
