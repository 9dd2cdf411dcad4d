// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.publication;

import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Prediction;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelIdentity;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What publishers need of one cycle: inputs, features and outputs with their statuses, no window, no tensor, no graph. A
 * reusable slot: the pipeline copies into it, one publisher's thread reads it. Objects are exchanged only when the model is.
 */
public final class CycleResult {
    private String pipeline = "";
    private @Nullable ModelIdentity model;
    private @Nullable ModelContract contract;
    private Mode mode = Mode.OFF;
    private WriteOutcome written = WriteOutcome.NOT_OFFERED;
    private Frame frame = new Frame(List.of(), 0);
    private Features features = new Features(List.of(), List.of());
    private Prediction prediction = new Prediction(List.of());
    private long cycleNanos;
    private long inferenceNanos;

    /** Copies a cycle's result into this slot, without pending samples and tensors. */
    public void set(
            String pipeline,
            @Nullable ModelIdentity model,
            @Nullable ModelContract contract,
            Mode mode,
            Frame frame,
            Features features,
            Prediction prediction,
            WriteOutcome written,
            long cycleNanos,
            long inferenceNanos) {
        if (this.contract != contract || this.frame.size() != frame.size()) {
            this.frame = new Frame(frame.inputs(), 0);
            this.features = new Features(features.names(), List.of());
            this.prediction = new Prediction(prediction.names());
            this.contract = contract;
        }
        this.pipeline = pipeline;
        this.model = model;
        this.mode = mode;
        this.written = written;
        this.cycleNanos = cycleNanos;
        this.inferenceNanos = inferenceNanos;
        this.frame.copyFrom(frame);
        this.features.copyFrom(features);
        this.prediction.copyFrom(prediction);
    }

    /** Copies another slot. */
    public void copyFrom(CycleResult other) {
        set(
                other.pipeline,
                other.model,
                other.contract,
                other.mode,
                other.frame,
                other.features,
                other.prediction,
                other.written,
                other.cycleNanos,
                other.inferenceNanos);
    }

    /** Lets go of everything; for the owner of the slot, whose model serves no more. */
    public void clear() {
        model = null;
        contract = null;
        frame = new Frame(List.of(), 0);
        features = new Features(List.of(), List.of());
        prediction = new Prediction(List.of());
    }

    public String pipeline() {
        return pipeline;
    }

    /** The model that served, null before the first. */
    public @Nullable ModelIdentity model() {
        return model;
    }

    /** Its contract, the same object as long as the same model serves; null before the first. */
    public @Nullable ModelContract contract() {
        return contract;
    }

    public Mode mode() {
        return mode;
    }

    /** The inputs, without pending samples. */
    public Frame frame() {
        return frame;
    }

    /** The features, without tensors. */
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
