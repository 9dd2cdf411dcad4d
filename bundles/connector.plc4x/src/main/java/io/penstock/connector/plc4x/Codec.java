// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.DataType;

/**
 * Registers to numbers and back. PLC4X only carries raw registers: its own decoding fails for two tags at one address and
 * knows one byte order per request. Stateless.
 */
final class Codec {
    private static final double TWO_63 = 0x1p63;
    private static final double TWO_64 = 0x1p64;

    private Codec() {}

    /** Registers that one element takes; 1 for the types that are smaller than a register. */
    static int registers(DataType type) {
        return switch (type) {
            case BOOL, SINT, USINT, INT, UINT -> 1;
            case DINT, UDINT, REAL -> 2;
            case LINT, ULINT, LREAL -> 4;
        };
    }

    /** Bits of one element, most significant register first and each register's bytes in order. */
    private static long bits(int[] registers, int at, int count, ByteOrder order) {
        long bits = 0;
        for (int i = 0; i < count; i++) {
            int register = registers[at + (swapsRegisters(order) ? count - 1 - i : i)];
            bits = (bits << 16) | ordered(register, order);
        }
        return bits;
    }

    /** Bit 0 to 15 of a register. */
    static boolean bit(int register, int bit, ByteOrder order) {
        return ((ordered(register, order) >> bit) & 1) == 1;
    }

    private static int ordered(int register, ByteOrder order) {
        return order == ByteOrder.BADC || order == ByteOrder.DCBA
                ? ((register & 0xFF) << 8) | ((register >> 8) & 0xFF)
                : register & 0xFFFF;
    }

    private static boolean swapsRegisters(ByteOrder order) {
        return order == ByteOrder.CDAB || order == ByteOrder.DCBA;
    }

    /** The raw number; NaN or infinite only where a REAL or LREAL holds that. Above 2^53 LINT and ULINT are rounded. */
    static double decode(DataType type, ByteOrder order, int[] registers, int at) {
        long bits = bits(registers, at, registers(type), order);
        return switch (type) {
            case BOOL -> bits == 0 ? 0 : 1;
            case SINT -> (byte) bits;
            case USINT -> bits & 0xFF;
            case INT -> (short) bits;
            case UINT -> bits;
            case DINT -> (int) bits;
            case UDINT -> bits;
            case LINT -> bits;
            case ULINT -> bits >= 0 ? bits : ((bits >>> 1) | (bits & 1)) * 2.0;
            case REAL -> Float.intBitsToFloat((int) bits);
            case LREAL -> Double.longBitsToDouble(bits);
        };
    }

    /** Whether a raw number has a place in the type, after rounding to the nearest whole number where it has no fraction. */
    static boolean fits(DataType type, double raw) {
        if (!Double.isFinite(raw)) {
            return false;
        }
        double whole = Math.rint(raw);
        return switch (type) {
            case BOOL -> raw == 0 || raw == 1;
            case SINT -> whole >= Byte.MIN_VALUE && whole <= Byte.MAX_VALUE;
            case USINT -> whole >= 0 && whole <= 0xFF;
            case INT -> whole >= Short.MIN_VALUE && whole <= Short.MAX_VALUE;
            case UINT -> whole >= 0 && whole <= 0xFFFF;
            case DINT -> whole >= Integer.MIN_VALUE && whole <= Integer.MAX_VALUE;
            case UDINT -> whole >= 0 && whole <= 0xFFFFFFFFL;
            case LINT -> whole >= -TWO_63 && whole < TWO_63;
            case ULINT -> whole >= 0 && whole < TWO_64;
            case REAL -> Float.isFinite((float) raw);
            case LREAL -> true;
        };
    }

    /** Registers of a raw number that {@link #fits}. A SINT is sign-extended, so that its register reads the same as INT. */
    static int[] encode(DataType type, ByteOrder order, double raw) {
        double whole = Math.rint(raw);
        long bits =
                switch (type) {
                    case REAL -> Float.floatToIntBits((float) raw);
                    case LREAL -> Double.doubleToLongBits(raw);
                    case ULINT -> whole < TWO_63 ? (long) whole : (long) (whole - TWO_63) ^ Long.MIN_VALUE;
                    default -> (long) whole;
                };
        int count = registers(type);
        int[] registers = new int[count];
        for (int i = 0; i < count; i++) {
            int register = (int) (bits >>> (16 * (count - 1 - i))) & 0xFFFF;
            registers[swapsRegisters(order) ? count - 1 - i : i] = ordered(register, order);
        }
        return registers;
    }
}
