// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.DataType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CodecTest {
    // A wrong order turns a flow of 12.5 into 1e-41 and the plant doses on it. Bytes are those of IEEE 754: 0x41480000.
    @ParameterizedTest
    @CsvSource({"ABCD,4148,0000", "CDAB,0000,4148", "BADC,4841,0000", "DCBA,0000,4841"})
    void realHasTheBytesOfItsOrder(ByteOrder order, String first, String second) {
        int[] registers = {Integer.parseInt(first, 16), Integer.parseInt(second, 16)};
        assertArrayEquals(registers, Codec.encode(DataType.REAL, order, 12.5));
        assertEquals(12.5, Codec.decode(DataType.REAL, order, registers, 0));
    }

    // The same for a 64-bit totaliser; 0x0102030405060708 shows every byte's place.
    @ParameterizedTest
    @CsvSource({
        "ABCD,0102 0304 0506 0708",
        "CDAB,0708 0506 0304 0102",
        "BADC,0201 0403 0605 0807",
        "DCBA,0807 0605 0403 0201"
    })
    void lintHasTheBytesOfItsOrder(ByteOrder order, String hex) {
        String[] words = hex.split(" ", -1);
        int[] registers = new int[4];
        for (int i = 0; i < 4; i++) {
            registers[i] = Integer.parseInt(words[i], 16);
        }
        assertEquals((double) 0x0102030405060708L, Codec.decode(DataType.LINT, order, registers, 0));
    }

    // A limit that is off by one makes the largest setpoint wrap round to the smallest.
    @ParameterizedTest
    @CsvSource({
        "SINT,-128,127",
        "USINT,0,255",
        "INT,-32768,32767",
        "UINT,0,65535",
        "DINT,-2147483648,2147483647",
        "UDINT,0,4294967295",
        "LINT,-9223372036854775808,9223372036854774784",
        "ULINT,0,18446744073709549568",
        "BOOL,0,1"
    })
    void limitsGoThereAndBackAndNothingBeyond(DataType type, double low, double high) {
        for (ByteOrder order : ByteOrder.values()) {
            assertEquals(low, Codec.decode(type, order, Codec.encode(type, order, low), 0), order.name());
            assertEquals(high, Codec.decode(type, order, Codec.encode(type, order, high), 0), order.name());
        }
        assertTrue(Codec.fits(type, low));
        assertTrue(Codec.fits(type, high));
        assertFalse(Codec.fits(type, low - Math.max(1, Math.ulp(low) * 2)), "below");
        assertFalse(Codec.fits(type, high + Math.max(1, Math.ulp(high) * 2)), "above");
        assertFalse(Codec.fits(type, Double.NaN));
        assertFalse(Codec.fits(type, Double.POSITIVE_INFINITY));
    }

    // A value too large for a REAL would arrive in the PLC as infinity.
    @Test
    void realRefusesWhatAFloatCannotHold() {
        assertTrue(Codec.fits(DataType.REAL, Float.MAX_VALUE));
        assertFalse(Codec.fits(DataType.REAL, 1e39));
        assertTrue(Codec.fits(DataType.LREAL, 1e39));
        assertFalse(Codec.fits(DataType.LREAL, Double.NaN));
    }

    // Half a count must go to the nearest count, not be cut off: 99.9 would be written as 99.
    @Test
    void wholeNumbersAreRounded() {
        assertArrayEquals(new int[] {100}, Codec.encode(DataType.INT, ByteOrder.ABCD, 99.9));
        assertArrayEquals(new int[] {0xFF9C}, Codec.encode(DataType.INT, ByteOrder.ABCD, -99.9));
        assertFalse(Codec.fits(DataType.INT, 32767.6));
    }

    // A status bit read from the wrong byte shows "pump running" for a pump that stands.
    @Test
    void bitsOfARegisterCountFromTheLeastSignificant() {
        assertTrue(Codec.bit(0x0001, 0, ByteOrder.ABCD));
        assertFalse(Codec.bit(0x0001, 8, ByteOrder.ABCD));
        assertTrue(Codec.bit(0x0001, 8, ByteOrder.BADC));
        assertTrue(Codec.bit(0x8000, 15, ByteOrder.CDAB));
    }
}
