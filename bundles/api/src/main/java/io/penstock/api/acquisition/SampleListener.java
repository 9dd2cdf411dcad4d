// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.acquisition;

import io.penstock.api.data.Sample;
import org.osgi.annotation.versioning.ConsumerType;

/** Receives samples on the connector's own thread; returns at once and never throws. */
@ConsumerType
public interface SampleListener {
    void onSample(Sample sample);

    /**
     * All samples of one response or notification were delivered. A listener that triggers on change may run now.
     */
    default void onBatchEnd() {}

    /**
     * The connection answered and no tag of this source has changed otherwise: last values are still true, their ages start
     * again.
     *
     * @param nanoTime {@link System#nanoTime()} of the answer.
     */
    default void onAlive(long nanoTime) {}
}
