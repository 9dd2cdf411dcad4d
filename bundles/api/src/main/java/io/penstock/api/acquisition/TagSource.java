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
     * come in strictly ascending source time and never twice; a sample that is older than its predecessor is dropped and
     * counted. When the connection is lost every tag gets one sample with the last value and
     * {@code UncertainNoCommunicationLastUsableValue} ({@code BadWaitingForInitialData} where there never was one), and
     * after the connector's {@code lossToBadMs} one with {@code BadNoCommunication}.
     */
    Subscription subscribe(SampleListener listener);

    /** Ends a subscription; the listener hears nothing after {@link #close} has returned. */
    interface Subscription extends AutoCloseable {
        @Override
        void close();
    }
}
