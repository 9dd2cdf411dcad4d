// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import io.penstock.api.data.Prediction;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract.OutputSpec;
import java.util.List;

/**
 * The serving model as one loop sees it. Its range only narrows the plant's.
 *
 * @param sha256 digest of the bundle.
 * @param label name and version.
 * @param index place of the loop's output, -1 if it has none.
 * @param outputs names of all outputs.
 * @param unit unit of the output.
 * @param low lower limit.
 * @param high upper limit.
 * @param problem why this model can never move this loop, in words; empty if it may.
 */
record Serving(
        String sha256,
        String label,
        int index,
        List<String> outputs,
        String unit,
        double low,
        double high,
        String problem) {
    static Serving of(Settings settings, ModelArtifact model) {
        String label = model.identity().label();
        List<String> outputs = model.contract().outputNames();
        int index = outputs.indexOf(settings.output());
        if (index < 0) {
            return new Serving(
                    model.identity().sha256(),
                    label,
                    -1,
                    outputs,
                    "",
                    settings.low(),
                    settings.high(),
                    label + " has no output '" + settings.output() + "', it has " + outputs);
        }
        OutputSpec output = model.contract().outputs().get(index);
        double low = Math.max(settings.low(), output.low());
        double high = Math.min(settings.high(), output.high());
        return new Serving(
                model.identity().sha256(),
                label,
                index,
                outputs,
                output.unit(),
                low,
                high,
                problem(settings, model, output, low < high));
    }

    private static String problem(Settings settings, ModelArtifact model, OutputSpec output, boolean overlap) {
        String label = model.identity().label();
        if (!overlap) {
            return label + ": the range " + output.low() + " to " + output.high() + " of '" + output.name()
                    + "' has nothing in common with low " + settings.low() + " to high " + settings.high();
        }
        if (!settings.approvedReleases().contains(label)) {
            return label + " is not among approvedReleases " + settings.approvedReleases() + " of loop "
                    + settings.name();
        }
        long cycleMs = model.contract().cycleMs();
        if (settings.validityMs() < 2 * cycleMs) {
            return "validityMs " + settings.validityMs() + " is less than two cycles of " + label + ", " + 2 * cycleMs
                    + "; raise validityMs";
        }
        return "";
    }

    /** Whether a prediction is one of this model; {@code names} is the list that was asked about last. */
    boolean matches(Prediction prediction) {
        List<String> names = prediction.names();
        return index >= 0 && (names == outputs || names.equals(outputs));
    }
}
