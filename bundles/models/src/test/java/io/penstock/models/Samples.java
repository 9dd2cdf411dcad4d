// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelRejectedException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A small model: one input, one feature, one output that is twice the feature. */
final class Samples {
    static final String GOLDEN = """
            {"tolerance":{"features":1e-9,"outputs":1e-5},"cycles":[
              {"timeNs":1000000000,"inputs":[[null,2150760448,null]],"features":[null],"outputs":[null]},
              {"timeNs":2000000000,"inputs":[[3.5,0,10]],"features":[3.5],"outputs":[7]}]}
            """;

    private Samples() {}

    static String contractJson(String version, String operator) {
        return """
                { "schema": 1, "name": "coagulant-dose", "version": "%s", "cycleMs": 1000,
                  "inputs": [ {"name":"turbidity","unit":"NTU","required":true,"range":[0.5,400],"maximumAgeMs":5000,
                               "missing":{"policy":"holdLast","holdMs":30000}} ],
                  "features": [ {"name":"turbidityNow","input":"turbidity",
                                 "operators":[{"operator":"%s","window":31,"k":4.5,"weights":[1,2],"strict":true,"mode":"a"}]} ],
                  "tensors": [ {"name":"x","type":"float32","shape":[1,1],"rows":1,"features":["turbidityNow"]} ],
                  "outputs": [ {"name":"dose","tensor":"y","index":0,"unit":"M1","range":[1,800]} ],
                  "budget": {"deadlineMs":50,"memoryMiB":64} }
                """.formatted(version, operator);
    }

    static ModelContract contract() throws ModelRejectedException {
        return ContractReader.read(bytes(contractJson("1.0.0", "hampel")));
    }

    /** An ONNX head with opset 17 and a payload that tells the fake engine how to behave. */
    static byte[] onnx(String payload) {
        byte[] text = bytes(payload);
        byte[] head = {0x08, 0x08, 0x42, 0x04, 0x0A, 0x00, 0x10, 17, 0x12, (byte) text.length};
        byte[] onnx = new byte[head.length + text.length];
        System.arraycopy(head, 0, onnx, 0, head.length);
        System.arraycopy(text, 0, onnx, head.length, text.length);
        return onnx;
    }

    static Map<String, byte[]> files(String version, String behaviour) {
        Map<String, byte[]> files = new TreeMap<>();
        files.put("model.json", bytes(contractJson(version, "hampel")));
        files.put("model.onnx", onnx(behaviour));
        files.put("golden.json", bytes(GOLDEN));
        files.put("model-card.md", bytes("# Coagulant dose\n"));
        files.put(
                "reference.json",
                bytes("{\"inputs\":{\"turbidity\":{\"quantiles\":[1,2,3,4,5,6,7,8,9,10,11],\"mean\":6,"
                        + "\"standardDeviation\":3}},\"outputs\":{}}"));
        return files;
    }

    static byte[] bundle(String version, String behaviour) throws ModelRejectedException {
        Map<String, byte[]> files = files(version, behaviour);
        return ModelBundle.write(ContractReader.read(files.get("model.json")), 17, files);
    }

    static ReleaseFile release(Keys keys, String version, long sequence, String behaviour)
            throws ModelRejectedException, GeneralSecurityException {
        return ReleaseSigner.sign(
                bundle(version, behaviour), sequence, List.of("*"), Instant.EPOCH, null, List.of(keys.signer()));
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
