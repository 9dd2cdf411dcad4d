// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.actuation;

/**
 * What became of one offered prediction, decided inside the cycle. Immutable; unlimited outcomes without figures are shared
 * constants.
 *
 * @param kind what was decided.
 * @param offered value the model gave, NaN if none.
 * @param value value that goes to the plant, NaN if none.
 * @param reason why it was refused, limited or suppressed, in words with figures; empty for ASKED.
 */
public record WriteOutcome(Kind kind, double offered, double value, String reason) {
    /** Decisions. */
    public enum Kind {
        /** the pipeline has no write loop, or its mode is below CLOSED. */
        NOT_OFFERED,
        /** a guard said no; the plant keeps its value. */
        REFUSED,
        /** inside the deadband; nothing to write. */
        SUPPRESSED,
        /** goes to the plant as offered. */
        ASKED,
        /** goes to the plant, but less than offered. */
        LIMITED,
        /** a guard said no and the loop opened by itself; the mode is ADVISORY now. */
        SHED
    }

    /** Nothing was to be written. */
    public static final WriteOutcome NOT_OFFERED = new WriteOutcome(Kind.NOT_OFFERED, Double.NaN, Double.NaN, "");

    public static WriteOutcome refused(double offered, String reason) {
        return new WriteOutcome(Kind.REFUSED, offered, Double.NaN, reason);
    }
}
