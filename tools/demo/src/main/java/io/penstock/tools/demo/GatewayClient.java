// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;

import io.penstock.opcua.stack.ApplicationCertificate;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.milo.opcua.sdk.client.OpcUaClient;
import org.eclipse.milo.opcua.sdk.client.identity.IdentityProvider;
import org.eclipse.milo.opcua.sdk.client.identity.UsernameProvider;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.security.CertificateValidator;
import org.eclipse.milo.opcua.stack.core.security.DefaultClientCertificateValidator;
import org.eclipse.milo.opcua.stack.core.security.MemoryCertificateQuarantine;
import org.eclipse.milo.opcua.stack.core.security.MemoryTrustListManager;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.eclipse.milo.opcua.stack.core.types.enumerated.TimestampsToReturn;
import org.eclipse.milo.opcua.stack.core.types.structured.CallMethodRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CallMethodResult;
import org.eclipse.milo.opcua.stack.core.util.EndpointUtil;

/** An OT system: reads the gateway over OPC UA, signed and encrypted, and calls its methods. */
public final class GatewayClient implements AutoCloseable {
    private final OpcUaClient client;

    public GatewayClient(String url, ApplicationCertificate own, X509Certificate server, String user, String password)
            throws UaException {
        this(url, own, server, new UsernameProvider(user, password), EndpointUtil.getPort(url));
    }

    /** Through another port than the one that the gateway names, and as whom else. */
    public GatewayClient(
            String url, ApplicationCertificate own, X509Certificate server, IdentityProvider identity, int port)
            throws UaException {
        MemoryTrustListManager trust = new MemoryTrustListManager();
        trust.addTrustedCertificate(server);
        CertificateValidator validator =
                new DefaultClientCertificateValidator(trust, new MemoryCertificateQuarantine());
        client = OpcUaClient.create(
                url,
                endpoints -> endpoints.stream()
                        .filter(e -> SecurityPolicy.Basic256Sha256.getUri().equals(e.getSecurityPolicyUri())
                                && e.getSecurityMode() == MessageSecurityMode.SignAndEncrypt)
                        .map(e -> EndpointUtil.updateUrl(e, "127.0.0.1", port))
                        .findFirst(),
                transport -> {},
                config -> config.setApplicationName(LocalizedText.english("Penstock demo"))
                        .setApplicationUri(DemoHome.CLIENT_URI)
                        .setKeyPair(own.keyPair())
                        .setCertificate(own.certificate())
                        .setCertificateChain(new X509Certificate[] {own.certificate()})
                        .setCertificateValidator(validator)
                        .setRequestTimeout(uint(10_000))
                        .setIdentityProvider(identity));
        client.connect();
    }

    /** What a client can do beyond the methods here. */
    public OpcUaClient client() {
        return client;
    }

    /** Reads variables by id in namespace 2. */
    public Map<String, DataValue> read(List<String> ids) throws UaException {
        List<NodeId> nodes = new ArrayList<>();
        ids.forEach(id -> nodes.add(new NodeId(2, id)));
        List<DataValue> values = client.readValues(0, TimestampsToReturn.Both, nodes);
        Map<String, DataValue> byId = new LinkedHashMap<>();
        for (int i = 0; i < ids.size(); i++) {
            byId.put(ids.get(i), values.get(i));
        }
        return byId;
    }

    /** Calls SetMode and gives the refusals, empty if there are none. */
    public List<String> setMode(String pipeline, String mode, String reason) throws UaException {
        CallMethodResult result = client.call(List.of(new CallMethodRequest(
                        new NodeId(2, pipeline),
                        new NodeId(2, pipeline + "/SetMode"),
                        new Variant[] {Variant.ofString(mode), Variant.ofString(reason)})))
                .getResults()[0];
        if (result.getStatusCode().isBad()) {
            return List.of(result.getStatusCode().toString());
        }
        Variant[] outputs = result.getOutputArguments();
        return outputs != null && outputs.length > 0 && outputs[0].value() instanceof String[] refusals
                ? List.of(refusals)
                : List.of();
    }

    /** Calls Rollback and gives its outcome. */
    public String rollback(String pipeline, String reason) throws UaException {
        CallMethodResult result = client.call(List.of(new CallMethodRequest(
                        new NodeId(2, pipeline),
                        new NodeId(2, pipeline + "/Rollback"),
                        new Variant[] {Variant.ofString(reason)})))
                .getResults()[0];
        Variant[] outputs = result.getOutputArguments();
        return result.getStatusCode().isBad() || outputs == null || outputs.length == 0
                ? result.getStatusCode().toString()
                : String.valueOf(outputs[0].value());
    }

    @Override
    public void close() throws UaException {
        client.disconnect();
    }
}
