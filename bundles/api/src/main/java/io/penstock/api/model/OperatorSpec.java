// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.model;

import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;

/**
 * One operator with its parameters, as the contract names it. Immutable. Parameters are numbers ({@link Double}), texts,
 * flags ({@link Boolean}) or lists of numbers.
 */
public final class OperatorSpec {
    private final String operator;
    private final TreeMap<String, Object> parameters;

    /** @throws IllegalArgumentException if a parameter is of another type. */
    public OperatorSpec(String operator, Map<String, ?> parameters) {
        this.operator = operator;
        this.parameters = new TreeMap<>();
        parameters.forEach((key, value) -> this.parameters.put(key, checked(key, value)));
    }

    private Object checked(String key, Object value) {
        if (value instanceof Double || value instanceof String || value instanceof Boolean) {
            return value;
        }
        if (value instanceof List<?> list && list.stream().allMatch(Double.class::isInstance)) {
            return List.copyOf(list);
        }
        throw new IllegalArgumentException(
                operator + "." + key + ": a number, a text, true/false or a list of numbers, was " + value);
    }

    /** Name of the operator. */
    public String operator() {
        return operator;
    }

    public Set<String> parameterNames() {
        return parameters.keySet();
    }

    /** @throws IllegalArgumentException if it is absent or no number. */
    public double number(String key) {
        if (parameters.get(key) instanceof Double number) {
            return number;
        }
        throw new IllegalArgumentException(operator + "." + key + ": a number is needed, was " + parameters.get(key));
    }

    public double number(String key, double absent) {
        return parameters.containsKey(key) ? number(key) : absent;
    }

    public OptionalDouble optionalNumber(String key) {
        return parameters.containsKey(key) ? OptionalDouble.of(number(key)) : OptionalDouble.empty();
    }

    /** @throws IllegalArgumentException if it is absent or no text. */
    public String text(String key) {
        if (parameters.get(key) instanceof String text) {
            return text;
        }
        throw new IllegalArgumentException(operator + "." + key + ": a text is needed, was " + parameters.get(key));
    }

    public String text(String key, String absent) {
        return parameters.containsKey(key) ? text(key) : absent;
    }

    /** @throws IllegalArgumentException if it is there and neither true nor false. */
    public boolean flag(String key, boolean absent) {
        Object value = parameters.getOrDefault(key, absent);
        if (value instanceof Boolean flag) {
            return flag;
        }
        throw new IllegalArgumentException(operator + "." + key + ": true or false, was " + value);
    }

    /** @throws IllegalArgumentException if it is absent or no list of numbers. */
    @SuppressWarnings("unchecked") // checked on construction
    public List<Double> numbers(String key) {
        if (parameters.get(key) instanceof List<?> list) {
            return (List<Double>) list;
        }
        throw new IllegalArgumentException(
                operator + "." + key + ": a list of numbers is needed, was " + parameters.get(key));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof OperatorSpec spec
                && spec.operator.equals(operator)
                && spec.parameters.equals(parameters);
    }

    @Override
    public int hashCode() {
        return 31 * operator.hashCode() + parameters.hashCode();
    }

    /** Canonical text: operator and parameters in alphabetical order. */
    @Override
    public String toString() {
        return operator + parameters;
    }
}
