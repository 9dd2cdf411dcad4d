// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.audit;

/**
 * Who did what to which thing. Immutable.
 *
 * @param timeNs when, UTC nanoseconds since 1970.
 * @param actor user name, or the part of the product that acted.
 * @param action what, as one word: {@code WRITE_ASKED}, {@code WRITE_LIMITED}, {@code WRITE_REFUSED}, {@code WRITE_CONFIRMED},
 *     {@code WRITE_MISMATCH}, {@code WRITE_FAILED}, {@code LOOP_CLOSED}, {@code LOOP_OPENED}, {@code MODE},
 *     {@code RELEASE}, {@code ROLLBACK}, {@code LOGIN_FAILED}, {@code CONFIGURATION}, …
 * @param subject the thing: a loop, pipeline, release, user or file.
 * @param detail figures and reason in words.
 * @param offered value offered, NaN if none.
 * @param value value written, NaN if none.
 */
public record AuditRecord(
        long timeNs, String actor, String action, String subject, String detail, double offered, double value) {
    /** A record without values. */
    public static AuditRecord of(long timeNs, String actor, String action, String subject, String detail) {
        return new AuditRecord(timeNs, actor, action, subject, detail, Double.NaN, Double.NaN);
    }
}
