// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.MissingPolicy;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.model.OperatorSpec;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Contract, golden vectors and reference statistics are read whole or refused with path, value and limit. */
class ContractReaderTest {
    // A pipeline would get another contract than the one the data scientist wrote.
    @Test
    void contractIsReadWhole() throws Exception {
        ModelContract contract = Samples.contract();
        assertEquals(1000, contract.cycleMs());
        assertEquals(MissingPolicy.HOLD_LAST, contract.inputs().get(0).missing());
        assertEquals(30_000, contract.inputs().get(0).holdMs());
        assertEquals(0.5, contract.inputs().get(0).low());
        OperatorSpec operator = contract.features().get(0).operators().get(0);
        assertEquals("hampel", operator.operator());
        assertEquals(31, operator.number("window"));
        assertEquals(List.of(1.0, 2.0), operator.numbers("weights"));
        assertTrue(operator.flag("strict", false));
        assertEquals("a", operator.text("mode"));
        assertEquals(List.of(1L, 1L), contract.tensors().get(0).shape());
        assertEquals("", contract.outputs().get(0).lower());
        assertEquals(50, contract.budget().deadlineMs());
    }

    // A typing error in a contract would go unnoticed until the plant is running on it.
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"schema\": 1|\"schema\": 2|schema: 1 to 1, was 2",
                "\"cycleMs\": 1000|\"cycleMs\": 1000, \"cycleMs\": 1|Duplicate",
                "\"cycleMs\": 1000|\"cycleMs\": 1000, \"cycleSeconds\": 1|unknown key; known here are",
                "\"cycleMs\": 1000|\"cycleMs\": -1|cycleMs: 0 to",
                "\"cycleMs\": 1000|\"cycleMs\": 1.5|whole number",
                "\"cycleMs\": 1000|\"cycleMs\": NaN|no valid JSON",
                "\"coagulant-dose\"|\"Coagulant Dose\"|name: 1 to 64 of a-z",
                "\"1.0.0\"|\"1.0\"|version: a version as 1.2.3",
                "[0.5,400]|[400,0.5]|the first number must be less",
                "[0.5,400]|[0.5]|2 to 2 elements, were 1",
                "[0.5,400]|[0.5,1e999]|a finite number is needed",
                "\"holdLast\"|\"hold\"|fail, holdLast, constant or nan, was 'hold'",
                ",\"holdMs\":30000||holdMs: is missing",
                "\"required\":true|\"required\":1|true or false",
                "\"maximumAgeMs\":5000|\"maximumAgeMs\":0|maximumAgeMs: 1 to",
                "\"NTU\"|\"ntu\"|unit: a UNECE common code",
                "\"input\":\"turbidity\"|\"input\":\"flow\"|input 'flow' is not defined",
                "\"features\":[\"turbidityNow\"]|\"features\":[\"flow\"]|feature 'flow' is not defined",
                "\"shape\":[1,1]|\"shape\":[1,2]|both must be equal",
                "\"shape\":[1,1]|\"shape\":[1000000,1000000]|both must be equal",
                "\"float32\"|\"float16\"|float32, float64 or int64",
                "\"range\":[1,800]|\"range\":[1,800],\"lower\":\"low\"|bound 'low' is not defined",
                "\"range\":[1,800]|\"range\":[1,800],\"lower\":\"dose\"|must name other outputs",
                "\"window\":31|\"window\":{}|a finite number is needed",
                "\"deadlineMs\":50|\"deadlineMs\":0|deadlineMs: 1 to 60000",
                "\"budget\"|\"budgets\"|budget: is missing",
            })
    void faultsAreNamed(String from, String to, String expected) {
        String good = Samples.contractJson("1.0.0", "hampel");
        String bad = good.replace(from, to == null ? "" : to);
        assertTrue(!bad.equals(good));
        String message = assertThrows(ModelRejectedException.class, () -> ContractReader.read(Samples.bytes(bad)))
                .getMessage();
        assertTrue(message.startsWith("model.json") && message.contains(expected), message);
    }

    // Golden vectors with a slip would prove nothing, or the wrong thing.
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"outputs\":1e-5|\"outputs\":1|0 to 0.1, was 1.0",
                "\"timeNs\":2000000000|\"timeNs\":1000000000|must be greater than the one before",
                "[[3.5,0,10]]|[[3.5,0,10],[1,0,0]]|1 to 1 elements, were 2",
                "[[3.5,0,10]]|[[null,0,10]]|null stands for a Bad value only",
                "[[3.5,0,10]]|[[3.5,0,-1]]|must not be negative",
                "[[3.5,0,10]]|[[3.5,99999999999,10]]|status code of 32 bits",
                "\"outputs\":[7]|\"outputs\":[null]|nothing is proved",
                "\"outputs\":[7]|\"outputs\":[]|1 to 1 elements, were 0",
                "[[3.5,0,10]]|[[3.5,0,10]],\"pending\":[[[3000000000,1,0]]]|not after the cycle",
            })
    void faultsOfGoldenVectorsAreNamed(String from, String to, String expected) throws Exception {
        ModelContract contract = Samples.contract();
        GoldenVectors.read(Samples.bytes(Samples.GOLDEN), contract);
        String bad = Samples.GOLDEN.replace(from, to);
        assertTrue(!bad.equals(Samples.GOLDEN));
        String message = assertThrows(
                        ModelRejectedException.class, () -> GoldenVectors.read(Samples.bytes(bad), contract))
                .getMessage();
        assertTrue(message.contains(expected), message);
    }

    // What the packer writes, gateways would not read.
    @Test
    void goldenVectorsAreWrittenAsTheyAreRead() throws Exception {
        String text = Samples.GOLDEN.replace(
                "[[3.5,0,10]]", "[[3.5,0,10]],\"pending\":[[[1500000000,1.25,0],[1600000000,null,2147483648]]]");
        GoldenVectors golden = GoldenVectors.read(Samples.bytes(text), Samples.contract());
        assertEquals(golden, GoldenVectors.read(golden.toBytes(), Samples.contract()));
        assertEquals(2, golden.cycles().get(1).pending().get(0).size());
    }

    // Drift would be measured against nonsense.
    @Test
    void faultsOfReferenceStatisticsAreNamed() throws Exception {
        String good = new String(Samples.files("1.0.0", "ok").get("reference.json"), StandardCharsets.UTF_8);
        ReferenceStatistics statistics = ReferenceStatistics.read(Samples.bytes(good), Samples.contract());
        assertEquals(6, statistics.inputs().get("turbidity").mean());
        for (String[] change : new String[][] {
            {"turbidity", "flow"}, {"[1,2", "[2,1"}, {",11]", "]"}, {"Deviation\":3", "Deviation\":-3"}
        }) {
            String bad = good.replace(change[0], change[1]);
            assertThrows(
                    ModelRejectedException.class,
                    () -> ReferenceStatistics.read(Samples.bytes(bad), Samples.contract()));
        }
    }

    // A file of a million brackets would end the gateway with a stack overflow.
    @Test
    void deepNestingIsRefused() {
        byte[] deep = Samples.bytes("{\"a\":" + "[".repeat(100_000));
        assertThrows(ModelRejectedException.class, () -> ContractReader.read(deep));
    }
}
