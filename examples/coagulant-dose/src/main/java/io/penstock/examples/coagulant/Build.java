// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.examples.coagulant;

import io.penstock.api.model.ModelRejectedException;
import io.penstock.models.Certificates;
import io.penstock.models.ModelPacker;
import io.penstock.models.ReleaseFile;
import io.penstock.models.ReleaseSigner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** Makes what the demo deploys: two releases signed with a demo key, one that was tampered with, and the CA to trust. */
public final class Build {
    private static final Duration VALIDITY = Duration.ofDays(365);

    private Build() {}

    /** Writes, packs and signs models in their order, which is that of their sequence numbers. */
    static void run(Path out, List<CoagulantDose> models)
            throws IOException, GeneralSecurityException, ModelRejectedException {
        ReleaseSigner.Signer signer = signer(out);
        Path releases = Files.createDirectories(out.resolve("releases"));
        byte[] last = {};
        long sequence = 0;
        for (CoagulantDose model : models) {
            byte[] bundle = new ModelPacker(model.write(out.resolve("models"))).pack();
            last = release(bundle, ++sequence, signer).toBytes();
            Files.write(releases.resolve("coagulant-dose-" + model.contract().version() + ".penstock"), last);
        }
        last[last.length / 2] ^= 1;
        Files.write(Files.createDirectories(out.resolve("tampered")).resolve("coagulant-dose-1.2.0.penstock"), last);
    }

    private static ReleaseFile release(byte[] bundle, long sequence, ReleaseSigner.Signer signer)
            throws GeneralSecurityException, ModelRejectedException {
        X509Certificate certificate = signer.chain().get(0);
        return ReleaseSigner.sign(
                bundle,
                sequence,
                List.of("*"),
                certificate.getNotBefore().toInstant(),
                certificate.getNotAfter().toInstant(),
                List.of(signer));
    }

    /** The demo key of an earlier run while its certificate has a month to go, otherwise a new one. The CA's key is not kept. */
    private static ReleaseSigner.Signer signer(Path out) throws IOException, GeneralSecurityException {
        Path keys = Files.createDirectories(out.resolve("keys"));
        Path trust = Files.createDirectories(out.resolve("trust"));
        Path keyFile = keys.resolve("demo-signer.key.pem");
        Path certificateFile = keys.resolve("demo-signer.pem");
        Path authorityFile = trust.resolve("demo-ca.pem");
        if (Files.exists(keyFile) && Files.exists(certificateFile) && Files.exists(authorityFile)) {
            List<X509Certificate> chain = Certificates.readCertificates(certificateFile);
            if (chain.get(0).getNotAfter().toInstant().isAfter(Instant.now().plus(Duration.ofDays(30)))) {
                return new ReleaseSigner.Signer(Certificates.readKey(keyFile, null), chain);
            }
        }
        Instant from = Instant.now().truncatedTo(ChronoUnit.SECONDS).minus(Duration.ofHours(1));
        Instant to = from.plus(VALIDITY);
        KeyPair authorityKeys = Certificates.newKeyPair("p256");
        X509Certificate authority = Certificates.newAuthority(authorityKeys, "CN=Penstock demo CA", from, to);
        KeyPair signerKeys = Certificates.newKeyPair("p256");
        X509Certificate certificate =
                Certificates.newSigner(authorityKeys, authority, signerKeys, "CN=Penstock demo signer", from, to);
        Files.deleteIfExists(keyFile);
        Files.createFile(keyFile, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(keyFile, pkcs8(signerKeys.getPrivate()));
        Files.writeString(certificateFile, Certificates.toPem(List.of(certificate)));
        Files.writeString(authorityFile, Certificates.toPem(List.of(authority)));
        return new ReleaseSigner.Signer(signerKeys.getPrivate(), List.of(certificate));
    }

    private static String pkcs8(PrivateKey key) {
        String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(key.getEncoded());
        return "-----BEGIN PRIVATE KEY-----\n" + body + "\n-----END PRIVATE KEY-----\n";
    }

    /** @param arguments the folder to fill. */
    public static void main(String[] arguments) throws IOException, GeneralSecurityException, ModelRejectedException {
        if (arguments.length != 1) {
            System.err.println("usage: Build DIR");
            System.exit(2);
        }
        List<CoagulantDose> models = new ArrayList<>();
        for (String version : CoagulantDose.VERSIONS) {
            models.add(CoagulantDose.train(version));
        }
        run(Path.of(arguments[0]), models);
        System.out.println("releases in " + Path.of(arguments[0]).resolve("releases"));
    }
}
