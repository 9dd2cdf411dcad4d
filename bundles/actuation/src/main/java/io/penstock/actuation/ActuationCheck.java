// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import io.penstock.api.configuration.ConfigurationCheck;
import java.util.Map;
import org.osgi.service.component.annotations.Component;

/** Tries the configuration of a loop before it replaces the running one. */
@Component
public final class ActuationCheck implements ConfigurationCheck {
    @Override
    public String pid() {
        return SetpointLoop.PID;
    }

    @Override
    public void check(Map<String, Object> properties) {
        Settings.of(properties);
    }
}
