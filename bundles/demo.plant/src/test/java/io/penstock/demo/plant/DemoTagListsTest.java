// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The lists in {@code config/demo/tags} against the plant they describe. */
class DemoTagListsTest {
    private static final Map<String, PlantTag> TAGS =
            Arrays.stream(PlantTag.values()).collect(Collectors.toMap(PlantTag::tag, Function.identity()));

    // Had this failed, the demo's gateway would have read the pH as turbidity.
    @Test
    void everyPlantTagHasItsRegisterOrNodeAndItsUnit() throws IOException {
        int modbus = 0;
        int opcUa = 0;
        for (List<String> line : lines("plc.csv")) {
            PlantTag tag = TAGS.get(line.get(0));
            if (tag != null) {
                assertEquals("holding-register:" + tag.register(), line.get(2));
                assertEquals(List.of("REAL", "1", "ABCD"), line.subList(3, 6));
                assertEquals(tag.unit(), line.get(11), tag.tag());
                assertEquals("R", line.get(12));
                modbus++;
            }
        }
        for (List<String> line : lines("opcua.csv")) {
            PlantTag tag = TAGS.get(line.get(0));
            assertEquals("nsu=urn:penstock:demo:plant:wtp1;s=" + tag.tag(), line.get(2));
            assertEquals(tag.unit(), line.get(11), tag.tag());
            opcUa++;
        }
        assertTrue(modbus >= 9 && opcUa >= 4, modbus + " over Modbus, " + opcUa + " over OPC UA");
    }

    // Had this failed, the gateway could have written something else than the setpoint, or not even that.
    @Test
    void onlyTheSetpointCanBeWritten() throws IOException {
        List<List<String>> writable = lines("plc.csv").stream()
                .filter(line -> line.get(12).equals("RW"))
                .toList();
        assertEquals(1, writable.size());
        assertEquals("AIC-2001.SP_ML", writable.get(0).get(0));
        assertEquals("holding-register:" + RegisterMap.SETPOINT, writable.get(0).get(2));
        assertTrue(lines("opcua.csv").stream().allMatch(line -> line.get(12).equals("R")));
    }

    /** Cells by semicolon; an address with one in it stands in quotes. */
    private static List<List<String>> lines(String name) throws IOException {
        Path root = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(root.resolve("config/demo/tags"))) {
            root = root.getParent();
        }
        return Files.readAllLines(root.resolve("config/demo/tags").resolve(name)).stream()
                .skip(1)
                .map(line -> Arrays.stream(line.split(";(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", -1))
                        .map(cell -> cell.replace("\"", ""))
                        .toList())
                .toList();
    }
}
