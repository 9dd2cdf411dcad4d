// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;

/** The account of one run, out of what the gateway says over OPC UA. */
final class Report {
    static final List<String> NODES = List.of(
            "Cycle/Count",
            "Cycle/Missed",
            "Cycle/Overruns",
            "Cycle/CycleMicrosP50",
            "Cycle/CycleMicrosP99",
            "Cycle/AcquisitionToWriteMicrosP50",
            "Cycle/AcquisitionToWriteMicrosP99",
            "Write/Asked",
            "Write/Applied",
            "Write/Limited",
            "Write/RefusedBy",
            "Write/ReadBackMismatches",
            "Model/Version",
            "Mode");
    private static final Pattern SWAP =
            Pattern.compile("ACTIVE \\S+: (?:\\S+ )?(\\S+) after (?:\\S+ )?(\\S+), gap ([0-9.]+) ms, (\\d+) missed.*");

    double firstResultSeconds;
    long rssMiB;
    boolean closed;
    private final Set<String> known = new LinkedHashSet<>();
    private final List<String> accepted = new ArrayList<>();
    private final Map<String, String> rejected = new LinkedHashMap<>();
    private final List<Map<String, Object>> swaps = new ArrayList<>();
    private final Map<String, Object> figures = new LinkedHashMap<>();
    private JsonNode refused = new ObjectMapper().createObjectNode();

    /** Notes a receipt; false if it was noted before. */
    boolean take(Map<String, Object> receipt) {
        if (!known.add(receipt.get("file") + " " + receipt.get("time"))) {
            return false;
        }
        String file = String.valueOf(receipt.get("file"));
        if ("ACTIVATED".equals(receipt.get("outcome"))) {
            accepted.add(file);
            for (Object step : (List<?>) receipt.getOrDefault("steps", List.of())) {
                Matcher swap = SWAP.matcher(step.toString());
                if (swap.matches()) {
                    swaps.add(Map.of(
                            "from",
                            swap.group(2),
                            "to",
                            swap.group(1),
                            "gapMillis",
                            Double.parseDouble(swap.group(3)),
                            "missedCycles",
                            Long.parseLong(swap.group(4))));
                }
            }
        } else {
            rejected.put(file, receipt.get("outcome") + ": " + receipt.get("reason"));
        }
        return true;
    }

    void take(String pipeline, Map<String, DataValue> values, ObjectMapper json) throws JsonProcessingException {
        for (String node : NODES) {
            Object value = values.get(pipeline + "/" + node).value().value();
            figures.put(node, value == null ? 0 : value);
        }
        refused = json.readTree(String.valueOf(figures.get("Write/RefusedBy")));
    }

    /** Whether all that the demo brings about has come about. */
    boolean settled() {
        return closed && acceptedBoth() && rejectedTampered();
    }

    private boolean acceptedBoth() {
        return accepted.stream().anyMatch(file -> file.contains("1.0.0"))
                && accepted.stream().anyMatch(file -> file.contains("1.1.0"));
    }

    private boolean rejectedTampered() {
        return rejected.keySet().stream().anyMatch(file -> file.contains("1.2.0"));
    }

    private long count(String node) {
        return figures.get(node) instanceof Number number ? number.longValue() : 0;
    }

    private double figure(String node) {
        return figures.get(node) instanceof Number number ? number.doubleValue() : 0;
    }

    /** What did not happen that should have, in words; empty if the run was as it must be. */
    List<String> shortcomings() {
        List<String> missing = new ArrayList<>();
        if (count("Cycle/Count") == 0) {
            missing.add("no cycle ran");
        }
        if (count("Cycle/Missed") > 0) {
            missing.add(count("Cycle/Missed") + " cycles were missed");
        }
        if (!closed) {
            missing.add("the loop was never closed");
        }
        if (count("Write/Applied") == 0) {
            missing.add("nothing was written");
        }
        if (count("Write/ReadBackMismatches") > 0) {
            missing.add(count("Write/ReadBackMismatches") + " read-backs did not match");
        }
        if (!acceptedBoth()) {
            missing.add("accepted were only " + accepted);
        }
        if (swaps.isEmpty() || swaps.stream().anyMatch(swap -> !Long.valueOf(0).equals(swap.get("missedCycles")))) {
            missing.add("swaps were " + swaps);
        }
        if (!"1.1.0".equals(figures.get("Model/Version"))) {
            missing.add("at the end model " + figures.get("Model/Version") + " served instead of 1.1.0");
        }
        if (!rejectedTampered()) {
            missing.add("the tampered release was not refused");
        }
        return missing;
    }

    ObjectNode toJson(ObjectMapper json) {
        ObjectNode root = json.createObjectNode();
        root.put("cycles", count("Cycle/Count"));
        root.put("missedCycles", count("Cycle/Missed"));
        root.put("overruns", count("Cycle/Overruns"));
        root.set("swaps", json.valueToTree(swaps));
        ObjectNode writes = root.putObject("writes");
        writes.put("asked", count("Write/Asked"));
        writes.put("applied", count("Write/Applied"));
        writes.put("limited", count("Write/Limited"));
        writes.set("refused", refused);
        root.put("readBackMismatches", count("Write/ReadBackMismatches"));
        ObjectNode latency = root.putObject("latencyMicros");
        latency.putObject("cycle")
                .put("p50", figure("Cycle/CycleMicrosP50"))
                .put("p99", figure("Cycle/CycleMicrosP99"));
        latency.putObject("acquisitionToWrite")
                .put("p50", figure("Cycle/AcquisitionToWriteMicrosP50"))
                .put("p99", figure("Cycle/AcquisitionToWriteMicrosP99"));
        ObjectNode releases = root.putObject("releases");
        releases.set("accepted", json.valueToTree(accepted));
        ArrayNode refusals = releases.putArray("rejected");
        rejected.forEach(
                (file, reason) -> refusals.addObject().put("file", file).put("reason", reason));
        root.put("firstResultSeconds", firstResultSeconds);
        root.put("rssMiB", rssMiB);
        root.put("ok", shortcomings().isEmpty());
        return root;
    }
}
