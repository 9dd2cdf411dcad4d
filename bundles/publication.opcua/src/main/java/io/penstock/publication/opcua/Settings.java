// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.opcua.stack.CertificatePolicy;
import io.penstock.opcua.stack.CertificatePolicy.Peer;
import java.util.List;
import java.util.regex.Pattern;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** What a site decides about the results server, checked. */
record Settings(
        int port,
        String bindAddress,
        String hostname,
        String applicationName,
        String applicationUri,
        String path,
        List<SecurityPolicy> securityPolicies,
        boolean allowAnonymousRead,
        boolean allowNoSecurity,
        int maxSessions,
        int maxSubscriptionsPerSession,
        int maxMonitoredItems,
        int maxQueueSize,
        int minPublishingIntervalMs,
        Shares shares,
        CertificatePolicy clientCertificates) {
    static final String PID = "io.penstock.publication.opcua";

    private static final List<SecurityPolicy> POSSIBLE = List.of(
            SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss);
    private static final Pattern PATH = Pattern.compile("/[A-Za-z0-9_.-]{1,60}");
    private static final Pattern HOST = Pattern.compile("[A-Za-z0-9_.:-]{1,253}");

    @ObjectClassDefinition(
            name = "Results over OPC UA",
            description = "The OPC UA server that serves pipelines, tags and connections.")
    @interface Config {
        @AttributeDefinition(description = "TCP port, 1 to 65535.")
        int port() default 4840;

        @AttributeDefinition(description = "Address to listen on; 0.0.0.0 for every network the gateway is in.")
        String bindAddress() default "127.0.0.1";

        @AttributeDefinition(
                description = "Name or address by which clients reach this gateway; empty for the bind address, or the"
                        + " machine's name where that is 0.0.0.0.")
        String hostname() default "";

        @AttributeDefinition(description = "Name clients show.")
        String applicationName() default "Penstock gateway";

        @AttributeDefinition(
                description = "URI of this application, unique in the plant; empty for one made of the host name at the"
                        + " first start.")
        String applicationUri() default "";

        @AttributeDefinition(description = "Path of the end point, a slash and a word.")
        String path() default "/penstock";

        @AttributeDefinition(
                description = "Offered security policies, all with SignAndEncrypt: Basic256Sha256,"
                        + " Aes128_Sha256_RsaOaep, Aes256_Sha256_RsaPss.")
        String[] securityPolicies() default {"Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"};

        @AttributeDefinition(description = "Whether clients may read without a user name. Shown as a warning.")
        boolean allowAnonymousRead() default false;

        @AttributeDefinition(
                description = "Whether clients may connect without signature, encryption and certificate. Shown as a"
                        + " warning.")
        boolean allowNoSecurity() default false;

        @AttributeDefinition(description = "Sessions at the same time, 1 to 1000.")
        int maxSessions() default 50;

        @AttributeDefinition(description = "Subscriptions of one session, 1 to 1000.")
        int maxSubscriptionsPerSession() default 20;

        @AttributeDefinition(description = "Monitored items of all sessions together, 1 to 1000000.")
        int maxMonitoredItems() default 50_000;

        @AttributeDefinition(
                description = "Longest queue of one monitored item, 1 to 65535; a client that asks for more gets this.")
        int maxQueueSize() default 10_000;

        @AttributeDefinition(
                description = "Shortest publishing interval in ms, 1 to 10000; a client that asks for less gets this.")
        int minPublishingIntervalMs() default 10;

        @AttributeDefinition(description = "Connections at the same time, 8 to 10000.")
        int maxConnections() default 150;

        @AttributeDefinition(
                description = "Connections of one address at the same time, 4 to 10000; one more takes the place of one"
                        + " without a session.")
        int maxConnectionsPerAddress() default 40;

        @AttributeDefinition(
                description =
                        "Out of maxConnections, kept for loopback and for addresses where a session of an OPERATOR,"
                                + " ENGINEER or SUPERVISOR is or was within ten minutes; 0 to maxConnections - 1.")
        int reservedConnections() default 20;

        @AttributeDefinition(description = "Sessions of one user, 1 to 1000.")
        int maxSessionsPerUser() default 20;

        @AttributeDefinition(description = "Sessions from one address, 1 to 1000.")
        int maxSessionsPerAddress() default 20;

        @AttributeDefinition(
                description = "Out of maxSessions, kept for OPERATOR, ENGINEER and SUPERVISOR, half of them also for"
                        + " loopback; 0 to maxSessions - 1.")
        int reservedSessions() default 10;

        @AttributeDefinition(
                description = "Longest session timeout in ms, 10000 to 3600000; a client that asks for more gets this.")
        int maxSessionTimeoutMs() default 120_000;

        @AttributeDefinition(
                description =
                        "Longest lifetime of a subscription that is not asked for in ms, 30000 to 86400000; a client"
                                + " that asks for more gets this.")
        int maxSubscriptionLifetimeMs() default 600_000;

        @AttributeDefinition(
                description =
                        "Memory for monitored items and their queues in MB, 1 to 4096; who asks for more gets shorter"
                                + " queues, then BadTooManyMonitoredItems.")
        int queueMemoryMb() default 16;

        @AttributeDefinition(
                description =
                        "Memory for answers that clients have not read yet in MB, 4 to 1024; the slowest reader is"
                                + " disconnected.")
        int answerMemoryMb() default 8;

        @AttributeDefinition(
                description = "Shortest RSA key in a client's certificate and those of its issuers, 2048 to 4096 bits.")
        int minimumRsaBits() default CertificatePolicy.LEAST_RSA_BITS;

        @AttributeDefinition(
                description = "Whether each authority in a client's chain needs a current revocation list: required, or"
                        + " tolerated where they may be missing or expired.")
        String revocationLists() default CertificatePolicy.REQUIRED;
    }

    Settings {
        range("port", port, 1, 65_535);
        host("bindAddress", bindAddress);
        if (!hostname.isEmpty()) {
            host("hostname", hostname);
        }
        if (applicationName.isBlank() || applicationName.length() > 100) {
            throw new IllegalArgumentException("applicationName: 1 to 100 characters, was '" + applicationName + "'");
        }
        if (!applicationUri.isEmpty() && !applicationUri.matches("[a-z][a-z0-9+.-]*:\\S{1,200}")) {
            throw new IllegalArgumentException(
                    "applicationUri: a URI such as urn:plant:gateway-7, was '" + applicationUri + "'");
        }
        if (applicationUri.equals(ResultsNamespace.URI)) {
            throw new IllegalArgumentException("applicationUri: not '" + ResultsNamespace.URI
                    + "', that is the namespace of the nodes; take one of your own, such as urn:plant:gateway-7");
        }
        if (!PATH.matcher(path).matches()) {
            throw new IllegalArgumentException(
                    "path: a slash and 1 to 60 of letters, digits and _ . -, was '" + path + "'");
        }
        securityPolicies = List.copyOf(securityPolicies);
        if (securityPolicies.isEmpty()) {
            throw new IllegalArgumentException("securityPolicies: at least one of " + POSSIBLE + ", was empty");
        }
        range("maxSessions", maxSessions, 1, 1_000);
        range("maxSubscriptionsPerSession", maxSubscriptionsPerSession, 1, 1_000);
        range("maxMonitoredItems", maxMonitoredItems, 1, 1_000_000);
        range("maxQueueSize", maxQueueSize, 1, 65_535);
        range("minPublishingIntervalMs", minPublishingIntervalMs, 1, 10_000);
        Shares.part("reservedSessions", shares.reservedSessions(), "maxSessions", maxSessions);
    }

    static Settings of(Config config) {
        return new Settings(
                config.port(),
                config.bindAddress(),
                config.hostname(),
                config.applicationName(),
                config.applicationUri(),
                config.path(),
                java.util.Arrays.stream(config.securityPolicies())
                        .map(Settings::policy)
                        .distinct()
                        .toList(),
                config.allowAnonymousRead(),
                config.allowNoSecurity(),
                config.maxSessions(),
                config.maxSubscriptionsPerSession(),
                config.maxMonitoredItems(),
                config.maxQueueSize(),
                config.minPublishingIntervalMs(),
                Shares.of(config),
                CertificatePolicy.of(Peer.CLIENT, config.minimumRsaBits(), config.revocationLists()));
    }

    /** What must stay visible for as long as it is so; empty where all is well. */
    String warning() {
        StringBuilder warning = new StringBuilder();
        if (allowNoSecurity) {
            warning.append("allowNoSecurity: anybody who reaches port ")
                    .append(port)
                    .append(" can listen and change what is sent. ");
        }
        if (allowAnonymousRead) {
            warning.append("allowAnonymousRead: values can be read without a user name. ");
        }
        return warning.toString().strip();
    }

    private static SecurityPolicy policy(String name) {
        for (SecurityPolicy policy : POSSIBLE) {
            if (policy.name().equals(name.strip())) {
                return policy;
            }
        }
        throw new IllegalArgumentException("securityPolicies: out of " + POSSIBLE + ", was '" + name + "'");
    }

    private static void host(String key, String value) {
        if (!HOST.matcher(value).matches()) {
            throw new IllegalArgumentException(key + ": a host name or an address, was '" + value + "'");
        }
    }

    private static void range(String key, int value, int low, int high) {
        if (value < low || value > high) {
            throw new IllegalArgumentException(key + ": " + low + " to " + high + ", was " + value);
        }
    }
}
