// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a tag lives. Register numbers are 1-based as in plant documents: {@code holding-register:101} is Modicon
 * {@code 40101} and travels as offset 100.
 *
 * @param area address space.
 * @param offset 0-based, as on the wire.
 * @param bit bit of a register, 0 the least significant; -1 for none.
 */
record ModbusAddress(Area area, int offset, int bit) {
    private static final Pattern NAMED =
            Pattern.compile("(coil|discrete-input|input-register|holding-register):([0-9]{1,5})(?:\\.([0-9]{1,2}))?");
    private static final Pattern MODICON = Pattern.compile("([0134])([0-9]{4,5})(?:\\.([0-9]{1,2}))?");

    /** @throws IllegalArgumentException if the text is no address, with what is allowed. */
    static ModbusAddress parse(String text) {
        Matcher named = NAMED.matcher(text);
        Matcher modicon = MODICON.matcher(text);
        Matcher match = named.matches() ? named : modicon;
        if (match != named && !modicon.matches()) {
            throw new IllegalArgumentException("address: coil:N, discrete-input:N, input-register:N[.bit],"
                    + " holding-register:N[.bit] or 40001-style, was '" + text + "'");
        }
        Area area = area(match.group(1));
        int number = Integer.parseInt(match.group(2));
        if (number < 1 || number > Area.LAST) {
            throw new IllegalArgumentException(
                    "address: numbers are 1 to " + Area.LAST + ", was " + number + " in '" + text + "'");
        }
        int bit = -1;
        if (match.group(3) != null) {
            bit = Integer.parseInt(match.group(3));
            if (area.bits || bit > 15) {
                throw new IllegalArgumentException(
                        "address: only registers have bits, .0 to .15, was ." + bit + " in '" + text + "'");
            }
        }
        return new ModbusAddress(area, number - 1, bit);
    }

    private static Area area(String prefix) {
        for (Area area : Area.values()) {
            if (area.notation.equals(prefix) || prefix.equals(String.valueOf(area.modicon))) {
                return area;
            }
        }
        throw new IllegalArgumentException("address: no area is called " + prefix);
    }

    @Override
    public String toString() {
        return area.notation + ":" + (offset + 1) + (bit < 0 ? "" : "." + bit);
    }
}
