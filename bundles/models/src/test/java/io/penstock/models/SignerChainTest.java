// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.model.ModelRejectedException;
import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.IssuingDistributionPoint;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.Time;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CRLConverter;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Which chains of certificates may sign releases. Had one of these passed, somebody whom the CA gave a narrower power could
 * have released a model that moves an actuator.
 */
final class SignerChainTest {
    private static final int CA = KeyUsage.keyCertSign | KeyUsage.cRLSign;

    private static KeyPair rootKey;
    private static KeyPair lineKey;
    private static KeyPair key;
    private static long serial = 1;

    @TempDir
    Path folder;

    @BeforeAll
    static void makeKeys() throws Exception {
        rootKey = Certificates.newKeyPair("p256");
        lineKey = Certificates.newKeyPair("p256");
        key = Certificates.newKeyPair("p256");
    }

    private static X509Certificate certificate(
            String subject,
            KeyPair of,
            String issuer,
            KeyPair by,
            BasicConstraints constraints,
            int usage,
            String purpose,
            String algorithm)
            throws Exception {
        X509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                new X500Name(issuer),
                BigInteger.valueOf(serial++),
                Date.from(Keys.FROM),
                Date.from(Keys.TO),
                new X500Name(subject),
                of.getPublic());
        builder.addExtension(Extension.basicConstraints, true, constraints);
        builder.addExtension(Extension.keyUsage, true, new KeyUsage(usage));
        if (!purpose.isEmpty()) {
            builder.addExtension(
                    Extension.extendedKeyUsage,
                    true,
                    new ExtendedKeyUsage(KeyPurposeId.getInstance(new ASN1ObjectIdentifier(purpose))));
        }
        return new JcaX509CertificateConverter()
                .setProvider(Certificates.BC)
                .getCertificate(builder.build(signer(algorithm, by)));
    }

    private static ContentSigner signer(String algorithm, KeyPair by) throws Exception {
        return new JcaContentSignerBuilder(algorithm)
                .setProvider(Certificates.BC)
                .build(by.getPrivate());
    }

    private static X509Certificate root(int pathLength) throws Exception {
        BasicConstraints constraints = pathLength < 0 ? new BasicConstraints(true) : new BasicConstraints(pathLength);
        return certificate("CN=Root", rootKey, "CN=Root", rootKey, constraints, CA, "", "SHA256withECDSA");
    }

    private static X509Certificate leaf(String issuer, KeyPair by, int usage) throws Exception {
        return certificate(
                "CN=Data science",
                key,
                issuer,
                by,
                new BasicConstraints(false),
                usage,
                Certificates.RELEASE_SIGNING,
                "SHA256withECDSA");
    }

    private static X509Certificate line(BasicConstraints constraints, int usage, String algorithm) throws Exception {
        return certificate("CN=Line", lineKey, "CN=Root", rootKey, constraints, usage, "", algorithm);
    }

    private static byte[] signedBy(X509Certificate... chain) throws Exception {
        return ReleaseSigner.sign(
                        Samples.bundle("1.0.0", "ok"),
                        1,
                        List.of("*"),
                        Instant.EPOCH,
                        null,
                        List.of(new ReleaseSigner.Signer(key.getPrivate(), List.of(chain))))
                .toBytes();
    }

    private void verify(byte[] file, List<X509Certificate> authorities, X509CRL... lists)
            throws ModelRejectedException {
        Release.verify(
                file,
                new ReleaseVerifier(new TrustStore(folder, authorities, List.of(lists)), List.of(), false),
                Keys.NOW,
                1 << 20);
    }

    private void refused(String words, byte[] file, X509Certificate authority, X509CRL... lists) {
        String message = assertThrows(ModelRejectedException.class, () -> verify(file, List.of(authority), lists))
                .getMessage();
        assertTrue(message.contains(words), message);
    }

    @Test
    void pathLengthAndUsageOfEveryCaCount() throws Exception {
        X509Certificate line = line(new BasicConstraints(true), CA, "SHA256withECDSA");
        X509Certificate leaf = leaf("CN=Line", lineKey, KeyUsage.digitalSignature);
        byte[] file = signedBy(leaf, line);
        verify(file, List.of(root(-1)));
        verify(file, List.of(root(1)));
        refused("CN=Root allows 0 CAs below it (pathLen), there are 1", file, root(0));
        verify(signedBy(leaf("CN=Root", rootKey, KeyUsage.digitalSignature)), List.of(root(0)));

        X509Certificate narrow = line(new BasicConstraints(0), CA, "SHA256withECDSA");
        verify(signedBy(leaf, narrow), List.of(root(-1)));
        KeyPair lowKey = Certificates.newKeyPair("p256");
        X509Certificate low = certificate(
                "CN=Low", lowKey, "CN=Line", lineKey, new BasicConstraints(true), CA, "", "SHA256withECDSA");
        X509Certificate lowLeaf = leaf("CN=Low", lowKey, KeyUsage.digitalSignature);
        verify(signedBy(lowLeaf, low, line), List.of(root(-1)));
        refused("CN=Data science has no valid chain to a CA", signedBy(lowLeaf, low, narrow), root(-1));

        for (X509Certificate none : List.of(
                line(new BasicConstraints(false), CA, "SHA256withECDSA"),
                line(new BasicConstraints(true), KeyUsage.digitalSignature, "SHA256withECDSA"))) {
            refused("CN=Data science has no valid chain to a CA", signedBy(leaf, none), root(-1));
        }
    }

    @Test
    void aSignerIsForSigningReleasesOnly() throws Exception {
        for (int more : new int[] {KeyUsage.keyCertSign, KeyUsage.cRLSign}) {
            byte[] file = signedBy(leaf("CN=Root", rootKey, KeyUsage.digitalSignature | more));
            refused("may also issue certificates or revocation lists (key usage keyCertSign, cRLSign)", file, root(-1));
        }
        verify(
                signedBy(leaf("CN=Root", rootKey, KeyUsage.digitalSignature | KeyUsage.nonRepudiation)),
                List.of(root(-1)));
    }

    @Test
    void weakDigestsAndKeysAnywhereInTheChainAreRefused() throws Exception {
        X509Certificate leaf = leaf("CN=Line", lineKey, KeyUsage.digitalSignature);
        refused(
                "certificate CN=Line is signed with ECDSA (1.2.840.10045.4.1)",
                signedBy(leaf, line(new BasicConstraints(true), CA, "SHA1withECDSA")),
                root(-1));
        X509Certificate oldRoot = certificate(
                "CN=Root", rootKey, "CN=Root", rootKey, new BasicConstraints(true), CA, "", "SHA1withECDSA");
        refused(
                "certificate CN=Root is signed with ECDSA (1.2.840.10045.4.1)",
                signedBy(leaf("CN=Root", rootKey, KeyUsage.digitalSignature)),
                oldRoot);
        for (int bits : new int[] {1024, 2048}) {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(bits);
            KeyPair rsa = generator.generateKeyPair();
            for (String algorithm : List.of("MD5withRSA", "SHA1withRSA", "SHA256withRSA")) {
                X509Certificate authority =
                        certificate("CN=Root", rsa, "CN=Root", rsa, new BasicConstraints(true), CA, "", algorithm);
                X509Certificate issued = certificate(
                        "CN=Data science",
                        key,
                        "CN=Root",
                        rsa,
                        new BasicConstraints(false),
                        KeyUsage.digitalSignature,
                        Certificates.RELEASE_SIGNING,
                        algorithm);
                refused("allowed are ECDSA P-256", signedBy(issued), authority);
            }
        }
    }

    /** Without a version, extensions or reasons, as old CAs still make them. */
    private static X509CRL version1(X509Certificate revoked) throws Exception {
        ContentSigner signer = signer("SHA256withECDSA", rootKey);
        ASN1EncodableVector content = new ASN1EncodableVector();
        content.add(signer.getAlgorithmIdentifier());
        content.add(new X500Name("CN=Root"));
        content.add(new Time(Date.from(Keys.FROM)));
        content.add(new Time(Date.from(Keys.TO)));
        if (revoked != null) {
            ASN1EncodableVector entry = new ASN1EncodableVector();
            entry.add(new ASN1Integer(revoked.getSerialNumber()));
            entry.add(new Time(Date.from(Keys.FROM)));
            content.add(new DERSequence(new DERSequence(entry)));
        }
        DERSequence signed = new DERSequence(content);
        signer.getOutputStream().write(signed.getEncoded());
        ASN1EncodableVector whole = new ASN1EncodableVector();
        whole.add(signed);
        whole.add(signer.getAlgorithmIdentifier());
        whole.add(new DERBitString(signer.getSignature()));
        return (X509CRL) java.security.cert.CertificateFactory.getInstance("X.509", Certificates.BC)
                .generateCRL(new ByteArrayInputStream(new DERSequence(whole).getEncoded()));
    }

    private static X509CRL version2(X509Certificate revoked, boolean delta, boolean partial, String algorithm)
            throws Exception {
        X509v2CRLBuilder builder = new X509v2CRLBuilder(new X500Name("CN=Root"), Date.from(Keys.FROM));
        builder.setNextUpdate(Date.from(Keys.TO));
        if (revoked != null) {
            builder.addCRLEntry(revoked.getSerialNumber(), Date.from(Keys.FROM), 0);
        }
        if (delta) {
            builder.addExtension(Extension.deltaCRLIndicator, true, new ASN1Integer(1));
        }
        if (partial) {
            builder.addExtension(
                    Extension.issuingDistributionPoint,
                    true,
                    new IssuingDistributionPoint(null, false, false, null, true, false));
        }
        return new JcaX509CRLConverter().setProvider(Certificates.BC).getCRL(builder.build(signer(algorithm, rootKey)));
    }

    @Test
    void listsOfBothVersionsCountAndIncompleteOnesAreRefused() throws Exception {
        X509Certificate leaf = leaf("CN=Root", rootKey, KeyUsage.digitalSignature);
        byte[] file = signedBy(leaf);
        X509Certificate root = root(-1);
        verify(file, List.of(root), version1(null));
        verify(file, List.of(root), version2(null, false, false, "SHA256withECDSA"));
        refused("was revoked on", file, root, version1(leaf));
        refused("was revoked on", file, root, version2(leaf, false, false, "SHA256withECDSA"));
        refused("(a delta list); put a complete one there", file, root, version2(null, true, false, "SHA256withECDSA"));
        refused("(an issuing distribution point)", file, root, version2(null, false, true, "SHA256withECDSA"));
        refused("is signed with ECDSA (1.2.840.10045.4.1)", file, root, version2(null, false, false, "SHA1withECDSA"));

        X509Certificate line = line(new BasicConstraints(true), CA, "SHA256withECDSA");
        byte[] below = signedBy(leaf("CN=Line", lineKey, KeyUsage.digitalSignature), line);
        verify(below, List.of(root), version1(null));
        refused("certificate CN=Line was revoked on", below, root, version1(line));
        X509Certificate noLists = certificate(
                "CN=Root",
                rootKey,
                "CN=Root",
                rootKey,
                new BasicConstraints(true),
                KeyUsage.keyCertSign,
                "",
                "SHA256withECDSA");
        refused("a CA that may not sign lists (key usage cRLSign)", file, noLists, version1(null));
    }

    @Test
    void aListThatIsReplacedCountsForTheNextRelease() throws Exception {
        X509Certificate leaf = leaf("CN=Root", rootKey, KeyUsage.digitalSignature);
        byte[] file = signedBy(leaf);
        Files.writeString(folder.resolve("ca.pem"), Certificates.toPem(List.of(root(-1))));
        Path list = folder.resolve("root.crl");
        for (int i = 0; i < 3; i++) {
            Files.write(list, version1(null).getEncoded());
            Release.verify(file, new ReleaseVerifier(TrustStore.read(folder), List.of(), true), Keys.NOW, 1 << 20);
            Files.writeString(list, Certificates.toPem(List.of(version1(leaf))));
            assertThrows(
                    ModelRejectedException.class,
                    () -> Release.verify(
                            file, new ReleaseVerifier(TrustStore.read(folder), List.of(), true), Keys.NOW, 1 << 20));
        }
    }
}
