// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.publication;

import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Prediction;
import io.penstock.api.model.ModelArtifact;
import org.jspecify.annotations.Nullable;

/**
 * Everything about one cycle. A reusable slot: the pipeline copies into it, one publisher's thread reads it. Objects are
 * exchanged only when the model is.
 */
public final class CycleResult {
    private String pipeline = "";
    private @Nullable ModelArtifact model;
    private Mode mode = Mode.OFF;
    private WriteOutcome written = WriteOutcome.NOT_OFFERED;
    private Frame frame = new Frame(java.util.List.of());
    private Features features = new Features(java.util.List.of(), java.util.List.of());
    private Prediction prediction = new Prediction(java.util.List.of());
    private long cycleNanos;
    private long inferenceNanos;

    /** Copies a cycle's result into this slot. */
    public void set(
            String pipeline,
            @Nullable ModelArtifact model,
            Mode mode,
            Frame frame,
            Features features,
            Prediction prediction,
            WriteOutcome written,
            long cycleNanos,
            long inferenceNanos) {
        if (this.model != model || this.frame.size() != frame.size()) {
            this.frame = new Frame(frame.inputs());
            this.features = new Features(features.names(), features.layouts());
            this.prediction = new Prediction(prediction.names());
            this.model = model;
        }
        this.pipeline = pipeline;
        this.mode = mode;
        this.written = written;
        this.cycleNanos = cycleNanos;
        this.inferenceNanos = inferenceNanos;
        this.frame.copyFrom(frame);
        this.features.copyFrom(features);
        this.prediction.copyFrom(prediction);
    }

    public String pipeline() {
        return pipeline;
    }

    /** The model that served, null before the first. */
    public @Nullable ModelArtifact model() {
        return model;
    }

    public Mode mode() {
        return mode;
    }

    public Frame frame() {
        return frame;
    }

    public Features features() {
        return features;
    }

    public Prediction prediction() {
        return prediction;
    }

    public WriteOutcome written() {
        return written;
    }

    /** Duration of stages 1 to 4. */
    public long cycleNanos() {
        return cycleNanos;
    }

    /** Duration of the model's run. */
    public long inferenceNanos() {
        return inferenceNanos;
    }
}
