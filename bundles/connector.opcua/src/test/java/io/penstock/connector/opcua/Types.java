// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.TagDefinition;
import java.util.ArrayList;
import java.util.List;

/** Every elementary type, the server's node of it, and a value that needs its width. */
enum Types {
    BOOL("Boolean", "true", 1),
    SINT("SByte", "-128", -128),
    USINT("Byte", "255", 255),
    INT("Int16", "-32768", -32768),
    UINT("UInt16", "65535", 65535),
    DINT("Int32", "-2147483648", -2147483648),
    UDINT("UInt32", "4294967295", 4294967295.0),
    LINT("Int64", "1099511627776", 1099511627776.0),
    ULINT("UInt64", "1099511627777", 1099511627777.0),
    REAL("Float", "1.25", 1.25),
    LREAL("Double", "0.1", 0.1);

    final String node;
    final String sample;
    private final double number;

    Types(String node, String sample, double number) {
        this.node = node;
        this.sample = sample;
        this.number = number;
    }

    String tag() {
        return "T-" + name();
    }

    double number() {
        return number;
    }

    /** One tag per type, and the array {@code A} of four INT. */
    static TagDefinition[] tags() {
        List<TagDefinition> tags = new ArrayList<>();
        for (Types type : values()) {
            tags.add(Plant.tag(type.tag(), "ns=1;s=T." + type.node, DataType.valueOf(type.name()), 1));
        }
        tags.add(Plant.tag("A", "ns=1;s=A.Int16", DataType.INT, 4));
        return tags.toArray(new TagDefinition[0]);
    }
}
