// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.bouncycastle.asn1.x509.KeyUsage;

/** A CA with one signer. */
final class Keys {
    static final Instant FROM = Instant.parse("2026-01-01T00:00:00Z");
    static final Instant NOW = Instant.parse("2026-11-23T12:00:00Z");
    static final Instant TO = Instant.parse("2030-01-01T00:00:00Z");

    final KeyPair authorityKeys;
    final X509Certificate authority;
    final KeyPair signerKeys;
    final X509Certificate signer;

    private Keys(KeyPair authorityKeys, X509Certificate authority, KeyPair signerKeys, X509Certificate signer) {
        this.authorityKeys = authorityKeys;
        this.authority = authority;
        this.signerKeys = signerKeys;
        this.signer = signer;
    }

    static Keys of(String algorithm, String name) throws GeneralSecurityException {
        KeyPair authorityKeys = Certificates.newKeyPair(algorithm);
        X509Certificate authority = Certificates.newAuthority(authorityKeys, "CN=CA of " + name, FROM, TO);
        KeyPair keys = Certificates.newKeyPair(algorithm);
        return new Keys(
                authorityKeys,
                authority,
                keys,
                Certificates.newSigner(authorityKeys, authority, keys, "CN=" + name, FROM, TO));
    }

    static Keys p256() throws GeneralSecurityException {
        return of("p256", "Data science");
    }

    ReleaseSigner.Signer signer() {
        return new ReleaseSigner.Signer(signerKeys.getPrivate(), List.of(signer, authority));
    }

    /** The same CA, another certificate for the signer's key. */
    ReleaseSigner.Signer signerWith(int usage, String extendedUsage, Instant from, Instant to)
            throws GeneralSecurityException {
        return new ReleaseSigner.Signer(
                signerKeys.getPrivate(),
                List.of(Certificates.newCertificate(
                        authorityKeys,
                        authority,
                        signerKeys,
                        "CN=Data science",
                        from,
                        to,
                        false,
                        usage,
                        extendedUsage)));
    }

    ReleaseSigner.Signer expired() throws GeneralSecurityException {
        return signerWith(KeyUsage.digitalSignature, Certificates.RELEASE_SIGNING, FROM, NOW.minus(Duration.ofDays(1)));
    }

    void trustIn(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("ca.pem"), Certificates.toPem(List.of(authority)));
    }

    TrustStore trust() {
        return new TrustStore(Path.of("etc/trust/models"), List.of(authority), List.of());
    }
}
