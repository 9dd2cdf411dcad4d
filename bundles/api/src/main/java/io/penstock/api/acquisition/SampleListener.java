// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.acquisition;

import io.penstock.api.data.Sample;
import io.penstock.api.data.TagId;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Receives samples on the connector's own thread; returns at once and never throws. The order of calls is the order in which
 * the source spoke: the last sample of a tag is its newest, whatever the source times say.
 */
@ConsumerType
public interface SampleListener {
    /**
     * The samples up to {@link #onBatchEnd} come from one response or notification. Told where their source times differ.
     *
     * @param newestSourceTimeNs the newest source time among them, those left out that no clock can be right about. Where it is
     *     ahead of ours, it tells by how much the source's clock leads.
     * @param nanoTime {@link System#nanoTime()} when they arrived.
     */
    default void onBatchBegin(long newestSourceTimeNs, long nanoTime) {}

    void onSample(Sample sample);

    /**
     * All samples of one response or notification were delivered. A listener that triggers on change may run now.
     */
    default void onBatchEnd() {}

    /**
     * The source was asked for this very tag and has the same value and status as in its last sample: the sample is still true,
     * its age starts again. That a connection lives is no reason to say this of any tag.
     *
     * @param sourceTimeNs source time of that last sample, which stays what it was.
     * @param nanoTime {@link System#nanoTime()} at which it was certainly true: not later than the source read it.
     */
    default void onConfirmed(TagId tag, long sourceTimeNs, long nanoTime) {}
}
