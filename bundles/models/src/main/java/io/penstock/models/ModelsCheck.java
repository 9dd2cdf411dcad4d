// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.configuration.ConfigurationCheck;
import java.util.Map;
import org.osgi.service.component.annotations.Component;
import org.osgi.util.converter.Converters;

/** Tries a configuration of {@link Models}. */
@Component
public final class ModelsCheck implements ConfigurationCheck {
    @Override
    public String pid() {
        return Models.PID;
    }

    @Override
    public void check(Map<String, Object> properties) {
        Settings.of(Converters.standardConverter().convert(properties).to(Models.Config.class));
    }
}
