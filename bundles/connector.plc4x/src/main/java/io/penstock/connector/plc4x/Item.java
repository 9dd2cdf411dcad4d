// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.data.StatusCode;

/**
 * One checked line of the tag list and the range of the device it reads. Elements of an array are read together.
 *
 * @param definition the line.
 * @param address where it lives.
 * @param first index of its first element among all elements of the connector.
 */
record Item(TagDefinition definition, ModbusAddress address, int first) {
    Area area() {
        return address.area();
    }

    int start() {
        return address.offset();
    }

    /** Registers or bits it spans. */
    int count() {
        if (area().bits) {
            return definition.length();
        }
        if (address.bit() >= 0) {
            return (address.bit() + definition.length() + 15) / 16;
        }
        return definition.length() * Codec.registers(definition.dataType());
    }

    int end() {
        return start() + count();
    }

    /** Offset of one element on the device. */
    int elementStart(int element) {
        if (area().bits) {
            return start() + element;
        }
        if (address.bit() >= 0) {
            return start() + (address.bit() + element) / 16;
        }
        return start() + element * Codec.registers(definition.dataType());
    }

    int elementCount() {
        return area().bits || address.bit() >= 0 ? 1 : Codec.registers(definition.dataType());
    }

    /**
     * Value of one element in engineering units.
     *
     * @param values what was read, from offset {@code base} on.
     * @return NaN or infinite only where the device holds that.
     */
    double value(int element, int[] values, int base) {
        int at = elementStart(element) - base;
        if (area().bits) {
            return values[at];
        }
        if (address.bit() >= 0) {
            return Codec.bit(values[at], (address.bit() + element) % 16, definition.byteOrder()) ? 1 : 0;
        }
        return definition
                .scaling()
                .toEngineering(Codec.decode(definition.dataType(), definition.byteOrder(), values, at));
    }

    /** Good for a finite value; a REAL that is NaN or infinite says that its source has no number. */
    static int status(double value) {
        return Double.isFinite(value) ? StatusCode.GOOD : StatusCode.BAD_SENSOR_FAILURE;
    }

    double raw(double engineering) {
        return definition.scaling().toRaw(engineering);
    }

    boolean fits(double raw) {
        return Codec.fits(definition.dataType(), raw);
    }

    int[] encode(double raw) {
        return area().bits ? new int[] {(int) raw} : Codec.encode(definition.dataType(), definition.byteOrder(), raw);
    }

    /** What is wrong with a line, empty if nothing. */
    static String fault(TagDefinition tag, Settings settings) {
        ModbusAddress address;
        try {
            address = ModbusAddress.parse(tag.address());
        } catch (IllegalArgumentException e) {
            return e.getMessage();
        }
        Item item = new Item(tag, address, 0);
        Area area = address.area();
        boolean bool = tag.dataType() == DataType.BOOL;
        if (tag.length() < 1) {
            return "length: at least 1, was " + tag.length();
        }
        if (tag.periodMs() < 10 || tag.periodMs() > 86_400_000) {
            return "periodMs: 10 to 86400000, was " + tag.periodMs();
        }
        if (area.bits && !bool) {
            return "dataType: " + area.notation + " holds only BOOL, was " + tag.dataType();
        }
        if (!area.bits && bool && address.bit() < 0) {
            return "address: a BOOL in a register needs a bit, e.g. " + address + ".0";
        }
        if (!bool && address.bit() >= 0) {
            return "dataType: one bit of a register is a BOOL, was " + tag.dataType();
        }
        if (bool && !tag.scaling().equals(Scaling.NONE)) {
            return "scaling: a BOOL has none";
        }
        if (tag.writable() && !area.writable) {
            return "writable: the protocol cannot write " + area.notation + "; remove it or use "
                    + (area.bits ? Area.COIL : Area.HOLDING_REGISTER).notation;
        }
        if (tag.writable() && address.bit() >= 0) {
            return "writable: one bit of a register cannot be written without overwriting the other 15; use a coil";
        }
        int limit = area.bits ? settings.maxBitsPerRequest() : settings.maxRegistersPerRequest();
        if (item.count() > limit) {
            return "length: an array travels in one request, at most " + limit + (area.bits ? " bits" : " registers")
                    + ", was " + item.count();
        }
        if (item.end() > Area.LAST) {
            return "address: ends at " + area.notation + ":" + item.end() + ", the last is " + Area.LAST;
        }
        return "";
    }
}
