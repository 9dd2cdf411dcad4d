// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Says where a file is not JSON in the words of who wrote it; the parser speaks of tokens. */
final class JsonFault {
    private static final Pattern PLACE = Pattern.compile("line no=(\\d+), column no=(\\d+)");

    private JsonFault() {}

    static String explain(String parser, String text) {
        Matcher place = PLACE.matcher(parser);
        if (!place.find()) {
            return parser;
        }
        int line = Integer.parseInt(place.group(1));
        String found = text.lines().skip(line - 1L).findFirst().orElse("").strip();
        String hint = found.isEmpty()
                ? "something is missing there; has every bracket its counterpart?"
                : found.startsWith("}") || found.startsWith("]")
                        ? "is there a comma too many in the line before?"
                        : "is there a comma or a quotation mark missing in this line or the one before?";
        // The text itself stays out of the log: somebody may have put the wrong file here, one with a password in it.
        return "it is not JSON at line " + line + ", column " + place.group(2) + ": " + hint;
    }
}
