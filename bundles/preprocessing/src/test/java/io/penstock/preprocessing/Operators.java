// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.model.OperatorSpec;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.Signal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Short forms for tests: {@code "hampel window=7 k=3 action=mark"}. */
final class Operators {
    static final long SECOND = 1_000_000_000L;
    static final long T0 = 1_700_000_000L * SECOND;

    private Operators() {}

    static OperatorSpec spec(String text) {
        String[] words = text.trim().split(" +", -1);
        Map<String, Object> parameters = new HashMap<>();
        for (String word : Arrays.copyOfRange(words, 1, words.length)) {
            String[] parts = word.split("=", 2);
            parameters.put(parts[0], value(parts[1]));
        }
        return new OperatorSpec(words[0], parameters);
    }

    private static Object value(String text) {
        if (text.equals("true") || text.equals("false")) {
            return Boolean.valueOf(text);
        }
        return text.matches("-?[0-9.]+(e-?[0-9]+)?|NaN|Infinity") ? (Object) Double.valueOf(text) : text;
    }

    static List<OperatorSpec> specs(String chain) {
        List<OperatorSpec> specs = new ArrayList<>();
        for (String text : chain.split("[|]", -1)) {
            if (!text.isBlank()) {
                specs.add(spec(text));
            }
        }
        return specs;
    }

    static Operator operator(String text) {
        OperatorSpec spec = spec(text);
        return StandardOperators.all(new Units()).stream()
                .filter(standard -> standard.operator().equals(spec.operator()))
                .findFirst()
                .orElseThrow()
                .create(spec);
    }

    /** One sample per second, from second {@code at} on. */
    static Signal feed(Operator operator, double at, double value, int status) {
        Signal signal = new Signal().set(T0 + Math.round(at * SECOND), value, status);
        operator.apply(signal);
        return signal;
    }
}
