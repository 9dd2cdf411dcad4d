// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.opcua.stack.CertificateJudge;
import io.penstock.opcua.stack.CertificateNames;
import io.penstock.opcua.stack.CertificatePolicy;
import io.penstock.opcua.stack.TrustFolders;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.Period;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
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
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateBuilder;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateGenerator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who is turned away, kept and told of. What is good and what is not is tried in {@code opcua.stack}. */
final class ClientCertificatesTest {
    private static final String URI = "urn:plant:scada";
    private static KeyPair keys;
    private static KeyPair authorityKeys;
    private static X509Certificate authority;

    @TempDir
    Path directory;

    private final List<String> told = new ArrayList<>();
    private final AtomicLong nanos = new AtomicLong();
    private RejectedClients rejected;
    private ClientCertificates certificates;

    @BeforeAll
    static void makeKeys() throws Exception {
        keys = SelfSignedCertificateGenerator.generateRsaKeyPair(2048);
        authorityKeys = SelfSignedCertificateGenerator.generateRsaKeyPair(2048);
        authority = issued("CN=Plant CA", authorityKeys, true, BigInteger.ONE);
    }

    @BeforeEach
    void open() throws Exception {
        rejected = new RejectedClients(directory.resolve("rejected"), nanos::get, told::add);
        certificates = new ClientCertificates(
                TrustFolders.create(directory, "pki", told::add),
                new CertificateJudge(
                        CertificatePolicy.of(CertificatePolicy.Peer.CLIENT, 2048, "required"), Instant.EPOCH),
                rejected,
                Clock.systemUTC(),
                told::add);
    }

    private static X509Certificate client(String name, Period validity) throws Exception {
        return new SelfSignedCertificateBuilder(keys)
                .setCommonName(name)
                .setApplicationUri(URI)
                .setValidityPeriod(validity)
                .build();
    }

