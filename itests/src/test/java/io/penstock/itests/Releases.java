// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import io.penstock.api.model.ModelRejectedException;
import io.penstock.models.Certificates;
import io.penstock.models.ModelPacker;
import io.penstock.models.ReleaseFile;
import io.penstock.models.ReleaseSigner;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * Signed releases of the model {@code line}: y = sqrt(x) + version. A negative x makes it answer NaN. Used by the driver
 * only: the packages it needs are private inside the framework.
 */
final class Releases {
    private final KeyPair keys;
    private final X509Certificate signer;
    private final X509Certificate authority;

    Releases() {
        Instant from = Instant.now().minus(Duration.ofHours(1));
        Instant to = from.plus(Duration.ofDays(1));
        try {
            KeyPair authorityKeys = Certificates.newKeyPair("p256");
            authority = Certificates.newAuthority(authorityKeys, "O=Itest,CN=Itest CA", from, to);
            keys = Certificates.newKeyPair("p256");
            signer = Certificates.newSigner(authorityKeys, authority, keys, "O=Itest,CN=Itest signer", from, to);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Makes the gateway trust this signer. */
    Releases trustedBy(Path home) {
        try {
            Files.writeString(home.resolve("etc/trust/models/ca.pem"), Certificates.toPem(List.of(authority)));
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Release {@code <version>.0.0}; the sequence is the version unless told otherwise. */
    byte[] release(int version, long sequence, Model model) {
        return release(version, sequence, model, graph(version));
    }

    /** The same, but x = -1 ends the process by SIGFPE in a kernel of ONNX Runtime: the smallest whole number is divided by it. */
    byte[] crashing(int version, long sequence, Model model) {
        return release(version, sequence, model, crashingGraph(version));
    }

    private byte[] release(int version, long sequence, Model model, byte[] graph) {
        try {
            Path folder = Files.createTempDirectory("model");
            Files.writeString(folder.resolve("model.json"), model.contract(version));
            Files.writeString(folder.resolve("golden.json"), model.golden(version));
            Files.writeString(folder.resolve("model-card.md"), "# Line\n");
            Files.write(folder.resolve("model.onnx"), graph);
            return ReleaseSigner.sign(
                            new ModelPacker(folder).pack(),
                            sequence,
                            List.of("*"),
                            Instant.EPOCH,
                            null,
                            List.of(new ReleaseSigner.Signer(keys.getPrivate(), List.of(signer))))
                    .toBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (GeneralSecurityException | ModelRejectedException e) {
            throw new IllegalStateException(e);
        }
    }

    static byte[] withoutSignature(byte[] release) {
        try {
            return ReleaseFile.parse(release).bundle();
        } catch (ModelRejectedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Lays releases 1 to last into the folder, as {@code line-N.penstock}. */
    void write(Path folder, int last, Model model) {
        try {
            Files.createDirectories(folder);
            for (int version = 1; version <= last; version++) {
                Files.write(folder.resolve("line-" + version + ".penstock"), release(version, version, model));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * What differs between tests.
     *
     * @param window samples of a moving mean in front of the model, 0 for none.
     */
    record Model(long cycleMs, String inputUnit, int window) {
        private String contract(int version) {
            String operators = window == 0 ? "" : "{\"operator\":\"movingMean\",\"window\":" + window + "}";
            return """
                    { "schema": 1, "name": "line", "version": "%d.0.0", "cycleMs": %d,
                      "inputs": [ {"name":"x","unit":"%s","required":true,"range":[-1e6,1e6],"maximumAgeMs":5000,
                                   "missing":{"policy":"fail"}} ],
                      "features": [ {"name":"xNow","input":"x","operators":[%s]} ],
                      "tensors": [ {"name":"x","type":"float32","shape":[1,1],"rows":1,"features":["xNow"]} ],
                      "outputs": [ {"name":"y","tensor":"y","index":0,"unit":"M1","range":[-1e6,1e6]} ],
                      "budget": {"deadlineMs":200,"memoryMiB":64} }
                    """.formatted(version, cycleMs, inputUnit, operators);
        }

        private String golden(int version) {
            return """
                    {"tolerance":{"features":1e-9,"outputs":1e-5},"cycles":[
                      {"timeNs":1000000000,"inputs":[[9,0,1]],"features":[9],"outputs":[%d]},
                      {"timeNs":2000000000,"inputs":[[9,0,1]],"features":[9],"outputs":[%d]}]}
                    """.formatted(3 + version, 3 + version);
        }
    }

    private static byte[] graph(int version) {
        byte[] root = message(field(1, "x"), field(2, "r"), field(4, "Sqrt"));
        byte[] sum = message(field(1, "r"), field(1, "b"), field(2, "y"), field(4, "Add"));
        byte[] offset = ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(version)
                .array();
        byte[] constant = message(varint(1, 1), varint(2, 1), field(8, "b"), field(9, offset));
        byte[] graph = message(
                field(1, root),
                field(1, sum),
                field(2, "line"),
                field(5, constant),
                field(11, valueInfo("x")),
                field(12, valueInfo("y")));
        byte[] opset = message(field(1, ""), varint(2, 17));
        return message(varint(1, 8), field(2, "itest"), field(7, graph), field(8, opset));
    }

    private static byte[] crashingGraph(int version) {
        byte[] offset = ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(version)
                .array();
        byte[] graph = message(
                field(1, message(field(1, "x"), field(2, "r"), field(4, "Sqrt"))),
                field(1, message(field(1, "r"), field(1, "b"), field(2, "s"), field(4, "Add"))),
                field(1, message(field(1, "x"), field(2, "c"), field(4, "Cast"), to(6))),
                field(1, message(field(1, "k"), field(1, "c"), field(2, "d"), field(4, "Div"))),
                field(1, message(field(1, "d"), field(2, "e"), field(4, "Cast"), to(1))),
                field(1, message(field(1, "e"), field(1, "z"), field(2, "f"), field(4, "Mul"))),
                field(1, message(field(1, "s"), field(1, "f"), field(2, "y"), field(4, "Add"))),
                field(2, "line"),
                field(5, message(varint(1, 1), varint(2, 1), field(8, "b"), field(9, offset))),
                field(5, message(varint(1, 1), varint(2, 6), field(8, "k"), field(9, new byte[] {0, 0, 0, (byte) 0x80
                }))),
                field(5, message(varint(1, 1), varint(2, 1), field(8, "z"), field(9, new byte[4]))),
                field(11, valueInfo("x")),
                field(12, valueInfo("y")));
        byte[] opset = message(field(1, ""), varint(2, 17));
        return message(varint(1, 8), field(2, "itest"), field(7, graph), field(8, opset));
    }

    /** The attribute of a Cast. */
    private static byte[] to(int type) {
        return field(5, message(field(1, "to"), varint(3, type), varint(20, 2)));
    }

    private static byte[] valueInfo(String name) {
        byte[] dimension = field(1, message(varint(1, 1)));
        byte[] tensor = message(varint(1, 1), field(2, message(dimension, dimension)));
        return message(field(1, name), field(2, message(field(1, tensor))));
    }

    private static byte[] message(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    private static byte[] field(int number, String text) {
        return field(number, text.getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] field(int number, byte[] bytes) {
        return message(number((number << 3) | 2), number(bytes.length), bytes);
    }

    private static byte[] varint(int number, int value) {
        return message(number(number << 3), number(value));
    }

    private static byte[] number(int value) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int left = value;
        for (; left > 127; left >>>= 7) {
            out.write((left & 127) | 128);
        }
        out.write(left);
        return out.toByteArray();
    }
}
