// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelRejectedException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * {@code PENSTOCK-INF/reference.json}: how inputs and outputs were distributed in training.
 *
 * @param inputs by input name.
 * @param outputs by output name.
 */
record ReferenceStatistics(Map<String, Distribution> inputs, Map<String, Distribution> outputs) {
    private static final String FILE = "reference.json";

    ReferenceStatistics {
        inputs = Map.copyOf(inputs);
        outputs = Map.copyOf(outputs);
    }

    /**
     * One distribution.
     *
     * @param quantiles p0, p10, … p100.
     * @param mean arithmetic mean.
     * @param standardDeviation its spread.
     */
    record Distribution(List<Double> quantiles, double mean, double standardDeviation) {
        Distribution {
            quantiles = List.copyOf(quantiles);
        }
    }

    /** @throws ModelRejectedException naming path, value and limit of the first fault. */
    static ReferenceStatistics read(byte[] referenceJson, ModelContract contract) throws ModelRejectedException {
        try {
            Json json = Json.parse(FILE, referenceJson);
            ReferenceStatistics statistics = new ReferenceStatistics(
                    distributions(json.object("inputs"), contract.inputNames()),
                    distributions(json.object("outputs"), contract.outputNames()));
            json.end();
            return statistics;
        } catch (IllegalArgumentException e) {
            throw new ModelRejectedException(e.getMessage(), e);
        }
    }

    private static Map<String, Distribution> distributions(Json json, List<String> known) {
        Map<String, Distribution> distributions = new TreeMap<>();
        for (String name : json.keys()) {
            if (!known.contains(name)) {
                throw json.fault(Json.shortened(name), "is not in the contract, which has " + known);
            }
            distributions.put(name, distribution(json.object(name)));
        }
        return distributions;
    }

    private static Distribution distribution(Json json) {
        Distribution distribution = new Distribution(
                json.numbers("quantiles", 11, 11), json.number("mean"), json.number("standardDeviation"));
        json.end();
        for (int i = 1; i < distribution.quantiles().size(); i++) {
            if (distribution.quantiles().get(i) < distribution.quantiles().get(i - 1)) {
                throw json.fault("quantiles", "must not descend, were " + distribution.quantiles());
            }
        }
        if (distribution.standardDeviation() < 0) {
            throw json.fault("standardDeviation", "must not be negative, was " + distribution.standardDeviation());
        }
        return distribution;
    }
}
