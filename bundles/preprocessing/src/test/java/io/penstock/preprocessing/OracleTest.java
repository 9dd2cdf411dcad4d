// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.data.StatusCode;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.preprocessing.GridOperator;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.Signal;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every operator against results of numpy, pandas and scipy, made by src/test/oracle/make_oracle.py. */
class OracleTest {
    private static final double RELATIVE = 1e-9;

    /** Below that the oracle's own rounding speaks. */
    private static final double ABSOLUTE = 1e-12;

    private static final String[] SIGNALS = {"regular.csv", "gappy.csv", "irregular.csv", "far.csv", "resting.csv"};

    private record Table(List<String> header, List<String[]> rows) {
        static Table read(String name) {
            try (InputStream in = Objects.requireNonNull(OracleTest.class.getResourceAsStream("/oracle/" + name))) {
                List<String> lines = new String(in.readAllBytes(), StandardCharsets.UTF_8)
                        .lines()
                        .toList();
                List<String[]> rows = new ArrayList<>();
                for (String line : lines.subList(1, lines.size())) {
                    rows.add(line.split(",", -1));
                }
                return new Table(List.of(lines.get(0).split(",", -1)), rows);
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }

        double number(int row, int column) {
            String cell = rows.get(row)[column];
            return cell.isEmpty() ? Double.NaN : Double.parseDouble(cell);
        }

        Signal signal(int row) {
            String[] cells = rows.get(row);
            return new Signal().set(Long.parseLong(cells[0]), number(row, 1), Integer.parseInt(cells[2]));
        }
    }

    // A mean or a spike filter that differs from the one the model was trained with makes every prediction quietly
    // wrong.
    @TestFactory
    Stream<DynamicTest> samples() {
        return Stream.of(SIGNALS).flatMap(file -> {
            Table table = Table.read(file);
            return IntStream.range(3, table.header().size())
                    .mapToObj(column -> DynamicTest.dynamicTest(
                            file + " " + table.header().get(column), () -> compare(table, column)));
        });
    }

    private static void compare(Table table, int column) {
        Operator operator = Operators.operator(table.header().get(column));
        int compared = 0;
        for (int row = 0; row < table.rows().size(); row++) {
            Signal signal = table.signal(row);
            if (operator instanceof AgeAware aware) { // as if it had been the sample before
                aware.age(row == 0 ? 0 : signal.timeNs - table.signal(row - 1).timeNs);
            }
            operator.apply(signal);
            compared += requireEqual(table, row, column, signal);
        }
        assertTrue(compared > 30, "only " + compared + " values to compare");
    }

    private static int requireEqual(Table table, int row, int column, Signal signal) {
        double expected = table.number(row, column);
        String where = table.header().get(column) + ", row " + row;
        if (Double.isNaN(expected)) {
            assertTrue(
                    StatusCode.isBad(signal.status) || Double.isNaN(signal.value),
                    () -> where + ": no value was expected, was " + signal.value);
            return 0;
        }
        assertTrue(!StatusCode.isBad(signal.status), () -> where + ": " + StatusCode.name(signal.status));
        assertEquals(expected, signal.value, Math.max(ABSOLUTE, RELATIVE * Math.abs(expected)), where);
        return 1;
    }

    // An operator added later would be compared with nothing but its author's opinion.
    @Test
    void everyOperatorIsCompared() {
        Set<String> compared = Stream.concat(Stream.of(SIGNALS), Stream.of("grid.csv"))
                .flatMap(file -> Table.read(file).header().stream().skip(3))
                .map(column -> column.split(" ", -1)[0])
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(
                StandardOperators.all(new Units()).stream()
                        .map(StandardOperators.Standard::operator)
                        .collect(Collectors.toCollection(TreeSet::new)),
                compared);
    }

    // Samples that come at their own pace would be weighted differently on the gateway than in training.
    @TestFactory
    Stream<DynamicTest> grid() {
        Table samples = Table.read("samples.csv");
        Table cycles = Table.read("grid.csv");
        return IntStream.range(3, cycles.header().size())
                .mapToObj(column -> DynamicTest.dynamicTest(
                        cycles.header().get(column), () -> compareGrid(samples, cycles, column)));
    }

    private static void compareGrid(Table samples, Table cycles, int column) {
        GridOperator operator =
                (GridOperator) Operators.operator(cycles.header().get(column));
        int compared = 0;
        int next = 0;
        // cycles begin later than samples: those before belong to the first one, which is therefore not compared
        for (int row = 0; row < cycles.rows().size(); row++) {
            Signal signal = cycles.signal(row);
            for (; next < samples.rows().size() && samples.signal(next).timeNs <= signal.timeNs; next++) {
                operator.apply(samples.signal(next));
            }
            operator.emit(signal);
            compared += row == 0 ? 0 : requireEqual(cycles, row, column, signal);
        }
        assertTrue(compared > 100, "only " + compared + " values to compare");
    }

    // A tag in psi read as bar is off by a factor of fourteen.
    @Test
    void unitsConvertAsScipySays() {
        Table table = Table.read("units.csv");
        Units units = new Units();
        for (int row = 0; row < table.rows().size(); row++) {
            String[] cells = table.rows().get(row);
            FeatureEngine.UnitConversion there =
                    units.conversion(cells[0], cells[1]).orElseThrow();
            FeatureEngine.UnitConversion back =
                    units.conversion(cells[1], cells[0]).orElseThrow();
            double value = table.number(row, 2);
            double expected = table.number(row, 3);
            double tolerance = Math.max(1e-9, RELATIVE * Math.abs(expected));
            assertEquals(expected, there.apply(value), tolerance, String.join(" ", cells));
            assertEquals(
                    value, back.apply(expected), Math.max(1e-9, RELATIVE * Math.abs(value)), String.join(" ", cells));
        }
        assertTrue(table.rows().size() > 100);
    }
}
