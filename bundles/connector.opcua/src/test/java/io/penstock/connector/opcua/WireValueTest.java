// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.penstock.api.acquisition.DataType;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class WireValueTest {
    // A value one past the type's end would wrap around at the PLC.
    @ParameterizedTest
    @CsvSource({
        "BOOL,0,1,-1,2",
        "SINT,-128,127,-129,128",
        "USINT,0,255,-1,256",
        "INT,-32768,32767,-32769,32768",
        "UINT,0,65535,-1,65536",
        "DINT,-2147483648,2147483647,-2147483649,2147483648",
        "UDINT,0,4294967295,-1,4294967296",
        "LINT,-9223372036854775808,9223372036854774784,-9223372036854777856,9223372036854775808",
        "ULINT,0,18446744073709549568,-1,18446744073709551616",
        "REAL,-3.4028234663852886E38,3.4028234663852886E38,-3.5E38,3.5E38",
    })
    void limitsOfEachTypeFitAndOnePastDoesNot(DataType type, double low, double high, double below, double above) {
        for (double value : new double[] {low, high}) {
            Object typed = WireValue.typed(value, type);
            assertInstanceOf(WireValue.type(type), typed);
            assertEquals(value, WireValue.number(new Variant(typed), 1, 0));
        }
        assertNull(WireValue.typed(below, type));
        assertNull(WireValue.typed(above, type));
    }

    // Not a number, written, is a random number at most PLCs.
    @ParameterizedTest
    @EnumSource(DataType.class)
    void whatIsNoFiniteNumberFitsNoType(DataType type) {
        assertNull(WireValue.typed(Double.NaN, type));
        assertNull(WireValue.typed(Double.POSITIVE_INFINITY, type));
    }

    // 2.5 as 2 or 3, but never as the 2 of a cut.
    @Test
    void integersAreRoundedToTheNearest() {
        assertEquals((short) 3, WireValue.typed(2.7, DataType.INT));
        assertEquals((short) -3, WireValue.typed(-2.7, DataType.INT));
    }

    // The engineer reads what is there and what was asked for.
    @Test
    void mismatchNamesBoth() {
        assertNull(WireValue.mismatch(Variant.ofDouble(1), DataType.LREAL, 1));
        assertEquals(
                "the server has Short, the tag list says REAL",
                WireValue.mismatch(Variant.ofInt16((short) 1), DataType.REAL, 1));
        assertEquals(
                "the server has 2 of Double, the tag list says 3 of LREAL",
                WireValue.mismatch(Variant.ofDoubleArray(new Double[] {1.0, 2.0}), DataType.LREAL, 3));
        assertEquals(
                "the server has Double, the tag list says 3 of LREAL",
                WireValue.mismatch(Variant.ofDouble(1), DataType.LREAL, 3));
        assertEquals(
                "the server gave no value, the tag list says BOOL",
                WireValue.mismatch(Variant.NULL_VALUE, DataType.BOOL, 1));
    }

    // A server refuses one element that does not come as an array of one.
    @Test
    void elementBecomesAnArrayOfItsOwnType() {
        assertArrayEquals(new Short[] {7}, (Short[]) WireValue.arrayOfOne((short) 7));
    }
}
