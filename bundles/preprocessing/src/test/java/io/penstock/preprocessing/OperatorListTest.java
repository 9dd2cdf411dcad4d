// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What the bundle says it offers, what it offers, and what the documentation says. */
class OperatorListTest {
    private static final Set<String> OPERATORS = StandardOperators.all(new Units()).stream()
            .map(StandardOperators.Standard::operator)
            .collect(Collectors.toCollection(TreeSet::new));

    // A release would be refused for an operator that is there, or accepted for one that is not.
    @Test
    void capabilitiesNameTheOperators() throws IOException {
        Matcher matcher = Pattern.compile("io\\.penstock\\.operator;operator=(\\w+)")
                .matcher(Files.readString(Path.of("bnd.bnd")));
        Set<String> named = new TreeSet<>();
        while (matcher.find()) {
            assertTrue(named.add(matcher.group(1)), matcher.group(1) + " stands twice");
        }
        assertEquals(OPERATORS, named);
    }

    // The data scientist would look for a parameter in the source.
    @Test
    void theDocumentationNamesOperatorsAndParameters() throws IOException {
        String page = Files.readString(Path.of("../../docs/operators.md"));
        for (StandardOperators.Standard standard : StandardOperators.all(new Units())) {
            int begin = page.indexOf("\n### `" + standard.operator() + "`");
            assertTrue(begin >= 0, standard.operator() + " has no section");
            int end = page.indexOf("\n### ", begin + 1);
            String section =
                    page.substring(begin, end < 0 ? page.length() : end).replaceAll("\\s+", " ");
            for (String parameter : standard.parameters()) {
                boolean common = WindowOperator.PARAMETERS.contains(parameter) && section.contains("Window parameters");
                assertTrue(
                        common || section.contains("`" + parameter + "`"),
                        standard.operator() + "." + parameter + " is not described");
            }
        }
        for (String parameter : WindowOperator.PARAMETERS) {
            assertTrue(page.contains("| `" + parameter + "` |"), parameter);
        }
    }
}
