// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import io.penstock.api.data.TagId;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.osgi.service.component.annotations.Component;

/** Which loop owns which tag: two loops on one tag would push it to and fro, each inside its own limits. */
@Component(service = Leases.class)
public final class Leases {
    private final ConcurrentMap<String, String> owners = new ConcurrentHashMap<>();

    /**
     * Makes a loop the owner of its name and its tag.
     *
     * @throws IllegalStateException naming both loops if another one has it.
     */
    void acquire(TagId tag, String loop) {
        if (owners.putIfAbsent("loop " + loop, loop) != null) {
            throw new IllegalStateException("name: a write loop '" + loop
                    + "' is configured already; give this one another name or remove one of the two files");
        }
        String owner = owners.putIfAbsent("tag " + tag, loop);
        if (owner != null) {
            owners.remove("loop " + loop);
            throw new IllegalStateException("target: write loop '" + owner + "' already writes tag " + tag
                    + ", so loop '" + loop + "' may not; give it another target or remove one of the two files");
        }
    }

    void release(TagId tag, String loop) {
        owners.remove("tag " + tag, loop);
        owners.remove("loop " + loop, loop);
    }
}
