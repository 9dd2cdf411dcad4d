// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.actuation;

import io.penstock.api.data.Sample;
import io.penstock.api.data.TagId;
import java.util.concurrent.CompletionStage;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * The writing side of a connector, over the connector's one connection. Only the {@code actuation} room uses it. Writes
 * go before polling. Thread-safe; returns at once.
 */
@ConsumerType
public interface TagWriter {
    /** The connector's configured name. */
    String name();

    /** Whether this connector has that tag and its tag list says it is writable. */
    boolean writes(TagId tag);

    /**
     * Writes a value in engineering units.
     *
     * @return completes with an OPC UA status code, Good once the device acknowledged; within {@code deadlineMs}, with
     *     BadTimeout at the latest; BadOutOfRange where the value does not fit the type; never exceptionally.
     */
    CompletionStage<Integer> write(TagId tag, double value, long deadlineMs);

    /**
     * Reads one tag from the device itself, not from a cache.
     *
     * @return completes with the sample, Bad where the read failed, within {@code deadlineMs}; never exceptionally.
     */
    CompletionStage<Sample> read(TagId tag, long deadlineMs);
}
