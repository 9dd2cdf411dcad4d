// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import io.penstock.api.acquisition.DataType;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UByte;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.ULong;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UShort;
import org.jspecify.annotations.Nullable;

/** Between a number and the built-in type of OPC UA (Part 6 §5.1.2) a tag list names. Stateless. */
final class WireValue {
    private static final double TWO_TO_63 = 0x1p63;
    private static final double TWO_TO_64 = 0x1p64;

    private WireValue() {}

    /** The Java class Milo uses for values of that type. */
    static Class<?> type(DataType type) {
        return switch (type) {
            case BOOL -> Boolean.class;
            case SINT -> Byte.class;
            case USINT -> UByte.class;
            case INT -> Short.class;
            case UINT -> UShort.class;
            case DINT -> Integer.class;
            case UDINT -> UInteger.class;
            case LINT -> Long.class;
            case ULINT -> ULong.class;
            case REAL -> Float.class;
            case LREAL -> Double.class;
        };
    }

    /**
     * Why a variant is not {@code length} values of that type, in words; null where it is. An array may be longer than the tag
     * list says, not shorter.
     *
     * @param length 0 for one element that travels as an array.
     */
    static @Nullable String mismatch(Variant variant, DataType type, int length) {
        Object value = variant.value();
        if (value == null) {
            return "the server gave no value, the tag list says " + type;
        }
        Class<?> expected = type(type);
        if (length == 1) {
            return expected.isInstance(value)
                    ? null
                    : "the server has " + describe(value) + ", the tag list says " + type;
        }
        if (!value.getClass().isArray()
                || value.getClass().getComponentType() != expected
                || Array.getLength(value) < Math.max(1, length)) {
            return "the server has " + describe(value) + ", the tag list says " + Math.max(1, length) + " of " + type;
        }
        return null;
    }

    private static String describe(Object value) {
        Class<?> type = value.getClass();
        return type.isArray()
                ? Array.getLength(value) + " of " + type.getComponentType().getSimpleName()
                : type.getSimpleName();
    }

    /** Element {@code index} of a variant that {@link #mismatch} let pass. */
    static double number(Variant variant, int length, int index) {
        Object value = variant.value();
        Object element = length == 1 || value == null ? value : ((Object[]) value)[index];
        if (element instanceof Boolean flag) {
            return flag ? 1 : 0;
        }
        return element instanceof Number number ? number.doubleValue() : Double.NaN;
    }

    /** The value of that type, integers rounded to the nearest; null where it does not fit. */
    static @Nullable Object typed(double raw, DataType type) {
        if (!Double.isFinite(raw)) {
            return null;
        }
        double whole = Math.rint(raw);
        return switch (type) {
            case BOOL -> raw == 0 || raw == 1 ? (Object) (raw == 1) : null;
            case SINT -> within(whole, Byte.MIN_VALUE, Byte.MAX_VALUE) ? (Object) (byte) whole : null;
            case USINT -> within(whole, 0, 0xFF) ? UByte.valueOf((int) whole) : null;
            case INT -> within(whole, Short.MIN_VALUE, Short.MAX_VALUE) ? (Object) (short) whole : null;
            case UINT -> within(whole, 0, 0xFFFF) ? UShort.valueOf((int) whole) : null;
            case DINT -> within(whole, Integer.MIN_VALUE, Integer.MAX_VALUE) ? (Object) (int) whole : null;
            case UDINT -> within(whole, 0, 0xFFFF_FFFFL) ? UInteger.valueOf((long) whole) : null;
            case LINT -> whole >= -TWO_TO_63 && whole < TWO_TO_63 ? (Object) (long) whole : null;
            case ULINT -> whole >= 0 && whole < TWO_TO_64 ? ULong.valueOf(new BigDecimal(whole).toBigInteger()) : null;
            case REAL -> Math.abs(raw) <= Float.MAX_VALUE ? (Object) (float) raw : null;
            case LREAL -> raw;
        };
    }

    /** The same as an array of one, which a write to an index range takes (Part 4 §7.27). */
    static Object arrayOfOne(Object value) {
        Object array = Array.newInstance(value.getClass(), 1);
        Array.set(array, 0, value);
        return array;
    }

    private static boolean within(double value, double low, double high) {
        return value >= low && value <= high;
    }
}
