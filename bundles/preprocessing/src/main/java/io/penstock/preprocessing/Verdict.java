// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.StatusCode;
import io.penstock.api.preprocessing.Signal;

/** What a detector does with a sample it does not believe: {@code mark} (UncertainSensorNotAccurate) or {@code bad} (BadSensorFailure). */
enum Verdict {
    MARK,
    BAD;

    static Verdict of(Parameters parameters) {
        return parameters.choice("action", "mark", "mark", "bad").equals("bad") ? BAD : MARK;
    }

    void pass(Signal signal) {
        if (this == BAD) {
            signal.value = Double.NaN;
            signal.status = StatusCode.BAD_SENSOR_FAILURE;
        } else {
            signal.status = StatusCode.UNCERTAIN_SENSOR_NOT_ACCURATE;
        }
    }

    /** Whether a signal has no value to work on. */
    static boolean isMissing(Signal signal) {
        return StatusCode.isBad(signal.status) || Double.isNaN(signal.value);
    }
}
