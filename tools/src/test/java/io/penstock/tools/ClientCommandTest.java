// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.opcua.stack.CertificateNames;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
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
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ClientCommandTest {
    private static KeyPair keys;
    private static KeyPair authorityKeys;
    private static X509Certificate authority;

    @TempDir
    Path home;

    private Path pki;
    private Path trusted;
    private Path rejected;
    private String output = "";

    @BeforeAll
    static void makeKeys() throws Exception {
        keys = key(2048);
        authorityKeys = key(2048);
        authority = certificate("CN=Plant CA", authorityKeys, "CN=Plant CA", authorityKeys, true, "", 10);
    }

    private static KeyPair key(int bits) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(bits);
        return generator.generateKeyPair();
    }

    private static X509Certificate client(String name) throws Exception {
        return certificate("CN=" + name, keys, "CN=" + name, keys, false, "urn:plant:" + name, 10);
    }

    private static X509Certificate certificate(
            String subject, KeyPair of, String issuer, KeyPair by, boolean isAuthority, String uri, int days)
            throws Exception {
        Instant now = Instant.now();
        JcaX509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                new X500Name(issuer),
                BigInteger.valueOf(subject.hashCode() & 0xFFFF),
                Date.from(now.minus(Duration.ofDays(20))),
                Date.from(now.plus(Duration.ofDays(days))),
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
        if (!uri.isEmpty()) {
            builder.addExtension(
                    Extension.subjectAlternativeName,
                    false,
                    new GeneralNames(new GeneralName(GeneralName.uniformResourceIdentifier, uri)));
        }
        return new JcaX509CertificateConverter()
                .getCertificate(builder.build(new JcaContentSignerBuilder("SHA256withRSA").build(by.getPrivate())));
    }

    private static byte[] revocations() throws Exception {
        X509v2CRLBuilder builder = new X509v2CRLBuilder(new X500Name("CN=Plant CA"), Date.from(Instant.now()));
        builder.setNextUpdate(Date.from(Instant.now().plus(Duration.ofDays(7))));
        return builder.build(new JcaContentSignerBuilder("SHA256withRSA").build(authorityKeys.getPrivate()))
                .getEncoded();
    }

    @BeforeEach
    void fill() throws Exception {
        pki = home.resolve("data").resolve("publication.opcua").resolve("pki");
        trusted = Files.createDirectories(pki.resolve("trusted").resolve("certs"));
        rejected = Files.createDirectories(pki.resolve("rejected").resolve("certs"));
        Files.write(rejected.resolve("x.der"), client("client-a").getEncoded());
        Files.write(rejected.resolve("y.der"), client("client-b").getEncoded());
    }

    /** As the server keeps a client that sent its chain. */
    private String rejectWithChain() throws Exception {
        X509Certificate issued =
                certificate("CN=scada", keys, "CN=Plant CA", authorityKeys, false, "urn:plant:scada", 10);
        Files.write(rejected.resolve("z.der"), issued.getEncoded());
        Files.write(Files.createDirectories(pki.resolve("rejected/issuers")).resolve("ca.der"), authority.getEncoded());
        return CertificateNames.fingerprint(issued);
    }

    private int penstock(String... arguments) {
        PrintStream out = System.out;
        PrintStream err = System.err;
        var captured = new ByteArrayOutputStream();
        try (PrintStream capture = new PrintStream(captured, true, StandardCharsets.UTF_8)) {
            System.setOut(capture);
            System.setErr(capture);
            return Penstock.run(arguments);
        } finally {
            System.setOut(out);
            System.setErr(err);
            output = captured.toString(StandardCharsets.UTF_8);
        }
    }

    private String fingerprintOf(String client) {
        assertEquals(0, penstock("client", "list", "--home=" + home));
        String before = "";
        for (String line : output.lines().toList()) {
            if (line.contains("CN=" + client)) {
                return before.substring(before.indexOf("  ") + 2);
            }
            before = line;
        }
        throw new AssertionError("no " + client + " in " + output);
    }

    private static long files(Path directory) throws IOException {
        try (var files = Files.list(directory)) {
            return files.count();
        }
    }

    // The control room's SCADA is turned away at first; one command lets exactly this one in.
    @Test
    void aRejectedClientIsListedTrustedAndRejectedAgain() throws IOException {
        String a = fingerprintOf("client-a");
        assertTrue(output.contains("rejected  " + a) && output.contains("urn:plant:client-a"), output);
        assertTrue(output.contains("may connect once it is trusted"), output);

        assertEquals(0, penstock("client", "trust", a.substring(0, 12), "--home=" + home), output);
        assertTrue(output.contains("this one client and no other; it may connect now"), output);
        assertEquals(1, files(trusted));
        assertEquals(1, files(rejected));
        assertTrue(Files.exists(trusted.resolve(a + ".der")));
        assertEquals(0, penstock("client", "list", "--home=" + home));
        assertTrue(output.contains("trusted  " + a), output);

        assertEquals(0, penstock("client", "reject", a, "--home=" + home), output);
        assertEquals(0, files(trusted));
        assertEquals(2, files(rejected));
        assertEquals(0, penstock("client", "reject", a, "--home=" + home), output);
        assertTrue(output.contains("forgotten"), output);
        assertEquals(1, files(rejected));
    }

    // A mistyped fingerprint must never trust another machine.
    @Test
    void whatIsNotOneClientIsRefused() throws IOException {
        assertEquals(1, penstock("client", "trust", "0000000000", "--home=" + home));
        assertTrue(output.contains("no client with fingerprint 0000000000"), output);
        assertEquals(1, penstock("client", "trust", fingerprintOf("client-b").substring(0, 4), "--home=" + home));
        assertTrue(output.contains("at least 8 digits"), output);
        Files.writeString(rejected.resolve("z.der"), "no certificate");
        assertEquals(1, penstock("client", "list", "--home=" + home));
        assertTrue(output.contains("z.der is no certificate"), output);
        assertFalse(output.contains("Exception"), output);
        assertEquals(0, files(trusted));
    }

    // Told "it may connect now" the engineer went home; the client was refused all night.
    @Test
    void whatCanNeverWorkIsNotTrusted() throws Exception {
        KeyPair weak = key(1024);
        for (X509Certificate bad : List.of(
                certificate("CN=old", keys, "CN=old", keys, false, "urn:plant:old", -1),
                certificate("CN=weak", weak, "CN=weak", weak, false, "urn:plant:weak", 10),
                certificate("CN=nobody", keys, "CN=nobody", keys, false, "", 10))) {
            Path file = Files.write(rejected.resolve("z.der"), bad.getEncoded());
            String name = CertificateNames.subject(bad);
            String why = name.equals("CN=old")
                    ? "CN=old has expired on"
                    : name.equals("CN=weak") ? "RSA key of 1024 bits, allowed are 2048" : "names no application URI";
            assertEquals(0, penstock("client", "list", "--home=" + home));
            assertTrue(output.contains("is refused even when it is trusted: ") && output.contains(why), output);
            String fingerprint = CertificateNames.fingerprint(bad);
            assertEquals(1, penstock("client", "trust", fingerprint, "--home=" + home), output);
            assertTrue(output.contains("not trusted, " + name + " would still be refused: "), output);
            assertTrue(output.contains(why) && output.contains("give the client a"), output);
            assertTrue(Files.exists(file));
            assertEquals(0, files(trusted));
        }
    }

    // To trust one client of an authority must let in that one, work, and say what is missing until it does.
    @Test
    void oneClientOfAnAuthorityIsTrustedAlone() throws Exception {
        String scada = rejectWithChain();
        assertEquals(0, penstock("client", "list", "--home=" + home));
        assertTrue(output.contains("issued by CN=Plant CA; to let in every client of that authority:"), output);
        assertEquals(0, penstock("client", "trust", scada, "--home=" + home), output);
        assertTrue(output.contains("kept as issuer, which lets nobody else in: CN=Plant CA"), output);
        assertTrue(
                output.contains("trusted: CN=scada, this one client and no other; it is still refused: whether CN=scada"
                        + " is revoked is unknown: there is no revocation list of CN=Plant CA; put the current list"),
                output);
        assertEquals(1, files(trusted));
        Files.write(Files.createDirectories(pki.resolve("issuers/crl")).resolve("plant.crl"), revocations());
        assertEquals(0, penstock("client", "trust", scada, "--home=" + home), output);
        assertTrue(output.contains("already trusted: CN=scada; it may connect now"), output);

        Files.delete(pki.resolve("issuers/crl/plant.crl"));
        Files.createDirectories(home.resolve("etc"));
        Files.writeString(
                home.resolve("etc/io.penstock.publication.opcua.cfg.json"),
                "{\n  \"port\": 4840,\n  \"revocationLists\": \"tolerated\"\n}\n");
        assertEquals(0, penstock("client", "list", "--home=" + home));
        assertTrue(output.contains("    may connect\n"), output);
    }

    // Whoever typed the authority's fingerprint for the client's let in everybody it ever issued, without being told.
    @Test
    void anAuthorityIsTrustedOnlyWhenThatIsSaid() throws Exception {
        rejectWithChain();
        Files.write(Files.createDirectories(pki.resolve("issuers/crl")).resolve("plant.crl"), revocations());
        String ca = CertificateNames.fingerprint(authority);
        assertEquals(1, penstock("client", "trust", ca, "--home=" + home));
        assertTrue(output.contains("CN=Plant CA is an authority, to trust it lets in every client it issues"), output);
        assertEquals(0, files(trusted));
        String a = fingerprintOf("client-a");
        assertEquals(1, penstock("client", "trust", a, "--authority", "--home=" + home));
        assertTrue(output.contains("CN=client-a is no authority but one client"), output);
        assertEquals(0, penstock("client", "trust", ca, "--authority", "--home=" + home), output);
        assertTrue(output.contains("every client it issues may connect"), output);
        assertEquals(0, penstock("client", "list", "--home=" + home));
        assertTrue(output.contains("lets in every client it issues"), output);
        assertTrue(output.contains("may connect, by CN=Plant CA"), output);
        assertEquals(0, penstock("client", "reject", ca, "--home=" + home), output);
        assertTrue(output.contains("no longer trusted: authority CN=Plant CA"), output);
        assertEquals(0, files(trusted));

        X509Certificate ended = certificate("CN=Old CA", authorityKeys, "CN=Old CA", authorityKeys, true, "", -1);
        Files.write(pki.resolve("rejected/issuers/old.der"), ended.getEncoded());
        assertEquals(
                1, penstock("client", "trust", CertificateNames.fingerprint(ended), "--authority", "--home=" + home));
        assertTrue(output.contains("the clients of CN=Old CA would still be refused: CN=Old CA has expired"), output);
        assertEquals(0, files(trusted));
    }
}
