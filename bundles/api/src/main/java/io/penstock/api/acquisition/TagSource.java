// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.acquisition;

import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * The reading side of a connector: one connection to one PLC or server. Registered as a service for as long as the
 * connector is configured, whether connected or not. Thread-safe.
 */
@ConsumerType
public interface TagSource {
    /** The connector's configured name, unique on the gateway. */
    String name();

    List<TagDefinition> tags();

    ConnectionStatus connection();

    /**
     * Delivers every sample of this connector's tags from now on, after the last known sample of each tag. One tag's samples
     * come in the order in which the source told them, none twice: the same value, status and source time once more is told by
     * {@link SampleListener#onConfirmed}. Source times are the source's and may stand still or go back. When the connection is
     * lost every tag gets one sample with the last value and {@code UncertainNoCommunicationLastUsableValue} ({@code
     * BadWaitingForInitialData} where there never was one), and after the connector's {@code lossToBadMs} one with {@code
     * BadNoCommunication}; both with the time at which that was recognised as source time, and with the last value's age.
     */
    Subscription subscribe(SampleListener listener);

    /** Ends a subscription; the listener hears nothing after {@link #close} has returned. */
    interface Subscription extends AutoCloseable {
        @Override
        void close();
    }
}
