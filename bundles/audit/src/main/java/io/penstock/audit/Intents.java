// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Which loops were closed, and which writes were about to leave and have no outcome on record. By loop, which has one in flight at most. */
final class Intents {
    private static final String INTENT = "WRITE_INTENT";
    private static final String UNKNOWN = "WRITE_UNKNOWN";

    private final Map<String, Line> open = new LinkedHashMap<>();
    private final List<Line> lost = new ArrayList<>();
    private final Set<String> closed = new LinkedHashSet<>();
    private String process = "";

    void see(Line line) {
        switch (line.action()) {
            case "LOOP_CLOSED" -> closed.add(line.subject());
            case "LOOP_OPENED" -> closed.remove(line.subject());
            case INTENT -> {
                closed.add(line.subject()); // its closing may be further back than is read
                Line before = open.put(line.subject(), line);
                if (before != null) {
                    lost.add(before);
                }
            }
            case "WRITE_CONFIRMED", "WRITE_MISMATCH", "WRITE_FAILED", "WRITE_WITHDRAWN", UNKNOWN ->
                open.remove(line.subject());
            case "AUDIT_STARTED" -> {
                int at = line.detail().lastIndexOf("process ");
                process = at < 0 ? "" : line.detail().substring(at);
            }
            default -> {
                // nothing leaves by it
            }
        }
    }

    /** Those that nothing was heard of since, oldest first. */
    List<Line> open() {
        return List.copyOf(open.values());
    }

    /** Those that the next write of their loop followed although nothing was heard of them. */
    List<Line> lost() {
        return List.copyOf(lost);
    }

    /** Loops that were closed to the end of what is on record. */
    Set<String> closed() {
        return closed;
    }

    /** The process that wrote last, as its start says. */
    String process() {
        return process;
    }

    /** What to say at the next start. */
    static String words(Line intent) {
        return "asked " + intent.value() + " by record " + intent.seq() + " at " + intent.time()
                + ", outcome unknown: the process ended before it was recorded; the plant may have taken the value";
    }
}
