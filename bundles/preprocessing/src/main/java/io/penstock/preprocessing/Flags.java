// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.StatusCode;

/** What inputs, operators and windows say about a prediction, as a set of bits that is or-ed together and ranked at the end. */
final class Flags {
    /** The model cannot run. */
    static final int BAD = 1;
    /** A window is not full yet. */
    static final int INITIAL = 2;
    /** A required input is Uncertain or substituted. */
    static final int SUB_NORMAL = 4;
    /** A value is outside the range seen in training. */
    static final int EXCEEDED = 8;
    /** A value is simulated. */
    static final int SIMULATED = 16;
    /** An optional input is missing, substituted or Uncertain. */
    static final int OPTIONAL = 32;

    private Flags() {}

    /** What a status that is not Bad says. */
    static int of(int status, boolean required) {
        return switch (status & 0xFFFF0000) {
            case StatusCode.UNCERTAIN_INITIAL_VALUE -> INITIAL;
            case StatusCode.UNCERTAIN_SIMULATED_VALUE -> SIMULATED;
            case StatusCode.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED -> EXCEEDED;
            case StatusCode.GOOD_SUB_NORMAL -> OPTIONAL;
            default -> StatusCode.isGood(status) ? 0 : required ? SUB_NORMAL : OPTIONAL;
        };
    }

    /** The first that applies, in the order of the status algebra; {@code cause} where the model cannot run. */
    static int toStatus(int flags, int cause) {
        if ((flags & BAD) != 0) {
            return cause;
        }
        if ((flags & INITIAL) != 0) {
            return StatusCode.UNCERTAIN_INITIAL_VALUE;
        }
        if ((flags & SUB_NORMAL) != 0) {
            return StatusCode.UNCERTAIN_SUB_NORMAL;
        }
        if ((flags & EXCEEDED) != 0) {
            return StatusCode.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED;
        }
        if ((flags & SIMULATED) != 0) {
            return StatusCode.UNCERTAIN_SIMULATED_VALUE;
        }
        return (flags & OPTIONAL) != 0 ? StatusCode.GOOD_SUB_NORMAL : StatusCode.GOOD;
    }
}
