// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.pipeline;

import io.penstock.api.access.Actor;
import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelRejectedException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/**
 * A pipeline as others see it: who reads results binds to its name, who rolls out models asks it to swap. Registered for as
 * long as it is configured. Thread-safe.
 */
@ProviderType
public interface Pipeline {
    /** The configured name; node ids of OT systems hang on it. */
    String name();

    /** Input name of the contract to tag name, in configured order. */
    List<Binding> bindings();

    /** Which model it wants. */
    ModelRequirement requirement();

    /** The model that serves, with its contract. */
    Optional<ModelArtifact> model();

    /** The loop it offers to, if one is configured and there. */
    Optional<WriteLoop> loop();

    Mode mode();

    /**
     * Sets the mode. Downwards always and at once, whatever the disk does; upwards only with the record of it on disk; CLOSED
     * closes the write loop where its guards allow. What was lowered stays so over a restart.
     */
    ModeAnswer setMode(Mode mode, Actor actor, String reason);

    /**
     * Opens and warms the model on the caller's thread, lets its operators fill their windows beside the model that serves,
     * then exchanges it between two cycles; returns when the first cycle with it has begun. The model that served keeps serving
     * until then, and for ever if this throws.
     *
     * @param warmUp how long operators that cannot take over their state may run beside the serving model's; zero exchanges at
     *     once, and their first outputs are Uncertain.
     * @throws ModelRejectedException if an input is not bound, a unit does not match, or the engine refuses it.
     */
    SwapReport swap(ModelArtifact model, Duration warmUp) throws ModelRejectedException;

    /** As {@link #swap(ModelArtifact, Duration)}, at once. */
    default SwapReport swap(ModelArtifact model) throws ModelRejectedException {
        return swap(model, Duration.ZERO);
    }

    PipelineStatistics statistics();

    /**
     * What became of a mode that was asked for.
     *
     * @param refusals why not, in words; empty if the mode is as asked.
     * @param remark what else to tell who asked, e.g. that the record of it is not on disk yet; empty where all is well.
     */
    record ModeAnswer(List<String> refusals, String remark) {
        public ModeAnswer {
            refusals = List.copyOf(refusals);
        }

        public static ModeAnswer refused(List<String> refusals) {
            return new ModeAnswer(refusals, "");
        }
    }

    /** One input and its tag. */
    record Binding(String input, String tag) {}

    /** Model name and the OSGi version range that may serve. */
    record ModelRequirement(String model, String versionRange) {}

    /**
     * How a swap went.
     *
     * @param from label of the model before, empty if there was none.
     * @param to label of the model now.
     * @param gapMillis time between the last cycle of the old and the first of the new beyond one period, 0 if none.
     * @param missedCycles cycles that did not run because of it.
     * @param restoredOperators operators that kept their state.
     * @param operators operators with state in the new model.
     * @param warmUpCycles cycles that the new model's operators ran beside the old one.
     */
    record SwapReport(
            String from,
            String to,
            double gapMillis,
            long missedCycles,
            int restoredOperators,
            int operators,
            int warmUpCycles) {}
}
