// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import java.nio.file.Path;
import org.osgi.framework.BundleContext;

/** The gateway's home directory. */
final class Home {
    private Home() {}

    static Path of(BundleContext context) {
        String home = context.getProperty("penstock.home");
        if (home == null) {
            throw new IllegalStateException("penstock.home is not set; start the gateway by bin/penstock-gateway");
        }
        return Path.of(home).toAbsolutePath().normalize();
    }
}
