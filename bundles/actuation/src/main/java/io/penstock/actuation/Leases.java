// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.osgi.service.component.annotations.Component;

/**
 * Which loop owns which tag and pipeline: two loops on one tag would push it to and fro, each inside its own limits; of two on
 * one pipeline the second would never be offered anything.
 */
@Component(service = Leases.class)
public final class Leases {
    private final ConcurrentMap<String, String> owners = new ConcurrentHashMap<>();

    /**
     * Makes a loop the owner of its name, its tag and its pipeline.
     *
     * @throws IllegalStateException naming both loops if another one has it.
     */
    void acquire(Settings loop) {
        if (owners.putIfAbsent(name(loop), loop.name()) != null) {
            throw new IllegalStateException("name: a write loop '" + loop.name()
                    + "' is configured already; give this one another name or remove one of the two files");
        }
        String owner = owners.putIfAbsent(tag(loop), loop.name());
        if (owner != null) {
            owners.remove(name(loop));
            throw new IllegalStateException("target: write loop '" + owner + "' already writes tag " + loop.target()
                    + ", so loop '" + loop.name() + "' may not; give it another target or remove one of the two files");
        }
        owner = owners.putIfAbsent(pipeline(loop), loop.name());
        if (owner != null) {
            owners.remove(name(loop));
            owners.remove(tag(loop));
            throw new IllegalStateException("pipeline: write loop '" + owner + "' already takes the predictions of '"
                    + loop.pipeline() + "', so loop '" + loop.name()
                    + "' may not; give it another pipeline or remove one of the two files");
        }
    }

    void release(Settings loop) {
        for (String key : List.of(pipeline(loop), tag(loop), name(loop))) {
            owners.remove(key, loop.name());
        }
    }

    private static String name(Settings loop) {
        return "loop " + loop.name();
    }

    private static String tag(Settings loop) {
        return "tag " + loop.target();
    }

    private static String pipeline(Settings loop) {
        return "pipeline " + loop.pipeline();
    }
}
