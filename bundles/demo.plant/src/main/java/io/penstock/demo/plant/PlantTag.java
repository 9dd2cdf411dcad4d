// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

/** The signals of WTP-1 that leave the PLC, with the range of their transmitter. */
public enum PlantTag {
    FT_1001("FT-1001", "Raw water flow", "MQH", 0, 2000, 101),
    AT_1002A("AT-1002A", "Raw water turbidity", "NTU", 0, 1000, 103),
    AT_1002B("AT-1002B", "Raw water turbidity, second instrument, wired to the PLC", "NTU", 0, 1000, 105),
    AT_1003("AT-1003", "UV absorbance 254 nm", "C92", 0, 60, 107),
    AT_1004("AT-1004", "Raw water pH", "Q30", 0, 14, 109),
    TT_1005("TT-1005", "Raw water temperature", "CEL", 0, 40, 111),
    AT_1006("AT-1006", "Raw water conductivity", "G42", 0, 1000, 113),
    AT_1007("AT-1007", "Raw water alkalinity as CaCO3, titrator", "M1", 0, 300, 115),
    AT_2003("AT-2003", "Coagulated water pH", "Q30", 0, 14, 119),
    AT_2004("AT-2004", "Streaming current", "", -300, 300, 121),
    FT_2001("FT-2001", "Coagulant flow", "E32", 0, 200, 123),
    AIC_2001_SP_USED("AIC-2001.SP_used", "Dose setpoint in use, as Al", "M1", 0, 10, 125),
    AT_3001("AT-3001", "Settled water turbidity", "NTU", 0, 20, 127),
    AT_4001("AT-4001", "Filtered water turbidity", "NTU", 0, 2, 129),
    LT_2005("LT-2005", "Coagulant tank level", "P1", 0, 100, 131);

    private final String tag;
    private final String description;
    private final String unit;
    private final double low;
    private final double high;
    private final int register;

    PlantTag(String tag, String description, String unit, double low, double high, int register) {
        this.tag = tag;
        this.description = description;
        this.unit = unit;
        this.low = low;
        this.high = high;
        this.register = register;
    }

    /** The name on the drawing, e.g. {@code AT-1003}. */
    public String tag() {
        return tag;
    }

    public String description() {
        return description;
    }

    /** UNECE common code, empty where there is none. */
    public String unit() {
        return unit;
    }

    /** Value at 4 mA. */
    public double low() {
        return low;
    }

    /** Value at 20 mA. */
    public double high() {
        return high;
    }

    /** Modbus holding register of the first word, counted from 1. */
    int register() {
        return register;
    }

    /** Its place in a snapshot, and its bit in the failure word. */
    @SuppressWarnings("EnumOrdinal") // an index of this process only
    int index() {
        return ordinal();
    }

    /** Whether it comes from a transmitter, and so can fail; the setpoint in use is the PLC's own number. */
    boolean isMeasured() {
        return this != AIC_2001_SP_USED;
    }

    /** @throws IllegalArgumentException if the plant has no such instrument. */
    static PlantTag instrument(String name) {
        for (PlantTag tag : values()) {
            if (tag.isMeasured() && tag.tag.equalsIgnoreCase(name)) {
                return tag;
            }
        }
        throw new IllegalArgumentException(
                "no instrument '" + name + "'; one of AT-1002A, AT-1003, … as in the tag list");
    }
}
