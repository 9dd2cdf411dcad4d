// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import java.math.BigDecimal;
import java.math.MathContext;

/** Numbers for people: six digits. The audit keeps the whole ones in fields of their own. */
final class Figure {
    private static final MathContext SIX_DIGITS = new MathContext(6);

    private Figure() {}

    static String of(double value) {
        return Double.isFinite(value)
                ? new BigDecimal(value).round(SIX_DIGITS).stripTrailingZeros().toPlainString()
                : Double.toString(value);
    }
}
