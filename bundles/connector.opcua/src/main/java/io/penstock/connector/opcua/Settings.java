// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.data.TagId;
import io.penstock.opcua.stack.CertificatePolicy;
import io.penstock.opcua.stack.CertificatePolicy.Peer;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.eclipse.milo.opcua.stack.core.UaRuntimeException;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.types.builtin.ExpandedNodeId;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.jspecify.annotations.Nullable;

/**
 * A configuration that was found sound.
 *
 * @param passwordFile relative to the gateway's home, empty for anonymous.
 */
record Settings(
        String name,
        String endpointUrl,
        String host,
        int port,
        List<TagDefinition> tags,
        SecurityPolicy policy,
        MessageSecurityMode mode,
        boolean anonymous,
        String userName,
        String passwordFile,
        long publishingIntervalMs,
        int queueSize,
        long requestTimeoutMs,
        long keepAliveMs,
        long lossToBadMs,
        long retryMs,
        long maxRetryMs,
        long nodeRetryMs,
        CertificatePolicy serverCertificates) {

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,40}");
    private static final int DEFAULT_PORT = 4840;
    private static final long MAX_MS = 3_600_000;
    private static final List<SecurityPolicy> POLICIES = List.of(
            SecurityPolicy.Basic256Sha256,
            SecurityPolicy.Aes128_Sha256_RsaOaep,
            SecurityPolicy.Aes256_Sha256_RsaPss,
            SecurityPolicy.None);

    Settings {
        tags = List.copyOf(tags);
    }

    /** @throws IllegalArgumentException naming key, value and limit. */
    static Settings of(OpcUaConnector.Config config, List<TagDefinition> tags) {
        needed("name", config.name());
        needed("endpointUrl", config.endpointUrl());
        needed("tags", config.tags());
        if (!NAME.matcher(config.name()).matches()) {
            throw refused("name", "1 to 41 of letters, digits, _ and -", config.name());
        }
        URI url = url(config.endpointUrl());
        SecurityPolicy policy = policy(config.securityPolicy());
        MessageSecurityMode mode = mode(config.securityMode());
        if ((policy == SecurityPolicy.None) != (mode == MessageSecurityMode.None)) {
            throw new IllegalArgumentException("securityPolicy and securityMode: None only together, were "
                    + config.securityPolicy() + " and " + config.securityMode());
        }
        if (config.anonymous() != config.userName().isEmpty()) {
            throw new IllegalArgumentException(
                    config.anonymous()
                            ? "anonymous: true excludes userName, which is '" + config.userName() + "'; remove one"
                            : "userName: needed unless anonymous is true, was empty");
        }
        passwordFile(config);
        long publishing = range("publishingIntervalMs", config.publishingIntervalMs(), 1, 60_000);
        int queue = (int) range("queueSize", config.queueSize(), 2, 100_000);
        long timeout = range("requestTimeoutMs", config.requestTimeoutMs(), 100, 60_000);
        long keepAlive = range("keepAliveMs", config.keepAliveMs(), publishing, 600_000);
        long lossToBad = range("lossToBadMs", config.lossToBadMs(), 1, MAX_MS);
        long retry = range("retryMs", config.retryMs(), 100, MAX_MS);
        long maxRetry = range("maxRetryMs", config.maxRetryMs(), retry, MAX_MS);
        long nodeRetry = range("nodeRetryMs", config.nodeRetryMs(), 100, MAX_MS);
        checkTags(config.tags(), tags, publishing, queue);
        return new Settings(
                config.name(),
                config.endpointUrl(),
                url.getHost(),
                url.getPort() < 0 ? DEFAULT_PORT : url.getPort(),
                tags,
                policy,
                mode,
                config.anonymous(),
                config.userName(),
                config.passwordFile(),
                publishing,
                queue,
                timeout,
                keepAlive,
                lossToBad,
                retry,
                maxRetry,
                nodeRetry,
                CertificatePolicy.of(Peer.SERVER, config.minimumRsaBits(), config.revocationLists()));
    }

    /** {@code application:name} of this connector, in its certificate and towards the server. */
    String applicationUri() {
        return "urn:penstock:connector.opcua:" + name;
    }

    boolean secure() {
        return policy != SecurityPolicy.None;
    }

    private static void needed(String key, @Nullable String value) {
        if (value == null) {
            throw new IllegalArgumentException(key + ": needed, is missing");
        }
    }

    private static URI url(String text) {
        try {
            URI url = new URI(text);
            if ("opc.tcp".equals(url.getScheme()) && url.getHost() != null && url.getUserInfo() == null) {
                if (url.getPort() == 0 || url.getPort() > 65_535) {
                    throw refused("endpointUrl", "port 1 to 65535", text);
                }
                return url;
            }
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("endpointUrl: " + e.getMessage(), e);
        }
        throw refused("endpointUrl", "opc.tcp://host:port/path", text);
    }

    private static SecurityPolicy policy(String text) {
        for (SecurityPolicy policy : POLICIES) {
            if (policy.name().equals(text)) {
                return policy;
            }
        }
        throw refused("securityPolicy", "one of " + POLICIES, text);
    }

    private static MessageSecurityMode mode(String text) {
        return switch (text) {
            case "SignAndEncrypt" -> MessageSecurityMode.SignAndEncrypt;
            case "Sign" -> MessageSecurityMode.Sign;
            case "None" -> MessageSecurityMode.None;
            default -> throw refused("securityMode", "one of SignAndEncrypt, Sign, None", text);
        };
    }

    private static void passwordFile(OpcUaConnector.Config config) {
        String file = config.passwordFile();
        if (config.anonymous() != file.isEmpty()) {
            throw refused("passwordFile", config.anonymous() ? "empty with anonymous" : "needed with userName", file);
        }
        Path path = Path.of(file).normalize();
        if (path.isAbsolute() || path.startsWith("..")) {
            throw refused("passwordFile", "a path inside the gateway's home", file);
        }
    }

    private static void checkTags(String list, List<TagDefinition> tags, long publishing, int queue) {
        if (tags.isEmpty()) {
            throw new IllegalArgumentException("tags: etc/tags/" + list + " has no tag; add at least one");
        }
        Set<TagId> ids = new HashSet<>();
        for (TagDefinition tag : tags) {
            String where = "tags: etc/tags/" + list + ", " + tag.id() + ": ";
            if (tag.length() < 1) {
                throw new IllegalArgumentException(where + "length at least 1, was " + tag.length());
            }
            for (int i = 0; i < tag.length(); i++) {
                if (!ids.add(tag.element(i))) {
                    throw new IllegalArgumentException(where + tag.element(i) + " is there twice; rename one");
                }
            }
            address(where, tag.address());
            if (tag.byteOrder() != ByteOrder.ABCD) {
                throw new IllegalArgumentException(
                        where + "byteOrder left empty, OPC UA has none, was " + tag.byteOrder());
            }
            if (tag.dataType() == DataType.BOOL && !tag.scaling().equals(Scaling.NONE)) {
                throw new IllegalArgumentException(where + "no scaling for a BOOL, was " + tag.scaling());
            }
            if (tag.periodMs() < 0) {
                throw new IllegalArgumentException(where + "periodMs at least 0, was " + tag.periodMs());
            }
            if (tag.periodMs() > 0 && queue * tag.periodMs() < 2 * publishing) {
                throw new IllegalArgumentException(where + "period " + tag.periodMs() + " ms fills queueSize " + queue
                        + " before two publishingIntervalMs of " + publishing + " are over; queueSize at least "
                        + (2 * publishing + tag.periodMs() - 1) / tag.periodMs());
            }
        }
    }

    private static void address(String where, String address) {
        try {
            ExpandedNodeId id = ExpandedNodeId.parse(address);
            if (id.isLocal()) {
                return;
            }
        } catch (UaRuntimeException | IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    where + "address a NodeId like ns=2;s=AT-1003 or nsu=<uri>;s=AT-1003, was '" + address + "'", e);
        }
        throw new IllegalArgumentException(where + "address on this server (no svr=), was '" + address + "'");
    }

    private static long range(String key, long value, long low, long high) {
        if (value < low || value > high) {
            throw refused(key, low + " to " + high, Long.toString(value));
        }
        return value;
    }

    private static IllegalArgumentException refused(String key, String limit, String value) {
        return new IllegalArgumentException(key + ": " + limit + ", was '" + value + "'");
    }
}
