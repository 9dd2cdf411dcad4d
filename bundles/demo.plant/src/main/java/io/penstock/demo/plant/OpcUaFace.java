// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import io.penstock.opcua.stack.ApplicationCertificate;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.eclipse.milo.opcua.sdk.server.EndpointConfig;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.OpcUaServerConfig;
import org.eclipse.milo.opcua.sdk.server.identity.UsernameIdentityValidator;
import org.eclipse.milo.opcua.stack.core.security.DefaultApplicationGroup;
import org.eclipse.milo.opcua.stack.core.security.DefaultCertificateManager;
import org.eclipse.milo.opcua.stack.core.security.DefaultServerCertificateValidator;
import org.eclipse.milo.opcua.stack.core.security.FileBasedCertificateQuarantine;
import org.eclipse.milo.opcua.stack.core.security.FileBasedTrustListManager;
import org.eclipse.milo.opcua.stack.core.security.MemoryCertificateStore;
import org.eclipse.milo.opcua.stack.core.security.RsaSha256CertificateFactory;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.transport.TransportProfile;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.eclipse.milo.opcua.stack.core.types.structured.BuildInfo;
import org.eclipse.milo.opcua.stack.transport.server.tcp.OpcTcpServerTransport;
import org.eclipse.milo.opcua.stack.transport.server.tcp.OpcTcpServerTransportConfig;

/**
 * The plant on OPC UA: SignAndEncrypt, user name and password, client certificates that a person has put into
 * {@code pki/trusted/certs}. An unknown client's certificate is kept in {@code pki/rejected/certs}.
 */
final class OpcUaFace implements AutoCloseable {
    static final String APPLICATION_URI = "urn:penstock:demo:plant";
    static final String PATH = "/wtp1";
    static final String USER = "gateway";

    private static final List<SecurityPolicy> POLICIES =
            List.of(SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep);

    private final int port;
    private final OpcUaServer server;
    private final PlantNamespace namespace;
    private final FileBasedTrustListManager trust;

    /**
     * @param pki own key and certificate, trusted and rejected client certificates.
     * @param command carries out a disturbance and returns the answer.
     */
    OpcUaFace(int port, Path pki, String password, Snapshot first, UnaryOperator<String> command) throws IOException {
        this.port = port;
        ApplicationCertificate own = ApplicationCertificate.loadOrCreate(
                pki, "Penstock demo plant", APPLICATION_URI, List.of("localhost", "127.0.0.1"));
        trust = FileBasedTrustListManager.createAndInitialize(pki);
        FileBasedCertificateQuarantine quarantine =
                FileBasedCertificateQuarantine.create(Files.createDirectories(pki.resolve("rejected/certs")));
        try {
            DefaultApplicationGroup group = DefaultApplicationGroup.createAndInitialize(
                    trust,
                    new MemoryCertificateStore(),
                    new OwnCertificate(own),
                    new DefaultServerCertificateValidator(trust, quarantine));
            byte[] expected = password.getBytes(StandardCharsets.UTF_8);
            OpcUaServerConfig config = OpcUaServerConfig.builder()
                    .setApplicationUri(APPLICATION_URI)
                    .setApplicationName(LocalizedText.english("Penstock demo plant WTP-1"))
                    .setProductUri(APPLICATION_URI)
                    .setEndpoints(endpoints(own.certificate()))
                    .setBuildInfo(new BuildInfo(
                            APPLICATION_URI, "Penstock", "demo.plant", OpcUaServer.SDK_VERSION, "", DateTime.MIN_VALUE))
                    .setCertificateManager(new DefaultCertificateManager(quarantine, group))
                    .setIdentityValidator(
                            new UsernameIdentityValidator(challenge -> USER.equals(challenge.getUsername())
                                    && MessageDigest.isEqual(
                                            expected, challenge.getPassword().getBytes(StandardCharsets.UTF_8))))
                    .build();
            server = new OpcUaServer(
                    config,
                    profile -> new OpcTcpServerTransport(
                            OpcTcpServerTransportConfig.newBuilder().build()));
            namespace = new PlantNamespace(server, first, command);
            namespace.startup();
            server.startup().get(30, TimeUnit.SECONDS);
        } catch (IOException e) {
            trust.close();
            throw e;
        } catch (Exception e) {
            trust.close();
            throw new IOException("OPC UA server on port " + port + ": " + e.getMessage(), e);
        }
    }

    private Set<EndpointConfig> endpoints(X509Certificate certificate) {
        EndpointConfig.Builder base = EndpointConfig.newBuilder()
                .setBindAddress("127.0.0.1")
                .setHostname("127.0.0.1")
                .setPath(PATH)
                .setBindPort(port)
                .setCertificate(certificate)
                .setTransportProfile(TransportProfile.TCP_UASC_UABINARY);
        Set<EndpointConfig> endpoints = new LinkedHashSet<>();
        for (SecurityPolicy policy : POLICIES) {
            endpoints.add(base.copy()
                    .addTokenPolicies(OpcUaServerConfig.USER_TOKEN_POLICY_USERNAME)
                    .setSecurityPolicy(policy)
                    .setSecurityMode(MessageSecurityMode.SignAndEncrypt)
                    .build());
        }
        // GetEndpoints is asked before there is a secure channel (Part 4 §5.4.4); no session can be made here
        endpoints.add(base.copy()
                .setPath(PATH + "/discovery")
                .addTokenPolicies(OpcUaServerConfig.USER_TOKEN_POLICY_USERNAME)
                .setSecurityPolicy(SecurityPolicy.None)
                .setSecurityMode(MessageSecurityMode.None)
                .build());
        return endpoints;
    }

    void show(Snapshot next) {
        namespace.show(next);
    }

    String url() {
        return "opc.tcp://127.0.0.1:" + port + PATH;
    }

    @Override
    public void close() {
        try {
            namespace.shutdown();
            server.shutdown().get(5, TimeUnit.SECONDS);
            trust.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Exception e) {
            throw new IllegalStateException("OPC UA server does not stop", e);
        }
    }

    private static final class OwnCertificate extends RsaSha256CertificateFactory {
        private final ApplicationCertificate own;

        OwnCertificate(ApplicationCertificate own) {
            this.own = own;
        }

        @Override
        protected KeyPair createRsaSha256KeyPair() {
            return own.keyPair();
        }

        @Override
        protected X509Certificate[] createRsaSha256CertificateChain(KeyPair keyPair) {
            return new X509Certificate[] {own.certificate()};
        }
    }
}
