// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.command;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import java.util.Set;

/**
 * Who is at the other end of a connection, as the kernel says. That they got in is the decision of the file permissions; what
 * they may do there follows from whose gateway it is.
 *
 * @param user name of the user, or its number where it has none.
 * @param group name of the primary group.
 * @param owner whether it is the user the gateway runs as, or root: they could change its files anyway.
 */
record Peer(String user, String group, boolean owner) {
    private static final Set<Role> OWNER = Set.of(Role.OPERATOR, Role.ENGINEER, Role.MODEL_DEPLOYER);
    private static final Set<Role> MEMBER = Set.of(Role.OPERATOR);

    Actor actor(String claimed) {
        String origin = "command line" + (claimed.isEmpty() ? "" : ", says it asks for " + Text.shown(claimed));
        return new Actor(user, owner ? OWNER : MEMBER, origin);
    }
}
