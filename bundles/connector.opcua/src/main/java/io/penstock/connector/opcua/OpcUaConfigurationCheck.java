// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import io.penstock.api.acquisition.TagListReader;
import io.penstock.api.configuration.ConfigurationCheck;
import java.util.List;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.util.converter.ConversionException;
import org.osgi.util.converter.Converters;

/** Refuses a wrong configuration, its tag list included, before the running connector is touched. */
@Component
public final class OpcUaConfigurationCheck implements ConfigurationCheck {
    private static final List<String> NEEDED = List.of("name", "endpointUrl", "tags", "lossToBadMs");

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
        for (String key : NEEDED) {
            if (properties.get(key) == null) {
                throw new IllegalArgumentException(key + ": needed, is missing");
            }
        }
        OpcUaConnector.Config config =
                Converters.standardConverter().convert(properties).to(OpcUaConnector.Config.class);
        try {
            Settings.of(config, reader.read(config.tags()));
        } catch (ConversionException e) {
            throw new IllegalArgumentException("a value has the wrong type: " + e.getMessage(), e);
        }
    }
}
