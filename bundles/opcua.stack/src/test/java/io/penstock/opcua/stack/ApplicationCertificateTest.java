// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.kit.faults.FaultyDisk;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPair;
import java.security.Security;
import java.security.Signature;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.stream.Collectors;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApplicationCertificateTest {
    private static final String URI = "urn:penstock:test";
    private static final List<String> HOSTS = List.of("gateway-7", "10.0.0.5", "::1");

    @TempDir
    Path dir;

    private ApplicationCertificate load() {
        return ApplicationCertificate.loadOrCreate(dir.resolve("own"), "Penstock", URI, HOSTS);
    }

    // A certificate that changes at a restart would be refused by every peer that had trusted it.
    @Test
    void secondStartLoadsWhatTheFirstMade() {
        ApplicationCertificate first = load();
        ApplicationCertificate second = load();
        assertEquals(first.certificate(), second.certificate());
        assertEquals(first.keyPair().getPrivate(), second.keyPair().getPrivate());
        assertTrue(Files.exists(first.file()));
    }

    // Peers compare application URI and host names; without them they refuse the gateway.
    @Test
    void certificateNamesApplicationAndHosts() throws Exception {
        ApplicationCertificate own = load();
        String names = own.certificate().getSubjectAlternativeNames().stream()
                .map(n -> n.get(1).toString())
                .collect(Collectors.joining(" "));
        assertTrue(names.contains(URI), names);
        assertTrue(names.contains("gateway-7"), names);
        assertTrue(names.contains("10.0.0.5"), names);
        own.certificate().verify(own.keyPair().getPublic());
        assertEquals(59, ApplicationCertificate.thumbprint(own.certificate()).length());
    }

    // Anyone on the gateway could impersonate it with a readable key.
    @Test
    void keyIsReadableByItsOwnerOnlyAndStaysSo() throws Exception {
        load();
        Path key = dir.resolve("own/own.key.pem");
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(key)));
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r--r--"));
        load();
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(key)));
    }

    // The power cut between the two files must not leave a gateway that cannot start, or one with another key.
    @Test
    void aPowerCutAtAnyCallLeavesWhatTheNextStartGoesOnWith() throws Exception {
        int calls = Integer.MAX_VALUE;
        for (int cutAt = 0; cutAt < calls; cutAt++) {
            for (int lost = 0; lost < 2; lost++) {
                int way = lost;
                Path own = dir.resolve("cut" + cutAt + "-" + lost);
                FaultyDisk disk = new FaultyDisk();
                disk.cutAt(cutAt);
                ApplicationCertificate first = null;
                try {
                    first = ApplicationCertificate.loadOrCreate(disk, own, "Penstock", URI, HOSTS);
                    calls = disk.calls().size();
                } catch (UncheckedIOException e) {
                    // as the gateway did
                }
                disk.loseThePower(bound -> way == 0 ? 0 : bound - 1);
                ApplicationCertificate second =
                        ApplicationCertificate.loadOrCreate(new FaultyDisk(), own, "Penstock", URI, HOSTS);
                if (first != null) {
                    assertEquals(
                            first.certificate(),
                            second.certificate(),
                            disk.calls().toString());
                }
            }
        }
        assertTrue(calls > 10 && calls < Integer.MAX_VALUE);
    }

    // A lost certificate would be made anew without a word, and every peer would refuse the gateway.
    @Test
    void lostFilesComeBackAsTheyWere() throws Exception {
        ApplicationCertificate first = load();
        Path key = dir.resolve("own/own.key.pem");
        Files.delete(first.file());
        assertEquals(first.certificate(), load().certificate());
        Files.delete(key);
        assertEquals(first.keyPair().getPrivate(), load().keyPair().getPrivate());
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(key)));
        assertEquals(
                "rw-------",
                PosixFilePermissions.toString(Files.getPosixFilePermissions(dir.resolve("own/own.key.pem.kept"))));
    }

    // To renew would be impossible, or the gateway would keep an expired certificate for ever.
    @Test
    void withoutFileAndKeptTheCertificateIsMadeAnewOfTheSameKey() throws Exception {
        ApplicationCertificate first = load();
        Files.delete(first.file());
        Files.delete(dir.resolve("own/own.der.kept"));
        ApplicationCertificate second = load();
        assertEquals(first.keyPair().getPublic(), second.certificate().getPublicKey());
        assertNotEquals(first.certificate(), second.certificate());
    }

    // One flipped bit would have every client refused without a line in the log.
    @Test
    void anyFlippedBitOfKeyOrCertificateIsHealed() throws Exception {
        ApplicationCertificate first = load();
        Path key = dir.resolve("own/own.key.pem");
        for (Path file : List.of(key, first.file())) {
            byte[] whole = Files.readAllBytes(file);
            for (int bit = 0; bit < whole.length * 8; bit += 37) {
                byte[] flipped = whole.clone();
                flipped[bit / 8] ^= (byte) (1 << (bit % 8));
                Files.write(file, flipped);
                ApplicationCertificate healed = ApplicationCertificate.loadOrCreate(
                        new FaultyDisk(), dir.resolve("own"), "Penstock", URI, HOSTS);
                assertEquals(first.certificate(), healed.certificate(), file + " bit " + bit);
                assertEquals(first.keyPair().getPrivate(), healed.keyPair().getPrivate(), file + " bit " + bit);
                assertEquals(first.certificate(), load().certificate());
            }
        }
        assertTrue(Files.exists(dir.resolve("own/own.key.pem.damaged")));
    }

    // An authority's certificate proves nothing about itself: damaged, it would be taken for a new one.
    @Test
    void aDamagedCertificateOfAnAuthorityIsHealedAndANewOneTaken() throws Exception {
        ApplicationCertificate first = load();
        byte[] one = issued(first, 7, 1);
        Files.write(first.file(), one);
        assertArrayEquals(one, load().certificate().getEncoded(), "a person put it there");
        for (int bit = 0; bit < one.length * 8; bit += 53) {
            byte[] flipped = one.clone();
            flipped[bit / 8] ^= (byte) (1 << (bit % 8));
            Files.write(first.file(), flipped);
            assertArrayEquals(one, load().certificate().getEncoded(), "bit " + bit);
        }
        byte[] next = issued(first, 8, 2);
        Files.write(first.file(), next);
        assertArrayEquals(next, load().certificate().getEncoded());
    }

    @SuppressWarnings("JavaUtilDate") // what the builder takes
    private static byte[] issued(ApplicationCertificate own, long serial, int days) throws Exception {
        KeyPair authority = SelfSignedCertificateGenerator.generateRsaKeyPair(2048);
        JcaX509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                new X500Name("CN=Plant CA"),
                BigInteger.valueOf(serial),
                new Date(),
                new Date(System.currentTimeMillis() + days * 86_400_000L),
                new X500Name("CN=Penstock"),
                own.keyPair().getPublic());
        builder.addExtension(
                Extension.subjectAlternativeName,
                false,
                new GeneralNames(new GeneralName(GeneralName.uniformResourceIdentifier, URI)));
        return builder.build(new JcaContentSignerBuilder("SHA256withRSA").build(authority.getPrivate()))
                .getEncoded();
    }

    // A swapped or lost file has to be named, or the engineer searches the network for the fault.
    @Test
    void faultsNameTheFileAndTheWayOut() throws Exception {
        Path certificate = load().file();
        Path key = dir.resolve("own/own.key.pem");
        byte[] der = Files.readAllBytes(certificate);
        refused(
                "own.der",
                "is for application",
                () -> ApplicationCertificate.loadOrCreate(dir.resolve("own"), "Penstock", "urn:other", HOSTS));

        Files.delete(dir.resolve("own/own.der.kept"));
        Files.writeString(certificate, "nonsense");
        refused("own.der is damaged", "delete own.der and own.der.kept to have it made anew", this::load);

        ApplicationCertificate.loadOrCreate(dir.resolve("second"), "Penstock", URI, HOSTS);
        Files.copy(dir.resolve("second/own.der"), certificate, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        refused("own.der", "does not belong", this::load);

        Files.write(certificate, der);
        Files.delete(dir.resolve("own/own.key.pem.kept"));
        Files.writeString(key, "-----BEGIN PRIVATE KEY-----\nAAAA\n");
        refused("own.key.pem is damaged", "delete it, own.der and both .kept files", this::load);
        assertTrue(Files.readString(key).contains("AAAA"), "no new key came in its place");

        Files.delete(key);
        refused("own.key.pem is missing", "restore the key", this::load);
    }

    private static void refused(String file, String words, Runnable load) {
        String message = assertThrows(IllegalStateException.class, load::run).getMessage();
        assertTrue(message.contains(file) && message.contains(words), message);
    }

    // Certificates expire silently and stop the plant's feed, and a gateway moved to another address is refused by
    // name.
    @Test
    void whatPeersWillRefuseIsSaidInTimeWithTheNextStep() {
        ApplicationCertificate own = load();
        Instant end = own.certificate().getNotAfter().toInstant();
        Instant today = Instant.now();
        for (String host : HOSTS) {
            assertEquals("", own.warning(today, host));
        }
        assertEquals("", own.warning(today, "GATEWAY-7"));
        String moved = own.warning(today, "10.0.0.50");
        assertTrue(moved.contains("own.der does not name 10.0.0.50"), moved);
        assertTrue(moved.contains("delete it and own.der.kept and restart"), moved);
        assertTrue(own.warning(today, "urn:penstock:test").contains("does not name"), "a URI is no host");
        // with the time in it, a gateway without a clock battery said it anew every second
        Instant early = Instant.parse("1970-01-01T00:00:00Z");
        String future = own.warning(early, "localhost");
        assertTrue(future.contains("valid only from"), future);
        assertEquals(future, own.warning(early.plusSeconds(1), "localhost"));

        assertEquals("", own.warning(end.minus(Duration.ofDays(31)), "gateway-7"));
        assertTrue(own.warning(end.minus(Duration.ofDays(29)), "gateway-7").contains("expires on " + end));
        assertTrue(own.warning(end.plusSeconds(1), "gateway-7").contains("expired on " + end));
        assertTrue(own.warning(Instant.EPOCH, "gateway-7").contains("set the clock"));
    }

    // A server that only offers Aes256_Sha256_RsaPss could not be reached at all.
    @Test
    void bouncyCastleComesLastAndOnlyOnce() throws Exception {
        BouncyCastle.register();
        BouncyCastle.register();
        var providers = Security.getProviders();
        assertEquals("BC", providers[providers.length - 1].getName());
        Signature.getInstance("SHA256withRSA/PSS");
    }
}
