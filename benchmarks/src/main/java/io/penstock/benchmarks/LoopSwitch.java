// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;

import io.penstock.opcua.stack.ApplicationCertificate;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.milo.opcua.sdk.client.OpcUaClient;
import org.eclipse.milo.opcua.sdk.client.identity.UsernameProvider;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.security.DefaultClientCertificateValidator;
import org.eclipse.milo.opcua.stack.core.security.MemoryCertificateQuarantine;
import org.eclipse.milo.opcua.stack.core.security.MemoryTrustListManager;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.enumerated.TimestampsToReturn;
import org.eclipse.milo.opcua.stack.core.types.structured.CallMethodRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CallMethodResult;

/** The operator who closes the gateway's loop: over OPC UA, signed and encrypted, with a user of the gateway. */
final class LoopSwitch {
    private static final String URI = "urn:penstock:benchmarks:operator";
    private static final String USER = "operator";
    private static final String PASSWORD = "closed-loop-benchmark";
    private static final String PKI = "data/publication.opcua/pki/";
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final GatewayHome home;
    private final int port;
    private final ApplicationCertificate own;

    /** Makes the user, and has the gateway trust the operator's certificate. */
    LoopSwitch(GatewayHome home, int port) throws IOException, InterruptedException {
        this.home = home;
        this.port = port;
        own = ApplicationCertificate.loadOrCreate(
                home.beside("operator"), "Penstock benchmark operator", URI, List.of("localhost"));
        Path trusted = home.file(PKI + "trusted/certs/operator.der");
        Files.createDirectories(trusted.getParent());
        Files.copy(own.file(), trusted);
        Path password = Files.writeString(home.beside("password"), PASSWORD);
        home.run("penstock", "user", "add", USER, "--role", "OPERATOR", "--password-file", password.toString());
    }

    /** Closes the loop of a pipeline, asking again while its guards refuse or the server is not there yet. */
    void close(String pipeline) throws IOException, InterruptedException {
        String last = "";
        for (long end = System.nanoTime() + LIMIT_NANOS; System.nanoTime() - end < 0; ) {
            try {
                OpcUaClient client = connect();
                try {
                    last = setMode(client, pipeline);
                    if (last.isEmpty()) {
                        return;
                    }
                } finally {
                    client.disconnect();
                }
            } catch (UaException | CertificateException | IOException e) {
                last = String.valueOf(e.getMessage());
            }
            TimeUnit.MILLISECONDS.sleep(500); // between two questions
        }
        throw new IOException("the loop does not close: " + last + "; the log says:\n" + home.log());
    }

    /** Fails if the loop opened or a write went wrong since: the figures would be those of a loop that does nothing. */
    void assertClosed(String pipeline) throws IOException {
        try {
            OpcUaClient client = connect();
            try {
                List<DataValue> values = client.readValues(
                        0,
                        TimestampsToReturn.Neither,
                        Stream.of("Mode", "Write/Failed", "Write/ReadBackMismatches", "Write/LastOpenReason")
                                .map(name -> new NodeId(ClosedLoopRun.NAMESPACE, pipeline + "/" + name))
                                .toList());
                String found = values.stream()
                        .map(value -> String.valueOf(value.value().value()))
                        .collect(Collectors.joining(", "));
                if (!found.startsWith("CLOSED, 0, 0, ")) {
                    throw new IOException("no fair figure; mode, failed writes, mismatches, why it opened: " + found
                            + "; the log says:\n" + home.log());
                }
            } finally {
                client.disconnect();
            }
        } catch (UaException | CertificateException e) {
            throw new IOException("the loop cannot be looked at: " + e.getMessage(), e);
        }
    }

    private OpcUaClient connect() throws UaException, CertificateException, IOException {
        MemoryTrustListManager trust = new MemoryTrustListManager();
        try (InputStream in = Files.newInputStream(home.file(PKI + "own.der"))) {
            trust.addTrustedCertificate(
                    (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        OpcUaClient client = OpcUaClient.create(
                "opc.tcp://127.0.0.1:" + port + "/penstock",
                endpoints -> endpoints.stream()
                        .filter(e -> SecurityPolicy.Basic256Sha256.getUri().equals(e.getSecurityPolicyUri()))
                        .findFirst(),
                transport -> {},
                config -> config.setApplicationUri(URI)
                        .setKeyPair(own.keyPair())
                        .setCertificate(own.certificate())
                        .setCertificateChain(new X509Certificate[] {own.certificate()})
                        .setCertificateValidator(
                                new DefaultClientCertificateValidator(trust, new MemoryCertificateQuarantine()))
                        .setRequestTimeout(uint(10_000))
                        .setIdentityProvider(new UsernameProvider(USER, PASSWORD)));
        client.connect();
        return client;
    }

    /** Why not, empty if it is closed. */
    private static String setMode(OpcUaClient client, String pipeline) throws UaException {
        CallMethodResult result = client.call(List.of(new CallMethodRequest(
                        new NodeId(ClosedLoopRun.NAMESPACE, pipeline),
                        new NodeId(ClosedLoopRun.NAMESPACE, pipeline + "/SetMode"),
                        new Variant[] {Variant.ofString("CLOSED"), Variant.ofString("benchmark")})))
                .getResults()[0];
        if (result.getStatusCode().isBad()) {
            return result.getStatusCode().toString();
        }
        Variant[] outputs = result.getOutputArguments();
        return outputs != null && outputs.length > 0 && outputs[0].value() instanceof String[] refusals
                ? String.join("; ", refusals)
                : "";
    }
}
