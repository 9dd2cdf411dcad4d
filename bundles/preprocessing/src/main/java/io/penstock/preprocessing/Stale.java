// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.StatusCode;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.Signal;

/**
 * {@code stale}: the input was last known to be true more than {@code maximumAgeMs} ago (monotonic clock: since it was delivered,
 * or read again and found the same). {@code action}: {@code mark} (UncertainLastUsableValue) or {@code bad}
 * (BadNoCommunication).
 *
 * <p>Stands where there is one value per cycle: not before {@code resample} or {@code align}. No warm-up, no state; Bad
 * passes.
 */
final class Stale implements Operator, AgeAware {
    private final long maximumAgeNs;
    private final Verdict verdict;
    private long ageNanos;

    Stale(Parameters parameters) {
        maximumAgeNs = parameters.timeNs("maximumAgeMs", 1);
        verdict = Verdict.of(parameters);
    }

    @Override
    public void age(long ageNanos) {
        this.ageNanos = ageNanos;
    }

    @Override
    public void apply(Signal signal) {
        if (ageNanos <= maximumAgeNs || StatusCode.isBad(signal.status)) {
            return;
        }
        if (verdict == Verdict.BAD) {
            signal.value = Double.NaN;
            signal.status = StatusCode.BAD_NO_COMMUNICATION;
        } else {
            signal.status = StatusCode.worse(signal.status, StatusCode.UNCERTAIN_LAST_USABLE_VALUE);
        }
    }
}
