// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.model;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What one pipeline is meant to run; whether it does, the pipeline itself knows. Immutable.
 *
 * @param pipeline its name.
 * @param current the model it is meant to run, null if none was ever accepted for it.
 * @param since when that was decided, null where the receipt is no longer kept.
 * @param fallback what a rollback returns to, null if nothing.
 * @param underWay what is on its way to it and at what, in words; empty if nothing is.
 */
public record ModelStanding(
        String pipeline,
        @Nullable ModelIdentity current,
        @Nullable Instant since,
        @Nullable ModelIdentity fallback,
        String underWay) {}
