// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.data.TagId;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.jspecify.annotations.Nullable;

/**
 * One tag list as spreadsheets write it: separated by semicolon, comma or tab; UTF-8, UTF-16 with byte order mark or
 * Windows-1252; decimal comma where the separator is not one. All faults are gathered before it gives up.
 */
final class TagListParser {
    private static final List<String> COLUMNS = List.of(
            "Tag",
            "Description",
            "Address",
            "DataType",
            "Length",
            "ByteOrder",
            "PeriodMs",
            "RawLow",
            "RawHigh",
            "Low",
            "High",
            "Unit",
            "Access");
    private static final Set<String> NEEDED = Set.of("Tag", "Address", "DataType", "PeriodMs", "Access");
    private static final int MOST_FAULTS = 20;
    private static final int LONGEST_HEADER = 4_096;

    private final String file;
    private final int mostTags;
    private final List<String> faults = new ArrayList<>();
    private String text = "";
    private boolean decimalComma;

    /** @param mostTags so many are refused, each element of an array counted. */
    TagListParser(String file, int mostTags) {
        this.file = file;
        this.mostTags = mostTags;
    }

    List<TagDefinition> parse(byte[] bytes) throws IOException {
        text = decode(bytes);
        String header = text.lines().findFirst().orElse("");
        if (header.length() > LONGEST_HEADER) {
            throw new IllegalArgumentException(file + ", line 1: at most " + LONGEST_HEADER + " characters, has "
                    + header.length() + "; it names the columns " + String.join(";", COLUMNS));
        }
        char separator = separator(header);
        decimalComma = separator != ',';
        CSVFormat format = CSVFormat.DEFAULT
                .builder()
                .setDelimiter(separator)
                .setHeader()
                .setSkipHeaderRecord(true)
                .setIgnoreEmptyLines(true)
                .setIgnoreSurroundingSpaces(true)
                .setTrim(true)
                .get();
        List<TagDefinition> tags = new ArrayList<>();
        try (CSVParser parser = CSVParser.parse(new StringReader(text), format)) {
            checkHeader(parser.getHeaderNames());
            Map<String, Long> seen = new HashMap<>();
            long elements = 0;
            for (CSVRecord line : parser) {
                if (line.stream().allMatch(String::isEmpty)) {
                    continue; // a spreadsheet's empty row
                }
                TagDefinition tag = faults.size() < MOST_FAULTS ? parse(line) : null;
                if (tag != null) {
                    Long first = seen.putIfAbsent(tag.id().name(), line.getCharacterPosition());
                    if (first != null) {
                        fault(
                                line,
                                "Tag",
                                tag.id().name(),
                                "stands in line " + lineNumber(first) + " already; names are unique");
                    }
                    tags.add(tag);
                    elements += tag.length();
                }
                if (elements > mostTags) {
                    faults.add(file + ", line " + lineNumber(line) + ": more than " + mostTags
                            + " tags, each element of an array counted, that the gateway's heap has room for beside those of"
                            + " other tag lists; remove what no pipeline needs, or give the gateway a larger heap, e.g."
                            + " PENSTOCK_OPTS=-Xmx512m");
                    break;
                }
            }
        } catch (UncheckedIOException e) {
            faults.add(file + ": a quotation mark has no counterpart: "
                    + e.getCause().getMessage() + "; close it, or double it inside a text");
        } catch (IllegalArgumentException e) {
            faults.add(file + ": " + e.getMessage());
        }
        if (faults.isEmpty() && tags.isEmpty()) {
            faults.add(file + ": no tag in it; give it at least one line below the header");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException(String.join("\n", faults));
        }
        return List.copyOf(tags);
    }

