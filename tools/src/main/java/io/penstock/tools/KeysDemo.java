// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.models.Certificates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Makes a CA and a signer to try things with. */
@Command(
        name = "demo",
        description =
                "Makes a CA and one signer of releases. The CA's private key is thrown away. For trials only: in a"
                        + " plant the signer's key belongs into a token and the CA is the company's.",
        mixinStandardHelpOptions = true)
final class KeysDemo implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            required = true,
            description = "Folder for ca.pem, signer.pem, signer-key.pem.")
    private Path out;

    @Option(names = "--name", defaultValue = "Penstock demo", description = "Organisation in the certificates.")
    private String name;

    @Option(names = "--algorithm", defaultValue = "p256", description = "p256, p384, ed25519 or ml-dsa-65.")
    private String algorithm;

    @Option(names = "--days", defaultValue = "365", description = "How long the certificates are valid.")
    private int days;

    @Override
    public Integer call() throws IOException, GeneralSecurityException {
        if (days < 1 || days > 3650) {
            throw new IOException("--days: 1 to 3650, was " + days);
        }
        if (!name.matches("[A-Za-z0-9 ._-]{1,60}")) {
            throw new IOException("--name: 1 to 60 letters, digits, blanks and . _ -, was '" + name + "'");
        }
        Path key = out.resolve("signer-key.pem");
        if (Files.exists(key)) {
            throw new IOException(key + " is there already; choose another folder, a key is not overwritten");
        }
        Instant from = Instant.now().minus(Duration.ofHours(1));
        Instant to = from.plus(Duration.ofDays(days));
        KeyPair authorityKeys = Certificates.newKeyPair(algorithm);
        X509Certificate authority =
                Certificates.newAuthority(authorityKeys, "O=" + name + ",CN=" + name + " CA", from, to);
        KeyPair signerKeys = Certificates.newKeyPair(algorithm);
        X509Certificate signer = Certificates.newSigner(
                authorityKeys, authority, signerKeys, "O=" + name + ",CN=" + name + " signer", from, to);
        Files.createDirectories(out);
        Files.createFile(key, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(key, Certificates.toPem(List.of(signerKeys.getPrivate())));
        Files.writeString(out.resolve("signer.pem"), Certificates.toPem(List.of(signer)));
        Files.writeString(out.resolve("ca.pem"), Certificates.toPem(List.of(authority)));
        spec.commandLine()
                .getOut()
                .println("Wrote ca.pem, signer.pem and signer-key.pem in " + out
                        + ". Next: copy ca.pem into etc/trust/models of the gateway, sign with"
                        + " 'penstock model sign --key signer-key.pem --certificate signer.pem'");
        return 0;
    }
}
