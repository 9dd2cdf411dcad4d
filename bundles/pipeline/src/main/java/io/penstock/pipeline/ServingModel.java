// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.StatusCode;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.preprocessing.FeatureProgram;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A model ready to serve with everything one cycle touches, allocated once. Owned by the pipeline's thread while it serves. */
final class ServingModel {
    private static final Logger LOG = LoggerFactory.getLogger(ServingModel.class);

    final ModelArtifact artifact;
    final FeatureProgram program;
    final InferenceSession session;
    final Frame frame;
    final Features features;
    final Prediction prediction;
    final @Nullable Input[] inputs;
    final boolean[] required;
    final OutputSpec[] outputs;
    /** Pending samples of the frame that are counted already. */
    long lostPending;

    private String lacking = "";
    private int lackingInput = Integer.MIN_VALUE;
    private int lackingStatus;

    ServingModel(
            ModelArtifact artifact,
            FeatureProgram program,
            InferenceSession session,
            Acquisition acquisition,
            int sampleQueue) {
        this.artifact = artifact;
        this.program = program;
        this.session = session;
        List<InputSpec> specs = artifact.contract().inputs();
        frame = new Frame(artifact.contract().inputNames(), sampleQueue + 1); // a full queue and what came last
        features = program.newFeatures();
        prediction = new Prediction(artifact.contract().outputNames());
        inputs = new Input[specs.size()];
        required = new boolean[specs.size()];
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = acquisition.input(specs.get(i).name());
            required[i] = specs.get(i).required();
        }
        outputs = artifact.contract().outputs().toArray(new OutputSpec[0]);
    }

    /** The operators' state; empty where a fault keeps them from telling it, which must not keep a model from being exchanged. */
    Map<String, byte[]> state() {
        try {
            return program.saveState();
        } catch (RuntimeException | Error e) {
            LOG.error(
                    "Model {}: its operators' state is lost, they begin anew",
                    artifact.identity().label(),
                    e);
            return Map.of();
        }
    }

    /**
     * What makes this frame's features less than Good, by the name of the input; required and Bad ones first. The words are kept
     * while input and status stay the same, since a bad sensor is asked about every cycle.
     */
    String lacking(int inherited) {
        int found = -1;
        int worst = 0;
        for (int i = 0; i < inputs.length; i++) {
            int status = frame.status(i);
            int rank = StatusCode.isGood(status) ? 0 : 1 + (required[i] ? 2 : 0) + (StatusCode.isBad(status) ? 1 : 0);
            if (rank > worst) {
                worst = rank;
                found = i;
            }
        }
        for (int f = 0; worst == 0 && found == -1 && f < features.names().size(); f++) {
            if (features.status(f) == inherited) {
                found = -2 - f; // an operator found fault with Good inputs, such as a sensor that stands still
            }
        }
        int status = found < 0 ? inherited : frame.status(found);
        if (found != lackingInput || status != lackingStatus) {
            lackingInput = found;
            lackingStatus = status;
            lacking = words(found, status);
        }
        return lacking;
    }

    private String words(int i, int status) {
        if (i < 0) {
            return "no input is Bad or Uncertain, but an age, a window or an operator of the model makes "
                    + (i == -1 ? "the outputs " : "feature '" + features.names().get(-2 - i) + "' ")
                    + StatusCode.name(status) + "; look into Inputs and their AgeMs";
        }
        Input input = inputs[i];
        String name = "input '" + frame.inputs().get(i) + "'";
        return input == null
                ? name + " is not bound"
                : name + ": tag '" + input.tag() + "' is " + StatusCode.name(status)
                        + "; look into its sensor and its connector";
    }

    /** Age of the oldest required input of the frame; {@link Long#MAX_VALUE} where one never had a value. */
    long oldestRequiredNanos() {
        long oldest = 0;
        for (int i = 0; i < required.length; i++) {
            if (required[i]) {
                oldest = Math.max(oldest, frame.ageNanos(i));
            }
        }
        return oldest;
    }

    /** Arrival of the newest input, {@link Long#MIN_VALUE} if none ever arrived. */
    long newestArrivalNanos() {
        long newest = Long.MIN_VALUE;
        for (Input input : inputs) {
            if (input != null && input.arrivalNanos() != Long.MIN_VALUE) {
                newest = newest == Long.MIN_VALUE || input.arrivalNanos() - newest > 0 ? input.arrivalNanos() : newest;
            }
        }
        return newest;
    }
}
