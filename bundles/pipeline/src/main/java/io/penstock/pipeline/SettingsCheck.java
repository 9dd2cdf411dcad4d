// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.configuration.ConfigurationCheck;
import java.util.Map;
import org.osgi.service.component.annotations.Component;
import org.osgi.util.converter.Converters;

/** Tries a pipeline's configuration. */
@Component
public final class SettingsCheck implements ConfigurationCheck {
    @Override
    public String pid() {
        return PipelineComponent.PID;
    }

    @Override
    public void check(Map<String, Object> properties) {
        Settings.of(Converters.standardConverter().convert(properties).to(PipelineComponent.Config.class));
    }
}
