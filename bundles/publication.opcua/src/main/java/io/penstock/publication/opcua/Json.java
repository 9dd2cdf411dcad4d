// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The few lines of JSON that receipts need. */
final class Json {
    private Json() {}

    /** An object of the given keys and values in turn: texts, numbers, lists of texts, maps of numbers. */
    static String object(Object... keysAndValues) {
        StringBuilder json = new StringBuilder("{");
        for (int i = 0; i < keysAndValues.length; i += 2) {
            if (i > 0) {
                json.append(',');
            }
            quote(json, keysAndValues[i].toString());
            json.append(':');
            value(json, keysAndValues[i + 1]);
        }
        return json.append('}').toString();
    }

    private static void value(StringBuilder json, @Nullable Object value) {
        if (value instanceof Double number && !Double.isFinite(number)) {
            json.append("null");
        } else if (value instanceof Number number) {
            json.append(number);
        } else if (value instanceof List<?> list) {
            json.append('[');
            for (int i = 0; i < list.size(); i++) {
                if (i > 0) {
                    json.append(',');
                }
                value(json, list.get(i));
            }
            json.append(']');
        } else if (value instanceof Map<?, ?> map) {
            json.append(object(map.entrySet().stream()
                    .sorted((a, b) -> a.getKey().toString().compareTo(b.getKey().toString()))
                    .flatMap(entry -> java.util.stream.Stream.of(entry.getKey(), entry.getValue()))
                    .toArray()));
        } else {
            quote(json, String.valueOf(value));
        }
    }

    private static void quote(StringBuilder json, String text) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < ' ') {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        json.append('"');
    }
}
