// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.model;

/** In what state a rollout left the gateway. */
public enum RolloutOutcome {
    /** the new model serves. */
    ACTIVATED,
    /** signature, digest, contract or content is wrong; nothing was touched. */
    REJECTED,
    /** it could not be loaded, did not reproduce its golden vectors or fits no pipeline; the old model still serves. */
    FAILED_NOTHING_CHANGED,
    /** the former model serves again. */
    ROLLED_BACK,
    /** a person gave up what was on its way; what served serves on. */
    CANCELLED,
    /** no model serves; actuation is blocked; call a human. */
    ROLLBACK_FAILED
}
