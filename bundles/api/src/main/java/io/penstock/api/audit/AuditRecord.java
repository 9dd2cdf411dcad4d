// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.audit;

import io.penstock.api.access.Actor;

/**
 * Who did what to which thing. Immutable.
 *
 * @param timeNs when, UTC nanoseconds since 1970.
 * @param actor user name, or the part of the product that acted, e.g. {@code gateway}; never with where it came from.
 * @param origin where it was asked, e.g. {@code opc.ua 10.0.0.7}, {@code cli}, {@code gateway}.
 * @param action what, as one word: {@code WRITE_ASKED}, {@code WRITE_LIMITED}, {@code WRITE_REFUSED}, {@code WRITE_INTENT},
 *     {@code WRITE_WITHDRAWN}, {@code WRITE_CONFIRMED}, {@code WRITE_MISMATCH}, {@code WRITE_FAILED}, {@code LOOP_CLOSED},
 *     {@code LOOP_OPENED}, {@code MODE}, {@code RELEASE}, {@code ROLLBACK}, {@code LOGIN}, {@code LOGIN_FAILED}, {@code USER},
 *     {@code TRUST}, {@code ACCESS_DENIED}, {@code CONFIGURATION}, …
 * @param subject the thing: a loop, pipeline, release, user or file.
 * @param detail figures and reason in words.
 * @param offered value offered, NaN if none.
 * @param value value written, NaN if none.
 */
public record AuditRecord(
        long timeNs,
        String actor,
        String origin,
        String action,
        String subject,
        String detail,
        double offered,
        double value) {
    /** What the gateway does by itself has this actor and this origin. */
    public static final String GATEWAY = "gateway";

    /** A record without values. */
    public static AuditRecord of(
            long timeNs, String actor, String origin, String action, String subject, String detail) {
        return new AuditRecord(timeNs, actor, origin, action, subject, detail, Double.NaN, Double.NaN);
    }

    /** What somebody asked for, without values. */
    public static AuditRecord of(long timeNs, Actor actor, String action, String subject, String detail) {
        return of(timeNs, actor.name(), actor.origin(), action, subject, detail);
    }

    /** What the gateway did by itself, without values. */
    public static AuditRecord ofGateway(long timeNs, String action, String subject, String detail) {
        return of(timeNs, GATEWAY, GATEWAY, action, subject, detail);
    }
}
