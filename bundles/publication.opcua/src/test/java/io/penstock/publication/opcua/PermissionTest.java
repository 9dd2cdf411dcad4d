// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

final class PermissionTest {
    // A role that slips into this table may move an actuator; each line is a decision of the plant.
    @Test
    void theTableIsExactlyThis() {
        Set<String> allowed = new TreeSet<>();
        for (Permission permission : Permission.values()) {
            for (Role role : Role.values()) {
                for (boolean encrypted : new boolean[] {true, false}) {
                    if (permission.allows(new Actor("x", Set.of(role), "opc.ua 10.0.0.1"), encrypted)) {
                        allowed.add(permission + " " + role + (encrypted ? " encrypted" : " plain"));
                    }
                }
            }
        }
        assertEquals(
                new TreeSet<>(Set.of(
                        "SET_MODE OPERATOR encrypted",
                        "SET_MODE OPERATOR plain",
                        "SET_MODE ENGINEER encrypted",
                        "SET_MODE ENGINEER plain",
                        "SET_MODE SUPERVISOR encrypted",
                        "SET_MODE SUPERVISOR plain",
                        "CLOSE OPERATOR encrypted",
                        "CLOSE ENGINEER encrypted",
                        "CLOSE SUPERVISOR encrypted",
                        "ROLLBACK OPERATOR encrypted",
                        "ROLLBACK ENGINEER encrypted",
                        "ROLLBACK SUPERVISOR encrypted")),
                allowed);
    }

    // An anonymous reader is nobody, and nobody may do nothing.
    @Test
    void anonymousMayCallNothing() {
        for (Permission permission : Permission.values()) {
            assertEquals(false, permission.allows(null, true));
            assertEquals(false, permission.allows(new Actor("x", Set.of(), "opc.ua 10.0.0.1"), true));
        }
    }
}
