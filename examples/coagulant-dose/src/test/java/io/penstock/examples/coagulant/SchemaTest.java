// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.examples.coagulant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The published JSON Schemas beside what gateways take: a central team checks its files by them before it packs. */
class SchemaTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    static Path out;

    private static Path model;

    @BeforeAll
    static void write() throws IOException {
        model = CoagulantDose.train("1.1.0").write(out);
    }

    private static Schema schema(String name) throws IOException {
        return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(Files.readString(Path.of("../../docs/schema/" + name + ".schema.json")));
    }

    // A schema that refused what gateways take would have sent the team looking for a fault it does not have.
    @ParameterizedTest
    @ValueSource(strings = {"model", "golden", "reference"})
    void aModelThatGatewaysTakeKeepsTheSchema(String name) throws IOException {
        JsonNode file = JSON.readTree(model.resolve(name + ".json").toFile());
        assertEquals(List.of(), schema(name).validate(file));
    }

    // A schema that took everything would have let a misspelt key travel to every gateway.
    @ParameterizedTest
    @ValueSource(strings = {"model", "golden", "reference"})
    void aMisspeltKeyBreaksTheSchema(String name) throws IOException {
        ObjectNode file =
                (ObjectNode) JSON.readTree(model.resolve(name + ".json").toFile());
        file.put("shcema", 1);
        assertFalse(schema(name).validate(file).isEmpty());
    }
}
