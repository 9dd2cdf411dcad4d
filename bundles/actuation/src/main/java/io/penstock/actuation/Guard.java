// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

/**
 * Every guard of the setpoint profile, in the order in which they are asked. The table in {@code docs/write-back.md} is made
 * of this list; a test compares both. Numbers as G9 are those of the reference's guard list.
 */
enum Guard {
    OUTPUT("output", "the prediction has the output of the serving model's contract", "`output`", "refuse"),
    VALIDITY(
            "validity",
            "the value is young enough when it is decided, and again when it goes to the connector (G14)",
            "`validityMs`",
            "refuse"),
    QUALITY(
            "quality",
            "the output is Good; Uncertain only where the plant says so (G9)",
            "`acceptUncertain`",
            "refuse"),
    FINITE("finite", "the output is a number, neither NaN nor infinite (G13)", "–", "refuse"),
    AGE("age", "the oldest required input is young enough (G10)", "`maximumInputAgeMs`", "refuse"),
    ENVELOPE(
            "envelope",
            "the output is inside `low` to `high`, narrowed by the model's own range (G15)",
            "`low`, `high`, `maximumExcessPercent`",
            "clamp; refuse if further outside than `maximumExcessPercent` of the span"),
    SETPOINT(
            "setpoint",
            "the plant's setpoint is known, inside `low` to `high`, and was read not longer ago than both times together",
            "`readBackTag`, `readBackTolerance`, `watchPeriodMs`, `holdMs`",
            "refuse; shed when not read for so long; at closing: do not close"),
    ENTRY(
            "entry",
            "the value after closing, after a model swap and, until the first write, after a move of the plant's setpoint"
                    + " is near that setpoint",
            "`stepLimit`",
            "shed; at closing: do not close"),
    RATE(
            "rate",
            "the setpoint moves no faster than this, counted from its last acknowledged value (G16)",
            "`rateUpPerMinute`, `rateDownPerMinute`",
            "limit"),
    DEADBAND(
            "deadband",
            "the change is worth a write; never holds back a move into the limits (G17)",
            "`deadband`",
            "suppress"),
    PERIOD("period", "writes are this far apart", "`periodMinMs`", "suppress"),
    SUPERSEDED("superseded", "a newer value came while one was in flight; the newest wins", "–", "drop the older"),
    HOLD(
            "hold",
            "refusals in a row, or time without a usable prediction (none offered counts)",
            "`maximumConsecutiveRefusals`, `holdMs`",
            "shed"),
    WRITE("write", "writes are acknowledged (G5)", "`writeDeadlineMs`, `maximumWriteFailures`", "shed when exceeded"),
    READ_BACK(
            "readBack",
            "the plant shows what was written, and nobody else changes it (G6, G7)",
            "`readBackTolerance`, `readBackTimeMs`, `watchPeriodMs`, `maximumReadBackMismatches`",
            "shed when exceeded"),
    WRITER(
            "writer",
            "exactly one connector writes the tag, and it answers",
            "`target`",
            "shed; at closing: do not close"),
    MODEL(
            "model",
            "the serving release is one that the plant approved (G2)",
            "`approvedReleases`",
            "shed; at closing: do not close"),
    AUDIT(
            "audit",
            "the audit log takes records (G27), and what is written is on its disk before it leaves",
            "`intent`, `holdMs`",
            "do not write; shed when no write could be recorded for `holdMs`, or no record for 60 s; at closing: do not"
                    + " close"),
    CLOCK("clock", "the wall clock did not step by more than 2 s against the monotonic clock (G25)", "–", "shed"),
    OWNER(
            "owner",
            "no other loop writes the tag (G24) or takes the pipeline's predictions",
            "`target`, `pipeline`",
            "the second loop does not start"),
    ROLE("role", "the actor is an operator, engineer or supervisor and says why", "–", "do not close"),
    CONNECTION("connection", "the connector is connected", "–", "do not close"),
    UNIT("unit", "output and tag have the same unit, where both have one", "–", "do not close"),
    RESOLUTION(
            "resolution",
            "the tag's data type has steps fine enough for the read-back, so that rounding leads outside no limit",
            "`readBackTolerance`",
            "do not close"),
    PREDICTION("prediction", "the last prediction would pass the guards above", "–", "do not close"),
    BUSY("busy", "no write of before is unanswered", "–", "do not close");

    private final String word;
    private final String meaning;
    private final String keys;
    private final String reaction;

    Guard(String word, String meaning, String keys, String reaction) {
        this.word = word;
        this.meaning = meaning;
        this.keys = keys;
        this.reaction = reaction;
    }

    String word() {
        return word;
    }

    /** The table for people. */
    static String table() {
        StringBuilder table = new StringBuilder("| guard | meaning | key | reaction |\n|---|---|---|---|\n");
        for (Guard guard : values()) {
            table.append("| `")
                    .append(guard.word)
                    .append("` | ")
                    .append(guard.meaning)
                    .append(" | ")
                    .append(guard.keys)
                    .append(" | ")
                    .append(guard.reaction)
                    .append(" |\n");
        }
        return table.toString();
    }
}
