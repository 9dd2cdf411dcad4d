// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Prediction;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.preprocessing.FeatureProgram;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A model ready to serve with everything one cycle touches, allocated once. Owned by the pipeline's thread while it serves. */
final class ServingModel {
    final ModelArtifact artifact;
    final FeatureProgram program;
    final InferenceSession session;
    final Frame frame;
    final Features features;
    final Prediction prediction;
    final @Nullable Input[] inputs;
    final boolean[] required;
    final OutputSpec[] outputs;

    ServingModel(ModelArtifact artifact, FeatureProgram program, InferenceSession session, Acquisition acquisition) {
        this.artifact = artifact;
        this.program = program;
        this.session = session;
        List<InputSpec> specs = artifact.contract().inputs();
        frame = new Frame(artifact.contract().inputNames());
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
