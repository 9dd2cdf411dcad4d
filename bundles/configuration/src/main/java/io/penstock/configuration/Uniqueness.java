// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** What only one file may claim: with two PLCs called alike a pipeline would read now the one, now the other. */
final class Uniqueness {
    /**
     * @param key where the file says so.
     * @param room among which files it is unique.
     * @param name what is claimed.
     */
    record Claim(String key, String room, String name) {}

    private final Map<String, Set<Claim>> byFile = new ConcurrentHashMap<>();

    /** @throws IllegalArgumentException if another file claims one of these. */
    void check(String file, Set<Claim> claims) {
        byFile.forEach((other, taken) -> {
            if (!other.equals(file)) {
                claims.stream().filter(taken::contains).findFirst().ifPresent(claim -> {
                    throw new IllegalArgumentException(claim.key() + ": '" + claim.name() + "' is taken by " + other
                            + "; only one file may have it, choose another or remove that file");
                });
            }
        });
    }

    void take(String file, Set<Claim> claims) {
        byFile.put(file, claims);
    }

    boolean knows(String file) {
        return byFile.containsKey(file);
    }

    void forget(String file) {
        byFile.remove(file);
    }
}
