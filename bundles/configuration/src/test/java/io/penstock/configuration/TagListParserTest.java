// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.TagDefinition;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TagListParserTest {
    private static final String HEADER =
            "Tag;Description;Address;DataType;Length;ByteOrder;PeriodMs;RawLow;RawHigh;Low;High;Unit;Access\n";

    private static List<TagDefinition> parse(String text) throws Exception {
        return new TagListParser("plc.csv", 10_000).parse(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String refusal(String text) {
        return assertThrows(IllegalArgumentException.class, () -> parse(text)).getMessage();
    }

    // A tag read with swapped words shows a plausible, wrong number.
    @Test
    void everyColumnArrives() throws Exception {
        TagDefinition tag = parse(HEADER
                        + "AT-1002A;Raw turbidity;holding-register:103;REAL;;CDAB;1000;0;27648;0;400,5;NTU;R\n"
                        + "AIC-2001.SP_ML;;holding-register:201;REAL;;;1000;;;;;M1;RW\n")
                .get(0);
        assertEquals("AT-1002A", tag.id().name());
        assertEquals("Raw turbidity", tag.description());
        assertEquals(DataType.REAL, tag.dataType());
        assertEquals(ByteOrder.CDAB, tag.byteOrder());
        assertEquals(1000, tag.periodMs());
        assertEquals(200.25, tag.scaling().toEngineering(13824), 1e-9);
        assertEquals("NTU", tag.unit());
        assertEquals(false, tag.writable());
    }

    // Spreadsheets on engineering laptops write whatever their locale says.
    @Test
    void spreadsheetEncodingsAndSeparatorsAreUnderstood() throws Exception {
        String line = "TT-1005;Rohwassertemperatur °C;holding-register:111;REAL;;;1000;;;;;CEL;R\n";
        for (byte[] bytes : List.of(
                (HEADER + line).getBytes(StandardCharsets.UTF_8),
                ("\uFEFF" + HEADER + line).getBytes(StandardCharsets.UTF_8),
                (HEADER + line).getBytes(StandardCharsets.UTF_16),
                (HEADER + line).getBytes(Charset.forName("windows-1252")),
                (HEADER + line).replace(';', '\t').getBytes(StandardCharsets.UTF_8),
                (HEADER + line).replace(';', ',').getBytes(StandardCharsets.UTF_8))) {
            assertEquals(
                    "Rohwassertemperatur °C",
                    new TagListParser("x", 10_000).parse(bytes).get(0).description());
        }
    }

    // With the first faulty line used and the rest ignored, half a plant would be read.
    @Test
    void allFaultsAreNamedWithLineColumnValueAndLimit() {
        String message = refusal(HEADER
                + "AT 1;;holding-register:1;REAL;;;1000;;;;;NTU;R\n"
                + "B;;holding-register:3;FLOAT;;;-1;;;;;NTU;R\n"
                + "C;;;REAL;;;100;1;1;0;5;NTU;X\n");
        assertTrue(message.contains("plc.csv, line 2, column Tag"), message);
        assertTrue(message.contains("was 'AT 1'"), message);
        assertTrue(message.contains("line 3, column DataType: one of [BOOL, SINT"), message);
        assertTrue(message.contains("line 3, column PeriodMs: a whole number from 0 to 86400000, was '-1'"), message);
        assertTrue(message.contains("line 4, column Address"), message);
        assertTrue(message.contains("line 4, column Access"), message);
        assertTrue(message.contains("low and high must differ"), message);
    }

    // Two tags of one name: the model would get whichever came last.
    @Test
    void aNameTwiceIsRefused() {
        String line = "A;;holding-register:1;REAL;;;1000;;;;;NTU;R\n";
        assertTrue(refusal(HEADER + line + line).contains("line 3, column Tag: stands in line 2 already"));
    }

    // "line 4" that is line 7 of the spreadsheet sends the engineer to a tag that is right.
    @Test
    void linesAreCountedAsTheSpreadsheetCountsThem() throws Exception {
        String good = "A;;holding-register:1;REAL;;;1000;;;;;NTU;R\n";
        String wrong = "B;;holding-register:3;REEL;;;1000;;;;;NTU;R";
        String message = refusal(HEADER + "\n\n" + good + ";;;;;;;;;;;;\n"
                + "C;\"two\nlines\";holding-register:1;REAL;;;1000;;;;;NTU;R\n" + wrong);
        assertTrue(message.startsWith("plc.csv, line 8, column DataType"), message);
        assertTrue(
                refusal((HEADER + good + good).replace("\n", "\r\n")).contains("line 3, column Tag: stands in line 2"));
        assertEquals(1, parse(HEADER + good + ";;;;;;;;;;;;\n;;\n\n").size(), "empty rows are no tags");
    }

    // A typo in the header would silently drop the scaling of every tag.
    @Test
    void anUnknownOrMissingColumnIsRefusedWithAGuess() {
        assertTrue(refusal("Tag;Adress;DataType;PeriodMs;Access\nA;x;REAL;1;R\n")
                .contains("unknown column 'Adress', did you mean 'Address'?"));
        assertTrue(refusal("Tag;DataType;PeriodMs;Access\nA;REAL;1;R\n").contains("column 'Address' is missing"));
    }

    // An attacker's or a broken export's file must end in a message, not in a full memory.
    @Test
    void hostileContentEndsInAMessage() {
        assertTrue(refusal("").contains("is missing"));
        assertTrue(refusal(HEADER).contains("no tag in it"));
        // one forgotten quotation mark was answered with the name of a Java class
        assertTrue(refusal(HEADER + "\"unclosed;;;\n")
                .startsWith("plc.csv: a quotation mark has no counterpart: (startline 2)"));
        assertTrue(refusal(HEADER + "A;b;c\n").contains("3 cells under 13 columns"));
        String many = IntStream.range(0, 1000).mapToObj(i -> "?;;;;;;;;;;;;").collect(Collectors.joining("\n"));
        assertTrue(refusal(HEADER + many).lines().count() <= 21, "faults are bounded");
        assertTrue(refusal(HEADER + "=cmd|'/C calc'!A0;;holding-register:1;REAL;;;1;;;;;;R\n")
                .contains("column Tag"));
    }

    // "perodMs" left the period at its default, and nobody knew.
    @Test
    void spellingGuessesTheNearKeyOnly() {
        assertEquals(", did you mean 'periodMs'?", Spelling.hint("perodMs", List.of("periodMs", "name")));
        assertEquals("", Spelling.hint("zzz", List.of("periodMs", "trigger")));
    }
}