    private static X509Certificate issued(String subject, KeyPair of, boolean isAuthority, BigInteger serial)
            throws Exception {
        Instant now = Instant.now();
        JcaX509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                new X500Name("CN=Plant CA"),
                serial,
                Date.from(now.minus(Duration.ofDays(1))),
                Date.from(now.plus(Duration.ofDays(9))),
                new X500Name(subject),
                of.getPublic());
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(isAuthority));
        builder.addExtension(
                Extension.keyUsage,
                true,
                new KeyUsage(
                        isAuthority
                                ? KeyUsage.keyCertSign | KeyUsage.cRLSign
                                : KeyUsage.digitalSignature | KeyUsage.keyEncipherment | KeyUsage.dataEncipherment));
        if (!isAuthority) {
            builder.addExtension(
                    Extension.subjectAlternativeName,
                    false,
                    new GeneralNames(new GeneralName(GeneralName.uniformResourceIdentifier, URI)));
        }
        return new JcaX509CertificateConverter()
                .getCertificate(
                        builder.build(new JcaContentSignerBuilder("SHA256withRSA").build(authorityKeys.getPrivate())));
    }

    private static byte[] revocations(BigInteger... serials) throws Exception {
        Instant now = Instant.now();
        X509v2CRLBuilder builder = new X509v2CRLBuilder(new X500Name("CN=Plant CA"), Date.from(now));
        builder.setNextUpdate(Date.from(now.plus(Duration.ofDays(7))));
        for (BigInteger serial : serials) {
            builder.addCRLEntry(serial, Date.from(now), 0);
        }
        return builder.build(new JcaContentSignerBuilder("SHA256withRSA").build(authorityKeys.getPrivate()))
                .getEncoded();
    }

    private void trust(X509Certificate certificate) throws Exception {
        Files.write(
                directory.resolve("trusted/certs/" + CertificateNames.fingerprint(certificate) + ".der"),
                certificate.getEncoded());
    }

    private long refused(List<X509Certificate> chain, String uri) {
        return assertThrows(UaException.class, () -> certificates.validateCertificateChain(chain, uri, null))
                .getStatusCode()
                .value();
    }

    private int kept(String folder) throws Exception {
        try (Stream<Path> files = Files.list(directory.resolve("rejected").resolve(folder))) {
            return (int) files.count();
        }
    }

    // The engineer has trusted the client and it still cannot connect: without a reason in the log the day is gone.
    @Test
    void aTrustedClientThatIsTurnedAwayIsExplainedOnce() throws Exception {
        X509Certificate expired = client("old scada", Period.ofDays(-1));
        trust(expired);
        for (int i = 0; i < 3; i++) {
            assertEquals(StatusCodes.Bad_CertificateTimeInvalid, refused(List.of(expired), URI));
        }
        assertEquals(1, told.size(), told.toString());
        assertTrue(told.get(0).contains("CN=old scada") && told.get(0).contains("give the client a new certificate"));

        X509Certificate other = client("scada", Period.ofYears(1));
        trust(other);
        for (int i = 0; i < 3; i++) {
            certificates.validateCertificateChain(List.of(other), null, null); // as when a channel opens
            assertEquals(StatusCodes.Bad_CertificateUriInvalid, refused(List.of(other), "urn:plant:renamed"));
        }
        assertEquals(2, told.size(), told.toString());
        assertTrue(
                told.get(1).contains("it calls itself urn:plant:renamed, its certificate is for " + URI),
                told.toString());
        certificates.validateCertificateChain(List.of(other), URI, null);
        refused(List.of(other), "urn:plant:renamed");
        assertEquals(3, told.size(), "told again after it had been good");
    }

    // Whoever followed the log trusted the authority in place of the client, and with it everybody the authority
    // issues.
    @Test
    void theLogNamesTheClientAndNeverItsAuthority() throws Exception {
        X509Certificate scada = issued("CN=scada", keys, false, BigInteger.TWO);
        assertEquals(StatusCodes.Bad_SecurityChecksFailed, refused(List.of(scada, authority), URI));
        assertEquals(1, told.size(), told.toString());
        assertTrue(
                told.get(0).contains("CN=scada")
                        && told.get(0)
                                .contains("penstock client trust "
                                        + CertificateNames.fingerprint(scada).substring(0, 16)),
                told.toString());
        assertFalse(
                told.get(0).contains(CertificateNames.fingerprint(authority).substring(0, 16)), "told: " + told.get(0));
        assertTrue(
                told.get(0).contains("Even then it is refused: whether CN=scada is revoked is unknown"),
                told.toString());
        assertEquals(1, kept("certs"));
        assertEquals(1, kept("issuers"), "its authority waits where it lets nobody in");
    }

    // A thief's laptop stays connected for as long as it likes, or comes back with the certificate that was taken from
    // it.
    @Test
    void aListThatIsReplacedCountsAtOnce() throws Exception {
        X509Certificate scada = issued("CN=scada", keys, false, BigInteger.TWO);
        trust(authority);
        Path list = directory.resolve("issuers/crl/plant.crl");
        assertEquals(StatusCodes.Bad_CertificateRevocationUnknown, refused(List.of(scada), URI));
        assertFalse(certificates.verdict(List.of(scada), null).endsSessions(), "a missing list throws nobody out");
        Files.write(list, revocations());
        certificates.validateCertificateChain(List.of(scada), URI, null);
        String before = certificates.state();
        Files.write(list, revocations(BigInteger.TWO));
        assertFalse(before.equals(certificates.state()));
        assertEquals(StatusCodes.Bad_CertificateRevoked, refused(List.of(scada), URI));
        assertTrue(certificates.verdict(List.of(scada), null).endsSessions());
        assertTrue(told.get(told.size() - 1).contains("was revoked by its issuer"), told.toString());
        Files.write(list, revocations());
        certificates.validateCertificateChain(List.of(scada), URI, null);
    }

    // A stranger must neither push the client that waits for approval out of the list, nor the log's own lines out of
    // the log.
    @Test
    void strangersAreKeptAndToldOfWithinBounds() throws Exception {
        X509Certificate scada = client("scada", Period.ofYears(1));
        assertEquals(StatusCodes.Bad_SecurityChecksFailed, refused(List.of(scada), URI));
        assertEquals(1, kept("certs"));
        assertTrue(told.get(0).contains("penstock client trust "), told.toString());
        assertFalse(told.get(0).contains("Even then"), told.toString());

        for (List<X509Certificate> chain : List.of(
                Collections.nCopies(CertificateJudge.LONGEST_CHAIN + 1, scada),
                List.of(scada, scada),
                List.<X509Certificate>of())) {
            assertEquals(StatusCodes.Bad_SecurityChecksFailed, refused(chain, URI));
        }

        told.clear();
        for (int i = 0; i < 200; i++) {
            refused(List.of(client("stranger" + i, Period.ofDays(30))), URI);
        }
        assertTrue(kept("certs") <= RejectedClients.MOST_CLIENTS, "kept " + kept("certs"));
        assertEquals(RejectedClients.TOLD_AN_HOUR, told.size(), "one had been told of before");
        nanos.addAndGet(3_600_000_000_001L);
        X509Certificate wordy = new SelfSignedCertificateBuilder(keys)
                .setCommonName("x".repeat(64))
                .setOrganization("y".repeat(64))
                .setOrganizationalUnit("z".repeat(64))
                .setLocalityName("l".repeat(64))
                .setApplicationUri(URI)
                .build();
        refused(List.of(wordy), URI);
        assertEquals(RejectedClients.TOLD_AN_HOUR + 1, told.size());
        assertEquals(201, CertificateNames.subject(wordy).length());
    }

    // `penstock client reject` names the file by the fingerprint; a second one would stay behind when it is trusted
    // again.
    @Test
    void aClientIsKeptOnceUnderWhateverName() throws Exception {
        X509Certificate scada = client("scada", Period.ofYears(1));
        refused(List.of(scada), URI);
        Path certs = directory.resolve("rejected/certs");
        try (Stream<Path> files = Files.list(certs)) {
            Files.move(files.findFirst().orElseThrow(), certs.resolve("f00d.der"), StandardCopyOption.ATOMIC_MOVE);
        }
        refused(List.of(scada), URI);
        assertEquals(1, kept("certs"));
        assertEquals(1, told.size());
    }
}
