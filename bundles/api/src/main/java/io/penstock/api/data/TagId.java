// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.data;

import java.util.regex.Pattern;

/**
 * The name of a plant signal, unique on a gateway, e.g. {@code AT-1002A.PV}. Elements of an array tag are tags of their
 * own: {@code VIB-7[0]}. Immutable.
 *
 * @param name 1 to 120 characters out of letters, digits, {@code _ . - [ ]}; the first is a letter, digit or {@code _}.
 */
public record TagId(String name) implements Comparable<TagId> {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.\\-\\[\\]]{0,119}");

    /** @throws IllegalArgumentException if the name has another form. */
    public TagId {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "tag: 1 to 120 of letters, digits and _ . - [ ], was '" + name + "'; rename the tag");
        }
    }

    @Override
    public int compareTo(TagId other) {
        return name.compareTo(other.name);
    }

    @Override
    public String toString() {
        return name;
    }
}
