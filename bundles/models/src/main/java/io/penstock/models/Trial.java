// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The release that is tried at this moment, so that others can tell of it and end it. Who calls holds {@link Parts#deciding}. */
final class Trial {
    private @Nullable Release release;
    private Set<String> wanting = Set.of();
    private @Nullable Thread thread;
    private boolean ended;

    void begin(Release tried, Set<String> pipelines) {
        release = tried;
        wanting = new TreeSet<>(pipelines);
        ended = false;
    }

    void end() {
        release = null;
        wanting = Set.of();
    }

    /** From here on its thread may be interrupted. */
    void run(Thread probing) {
        thread = probing;
        if (ended) {
            probing.interrupt();
        }
    }

    /** It may not be any more; forgets an interruption that came from here. */
    void ran() {
        thread = null;
        if (ended) {
            Thread.interrupted();
        }
    }

    /** Whether nobody wants it any more. */
    boolean ended() {
        return ended;
    }

    /** Takes a pipeline from those it is for, and ends it where it was the last. */
    @Nullable
    String giveUp(String pipeline) {
        Release tried = release;
        if (tried == null || !wanting.remove(pipeline)) {
            return null;
        }
        if (wanting.isEmpty()) {
            ended = true;
            Thread probing = thread;
            if (probing != null) {
                probing.interrupt();
            }
        }
        return tried.identity().label();
    }

    /** What it is at for a pipeline, in words; empty for nothing. */
    String words(String pipeline) {
        Release tried = release;
        return tried == null || !wanting.contains(pipeline)
                ? ""
                : tried.identity().label() + " is on trial";
    }
}
