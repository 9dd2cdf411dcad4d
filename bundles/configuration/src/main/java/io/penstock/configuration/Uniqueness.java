// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Names that only one file of a group may give: with two PLCs called alike a pipeline would read now the one, now the other. */
final class Uniqueness {
    private record Taken(String group, Set<String> names) {}

    private final String key;
    private final Map<String, Taken> byFile = new ConcurrentHashMap<>();

    Uniqueness(String key) {
        this.key = key;
    }

    /** @throws IllegalArgumentException if another file of the group has one of the names. */
    void check(String group, String file, Set<String> names) {
        byFile.forEach((other, taken) -> {
            if (!other.equals(file) && taken.group().equals(group)) {
                for (String name : names) {
                    if (taken.names().contains(name)) {
                        throw new IllegalArgumentException(key + ": '" + name + "' is taken by " + other
                                + "; names are unique on the gateway, choose another or remove that file");
                    }
                }
            }
        });
    }

    void take(String group, String file, Set<String> names) {
        byFile.put(file, new Taken(group, names));
    }

    void forget(String file) {
        byFile.remove(file);
    }
}
