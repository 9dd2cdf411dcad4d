// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import io.penstock.api.configuration.ConfigurationCheck;
import java.util.Map;
import org.osgi.service.component.annotations.Component;
import org.osgi.util.converter.ConversionException;
import org.osgi.util.converter.Converters;

/** Tries a configuration of the audit log before it replaces the running one. */
@Component
public final class AuditCheck implements ConfigurationCheck {
    @Override
    public String pid() {
        return AuditJournal.PID;
    }

    @Override
    public void check(Map<String, Object> properties) {
        try {
            AuditJournal.Settings.of(
                    Converters.standardConverter().convert(properties).to(AuditJournal.Config.class));
        } catch (ConversionException e) {
            throw new IllegalArgumentException(
                    "queueLength, segmentMiB, flushIntervalMs and retainSegments are whole numbers: " + e.getMessage(),
                    e);
        }
    }
}
