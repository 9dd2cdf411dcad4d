// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One JSON object, read strictly: every key is asked for or refused, no key comes twice, every value has a type and a limit.
 * Throws {@link IllegalArgumentException} with file, path, value and limit.
 */
final class Json {
    /** A bracket with its list, its place in another, and what golden vectors make of it. */
    static final long BYTES_PER_PART = 96;

    private static final JsonMapper MAPPER = mapper();

    private final String path;
    private final JsonNode node;
    private final Set<String> asked = new LinkedHashSet<>();

    private Json(String path, JsonNode node) {
        this.path = path;
        this.node = node;
    }

    private static JsonMapper mapper() {
        JsonMapper mapper = JsonMapper.builder()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER) // the same digits on every JDK
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .disable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                .build();
        mapper.getFactory()
                .setStreamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(20)
                        .maxStringLength(100_000)
                        .maxNameLength(500)
                        .maxNumberLength(100)
                        .build());
        return mapper;
    }

    /**
     * Counts before anything is made of it: read, a part takes up to {@link #BYTES_PER_PART} bytes, however short it is.
     *
     * @throws IllegalArgumentException where there are more parts than that. What is no JSON passes; {@link #parse} tells.
     */
    static void checkParts(String file, byte[] bytes, long most) {
        try (JsonParser parser = MAPPER.createParser(bytes)) {
            for (long parts = 0; parser.nextToken() != null; parts++) {
                if (parts >= most) {
                    throw new IllegalArgumentException(file + ": more than " + most
                            + " names, values and brackets, for which the gateway's heap has no room beside the graph;"
                            + " make golden vectors fewer, or give the gateway a larger heap");
                }
            }
        } catch (IOException e) {
            return;
        }
    }

    static Json parse(String file, byte[] bytes) {
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException(file + ": is not UTF-8", e);
        }
        JsonNode node;
        try {
            node = MAPPER.readTree(text);
        } catch (JsonProcessingException e) {
            String where = e.getLocation() == null
                    ? ""
                    : " at line " + e.getLocation().getLineNr() + " column "
                            + e.getLocation().getColumnNr();
            throw new IllegalArgumentException(
                    file + ": no valid JSON" + where + ": " + Names.printable(e.getOriginalMessage()), e);
        }
        if (!node.isObject()) {
            throw new IllegalArgumentException(file + ": a JSON object is needed");
        }
        return new Json(file, node);
    }

    static ObjectNode newObject() {
        return MAPPER.createObjectNode();
    }

    static byte[] compact(JsonNode node) {
        try {
            // by way of a text: the byte writer refuses half a surrogate pair, and texts come from anywhere
            return MAPPER.writeValueAsString(node).getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e); // a tree in memory can always be written
        }
    }

    static byte[] pretty(JsonNode node) {
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
        printer.indentObjectsWith(new DefaultIndenter("  ", "\n"));
        try {
            return (MAPPER.writer(printer).writeValueAsString(node) + "\n").getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e); // a tree in memory can always be written
        }
    }

    static void addTexts(ArrayNode array, Iterable<String> texts) {
        texts.forEach(array::add);
    }

    String path() {
        return path;
    }

    boolean has(String key) {
        return node.has(key);
    }

    String text(String key, Pattern form, String meaning) {
        String text = text(key, 100_000);
        if (!form.matcher(text).matches()) {
            throw fault(key, meaning + ", was '" + shortened(text) + "'");
        }
        return text;
    }

    String text(String key, int maximumLength) {
        JsonNode value = needed(key);
        if (!value.isTextual()) {
            throw fault(key, "a text is needed, was " + shortened(value.toString()));
        }
        if (value.textValue().length() > maximumLength) {
            throw fault(
                    key,
                    "at most " + maximumLength + " characters, were "
                            + value.textValue().length());
        }
        return value.textValue();
    }

    String text(String key, String absent, int maximumLength) {
        asked.add(key);
        return has(key) ? text(key, maximumLength) : absent;
    }

    double number(String key) {
        return number(key, needed(key));
    }

    private double number(String key, JsonNode value) {
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
            throw fault(key, "a finite number is needed, was " + shortened(value.toString()));
        }
        return value.doubleValue();
    }

    long integer(String key, long low, long high) {
        JsonNode value = needed(key);
        if (!value.isIntegralNumber() || !value.canConvertToLong()) {
            throw fault(key, "a whole number is needed, was " + shortened(value.toString()));
        }
        if (value.longValue() < low || value.longValue() > high) {
            throw fault(key, low + " to " + high + ", was " + value.longValue());
        }
        return value.longValue();
    }

    boolean flag(String key) {
        JsonNode value = needed(key);
        if (!value.isBoolean()) {
            throw fault(key, "true or false, was " + shortened(value.toString()));
        }
        return value.booleanValue();
    }

    Instant instant(String key) {
        String text = text(key, 40);
        try {
            return Instant.parse(text);
        } catch (DateTimeException e) {
            throw (IllegalArgumentException) fault(key, "an instant as 2026-11-23T00:00:00Z, was '" + text + "'")
                    .initCause(e);
        }
    }

    @Nullable
    Instant optionalInstant(String key) {
        asked.add(key);
        return has(key) ? instant(key) : null;
    }

    Json object(String key) {
        JsonNode value = needed(key);
        if (!value.isObject()) {
            throw fault(key, "an object is needed, was " + shortened(value.toString()));
        }
        return new Json(path + ": " + key, value);
    }

    List<Json> objects(String key, int minimum, int maximum) {
        List<Json> objects = new ArrayList<>();
        int i = 0;
        for (JsonNode element : array(key, minimum, maximum)) {
            String at = key + "[" + i++ + "]";
            if (!element.isObject()) {
                throw fault(at, "an object is needed, was " + shortened(element.toString()));
            }
            objects.add(new Json(path + ": " + at, element));
        }
        return objects;
    }

    List<String> texts(String key, int minimum, int maximum, Pattern form, String meaning) {
        List<String> texts = new ArrayList<>();
        int i = 0;
        for (JsonNode element : array(key, minimum, maximum)) {
            String at = key + "[" + i++ + "]";
            if (!element.isTextual() || !form.matcher(element.textValue()).matches()) {
                throw fault(at, meaning + ", was " + shortened(element.toString()));
            }
            texts.add(element.textValue());
        }
        return texts;
    }

    List<Double> numbers(String key, int minimum, int maximum) {
        List<Double> numbers = new ArrayList<>();
        int i = 0;
        for (JsonNode element : array(key, minimum, maximum)) {
            numbers.add(number(key + "[" + i++ + "]", element));
        }
        return numbers;
    }

    JsonNode array(String key, int minimum, int maximum) {
        JsonNode value = needed(key);
        if (!value.isArray()) {
            throw fault(key, "a list is needed, was " + shortened(value.toString()));
        }
        if (value.size() < minimum || value.size() > maximum) {
            throw fault(key, minimum + " to " + maximum + " elements, were " + value.size());
        }
        return value;
    }

    /** The raw value, for the few places with values of several types. */
    JsonNode needed(String key) {
        asked.add(key);
        JsonNode value = node.get(key);
        if (value == null) {
            throw fault(key, "is missing");
        }
        return value;
    }

    List<String> keys() {
        List<String> keys = new ArrayList<>();
        for (Iterator<String> names = node.fieldNames(); names.hasNext(); ) {
            keys.add(names.next());
        }
        return keys;
    }

    /** Refuses keys that nobody asked for. */
    void end() {
        for (String key : keys()) {
            if (!asked.contains(key)) {
                throw fault(shortened(key), "unknown key; known here are " + String.join(", ", asked));
            }
        }
    }

    IllegalArgumentException fault(String key, String message) {
        return new IllegalArgumentException(path + ": " + key + ": " + message);
    }

    static String shortened(String text) {
        String printable = text.replaceAll("[^\\x20-\\x7E\\u00A0-\\uFFFD]", "?");
        return printable.length() <= 80 ? printable : printable.substring(0, 77) + "...";
    }
}
