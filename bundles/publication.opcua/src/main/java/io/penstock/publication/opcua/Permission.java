// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Who may call what: the one table. What is not here cannot be called. */
enum Permission {
    //          connection must be SignAndEncrypt; roles, of which one is enough
    /** to OFF, SHADOW, ADVISORY. */
    SET_MODE(false, Role.OPERATOR, Role.ENGINEER, Role.SUPERVISOR),
    /** to CLOSED: something may move. */
    CLOSE(true, Role.OPERATOR, Role.ENGINEER, Role.SUPERVISOR),
    ROLLBACK(true, Role.OPERATOR, Role.ENGINEER, Role.SUPERVISOR);

    private final boolean encrypted;

    @SuppressWarnings("ImmutableEnumChecker") // Set.of is
    private final Set<Role> roles;

    Permission(boolean encrypted, Role... roles) {
        this.encrypted = encrypted;
        this.roles = Set.of(roles);
    }

    /** @param actor null for an anonymous session. */
    boolean allows(@Nullable Actor actor, boolean signedAndEncrypted) {
        return actor != null && (signedAndEncrypted || !encrypted) && actor.hasAny(roles.toArray(Role[]::new));
    }
}
