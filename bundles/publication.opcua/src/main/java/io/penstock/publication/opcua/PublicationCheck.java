// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.configuration.ConfigurationCheck;
import java.lang.reflect.Method;
import java.util.Map;
import org.osgi.service.component.annotations.Component;
import org.osgi.util.converter.ConversionException;
import org.osgi.util.converter.Converters;

/** Refuses a wrong file before the running server is touched. */
@Component
public final class PublicationCheck implements ConfigurationCheck {
    @Override
    public String pid() {
        return Settings.PID;
    }

    @Override
    public void check(Map<String, Object> properties) {
        for (Method key : Settings.Config.class.getDeclaredMethods()) {
            Object value = properties.get(key.getName());
            if (value != null) {
                convert(key, value);
            }
        }
        Settings.of(Converters.standardConverter().convert(properties).to(Settings.Config.class));
    }

    /** One by one, so that the key of a wrong type is named. */
    private static void convert(Method key, Object value) {
        try {
            Converters.standardConverter().convert(value).to(key.getReturnType());
        } catch (ConversionException e) {
            throw new IllegalArgumentException(
                    key.getName() + ": " + key.getReturnType().getSimpleName() + ", was '" + value + "'", e);
        }
    }
}
