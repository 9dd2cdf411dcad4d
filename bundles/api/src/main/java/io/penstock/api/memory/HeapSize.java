// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.memory;

import java.util.Locale;

/** What objects take on the heap of a 64-bit JVM with references of four bytes, in bytes. Never overflows: too much is {@link Long#MAX_VALUE}. */
public final class HeapSize {
    private static final long MIB = 1L << 20;
    private static final int OBJECT_HEADER = 12;
    private static final int ARRAY_HEADER = 16;
    private static final int STRING = 24;

    private HeapSize() {}

    /** An object whose own fields take so many bytes. */
    public static long object(long fieldBytes) {
        return aligned(plus(OBJECT_HEADER, fieldBytes));
    }

    /** An array. */
    public static long array(long length, int elementBytes) {
        return aligned(plus(ARRAY_HEADER, times(length, elementBytes)));
    }

    /** A text of so many characters, one byte each. */
    public static long text(long length) {
        return plus(STRING, array(length, 1));
    }

    private static long aligned(long bytes) {
        return bytes > Long.MAX_VALUE - 7 ? Long.MAX_VALUE : (bytes + 7) & ~7L;
    }

    /** The sum of amounts, none of which is negative. */
    public static long plus(long... amounts) {
        long sum = 0;
        for (long amount : amounts) {
            sum = amount > Long.MAX_VALUE - sum ? Long.MAX_VALUE : sum + amount;
        }
        return sum;
    }

    /** The product of two amounts, none of which is negative. */
    public static long times(long first, long second) {
        return first != 0 && second > Long.MAX_VALUE / first ? Long.MAX_VALUE : first * second;
    }

    /** For people, e.g. {@code 31.6 MiB}; rounded up, so that what is needed never reads as what there is. */
    public static String words(long bytes) {
        double tenths = Math.ceil(bytes * 10.0 / MIB);
        return String.format(Locale.ROOT, "%.1f MiB", tenths / 10);
    }
}
