// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.data;

/**
 * One value of one tag. Immutable; handed from the connector's thread to others.
 *
 * @param tag the tag.
 * @param value the value in engineering units, {@code NaN} where the status is Bad. BOOL is 0 or 1.
 * @param status OPC UA status code, see {@link StatusCode}.
 * @param sourceTimeNs when the value, or the reason for its status, arose at its source; UTC nanoseconds since 1970.
 *     Never replaced by "now" (OPC UA Part 4 §7.11.3), never used to tell which of two samples is newer: that is their order.
 * @param arrivalNanos {@link System#nanoTime()} when the source delivered or was last asked for this very value; ages are
 *     taken from it.
 */
public record Sample(TagId tag, double value, int status, long sourceTimeNs, long arrivalNanos) {}
