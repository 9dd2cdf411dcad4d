// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Period;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.security.DefaultServerCertificateValidator;
import org.eclipse.milo.opcua.stack.core.security.FileBasedCertificateQuarantine;
import org.eclipse.milo.opcua.stack.core.security.MemoryTrustListManager;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateBuilder;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateGenerator;
import org.eclipse.milo.opcua.stack.core.util.validation.ValidationCheck;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who is turned away, kept and told of. */
final class ClientCertificatesTest {
    private static final String URI = "urn:plant:scada";
    private static KeyPair keys;

    @TempDir
    Path directory;

    private final List<String> told = new ArrayList<>();
    private final AtomicLong nanos = new AtomicLong();
    private final MemoryTrustListManager trusted = new MemoryTrustListManager();

    @BeforeAll
    static void makeKeys() throws Exception {
        keys = SelfSignedCertificateGenerator.generateRsaKeyPair(2048);
    }

    private static X509Certificate client(String name, Period validity) throws Exception {
        return new SelfSignedCertificateBuilder(keys)
                .setCommonName(name)
                .setApplicationUri(URI)
                .setValidityPeriod(validity)
                .build();
    }

    private RejectedClients rejected() {
        return new RejectedClients(new FileBasedCertificateQuarantine(directory.toFile()), nanos::get, told::add);
    }

    private ClientCertificates certificates() {
        return new ClientCertificates(
                new DefaultServerCertificateValidator(
                        trusted, Set.of(ValidationCheck.VALIDITY, ValidationCheck.APPLICATION_URI), rejected()),
                trusted,
                Clock.systemUTC(),
                told::add);
    }

    private static long refused(ClientCertificates certificates, List<X509Certificate> chain, String uri) {
        return assertThrows(UaException.class, () -> certificates.validateCertificateChain(chain, uri, null))
                .getStatusCode()
                .value();
    }

    private int kept() throws Exception {
        try (Stream<Path> files = Files.list(directory)) {
            return (int) files.count();
        }
    }

    // The engineer has trusted the client and it still cannot connect: without a reason in the log the day is gone.
    @Test
    void aTrustedClientThatIsTurnedAwayIsExplainedOnce() throws Exception {
        ClientCertificates certificates = certificates();
        X509Certificate expired = client("old scada", Period.ofDays(-1));
        trusted.addTrustedCertificate(expired);
        for (int i = 0; i < 3; i++) {
            assertEquals(StatusCodes.Bad_CertificateTimeInvalid, refused(certificates, List.of(expired), URI));
        }
        assertEquals(1, told.size(), told.toString());
        assertTrue(told.get(0).contains("CN=old scada") && told.get(0).contains("give the client a new certificate"));

        X509Certificate other = client("scada", Period.ofYears(1));
        trusted.addTrustedCertificate(other);
        for (int i = 0; i < 3; i++) {
            certificates.validateCertificateChain(List.of(other), null, null); // as when a channel opens
            assertEquals(
                    StatusCodes.Bad_CertificateUriInvalid, refused(certificates, List.of(other), "urn:plant:renamed"));
        }
        assertEquals(2, told.size(), told.toString());
        assertTrue(
                told.get(1).contains("it calls itself urn:plant:renamed, its certificate is for " + URI),
                told.toString());
        certificates.validateCertificateChain(List.of(other), URI, null);
        refused(certificates, List.of(other), "urn:plant:renamed");
        assertEquals(3, told.size(), "told again after it had been good");
    }

    // A stranger must neither push the client that waits for approval out of the list, nor the log's own lines out of
    // the log.
    @Test
    void strangersAreKeptAndToldOfWithinBounds() throws Exception {
        ClientCertificates certificates = certificates();
        X509Certificate scada = client("scada", Period.ofYears(1));
        assertEquals(StatusCodes.Bad_SecurityChecksFailed, refused(certificates, List.of(scada), URI));
        assertEquals(1, kept());
        assertTrue(told.get(0).contains("penstock client trust "), told.toString());

        assertEquals(
                StatusCodes.Bad_CertificateInvalid,
                refused(certificates, Collections.nCopies(ClientCertificates.CHAIN_LIMIT + 1, scada), URI));
        assertEquals(StatusCodes.Bad_CertificateInvalid, refused(certificates, List.of(), URI));

        RejectedClients rejected = rejected();
        told.clear();
        for (int i = 0; i < 200; i++) {
            rejected.addRejectedCertificate(client("stranger" + i, Period.ofDays(30)));
        }
        assertTrue(kept() <= 128, "kept " + kept());
        assertEquals(RejectedClients.TOLD_AN_HOUR + 1, told.size());
        nanos.addAndGet(3_600_000_000_001L);
        X509Certificate wordy = new SelfSignedCertificateBuilder(keys)
                .setCommonName("x".repeat(64))
                .setOrganization("y".repeat(64))
                .setOrganizationalUnit("z".repeat(64))
                .setLocalityName("l".repeat(64))
                .setApplicationUri(URI)
                .build();
        rejected.addRejectedCertificate(wordy);
        assertEquals(RejectedClients.TOLD_AN_HOUR + 2, told.size());
        assertEquals(201, RejectedClients.subject(wordy).length());
    }

    // `penstock client reject` names the file by the fingerprint; a second one would stay behind when it is trusted
    // again.
    @Test
    void aClientIsKeptOnceUnderWhateverName() throws Exception {
        X509Certificate scada = client("scada", Period.ofYears(1));
        RejectedClients rejected = rejected();
        rejected.addRejectedCertificate(scada);
        try (Stream<Path> files = Files.list(directory)) {
            Files.move(files.findFirst().orElseThrow(), directory.resolve("f00d.der"), StandardCopyOption.ATOMIC_MOVE);
        }
        rejected.addRejectedCertificate(scada);
        assertEquals(1, kept());
        assertEquals(1, told.size());
    }
}
