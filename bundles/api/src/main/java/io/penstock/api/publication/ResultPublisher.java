// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.publication;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * Takes results to somebody: OPC UA, history, monitoring. Whiteboard service. Each pipeline calls it from a thread of its own
 * for this publisher, behind a bounded queue; a slow publisher loses results, which are counted, and delays nobody.
 */
@ConsumerType
public interface ResultPublisher {
    /** A name for threads and figures, e.g. {@code opcua}. */
    String name();

    /**
     * Takes one result.
     *
     * @param result valid only during the call; copy what you keep.
     */
    void publish(CycleResult result);
}
