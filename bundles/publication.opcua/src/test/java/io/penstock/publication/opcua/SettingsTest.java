// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.osgi.util.converter.Converters;

final class SettingsTest {
    private final PublicationCheck check = new PublicationCheck();

    private static Settings of(Map<String, Object> properties) {
        return Settings.of(Converters.standardConverter().convert(properties).to(Settings.Config.class));
    }

    private void refused(String key, Object value, String message) {
        Map<String, Object> properties = new HashMap<>(Map.of(key, value));
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> check.check(properties));
        assertTrue(e.getMessage().contains(message), e.getMessage());
    }

    // Unpacked and started, the gateway must be closed to everybody but this machine and users with a name.
    @Test
    void anEmptyFileIsSafe() {
        check.check(Map.of());
        Settings settings = of(Map.of());
        assertEquals("127.0.0.1", settings.bindAddress());
        assertEquals(4840, settings.port());
        assertEquals(3, settings.securityPolicies().size());
        assertEquals(false, settings.allowAnonymousRead() || settings.allowNoSecurity());
        assertEquals("", settings.warning());
    }

    // What is switched off stays visible for as long as it is off.
    @Test
    void reducedSecurityIsAWarning() {
        assertTrue(of(Map.of("allowAnonymousRead", true)).warning().contains("allowAnonymousRead"));
        assertTrue(of(Map.of("allowNoSecurity", true)).warning().contains("allowNoSecurity"));
    }

    // A slip in the file must be named with key, value and limit, or the engineer searches for an hour.
    @Test
    void nonsenseIsRefusedByName() {
        refused("port", 0, "port: 1 to 65535, was 0");
        refused("port", 70_000, "port: 1 to 65535, was 70000");
        refused("port", "many", "port: int, was 'many'");
        refused("maxSessions", "", "maxSessions: int, was ''");
        refused("bindAddress", "", "bindAddress: a host name or an address, was ''");
        refused("hostname", "a b", "hostname: a host name or an address, was 'a b'");
        refused("path", "penstock", "path: a slash and 1 to 60");
        refused("applicationName", " ", "applicationName: 1 to 100 characters");
        refused("applicationUri", "no uri", "applicationUri: a URI such as");
        refused("applicationUri", ResultsNamespace.URI, "applicationUri: not 'urn:penstock:gateway'");
        refused("securityPolicies", new String[0], "securityPolicies: at least one of");
        refused("securityPolicies", new String[] {"None"}, "securityPolicies: out of");
        refused("securityPolicies", new String[] {"Basic128Rsa15"}, "was 'Basic128Rsa15'");
        refused("maxSessions", 0, "maxSessions: 1 to 1000, was 0");
        refused("maxSubscriptionsPerSession", 2_000, "maxSubscriptionsPerSession: 1 to 1000, was 2000");
        refused("maxMonitoredItems", 0, "maxMonitoredItems: 1 to 1000000, was 0");
        refused("maxQueueSize", 70_000, "maxQueueSize: 1 to 65535, was 70000");
        refused("minPublishingIntervalMs", 0, "minPublishingIntervalMs: 1 to 10000, was 0");
        refused("maxConnections", 7, "maxConnections: 8 to 10000, was 7");
        refused("maxConnections", 10, "reservedConnections: 0 to 9, one less than maxConnections, was 20");
        refused("maxConnectionsPerAddress", 3, "maxConnectionsPerAddress: 4 to 10000, was 3");
        refused("reservedConnections", -1, "reservedConnections: 0 to 149, one less than maxConnections, was -1");
        refused("maxSessionsPerUser", 0, "maxSessionsPerUser: 1 to 1000, was 0");
        refused("maxSessionsPerAddress", 0, "maxSessionsPerAddress: 1 to 1000, was 0");
        refused("reservedSessions", 50, "reservedSessions: 0 to 49, one less than maxSessions, was 50");
        refused("maxSessions", 10, "reservedSessions: 0 to 9, one less than maxSessions, was 10");
        refused("maxSessionTimeoutMs", 9_999, "maxSessionTimeoutMs: 10000 to 3600000, was 9999");
        refused("maxSubscriptionLifetimeMs", 0, "maxSubscriptionLifetimeMs: 30000 to 86400000, was 0");
        refused("queueMemoryMb", 0, "queueMemoryMb: 1 to 4096, was 0");
        refused("answerMemoryMb", 3, "answerMemoryMb: 4 to 1024, was 3");
        refused("minimumRsaBits", 1024, "minimumRsaBits: 2048 to 4096, which the security policies allow, was 1024");
        refused("minimumRsaBits", 8192, "was 8192");
        refused("revocationLists", "off", "revocationLists: required or tolerated (that they are missing), was 'off'");
    }
}
