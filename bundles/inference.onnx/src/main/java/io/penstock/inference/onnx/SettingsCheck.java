// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import io.penstock.api.configuration.ConfigurationCheck;
import java.util.Map;
import org.osgi.service.component.annotations.Component;
import org.osgi.util.converter.ConversionException;
import org.osgi.util.converter.Converters;

/** Tries the limits of the engine before they replace the running ones. */
@Component
public final class SettingsCheck implements ConfigurationCheck {
    @Override
    public String pid() {
        return OnnxInferenceEngine.PID;
    }

    @Override
    public void check(Map<String, Object> properties) {
        try {
            Settings.of(Converters.standardConverter().convert(properties).to(OnnxInferenceEngine.Config.class));
        } catch (ConversionException e) {
            throw new IllegalArgumentException(pid() + ": a whole number is needed; " + e.getMessage(), e);
        }
    }
}
