// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import io.penstock.api.acquisition.TagDefinition;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** Says in words what changed in a configuration or a tag list: bounded, and no secret in it. */
final class Changes {
    private static final int LONGEST_VALUE = 200;
    private static final int LONGEST = 3_000;
    private static final int NAMED = 5;
    private static final Pattern SECRET =
            Pattern.compile("(?i).*(password|passwd|passphrase|secret|token|credential|apikey|privatekey|pin$).*");
    /** {@code s7://anna:secret@10.0.0.5} and {@code ?password=secret}, as connection strings have them. */
    private static final Pattern USER_INFO = Pattern.compile("(://)[^/@\\s]*@");

    private static final Pattern PARAMETER =
            Pattern.compile("(?i)((?:password|passwd|passphrase|secret|token)=)[^&;\\s]*");

    private Changes() {}

    /** The keys that differ with old and new value; {@code before} is empty where there was none. */
    static String ofKeys(Map<String, ?> before, Map<String, ?> now) {
        TreeSet<String> keys = new TreeSet<>(before.keySet());
        keys.addAll(now.keySet());
        List<String> words = new ArrayList<>();
        for (String key : keys) {
            Object old = before.get(key);
            Object fresh = now.get(key);
            if (!Objects.deepEquals(old, fresh)) {
                boolean secret = SECRET.matcher(key).matches();
                words.add(key + ": " + (old == null ? "" : shown(old, secret) + " -> ")
                        + (fresh == null ? "left out" : shown(fresh, secret)));
            }
        }
        return bounded(words);
    }

    /** All keys, as they stand. */
    static String values(Map<String, ?> properties) {
        return ofKeys(Map.of(), properties);
    }

    private static String bounded(List<String> words) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < words.size(); i++) {
            if (text.length() + words.get(i).length() > LONGEST) {
                return text + "; and " + (words.size() - i) + " more keys";
            }
            text.append(i == 0 ? "" : "; ").append(words.get(i));
        }
        return text.toString();
    }

    private static String shown(Object value, boolean secret) {
        if (secret) {
            return "***";
        }
        String text = value instanceof Object[] array
                ? Arrays.toString(array)
                : value.getClass().isArray() ? primitives(value) : String.valueOf(value);
        text = PARAMETER.matcher(USER_INFO.matcher(text).replaceAll("$1***@")).replaceAll("$1***");
        return text.length() <= LONGEST_VALUE
                ? text
                : text.substring(0, LONGEST_VALUE) + "… (" + (text.length() - LONGEST_VALUE) + " more characters)";
    }

    private static String primitives(Object array) {
        List<String> elements = new ArrayList<>();
        for (int i = 0; i < java.lang.reflect.Array.getLength(array); i++) {
            elements.add(String.valueOf(java.lang.reflect.Array.get(array, i)));
        }
        return elements.toString();
    }

    /** How many tags came, went and changed, the first few by name. */
    static String ofTags(Map<String, TagDefinition> before, Map<String, TagDefinition> now) {
        List<String> added = new ArrayList<>();
        List<String> changed = new ArrayList<>();
        List<String> removed = new ArrayList<>();
        now.forEach((name, tag) -> {
            TagDefinition old = before.get(name);
            if (old == null) {
                added.add(name);
            } else if (!old.equals(tag)) {
                changed.add(name);
            }
        });
        before.keySet().stream().filter(name -> !now.containsKey(name)).forEach(removed::add);
        return counted("added", added) + ", " + counted("removed", removed) + ", " + counted("changed", changed);
    }

    private static String counted(String word, Collection<String> names) {
        List<String> first = names.stream().sorted().limit(NAMED).toList();
        return names.size() + " tags " + word
                + (first.isEmpty() ? "" : " (" + String.join(" ", first) + (names.size() > NAMED ? " …" : "") + ")");
    }
}
