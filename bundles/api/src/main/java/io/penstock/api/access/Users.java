// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.access;

import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/** The gateway's users. Thread-safe. */
@ProviderType
public interface Users {
    /**
     * Checks a password; takes the same time for a wrong name as for a wrong password, and slows down who keeps failing. Every
     * failure goes to the audit.
     *
     * @return the actor, empty if name or password is wrong.
     */
    Optional<Actor> authenticate(String name, char[] password, String origin);

    /**
     * The same, for one who is known by more than an address: who keeps failing on one device keeps nobody out who comes from
     * another, though both have one address.
     *
     * @param device what tells it from others, such as the thumbprint of its certificate; empty if nothing does.
     */
    default Optional<Actor> authenticate(String name, char[] password, String origin, String device) {
        return authenticate(name, password, origin);
    }

    /**
     * A number that is another one as soon as the user's password or roles were changed or the user was removed, so that
     * whoever was let in before can be asked to log in again. Means something only while the gateway runs; may read the time
     * of a file.
     */
    long revision(String name);
}
