// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.service.metatype.AttributeDefinition;
import org.osgi.service.metatype.MetaTypeInformation;
import org.osgi.service.metatype.MetaTypeService;
import org.osgi.service.metatype.ObjectClassDefinition;

/** The keys of one PID as its bundle declares them (OSGi Metatype): names, types, which are needed. */
final class Schema {
    private static final int MOST_FAULTS = 20;

    private final Map<String, AttributeDefinition> known = new TreeMap<>();
    private final Map<String, AttributeDefinition> needed = new TreeMap<>();

    private final boolean factory;

    private Schema(ObjectClassDefinition definition, boolean factory) {
        this.factory = factory;
        for (AttributeDefinition attribute : all(definition, ObjectClassDefinition.ALL)) {
            known.put(attribute.getID(), attribute);
        }
        for (AttributeDefinition attribute : all(definition, ObjectClassDefinition.REQUIRED)) {
            if (attribute.getDefaultValue() == null) {
                needed.put(attribute.getID(), attribute);
            }
        }
    }

    private static List<AttributeDefinition> all(ObjectClassDefinition definition, int filter) {
        AttributeDefinition @Nullable [] attributes = definition.getAttributeDefinitions(filter);
        return attributes == null ? List.of() : Arrays.asList(attributes);
    }

    /** The schema a bundle that is here declares for the PID. */
    static Optional<Schema> find(MetaTypeService metatypes, BundleContext context, String pid) {
        for (Bundle bundle : context.getBundles()) {
            MetaTypeInformation information =
                    bundle.getState() == Bundle.UNINSTALLED ? null : metatypes.getMetaTypeInformation(bundle);
            if (information != null
                    && (List.of(information.getFactoryPids()).contains(pid)
                            || List.of(information.getPids()).contains(pid))) {
                return Optional.of(new Schema(
                        information.getObjectClassDefinition(pid, null),
                        List.of(information.getFactoryPids()).contains(pid)));
            }
        }
        return Optional.empty();
    }

    /** Whether there may be several instances, each with a name behind {@code ~}. */
    boolean factory() {
        return factory;
    }

    /**
     * Refuses unknown and missing keys and wrong types, and gives the values in the declared types.
     *
     * @throws IllegalArgumentException naming all faults.
     */
    Map<String, Object> check(Map<String, Object> properties) {
        List<String> faults = new ArrayList<>();
        Map<String, Object> typed = new HashMap<>();
        properties.forEach((key, value) -> {
            AttributeDefinition attribute = known.get(key);
            if (attribute == null) {
                faults.add("unknown key '" + Spelling.shown(key) + "'" + Spelling.hint(key, known.keySet()));
            } else {
                Object converted = convert(attribute, value);
                if (converted == null) {
                    faults.add(key + ": " + wanted(attribute) + " is needed, was " + show(value));
                } else {
                    typed.put(key, converted);
                }
            }
        });
        needed.forEach((key, attribute) -> {
            if (!properties.containsKey(key)) {
                faults.add("key '" + key + "' is missing: " + attribute.getDescription());
            }
        });
        if (!faults.isEmpty()) {
            int more = faults.size() - MOST_FAULTS;
            throw new IllegalArgumentException(
                    String.join("; ", faults.subList(0, Math.min(faults.size(), MOST_FAULTS)))
                            + (more > 0 ? "; and " + more + " more" : ""));
        }
        return typed;
    }

    private static @Nullable Object convert(AttributeDefinition attribute, Object value) {
        if (attribute.getCardinality() == 0) {
            return scalar(attribute.getType(), value);
        }
        if (!(value instanceof List<?> elements)) {
            return null;
        }
        Object array = Array.newInstance(type(attribute.getType()), elements.size());
        for (int i = 0; i < elements.size(); i++) {
            Object element = scalar(attribute.getType(), elements.get(i));
            if (element == null) {
                return null;
            }
            Array.set(array, i, element);
        }
        return array;
    }

    private static @Nullable Object scalar(int type, Object value) {
        return switch (type) {
            case AttributeDefinition.STRING -> value instanceof String ? value : null;
            case AttributeDefinition.BOOLEAN -> value instanceof Boolean ? value : null;
            case AttributeDefinition.LONG -> value instanceof Long ? value : null;
            case AttributeDefinition.INTEGER ->
                value instanceof Long whole && whole == whole.intValue() ? whole.intValue() : null;
            case AttributeDefinition.DOUBLE -> value instanceof Number number ? number.doubleValue() : null;
            default -> null;
        };
    }

    private static Class<?> type(int type) {
        return switch (type) {
            case AttributeDefinition.BOOLEAN -> Boolean.class;
            case AttributeDefinition.LONG -> Long.class;
            case AttributeDefinition.INTEGER -> Integer.class;
            case AttributeDefinition.DOUBLE -> Double.class;
            default -> String.class;
        };
    }

    private static String wanted(AttributeDefinition attribute) {
        String one =
                switch (attribute.getType()) {
                    case AttributeDefinition.BOOLEAN -> "true or false";
                    case AttributeDefinition.LONG -> "a whole number";
                    case AttributeDefinition.INTEGER -> "a whole number of at most " + Integer.MAX_VALUE;
                    case AttributeDefinition.DOUBLE -> "a number";
                    default -> "a text";
                };
        return attribute.getCardinality() == 0 ? one : "a list, each " + one + ",";
    }

    private static String show(Object value) {
        return value instanceof List
                ? "a list"
                : value instanceof String text ? "'" + Spelling.shown(text) + "'" : value.toString();
    }
}
