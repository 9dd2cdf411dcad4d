// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.command;

import io.penstock.api.actuation.Mode;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One request, checked.
 *
 * @param command what is asked for.
 * @param pipeline of which pipeline; empty for {@code status} of all.
 * @param mode for {@code mode}, null for others.
 * @param reason for the audit; empty for {@code status}.
 * @param caller for whom the caller says it asks, empty for itself; a claim.
 * @param withinMs after that nobody waits for the answer: what was not begun by then never is.
 */
record Request(Command command, String pipeline, @Nullable Mode mode, String reason, String caller, long withinMs) {
    static final int VERSION = 1;
    static final long LONGEST_MS = 300_000;
    private static final long USUAL_MS = 10_000;
    private static final int LONGEST_REASON = 500;

    /** What can be asked for. */
    enum Command {
        STATUS,
        OPEN,
        MODE,
        ROLLBACK,
        CANCEL;

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Acts that take something back from a model or the plant's loop; nothing else may keep them from their turn. */
    boolean opens() {
        return command == Command.OPEN || (command == Command.MODE && mode != Mode.CLOSED);
    }

    /** @throws IllegalArgumentException with the key, the value and what is allowed. */
    static Request parse(String line) {
        if (!(Json.parse(line) instanceof Map<?, ?> map)) {
            throw new IllegalArgumentException("request: one JSON object is expected");
        }
        Set<Object> left = new HashSet<>(map.keySet());
        long version = integer(map, left, "penstock", 0);
        if (version != VERSION) {
            throw new IllegalArgumentException("penstock: " + VERSION + " is the version of this protocol, was "
                    + (map.containsKey("penstock") ? version : "missing")
                    + "; use the command line of this gateway's own folder");
        }
        Command command = choice("command", text(map, left, "command", 20, true), Command.values());
        boolean acts = command != Command.STATUS;
        String pipeline = text(map, left, "pipeline", 120, acts);
        Mode mode = command == Command.MODE ? choice("mode", text(map, left, "mode", 20, true), Mode.values()) : null;
        String reason = text(map, left, "reason", LONGEST_REASON, acts);
        if (acts && reason.isBlank()) {
            throw new IllegalArgumentException("reason: is blank; the audit keeps it");
        }
        String caller = text(map, left, "for", 64, false);
        long withinMs = integer(map, left, "withinMs", USUAL_MS);
        if (withinMs < 1 || withinMs > LONGEST_MS) {
            throw new IllegalArgumentException("withinMs: 1 to " + LONGEST_MS + ", was " + withinMs);
        }
        if (!left.isEmpty()) {
            throw new IllegalArgumentException(
                    Text.shown(String.valueOf(left.iterator().next())) + ": is no key of " + command.word());
        }
        return new Request(command, pipeline, mode, reason, caller, withinMs);
    }

    private static String text(Map<?, ?> map, Set<Object> left, String key, int longest, boolean needed) {
        left.remove(key);
        Object value = map.get(key);
        if (value == null && !needed) {
            return "";
        }
        if (!(value instanceof String text) || text.isEmpty()) {
            throw new IllegalArgumentException(
                    key + ": a text is expected, was " + (value == null ? "missing" : "not one"));
        }
        if (text.length() > longest) {
            throw new IllegalArgumentException(key + ": at most " + longest + " characters, has " + text.length());
        }
        return text;
    }

    private static long integer(Map<?, ?> map, Set<Object> left, String key, long otherwise) {
        left.remove(key);
        Object value = map.get(key);
        if (value == null) {
            return otherwise;
        }
        if (!(value instanceof Long number)) {
            throw new IllegalArgumentException(key + ": a whole number is expected");
        }
        return number;
    }

    private static <E extends Enum<E>> E choice(String key, String value, E[] values) {
        for (E one : values) {
            if (one.name().equals(value.toUpperCase(Locale.ROOT))) {
                return one;
            }
        }
        List<String> words = Arrays.stream(values).map(Enum::name).toList();
        throw new IllegalArgumentException(key + ": one of " + words + ", was '" + Text.shown(value) + "'");
    }
}
