// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.actuation;

import java.util.Map;

/**
 * What a loop did since it started. Immutable snapshot.
 *
 * @param asked values handed to the connector.
 * @param applied writes that the PLC acknowledged.
 * @param limited values that were made smaller by a limit or rate.
 * @param suppressed values inside the deadband.
 * @param refused refusals by guard, e.g. {@code quality}.
 * @param readBackMismatches writes the plant showed otherwise.
 * @param failed writes that were not acknowledged.
 */
public record WriteCounts(
        long asked,
        long applied,
        long limited,
        long suppressed,
        Map<String, Long> refused,
        long readBackMismatches,
        long failed) {
    public WriteCounts {
        refused = Map.copyOf(refused);
    }
}
