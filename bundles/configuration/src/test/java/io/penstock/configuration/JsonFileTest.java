// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonFileTest {
    private static String refusal(String text) {
        return String.valueOf(assertThrows(IllegalArgumentException.class, () -> JsonFile.parse(text), text)
                .getMessage());
    }

    // A limit would be read as another one than stands there.
    @Test
    void valuesAreWhatWasWritten() {
        assertEquals(
                Map.of(
                        "text",
                        "// no /* comment */ \" \\ ü",
                        "whole",
                        9_007_199_254_740_993L,
                        "negative",
                        -1L,
                        "number",
                        1.5,
                        "power",
                        1000.0,
                        "yes",
                        true,
                        "no",
                        false,
                        "list",
                        List.of("a", 1L, 2.5, true),
                        "empty",
                        List.of()),
                JsonFile.parse("""
                        // the plant's own words: "quoted", { not a bracket
                        { "text": "// no /* comment */ \\" \\\\ \\u00fc", /* over
                          two lines " */ "whole": 9007199254740993, "negative": -1, "number": 1.5,
                          "power": 1e3, // one thousand
                          "yes": true, "no": false, "list": ["a", 1, 2.5, true], "empty": [] }
                        // the end"""));
        assertEquals(Map.of("a", 1L, "b", 2L), JsonFile.parse("{\r\n  \"a\": 1, // CRLF\r\n  \"b\": 2\r\n}\r\n"));
        assertEquals(Map.of(), JsonFile.parse("{}"));
    }

    // The second of two limits won, and nobody was told: the loop ran up to 80 where the line above said 8.
    @Test
    void aKeyThatStandsTwiceIsRefused() {
        assertEquals(
                "key 'high' stands twice, again in line 4; keep one",
                refusal("{\n  \"high\": 8,\n  \"low\": 1,\n  \"high\": 80\n}"));
        assertTrue(refusal("{\"high\": 8, \"h\\u0069gh\": 80}").contains("twice"));
    }

    // 2^64 + 1 ran as 1, and 1e999 as infinity.
    @ParameterizedTest
    @ValueSource(strings = {"18446744073709551617", "9223372036854775808", "-9223372036854775809", "1e999", "-1e999"})
    void aNumberThatDoesNotFitIsRefusedNotWrapped(String number) {
        assertTrue(refusal("{\"validityMs\": " + number + "}")
                .endsWith("was " + number + ", larger than any number here"));
        String huge = refusal("{\"validityMs\": " + "9".repeat(100_000) + "}");
        assertTrue(huge.startsWith("validityMs: ") && huge.length() < 300, huge);
    }

    // What followed the first object was ignored: limits that somebody had pasted below never took effect.
    @ParameterizedTest
    @ValueSource(strings = {"{\"a\":1}{\"b\":2}", "{\"a\":1} b", "{\"a\":1}}", "{\"a\":1},"})
    void nothingMayFollowTheObject(String text) {
        assertTrue(refusal(text).startsWith("it is not JSON at line 1"), refusal(text));
    }

    // null ended in the log of the framework as an exception, without the file's name.
    @Test
    void valuesOfOtherKindsAreRefusedByKey() {
        assertEquals(
                "low: a text, a number, true, false or a list of them, was null, which is no value; leave the key out or"
                        + " give it one",
                refusal("{\"low\": null}"));
        assertTrue(refusal("{\"low\": {\"value\": 1}}").endsWith("was an object inside another"));
        assertTrue(refusal("{\"low\": [[1]]}").endsWith("was a list inside a list"));
        assertTrue(refusal("{\"low\": [null]}").startsWith("low: "));
    }

    // A file that was saved half, or that is another one, would take effect as something.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "\n\n",
                "[]",
                "null",
                "1",
                "\"x\"",
                "{",
                "{\"a\"",
                "{\"a\":",
                "{\"a\":1",
                "{\"a\":1,",
                "{\"a\":1,}",
                "{'a':1}",
                "{a:1}",
                "{\"a\":NaN}",
                "{\"a\":Infinity}",
                "{\"a\":01}",
                "{\"a\":1/0}",
                "{\"a\":\"x\ny\"}",
                "{\"a\":\"\\x\"}",
                "{\"a\":tru}",
                "\u0000",
                "\u007fELF",
                "a = 1",
                "<a/>",
                "{\"a\":1 \"b\":2}",
                "{\"a\":\"",
            })
    void whatIsNotAnObjectIsRefusedWithItsLine(String text) {
        assertTrue(refusal(text).startsWith("it is no"), refusal(text));
    }

    // Every prefix of a file is what an editor may leave behind at a power cut.
    @Test
    void everyPrefixIsRefused() {
        String whole = "{ \"name\": \"dose\", /* c */ \"low\": -1.5e1, \"releases\": [\"a 1\", \"b 2\"] } // end";
        int end = whole.lastIndexOf('}');
        for (int i = 0; i <= end; i++) {
            refusal(whole.substring(0, i));
        }
        assertEquals(3, JsonFile.parse(whole.substring(0, end + 1)).size());
    }

    // Where numbers have a comma, an engineer who wrote a limit as on paper was sent looking for a missing comma.
    @Test
    void aDecimalCommaIsToldAsSuch() {
        assertEquals(
                "it is not JSON at line 2, column 12: numbers are written with a point, 1.5, not with a comma",
                refusal("{ \"name\": \"dose\",\n  \"low\": 1,5,\n  \"high\": 7.5 }"));
    }

    // The engineer was told of tokens called CURLYCLOSE instead of the comma too many.
    @Test
    void faultOfJsonIsSaidInPlainWords() {
        assertEquals(
                "it is not JSON at line 3, column 1: is there a comma too many in the line before, or a bracket too many?",
                refusal("{\n  \"a\": 1,\n}\n"));
        assertEquals(
                "the comment that begins in line 2 has no end; close it with */", refusal("{ \"a\": 1,\n /* b\n }"));
    }

    // Brackets without end overflowed the stack of File Install's thread, and nothing at all was logged.
    @Test
    void deepFileIsRefused() {
        assertTrue(refusal("{\"a\":" + "[".repeat(400_000)).startsWith("a: "));
        assertTrue(refusal("{\"a\":".repeat(100_000)).startsWith("a: "));
        refusal("[".repeat(400_000));
    }

    // A password in the wrong file would stand in the log, and a name with a line feed would pass for a line of it.
    @Test
    void messagesQuoteNoSecretsAndStayOnOneLine() {
        assertFalse(refusal("s3cret\n").contains("s3cret"));
        String message = refusal("{\"a\\nERROR b\": null}");
        assertFalse(message.contains("\n"), message);
        assertTrue(refusal("{\"" + "k".repeat(10_000) + "\": null}").length() < 300);
        assertEquals("a?b?c?d", Spelling.shown("a\nb\u009bc\u202ed"));
    }
}
