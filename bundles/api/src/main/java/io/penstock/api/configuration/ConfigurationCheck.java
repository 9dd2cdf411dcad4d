// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.configuration;

import java.util.Map;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Tries a configuration before it replaces the running one, so that a wrong file is refused whole and the last good one keeps
 * running. Each room registers one per PID it owns, independent of whether it is configured. Thread-safe, without side
 * effects.
 */
@ConsumerType
public interface ConfigurationCheck {
    /** PID or factory PID. */
    String pid();

    /**
     * @throws IllegalArgumentException whose message names key, value and limit.
     */
    void check(Map<String, Object> properties);
}
