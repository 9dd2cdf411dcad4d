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
     * A number that is another one as soon as the user's password or roles were changed or the user was removed, so that
     * whoever was let in before can be asked to log in again. Means something only while the gateway runs; may read the time
     * of a file.
     */
    long revision(String name);
}
