// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.SecureRandom;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CRLConverter;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;
import org.bouncycastle.openssl.jcajce.JceOpenSSLPKCS8DecryptorProviderBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS8EncryptedPrivateKeyInfo;
import org.bouncycastle.pkcs.PKCSException;
import org.jspecify.annotations.Nullable;

/** Keys and certificates of people who sign releases: read from files, and made for trials. */
public final class Certificates {
    /**
     * Extended key usage of a certificate that may sign releases, and nothing else may. Made of a UUID (ITU-T X.667), so it
     * needs no registration and nobody else has it.
     */
    public static final String RELEASE_SIGNING = "2.25.119384508937198533662337284989615001587";

    static final Provider BC = new BouncyCastleProvider();

    private Certificates() {}

    /** Algorithm names for {@link #newKeyPair}: {@code p256}, {@code p384}, {@code ed25519}, {@code ml-dsa-65}. */
    public static KeyPair newKeyPair(String algorithm) throws GeneralSecurityException {
        switch (algorithm) {
            case "p256", "p384" -> {
                KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BC);
                generator.initialize(new ECGenParameterSpec(algorithm.equals("p256") ? "secp256r1" : "secp384r1"));
                return generator.generateKeyPair();
            }
            case "ed25519" -> {
                return KeyPairGenerator.getInstance("Ed25519", BC).generateKeyPair();
            }
            case "ml-dsa-65" -> {
                return KeyPairGenerator.getInstance("ML-DSA-65", BC).generateKeyPair();
            }
            default ->
                throw new IllegalArgumentException(
                        "algorithm: p256, p384, ed25519 or ml-dsa-65, was '" + algorithm + "'");
        }
    }

    /** A self-signed CA certificate, valid from a moment before {@code now}. */
    public static X509Certificate newAuthority(KeyPair keys, String subject, Instant from, Instant to)
            throws GeneralSecurityException {
        return certificate(
                keys,
                new X500Name(subject),
                keys,
                subject,
                from,
                to,
                true,
                KeyUsage.keyCertSign | KeyUsage.cRLSign,
                null);
    }

    /** A certificate for signing releases. */
    public static X509Certificate newSigner(
            KeyPair authority, X509Certificate issuer, KeyPair keys, String subject, Instant from, Instant to)
            throws GeneralSecurityException {
        return newCertificate(
                authority, issuer, keys, subject, from, to, false, KeyUsage.digitalSignature, RELEASE_SIGNING);
    }

    static X509Certificate newCertificate(
            KeyPair authority,
            X509Certificate issuer,
            KeyPair keys,
            String subject,
            Instant from,
            Instant to,
            boolean isAuthority,
            int usage,
            @Nullable String extendedUsage)
            throws GeneralSecurityException {
        X500Name name = X500Name.getInstance(issuer.getSubjectX500Principal().getEncoded());
        return certificate(authority, name, keys, subject, from, to, isAuthority, usage, extendedUsage);
    }

    private static X509Certificate certificate(
            KeyPair authority,
            X500Name issuer,
            KeyPair keys,
            String subject,
            Instant from,
            Instant to,
            boolean isAuthority,
            int usage,
            @Nullable String extendedUsage)
            throws GeneralSecurityException {
        try {
            X509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                    issuer,
                    new BigInteger(127, new SecureRandom()).add(BigInteger.ONE),
                    Date.from(from),
                    Date.from(to),
                    new X500Name(subject),
                    keys.getPublic());
            JcaX509ExtensionUtils identifiers = new JcaX509ExtensionUtils();
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(isAuthority));
            builder.addExtension(Extension.keyUsage, true, new KeyUsage(usage));
            builder.addExtension(
                    Extension.subjectKeyIdentifier, false, identifiers.createSubjectKeyIdentifier(keys.getPublic()));
            builder.addExtension(
                    Extension.authorityKeyIdentifier,
                    false,
                    identifiers.createAuthorityKeyIdentifier(authority.getPublic()));
            if (extendedUsage != null) {
                builder.addExtension(
                        Extension.extendedKeyUsage,
                        true,
                        new ExtendedKeyUsage(KeyPurposeId.getInstance(new ASN1ObjectIdentifier(extendedUsage))));
            }
            return new JcaX509CertificateConverter()
                    .setProvider(BC)
                    .getCertificate(builder.build(contentSigner(authority)));
        } catch (IOException | OperatorCreationException e) {
            throw new GeneralSecurityException("certificate of " + subject + " cannot be made: " + e.getMessage(), e);
        }
    }

    static X509CRL newRevocationList(
            KeyPair authority,
            X509Certificate issuer,
            X509Certificate revoked,
            Instant at,
            int reason,
            Instant nextUpdate)
            throws GeneralSecurityException {
        try {
            X509v2CRLBuilder builder = new X509v2CRLBuilder(
                    X500Name.getInstance(issuer.getSubjectX500Principal().getEncoded()), Date.from(at));
            builder.setNextUpdate(Date.from(nextUpdate));
            builder.addCRLEntry(revoked.getSerialNumber(), Date.from(at), reason);
            return new JcaX509CRLConverter().setProvider(BC).getCRL(builder.build(contentSigner(authority)));
        } catch (OperatorCreationException e) {
            throw new GeneralSecurityException("revocation list cannot be made: " + e.getMessage(), e);
        }
    }

    private static ContentSigner contentSigner(KeyPair keys) throws OperatorCreationException {
        String algorithm =
                switch (keys.getPublic().getAlgorithm()) {
                    case "EC", "ECDSA" ->
                        keys.getPublic().getEncoded().length > 100 ? "SHA384withECDSA" : "SHA256withECDSA";
                    case "Ed25519", "EdDSA" -> "Ed25519";
                    case "RSA" -> "SHA256withRSA";
                    default -> keys.getPublic().getAlgorithm();
                };
        return new JcaContentSignerBuilder(algorithm).setProvider(BC).build(keys.getPrivate());
    }

    /**
     * Reads a private key in PKCS#8 PEM.
     *
     * @param passphrase for an encrypted key, null if there is none.
     * @throws GeneralSecurityException if the file holds no key, or an encrypted one that does not open.
     */
    public static PrivateKey readKey(Path file, char @Nullable [] passphrase)
            throws IOException, GeneralSecurityException {
        try (PEMParser parser = new PEMParser(Files.newBufferedReader(file, StandardCharsets.ISO_8859_1))) {
            Object content = parser.readObject();
            if (content instanceof PKCS8EncryptedPrivateKeyInfo encrypted) {
                if (passphrase == null) {
                    throw new GeneralSecurityException(file + ": the key is encrypted; give its passphrase");
                }
                content = encrypted.decryptPrivateKeyInfo(new JceOpenSSLPKCS8DecryptorProviderBuilder()
                        .setProvider(BC)
                        .build(passphrase));
            }
            if (content instanceof PEMKeyPair pair) {
                content = pair.getPrivateKeyInfo();
            }
            if (!(content instanceof PrivateKeyInfo key)) {
                throw new GeneralSecurityException(
                        file + ": no private key in PKCS#8 PEM ('BEGIN PRIVATE KEY'); convert it with 'openssl pkcs8'");
            }
            return new JcaPEMKeyConverter().setProvider(BC).getPrivateKey(key);
        } catch (PKCSException | OperatorCreationException e) {
            throw new GeneralSecurityException(file + ": the key does not open with this passphrase", e);
        }
    }

    /** Reads all certificates of a PEM file, in their order. */
    public static List<X509Certificate> readCertificates(Path file) throws IOException, GeneralSecurityException {
        List<X509Certificate> certificates = new ArrayList<>();
        String text = Files.readString(file, StandardCharsets.ISO_8859_1);
        try (PEMParser parser = new PEMParser(new StringReader(text))) {
            for (Object content = parser.readObject(); content != null; content = parser.readObject()) {
                if (!(content instanceof X509CertificateHolder holder)) {
                    throw new GeneralSecurityException(file + ": holds something that is no certificate ("
                            + content.getClass().getSimpleName() + "); keep certificates only in it");
                }
                certificates.add(
                        new JcaX509CertificateConverter().setProvider(BC).getCertificate(holder));
            }
        }
        if (certificates.isEmpty()) {
            throw new GeneralSecurityException(file + ": holds no certificate in PEM ('BEGIN CERTIFICATE')");
        }
        return certificates;
    }

    /** PEM of a key, certificates or revocation lists, one behind the other. */
    public static String toPem(Collection<?> objects) throws IOException {
        StringWriter text = new StringWriter();
        try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
            for (Object object : objects) {
                writer.writeObject(object instanceof PrivateKey key ? new JcaPKCS8Generator(key, null) : object);
            }
        }
        return text.toString();
    }
}
