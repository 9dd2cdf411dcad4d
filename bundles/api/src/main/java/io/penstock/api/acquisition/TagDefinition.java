// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.acquisition;

import io.penstock.api.data.TagId;

/**
 * One line of a tag list. Immutable.
 *
 * <p>An array is one definition with {@code length} above 1; its elements are the tags {@code name[0]} to
 * {@code name[length-1]} and travel in one request.
 *
 * @param id the tag, for an array its name without index.
 * @param description the plant's own words.
 * @param address where the connector finds it, in the connector's own notation: {@code holding-register:101} or
 *     {@code ns=2;s=AT-1003}.
 * @param dataType type on the wire.
 * @param length number of elements, 1 for a scalar.
 * @param byteOrder order of bytes on the wire.
 * @param periodMs poll period or sampling interval in milliseconds.
 * @param scaling raw to engineering units.
 * @param unit UNECE common code of the engineering unit, e.g. {@code NTU}, {@code MQH}, {@code CEL}; empty where it has none.
 * @param writable whether {@code actuation} may write it.
 */
public record TagDefinition(
        TagId id,
        String description,
        String address,
        DataType dataType,
        int length,
        ByteOrder byteOrder,
        long periodMs,
        Scaling scaling,
        String unit,
        boolean writable) {

    /** The tag of one element: the tag itself for a scalar. */
    public TagId element(int index) {
        return length == 1 ? id : new TagId(id.name() + "[" + index + "]");
    }
}
