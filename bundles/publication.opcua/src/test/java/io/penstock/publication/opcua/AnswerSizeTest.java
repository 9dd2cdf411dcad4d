// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import java.util.Arrays;
import java.util.stream.Stream;
import org.eclipse.milo.opcua.stack.core.encoding.DefaultEncodingContext;
import org.eclipse.milo.opcua.stack.core.encoding.binary.OpcUaBinaryEncoder;
import org.eclipse.milo.opcua.stack.core.types.builtin.ByteString;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.structured.ReadResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.ResponseHeader;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The estimate of an answer against what Milo makes of it. */
final class AnswerSizeTest {
    static Stream<Arguments> values() {
        return Stream.of(
                        Variant.ofDouble(1.5),
                        Variant.ofBoolean(true),
                        Variant.NULL_VALUE,
                        Variant.ofString("x"),
                        Variant.ofString("a text of some length, as receipts have it".repeat(50)),
                        Variant.ofString("Dosierpumpe läuft: über 5 °C €".repeat(50)),
                        Variant.ofStringArray(new String[] {"one", "two".repeat(400), ""}),
                        Variant.ofByteString(ByteString.of(new byte[3_000])),
                        Variant.ofInt32Array(new Integer[] {1, 2, 3}))
                .flatMap(value -> Stream.of(1, 10, 1_000, 10_000).map(count -> Arguments.of(value, count)));
    }

    // Ten thousand times one long text is a small object here and a gigabyte on its way to the client.
    @ParameterizedTest
    @MethodSource("values")
    void noAnswerAboveTheLimitIsEncoded(Variant value, int count) {
        DataValue[] values = new DataValue[count];
        Arrays.fill(values, new DataValue(value, StatusCode.GOOD, DateTime.now(), DateTime.now()));
        ReadResponse answer = new ReadResponse(
                new ResponseHeader(DateTime.now(), null, StatusCode.GOOD, null, null, null), values, null);
        boolean passes = !AnswerSize.checked(answer).isCompletedExceptionally();
        long estimated = count * AnswerSize.of(values[0]);
        assertEquals(estimated <= AnswerSize.MOST, passes);
        if (count <= 1_000) {
            var out = Unpooled.buffer();
            new OpcUaBinaryEncoder(DefaultEncodingContext.INSTANCE)
                    .setBuffer(out)
                    .encodeMessage(null, answer);
            assertTrue(out.readableBytes() <= estimated + 100, out.readableBytes() + " of " + estimated);
            assertFalse(out.readableBytes() > AnswerSize.MOST && passes);
        }
    }
}
