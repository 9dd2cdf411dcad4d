// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

/**
 * What one client, one user and one address may take of the server, and what is kept for those who must get in. Memory is in
 * bytes; what is not a key of the configuration stands in the classes that use it.
 *
 * @param reservedConnections of {@code connections}, kept for loopback and for addresses from which an operator works.
 * @param reservedSessions of all sessions, kept for OPERATOR, ENGINEER and SUPERVISOR; half of them also for loopback.
 */
record Shares(
        int connections,
        int connectionsPerAddress,
        int reservedConnections,
        int sessionsPerUser,
        int sessionsPerAddress,
        int reservedSessions,
        int sessionTimeoutMs,
        int subscriptionLifetimeMs,
        long queueBytes,
        long answerBytes) {
    private static final long MIB = 1 << 20;

    Shares {
        range("maxConnections", connections, 8, 10_000);
        range("maxConnectionsPerAddress", connectionsPerAddress, 4, 10_000);
        part("reservedConnections", reservedConnections, "maxConnections", connections);
        range("maxSessionsPerUser", sessionsPerUser, 1, 1_000);
        range("maxSessionsPerAddress", sessionsPerAddress, 1, 1_000);
        range("maxSessionTimeoutMs", sessionTimeoutMs, 10_000, 3_600_000);
        range("maxSubscriptionLifetimeMs", subscriptionLifetimeMs, 30_000, 86_400_000);
        range("queueMemoryMb", queueBytes / MIB, 1, 4_096);
        range("answerMemoryMb", answerBytes / MIB, 4, 1_024);
    }

    static Shares of(Settings.Config config) {
        return new Shares(
                config.maxConnections(),
                config.maxConnectionsPerAddress(),
                config.reservedConnections(),
                config.maxSessionsPerUser(),
                config.maxSessionsPerAddress(),
                config.reservedSessions(),
                config.maxSessionTimeoutMs(),
                config.maxSubscriptionLifetimeMs(),
                config.queueMemoryMb() * MIB,
                config.answerMemoryMb() * MIB);
    }

    /** A reserve must leave a place for those it is not kept for. */
    static void part(String key, int value, String wholeKey, int whole) {
        if (value < 0 || value >= whole) {
            throw new IllegalArgumentException(
                    key + ": 0 to " + (whole - 1) + ", one less than " + wholeKey + ", was " + value);
        }
    }

    private static void range(String key, long value, long low, long high) {
        if (value < low || value > high) {
            throw new IllegalArgumentException(key + ": " + low + " to " + high + ", was " + value);
        }
    }
}