    private static String decode(byte[] bytes) {
        int mark = bytes.length < 2 ? 0 : ((bytes[0] & 0xFF) << 8) | (bytes[1] & 0xFF);
        if (mark == 0xFEFF || mark == 0xFFFE) {
            return new String(bytes, StandardCharsets.UTF_16);
        }
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return text.startsWith("\uFEFF") ? text.substring(1) : text;
        } catch (CharacterCodingException e) {
            return new String(bytes, Charset.forName("windows-1252"));
        }
    }

    private static char separator(String header) {
        for (char candidate : new char[] {';', '\t', ','}) {
            if (header.indexOf(candidate) >= 0) {
                return candidate;
            }
        }
        return ';';
    }

    private void checkHeader(List<String> names) {
        Set<String> seen = new HashSet<>();
        for (String name : names) {
            if (!COLUMNS.contains(name)) {
                faults.add(file + ", line 1: unknown column '" + name + "'" + Spelling.hint(name, COLUMNS)
                        + "; columns are " + String.join(";", COLUMNS));
            }
            if (!seen.add(name)) {
                faults.add(file + ", line 1: column '" + name + "' stands twice");
            }
        }
        for (String name : NEEDED.stream().sorted().toList()) {
            if (!seen.contains(name)) {
                faults.add(file + ", line 1: column '" + name + "' is missing");
            }
        }
    }

    private @Nullable TagDefinition parse(CSVRecord line) {
        int before = faults.size();
        if (!line.isConsistent()) {
            faults.add(file + ", line " + lineNumber(line) + ": " + line.size() + " cells under "
                    + line.getParser().getHeaderNames().size() + " columns; quote cells that contain the separator");
            return null;
        }
        TagId id = null;
        try {
            id = new TagId(cell(line, "Tag"));
        } catch (IllegalArgumentException e) {
            fault(line, "Tag", cell(line, "Tag"), "1 to 120 of letters, digits and _ . - [ ]");
        }
        String address = cell(line, "Address");
        if (address.isEmpty()) {
            fault(line, "Address", "", "where the connector finds the tag");
        }
        DataType type = choice(line, "DataType", DataType.class, null);
        ByteOrder order = choice(line, "ByteOrder", ByteOrder.class, ByteOrder.ABCD);
        long length = whole(line, "Length", 1, 1, 2_000);
        long periodMs = whole(line, "PeriodMs", -1, 0, 86_400_000);
        Scaling scaling = scaling(line);
        String access = cell(line, "Access").toUpperCase(Locale.ROOT);
        if (!access.equals("R") && !access.equals("RW")) {
            fault(line, "Access", access, "R (read) or RW (may be written by a write loop)");
        }
        String unit = cell(line, "Unit");
        if (!unit.matches("[A-Z0-9]{0,3}")) {
            fault(line, "Unit", unit, "a UNECE common code such as NTU, MQH, CEL, or empty");
        }
        if (faults.size() > before || id == null || type == null || order == null) {
            return null;
        }
        return new TagDefinition(
                id,
                cell(line, "Description"),
                address,
                type,
                (int) length,
                order,
                periodMs,
                scaling,
                unit,
                access.equals("RW"));
    }

    private Scaling scaling(CSVRecord line) {
        List<String> names = List.of("RawLow", "RawHigh", "Low", "High");
        List<String> cells = names.stream().map(name -> cell(line, name)).toList();
        if (cells.stream().allMatch(String::isEmpty)) {
            return Scaling.NONE;
        }
        double[] numbers = new double[4];
        for (int i = 0; i < 4; i++) {
            try {
                String cell = cells.get(i);
                numbers[i] = Double.parseDouble(decimalComma ? cell.replace(',', '.') : cell);
            } catch (NumberFormatException e) {
                fault(line, names.get(i), cells.get(i), "a number; give all of RawLow, RawHigh, Low, High, or none");
                return Scaling.NONE;
            }
        }
        try {
            return new Scaling(numbers[0], numbers[1], numbers[2], numbers[3]);
        } catch (IllegalArgumentException e) {
            fault(line, "RawLow..High", String.join("..", cells), e.getMessage());
            return Scaling.NONE;
        }
    }

    private long whole(CSVRecord line, String column, long absent, long least, long most) {
        String cell = cell(line, column);
        try {
            long value = cell.isEmpty() ? absent : Long.parseLong(cell);
            if (value >= least && value <= most) {
                return value;
            }
        } catch (NumberFormatException e) {
            // the fault below says what is wanted
        }
        fault(line, column, cell, "a whole number from " + least + " to " + most);
        return least;
    }

    private <E extends Enum<E>> @Nullable E choice(CSVRecord line, String column, Class<E> type, @Nullable E absent) {
        String cell = cell(line, column).toUpperCase(Locale.ROOT);
        if (cell.isEmpty() && absent != null) {
            return absent;
        }
        for (E constant : type.getEnumConstants()) {
            if (constant.name().equals(cell)) {
                return constant;
            }
        }
        fault(line, column, cell, "one of " + Arrays.toString(type.getEnumConstants()));
        return null;
    }

    private static String cell(CSVRecord line, String column) {
        return line.isSet(column) ? line.get(column) : "";
    }

    private void fault(CSVRecord line, String column, String value, @Nullable String limit) {
        if (faults.size() < MOST_FAULTS) {
            faults.add(file + ", line " + lineNumber(line) + ", column " + column + ": " + limit + ", was '" + value
                    + "'");
        }
    }

    /** As an editor or a spreadsheet counts: empty lines and those inside quoted cells too. */
    private long lineNumber(CSVRecord line) {
        return lineNumber(line.getCharacterPosition());
    }

    private long lineNumber(long characterPosition) {
        int at = (int) characterPosition;
        while (at < text.length() && (text.charAt(at) == '\r' || text.charAt(at) == '\n')) {
            at++;
        }
        return text.substring(0, at).lines().count() + 1;
    }
}
