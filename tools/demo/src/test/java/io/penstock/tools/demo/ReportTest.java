// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.junit.jupiter.api.Test;

/** The demo's exit code hangs on this account: an account that is kind would call a broken gateway sound. */
class ReportTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SWAP =
            "ACTIVE coagulation: coagulant-dose 1.1.0 after coagulant-dose 1.0.0, gap 0.027 ms, 0 missed cycles, 8 of 15 operators kept their state, 6 cycles of warm-up";

    private final Report report = new Report();
    private final Map<String, Object> figures = new HashMap<>(Map.of(
            "Cycle/Count", 49L, "Write/Asked", 33L, "Write/Applied", 33L, "Write/RefusedBy", "{\"quality\": 8}"));

    private static Map<String, Object> receipt(String version, String outcome, String... steps) {
        return Map.of(
                "file",
                "coagulant-dose-" + version + ".penstock",
                "time",
                version,
                "outcome",
                outcome,
                "reason",
                outcome.equals("ACTIVATED") ? "" : "digest",
                "steps",
                List.of(steps));
    }

    private void wholeRun() {
        report.take(receipt("1.0.0", "ACTIVATED", "ACTIVE coagulation: coagulant-dose 1.0.0, gap 0.000 ms"));
        report.take(receipt("1.1.0", "ACTIVATED", SWAP));
        report.take(receipt("1.2.0", "REJECTED"));
        report.closed = true;
        figures.put("Model/Version", "1.1.0");
    }

    private List<String> shortcomings() throws Exception {
        Map<String, DataValue> values = new HashMap<>();
        for (String node : Report.NODES) {
            values.put("p/" + node, new DataValue(Variant.of(figures.get(node))));
        }
        report.take("p", values, JSON);
        return report.shortcomings();
    }

    @Test
    void aWholeRunIsFineAndToldWithItsFigures() throws Exception {
        wholeRun();
        assertEquals(List.of(), shortcomings());
        ObjectNode account = report.toJson(JSON);
        assertTrue(account.get("ok").asBoolean());
        assertEquals(49, account.get("cycles").asInt());
        assertEquals(0.027, account.at("/swaps/0/gapMillis").asDouble());
        assertEquals("1.0.0", account.at("/swaps/0/from").asText());
        assertEquals("1.1.0", account.at("/swaps/0/to").asText());
        assertEquals(0, account.at("/swaps/0/missedCycles").asInt());
        assertEquals(8, account.at("/writes/refused/quality").asInt());
        assertEquals(
                "REJECTED: digest", account.at("/releases/rejected/0/reason").asText());
    }

    @Test
    void aReceiptCountsOnce() {
        assertTrue(report.take(receipt("1.1.0", "ACTIVATED", SWAP)));
        assertFalse(report.take(receipt("1.1.0", "ACTIVATED", SWAP)));
    }

    @Test
    void nothingAtAllIsNoGoodRun() throws Exception {
        figures.clear();
        assertFalse(report.settled());
        assertEquals(7, shortcomings().size(), report.shortcomings().toString());
        assertFalse(report.toJson(JSON).get("ok").asBoolean());
    }

    @Test
    void oneMissedCycleOrReadBackIsToldByItsFigure() throws Exception {
        wholeRun();
        figures.put("Cycle/Missed", 1L);
        figures.put("Write/ReadBackMismatches", 2L);
        assertEquals(List.of("1 cycles were missed", "2 read-backs did not match"), shortcomings());
    }

    @Test
    void aSwapThatMissedACycleIsNotFine() throws Exception {
        wholeRun();
        report.take(receipt("1.1.1", "ACTIVATED", SWAP.replace("0 missed", "3 missed")));
        assertEquals(1, shortcomings().size());
    }

    @Test
    void everyActHappensOnceInItsOrderHoweverShortTheRun() {
        for (int seconds = Script.SHORTEST; seconds < 200; seconds++) {
            Script script = new Script(seconds);
            assertEquals(
                    List.of(Script.Act.STORM, Script.Act.SECOND_RELEASE, Script.Act.TAMPERED_RELEASE),
                    IntStream.rangeClosed(1, seconds)
                            .mapToObj(script::at)
                            .filter(act -> act != Script.Act.NOTHING)
                            .toList());
        }
    }
}
