// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import io.penstock.api.acquisition.TagListReader;
import io.penstock.api.configuration.ConfigurationCheck;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.util.converter.ConversionException;
import org.osgi.util.converter.Converters;

/** Refuses a wrong configuration, its tag list included, before the running connector is touched. */
@Component
public final class OpcUaConfigurationCheck implements ConfigurationCheck {
    private final TagListReader reader;

    @Activate
    public OpcUaConfigurationCheck(@Reference TagListReader reader) {
        this.reader = reader;
    }

    @Override
    public String pid() {
        return OpcUaConnector.PID;
    }

    @Override
    public void check(Map<String, Object> properties) {
        OpcUaConnector.Config config =
                Converters.standardConverter().convert(properties).to(OpcUaConnector.Config.class);
        try {
            required("tags", config.tags());
            required("name", config.name());
            required("endpointUrl", config.endpointUrl());
            Settings.of(config, reader.read(config.tags()));
        } catch (ConversionException e) {
            throw new IllegalArgumentException("a value has the wrong type: " + e.getMessage(), e);
        }
    }

    private static void required(String key, String value) {
        if (value == null || value.isEmpty()) {
            throw new IllegalArgumentException(key + ": needed, is missing");
        }
    }
}
