// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.opcua.stack.CertificatePolicy;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServerTrustTest {
    private static final String URI = "urn:plant:server";
    private static Instant now;
    private static KeyPair authorityKey;
    private static KeyPair serverKey;
    private static X509Certificate authority;

    @TempDir
    Path home;

    private Path directory;
    private ServerTrust trust;

    @BeforeAll
    static void keys() throws Exception {
        now = Instant.now();
        authorityKey = key(2048);
        serverKey = key(2048);
        authority = certificate("CN=Plant CA", authorityKey, null, now.minus(Duration.ofDays(9)), Duration.ofDays(99));
    }

    @BeforeEach
    void folders() throws IOException {
        directory = home.resolve("data/connector.opcua/plant");
        trust = new ServerTrust(
                home,
                directory,
                CertificatePolicy.of(CertificatePolicy.Peer.SERVER, 2048, "required"),
                Instant.EPOCH,
                Clock.systemUTC());
    }

    private static KeyPair key(int bits) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(bits);
        return generator.generateKeyPair();
    }

    /** Of the authority where {@code issuer} is given, otherwise by itself. */
    private static X509Certificate certificate(
            String subject, KeyPair key, X509Certificate issuer, Instant from, Duration lasts) throws Exception {
        return certificate(subject, key, issuer, authorityKey, key == authorityKey, from, lasts);
    }

    private static X509Certificate certificate(
            String subject,
            KeyPair key,
            X509Certificate issuer,
            KeyPair issuerKey,
            boolean isAuthority,
            Instant from,
            Duration lasts)
            throws Exception {
        X500Name name = new X500Name(subject);
        X500Name by = issuer == null
                ? name
                : new X500Name(issuer.getSubjectX500Principal().getName());
        JcaX509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                by,
                BigInteger.valueOf(subject.hashCode() & 0xFFFF),
                Date.from(from),
                Date.from(from.plus(lasts)),
                name,
                key.getPublic());
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(isAuthority || issuer == null));
        builder.addExtension(
                Extension.keyUsage,
                true,
                new KeyUsage(KeyUsage.digitalSignature
                        | KeyUsage.nonRepudiation
                        | KeyUsage.keyEncipherment
                        | KeyUsage.dataEncipherment
                        | KeyUsage.keyCertSign
                        | KeyUsage.cRLSign));
        if (!isAuthority) {
            builder.addExtension(
                    Extension.subjectAlternativeName,
                    false,
                    new GeneralNames(new GeneralName(GeneralName.uniformResourceIdentifier, URI)));
        }
        return new JcaX509CertificateConverter()
                .getCertificate(builder.build(new JcaContentSignerBuilder("SHA256withRSA")
                        .build(issuer == null ? key.getPrivate() : issuerKey.getPrivate())));
    }

    private static X509Certificate server(Instant from, Duration lasts) throws Exception {
        return certificate("CN=Plant Server", serverKey, null, from, lasts);
    }

    private static X509Certificate issued() throws Exception {
        return certificate("CN=Plant Server", serverKey, authority, now.minus(Duration.ofDays(2)), Duration.ofDays(30));
    }

    private void put(String folder, String file, byte[] content) throws IOException {
        Files.write(directory.resolve(folder).resolve(file), content);
    }

    private void accepted(X509Certificate... chain) {
        assertDoesNotThrow(() -> trust.validateCertificateChain(List.of(chain), URI, new String[] {"plant"}));
    }

    private String refused(long status, String uri, X509Certificate... chain) {
        UaException refusal = assertThrows(
                UaException.class, () -> trust.validateCertificateChain(List.of(chain), uri, new String[] {"plant"}));
        assertEquals(Reasons.name(status), Reasons.name(refusal.getStatusCode().value()), refusal.getMessage());
        return refusal.getMessage();
    }

    // A certificate that ended is a key somebody may have had years to find.
    @Test
    void aCertificateOutsideItsDatesIsRefusedThoughItIsTrusted() throws Exception {
        X509Certificate ended = server(now.minus(Duration.ofDays(400)), Duration.ofDays(365));
        X509Certificate future = server(now.plus(Duration.ofDays(2)), Duration.ofDays(365));
        X509Certificate valid = server(now.minus(Duration.ofDays(2)), Duration.ofDays(365));
        put("trusted", "ended.der", ended.getEncoded());
        put("trusted", "future.der", future.getEncoded());
        put("trusted", "valid.der", valid.getEncoded());
        String message = refused(StatusCodes.Bad_CertificateTimeInvalid, URI, ended);
        assertTrue(message.contains("CN=Plant Server") && message.contains("is refused: "), message);
        refused(StatusCodes.Bad_CertificateTimeInvalid, URI, future);
        accepted(valid);
    }

    // Another server's certificate, however good, is not this server's.
    @Test
    void aCertificateOfAnotherApplicationIsRefused() throws Exception {
        X509Certificate valid = server(now.minus(Duration.ofDays(2)), Duration.ofDays(365));
        put("trusted", "valid.der", valid.getEncoded());
        refused(StatusCodes.Bad_CertificateUriInvalid, "urn:another", valid);
    }

    // A plant with an authority trusts it once; what the authority took back must not be let in.
    @Test
    void anAuthoritysCertificatesAreTakenUntilItRevokesThem() throws Exception {
        X509Certificate issued = issued();
        put("issuers", "ca.der", authority.getEncoded());
        String message = refused(StatusCodes.Bad_CertificateUntrusted, URI, issued, authority);
        assertTrue(message.contains("is not trusted; compare the thumbprint"), message);
        Files.move(directory.resolve("issuers/ca.der"), directory.resolve("trusted/ca.der"));
        message = refused(StatusCodes.Bad_CertificateRevocationUnknown, URI, issued, authority);
        assertTrue(
                message.contains("there is no revocation list of CN=Plant CA; put the current list of CN=Plant CA into"
                        + " data/connector.opcua/plant/issuers/crl as a file *.crl"),
                message);
        put("issuers", "empty.crl", revocations(BigInteger.ONE));
        accepted(issued, authority);
        accepted(issued);
        assertNull(trust.leave());
        Files.delete(directory.resolve("issuers/empty.crl"));
        assertNull(trust.leave(), "a list that is gone cuts no plant off");
        refused(StatusCodes.Bad_CertificateRevocationUnknown, URI, issued);
        String before = trust.state();
        put("issuers/crl", "ca.crl", revocations(issued.getSerialNumber()));
        assertNotEquals(before, trust.state());
        refused(StatusCodes.Bad_CertificateRevoked, URI, issued);
        message = trust.leave();
        assertTrue(message != null && message.contains("is no longer accepted: CN=Plant Server was revoked"), message);
    }

    // With an authority in between, the list to fetch was named wrong, or not at all, and the engineer was stuck.
    @Test
    void theRevocationListThatIsMissingIsNamedForEachAuthority() throws Exception {
        KeyPair lineKey = key(2048);
        Instant from = now.minus(Duration.ofDays(2));
        X509Certificate line =
                certificate("CN=Line CA", lineKey, authority, authorityKey, true, from, Duration.ofDays(60));
        X509Certificate server =
                certificate("CN=Plant Server", serverKey, line, lineKey, false, from, Duration.ofDays(30));
        put("trusted", "ca.der", authority.getEncoded());
        put("issuers", "line.der", line.getEncoded());
        String message = refused(StatusCodes.Bad_CertificateRevocationUnknown, URI, server, line);
        assertTrue(
                message.contains(
                                "whether CN=Plant Server is revoked is unknown: there is no revocation list of CN=Line CA")
                        && message.contains(
                                "whether CN=Line CA is revoked is unknown: there is no revocation list of CN=Plant CA"),
                message);
        put("issuers", "ca.crl", revocations(BigInteger.ONE));
        message = refused(StatusCodes.Bad_CertificateRevocationUnknown, URI, server, line);
        assertTrue(
                message.contains(
                        "whether CN=Plant Server is revoked is unknown: there is no revocation list of CN=Line CA"),
                message);
        put("issuers", "line.crl", revocations(line, lineKey, BigInteger.ONE));
        accepted(server, line);
    }

    private static byte[] revocations(BigInteger serial) throws Exception {
        return revocations(authority, authorityKey, serial);
    }

    private static byte[] revocations(X509Certificate issuer, KeyPair key, BigInteger serial) throws Exception {
        X509v2CRLBuilder builder = new X509v2CRLBuilder(
                new X500Name(issuer.getSubjectX500Principal().getName()), Date.from(now.minus(Duration.ofHours(1))));
        builder.setNextUpdate(Date.from(now.plus(Duration.ofDays(7))));
        builder.addCRLEntry(serial, Date.from(now.minus(Duration.ofHours(2))), CRLReason.keyCompromise);
        return builder.build(new JcaContentSignerBuilder("SHA256withRSA").build(key.getPrivate()))
                .getEncoded();
    }

    // A key that can be computed is no key.
    @Test
    void aShortKeyIsRefusedWhoeverTrustsIt() throws Exception {
        X509Certificate weak =
                certificate("CN=Old", key(1024), null, now.minus(Duration.ofDays(2)), Duration.ofDays(30));
        put("trusted", "weak.der", weak.getEncoded());
        String message = refused(StatusCodes.Bad_CertificatePolicyCheckFailed, URI, weak);
        assertTrue(message.contains("RSA key of 1024 bits, allowed are 2048 to 4096"), message);
        assertEquals(
                Reasons.name(StatusCodes.Bad_CertificateInvalid),
                Reasons.name(assertThrows(
                                UaException.class, () -> trust.validateCertificateChain(List.of(), URI, new String[0]))
                        .getStatusCode()
                        .value()));
    }

    // One file that is none must not lock the plant's own server out, nor a stranger fill the disk.
    @Test
    void brokenFilesAreIgnoredAndRejectedOnesBounded() throws Exception {
        X509Certificate valid = server(now.minus(Duration.ofDays(2)), Duration.ofDays(365));
        put("trusted", "a.der", new byte[] {1, 2, 3});
        put("issuers", "b.crl", new byte[] {4, 5, 6});
        put("trusted", "valid.der", valid.getEncoded());
        accepted(valid);
        for (int i = 0; i < 70; i++) {
            refused(
                    StatusCodes.Bad_CertificateUntrusted,
                    URI,
                    certificate("CN=" + i, serverKey, authority, now, Duration.ofDays(1)));
        }
        try (Stream<Path> kept = Files.list(directory.resolve("rejected"))) {
            assertEquals(50, kept.count());
        }
    }
}
