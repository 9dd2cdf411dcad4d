// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.data.Frame;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.preprocessing.FeatureProgram;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The operators of a model that is about to take over, fed with the frames of the one that serves until their windows are
 * full, so that its first output is as good as the last of the other. It comes last in a cycle and runs no model. The
 * pipeline's thread only, but for {@link #await}.
 */
@SuppressWarnings("NonAtomicVolatileUpdate") // one writer, the thread
final class WarmUp {
    final ServingModel candidate;
    final FeatureProgram.Restored restored;
    /** The serving model's inputs and then those that only the candidate has: what acquisition brings meanwhile. */
    final List<InputSpec> specs;

    private final int[] shared;
    private final @Nullable Input[] own;
    private final CountDownLatch ended = new CountDownLatch(1);
    private boolean begun;
    private volatile int cycles;
    private volatile String failure = "";

    private WarmUp(
            ServingModel candidate,
            FeatureProgram.Restored restored,
            List<InputSpec> specs,
            int[] shared,
            @Nullable Input[] own) {
        this.candidate = candidate;
        this.restored = restored;
        this.specs = specs;
        this.shared = shared;
        this.own = own;
    }

    /** Begins; null where both want one input in different units, so that no frame serves both. */
    static @Nullable WarmUp of(ServingModel serving, ServingModel candidate) {
        List<InputSpec> before = serving.artifact.contract().inputs();
        List<InputSpec> specs = new ArrayList<>(before);
        int[] shared = new int[candidate.inputs.length];
        @Nullable Input[] own = new Input[candidate.inputs.length];
        for (int i = 0; i < shared.length; i++) {
            InputSpec spec = candidate.artifact.contract().inputs().get(i);
            shared[i] = serving.artifact.contract().inputNames().indexOf(spec.name());
            if (shared[i] < 0) {
                own[i] = candidate.inputs[i];
                specs.add(spec);
            } else if (!before.get(shared[i]).unit().equals(spec.unit())) {
                return null;
            }
        }
        FeatureProgram.Restored restored = candidate.program.restoreState(serving.state());
        return new WarmUp(candidate, restored, specs, shared, own);
    }

    /** Takes what only the candidate wants, when the serving model's inputs are taken. */
    void take(Acquisition acquisition, boolean begins, Frame serving, long instantNs, long nowNs) {
        if (begins || !begun) {
            begun = true;
            candidate.frame.begin(serving.cycle(), instantNs);
        }
        acquisition.take(own, candidate.frame, instantNs, nowNs);
    }

    /** The candidate's operators see the frame that the serving model has just answered. */
    void run(Acquisition acquisition, Frame serving, long nanos) {
        Frame frame = candidate.frame;
        frame.instant(serving.instantNs());
        for (int i = 0; i < shared.length; i++) {
            if (shared[i] >= 0) {
                frame.copyInput(i, serving, shared[i]);
            } else {
                acquisition.freeze(own[i], frame, i, nanos);
            }
        }
        candidate.program.apply(frame, candidate.features);
        cycles = cycles + 1; // single writer
        int status = candidate.features.status();
        if (status != StatusCode.UNCERTAIN_INITIAL_VALUE && !StatusCode.isBad(status)) {
            end();
        }
    }

    /** Nothing more to wait for: warm, or the serving model, its frames or its operators are gone. */
    void end() {
        ended.countDown();
    }

    /** The candidate cannot serve. */
    void fail(String reason) {
        failure = reason;
        end();
    }

    /** Why the candidate cannot serve, empty if nothing is known against it; valid once it has ended. */
    String failure() {
        return failure;
    }

    /** Waits until it has ended. */
    boolean await(long ms) throws InterruptedException {
        return ended.await(ms, TimeUnit.MILLISECONDS);
    }

    int cycles() {
        return cycles;
    }
}
