// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.access;

import java.util.Set;

/**
 * Who asks for something, for permission and audit. Immutable.
 *
 * @param name user name, or the part of the product that acts by itself, e.g. {@code gateway}.
 * @param roles what it may do.
 * @param origin where the request came in, e.g. {@code opc.ua 127.0.0.1}, {@code cli}, {@code gateway}.
 */
public record Actor(String name, Set<Role> roles, String origin) {
    public Actor {
        roles = Set.copyOf(roles);
    }

    /** True if it has at least one of the roles. */
    public boolean hasAny(Role... wanted) {
        for (Role role : wanted) {
            if (roles.contains(role)) {
                return true;
            }
        }
        return false;
    }
}
