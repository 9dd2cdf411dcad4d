// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

/** The four address spaces of a Modbus device (Modbus Application Protocol V1.1b3 §4.3). */
enum Area {
    COIL("coil", '0', true, true),
    DISCRETE_INPUT("discrete-input", '1', true, false),
    INPUT_REGISTER("input-register", '3', false, false),
    HOLDING_REGISTER("holding-register", '4', false, true);

    /** Register numbers start at 1; PLC4X takes no number whose block ends past 65535. */
    static final int LAST = 65_535;

    final String notation;
    final char modicon;
    final boolean bits;
    final boolean writable;

    Area(String notation, char modicon, boolean bits, boolean writable) {
        this.notation = notation;
        this.modicon = modicon;
        this.bits = bits;
        this.writable = writable;
    }
}
