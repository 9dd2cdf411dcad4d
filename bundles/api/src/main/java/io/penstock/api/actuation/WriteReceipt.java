// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.actuation;

import io.penstock.api.data.TagId;
import java.time.Instant;

/**
 * How a write ended at the plant. Immutable.
 *
 * @param target the tag.
 * @param value what was written.
 * @param result how it ended.
 * @param readBack what the plant showed after, NaN if not read.
 * @param reason in words, empty for CONFIRMED.
 * @param time when it ended.
 * @param writeMicros from the decision to the acknowledgement by the PLC.
 */
public record WriteReceipt(
        TagId target, double value, Result result, double readBack, String reason, Instant time, long writeMicros) {
    /** Ends of a write. */
    public enum Result {
        /** acknowledged and read back within tolerance. */
        CONFIRMED,
        /** acknowledged, but the plant shows another value. */
        MISMATCH,
        /** not acknowledged: error, deadline or no connection. */
        FAILED
    }
}
