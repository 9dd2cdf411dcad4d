// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One connector's settings, checked; see {@link PlcConnector.Config} for their meaning. */
record Settings(
        String name,
        String host,
        int port,
        int unitIdentifier,
        String tags,
        long connectTimeoutMs,
        long requestTimeoutMs,
        long lossToBadMs,
        long backoffMinMs,
        long backoffMaxMs,
        int maxRegistersPerRequest,
        int maxBitsPerRequest,
        int maxGap,
        long reprobeMs) {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,39}");
    private static final Pattern URL =
            Pattern.compile("modbus-tcp(?::tcp)?://([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:]+])(?::([0-9]{1,5}))?");
    private static final int MODBUS_PORT = 502;

    /** @throws IllegalArgumentException naming key, value and limit. */
    static Settings of(PlcConnector.Config config) {
        if (!NAME.matcher(config.name()).matches()) {
            throw new IllegalArgumentException(
                    "name: 1 to 40 of letters, digits, _ and -, was '" + config.name() + "'");
        }
        Matcher url = URL.matcher(config.url());
        if (!url.matches()) {
            throw new IllegalArgumentException("url: modbus-tcp://<host>[:<port>] without options, was '" + config.url()
                    + "'; unit and timeouts have keys of their own");
        }
        int port = url.group(2) == null ? MODBUS_PORT : Integer.parseInt(url.group(2));
        within("url: port", port, 1, 65_535);
        if (config.tags().isBlank()) {
            throw new IllegalArgumentException("tags: name of a file in etc/tags is needed, e.g. plc1.csv");
        }
        within("unitIdentifier", config.unitIdentifier(), 0, 255);
        within("connectTimeoutMs", config.connectTimeoutMs(), 100, 60_000);
        within("requestTimeoutMs", config.requestTimeoutMs(), 10, 60_000);
        within("lossToBadMs", config.lossToBadMs(), 0, 86_400_000);
        within("backoffMinMs", config.backoffMinMs(), 10, 60_000);
        within("backoffMaxMs", config.backoffMaxMs(), config.backoffMinMs(), 3_600_000);
        within("maxRegistersPerRequest", config.maxRegistersPerRequest(), 4, 125);
        within("maxBitsPerRequest", config.maxBitsPerRequest(), 1, 2000);
        within("maxGap", config.maxGap(), 0, 120);
        within("reprobeMs", config.reprobeMs(), 1000, 86_400_000);
        return new Settings(
                config.name(),
                url.group(1),
                port,
                config.unitIdentifier(),
                config.tags(),
                config.connectTimeoutMs(),
                config.requestTimeoutMs(),
                config.lossToBadMs(),
                config.backoffMinMs(),
                config.backoffMaxMs(),
                config.maxRegistersPerRequest(),
                config.maxBitsPerRequest(),
                config.maxGap(),
                config.reprobeMs());
    }

    private static void within(String key, long value, long low, long high) {
        if (value < low || value > high) {
            throw new IllegalArgumentException(key + ": " + low + " to " + high + " is needed, "
                    + (value == -1 ? "was -1 or is missing" : "was " + value));
        }
    }

    String device() {
        return "modbus-tcp://" + host + ":" + port + " unit " + unitIdentifier;
    }
}
