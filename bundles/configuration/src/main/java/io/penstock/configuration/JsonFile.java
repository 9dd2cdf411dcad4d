// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import jakarta.json.Json;
import jakarta.json.JsonException;
import jakarta.json.stream.JsonParser;
import jakarta.json.stream.JsonParser.Event;
import jakarta.json.stream.JsonParsingException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * One configuration file: a JSON object with comments whose values are texts, numbers, true, false, or lists of them. Read
 * strictly, because the plant's limits stand there: JSON itself lets the last of two equal keys win, and common readers wrap
 * a number that is too large into another one and ignore what follows the object.
 */
final class JsonFile {
    private static final Pattern DECIMAL_COMMA = Pattern.compile(":\\s*-?\\d+,\\d");

    private JsonFile() {}

    /**
     * @return a {@code String}, {@code Boolean}, {@code Long}, {@code Double} or {@code List} of them by key.
     * @throws IllegalArgumentException naming line or key, never quoting the text: somebody may have put the wrong file
     *     there, one with a password in it.
     */
    static Map<String, Object> parse(String text) {
        String bare = withoutComments(text);
        try (JsonParser parser = Json.createParser(new StringReader(bare))) {
            Map<String, Object> properties = new TreeMap<>();
            if (parser.next() != Event.START_OBJECT) {
                throw new IllegalArgumentException("it is no JSON object; put { and } around the keys");
            }
            while (parser.next() == Event.KEY_NAME) {
                String key = parser.getString();
                long line = parser.getLocation().getLineNumber();
                if (properties.put(key, value(parser, parser.next(), key, true)) != null) {
                    throw new IllegalArgumentException(
                            "key '" + Spelling.shown(key) + "' stands twice, again in line " + line + "; keep one");
                }
            }
            parser.hasNext(); // throws where something follows the object
            return properties;
        } catch (JsonParsingException e) {
            throw new IllegalArgumentException(
                    fault(bare, e.getLocation().getLineNumber(), e.getLocation().getColumnNumber()), e);
        } catch (JsonException e) {
            throw new IllegalArgumentException("it is not JSON: " + e.getMessage(), e);
        }
    }

    private static Object value(JsonParser parser, Event event, String key, boolean listed) {
        return switch (event) {
            case VALUE_STRING -> parser.getString();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NUMBER -> number(parser.getString(), key);
            case START_ARRAY -> {
                if (!listed) {
                    throw refused(key, "a list inside a list");
                }
                List<Object> list = new ArrayList<>();
                for (Event next = parser.next(); next != Event.END_ARRAY; next = parser.next()) {
                    list.add(value(parser, next, key, false));
                }
                yield list;
            }
            case VALUE_NULL -> throw refused(key, "null, which is no value; leave the key out or give it one");
            default -> throw refused(key, "an object inside another");
        };
    }

    private static Object number(String digits, String key) {
        try {
            if (digits.chars().allMatch(c -> c == '-' || (c >= '0' && c <= '9'))) {
                return Long.parseLong(digits);
            }
            double number = Double.parseDouble(digits);
            if (Double.isFinite(number)) {
                return number;
            }
        } catch (NumberFormatException e) {
            // a whole number of more than 64 bit
        }
        throw refused(key, Spelling.shown(digits) + ", larger than any number here");
    }

    private static IllegalArgumentException refused(String key, String was) {
        return new IllegalArgumentException(
                Spelling.shown(key) + ": a text, a number, true, false or a list of them, was " + was);
    }

    /** Blanks comments out, so that lines and columns stay what the editor shows. */
    private static String withoutComments(String text) {
        StringBuilder bare = new StringBuilder(text);
        boolean quoted = false;
        for (int i = 0; i < bare.length(); i++) {
            char c = bare.charAt(i);
            if (quoted) {
                i += c == '\\' ? 1 : 0;
                quoted = c != '"';
            } else if (text.startsWith("//", i)) {
                while (i < bare.length() && bare.charAt(i) != '\n') {
                    bare.setCharAt(i++, ' ');
                }
            } else if (text.startsWith("/*", i)) {
                int end = text.indexOf("*/", i + 2);
                if (end < 0) {
                    throw new IllegalArgumentException("the comment that begins in line "
                            + (text.substring(0, i)
                                            .chars()
                                            .filter(n -> n == '\n')
                                            .count()
                                    + 1)
                            + " has no end; close it with */");
                }
                for (; i < end + 2; i++) {
                    bare.setCharAt(i, bare.charAt(i) == '\n' ? '\n' : ' ');
                }
                i--;
            } else {
                quoted = c == '"';
            }
        }
        return bare.toString();
    }

    /** The parser speaks of tokens; whoever wrote the file thinks of commas. */
    private static String fault(String text, long line, long column) {
        String found = text.lines().skip(line - 1).findFirst().orElse("").strip();
        String hint = found.isEmpty()
                ? "something is missing there; has every bracket its counterpart?"
                : found.startsWith("}") || found.startsWith("]")
                        ? "is there a comma too many in the line before, or a bracket too many?"
                        : DECIMAL_COMMA.matcher(found).find()
                                ? "numbers are written with a point, 1.5, not with a comma"
                                : "is there a comma or a quotation mark missing in this line or the one before?";
        return "it is not JSON at line " + line + ", column " + column + ": " + hint;
    }
}
