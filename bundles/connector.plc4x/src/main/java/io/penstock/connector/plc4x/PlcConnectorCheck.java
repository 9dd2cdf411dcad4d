// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.acquisition.TagListReader;
import io.penstock.api.configuration.ConfigurationCheck;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.util.converter.ConversionException;
import org.osgi.util.converter.Converters;

/** Refuses a connector's file, and the tag list it names, before the running connector is touched. */
@Component
public final class PlcConnectorCheck implements ConfigurationCheck {
    private final TagListReader lists;

    @Activate
    public PlcConnectorCheck(@Reference TagListReader lists) {
        this.lists = lists;
    }

    @Override
    public String pid() {
        return PlcConnector.PID;
    }

    @Override
    public void check(Map<String, Object> properties) {
        PlcConnector.Config config;
        Settings settings;
        try {
            config = Converters.standardConverter().convert(properties).to(PlcConnector.Config.class);
            settings = Settings.of(config);
        } catch (ConversionException e) {
            throw new IllegalArgumentException(String.valueOf(e.getMessage()), e);
        }
        var unused = new TagTable(lists.read(settings.tags()), settings);
    }
}
