// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.model;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The gateway's account of one rollout. Immutable.
 *
 * @param file name of the release file, or {@code rollback}.
 * @param model which model, null where the release could not be read that far.
 * @param pipelines where it was to serve.
 * @param outcome in what state the gateway was left.
 * @param reason why, in words; empty for ACTIVATED.
 * @param steps evidence, one line per step passed: {@code VERIFIED signer CN=…}.
 * @param time when it ended.
 */
public record Receipt(
        String file,
        @Nullable ModelIdentity model,
        List<String> pipelines,
        RolloutOutcome outcome,
        String reason,
        List<String> steps,
        Instant time) {
    public Receipt {
        pipelines = List.copyOf(pipelines);
        steps = List.copyOf(steps);
    }
}
