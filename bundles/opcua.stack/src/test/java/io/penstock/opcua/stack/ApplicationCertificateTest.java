// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.Security;
import java.security.Signature;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Collectors;
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

    // The power cut between the two files must not leave a gateway that cannot start.
    @Test
    void missingCertificateIsMadeOfTheSameKey() throws Exception {
        ApplicationCertificate first = load();
        Files.delete(first.file());
        ApplicationCertificate second = load();
        assertEquals(first.keyPair().getPublic(), second.certificate().getPublicKey());
        assertNotEquals(first.certificate(), null);
    }

    // A swapped or lost file has to be named, or the engineer searches the network for the fault.
    @Test
    void faultsNameTheFile() throws Exception {
        Path certificate = load().file();
        byte[] der = Files.readAllBytes(certificate);
        IllegalStateException otherUri = assertThrows(
                IllegalStateException.class,
                () -> ApplicationCertificate.loadOrCreate(dir.resolve("own"), "Penstock", "urn:other", HOSTS));
        assertTrue(otherUri.getMessage().contains("own.der"), otherUri.getMessage());

        Files.writeString(certificate, "nonsense");
        assertTrue(assertThrows(IllegalStateException.class, this::load)
                .getMessage()
                .contains("own.der"));

        ApplicationCertificate.loadOrCreate(dir.resolve("second"), "Penstock", URI, HOSTS);
        Files.copy(dir.resolve("second/own.der"), certificate, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        assertTrue(assertThrows(IllegalStateException.class, this::load)
                .getMessage()
                .contains("does not belong"));

        Files.write(certificate, der);
        Files.writeString(dir.resolve("own/own.key.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n");
        assertTrue(assertThrows(IllegalStateException.class, this::load)
                .getMessage()
                .contains("own.key.pem"));

        Files.delete(dir.resolve("own/own.key.pem"));
        assertTrue(assertThrows(IllegalStateException.class, this::load)
                .getMessage()
                .contains("has no key"));
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
        assertTrue(moved.contains("delete it and restart"), moved);
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
