// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.IssuingDistributionPoint;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.bouncycastle.asn1.x509.Time;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;

/** Makes good and bad certificates and revocation lists. */
final class Pki {
    static final String URI = "urn:plant:scada";
    static final Instant NOW = Instant.parse("2026-11-23T12:00:00Z");
    static final Instant FROM = NOW.minus(Duration.ofDays(100));
    static final Instant TO = NOW.plus(Duration.ofDays(100));
    static final int LEAF_USAGE =
            KeyUsage.digitalSignature | KeyUsage.nonRepudiation | KeyUsage.keyEncipherment | KeyUsage.dataEncipherment;
    static final int CA_USAGE = KeyUsage.keyCertSign | KeyUsage.cRLSign;

    private static final Map<String, KeyPair> KEYS = new ConcurrentHashMap<>();
    private static long serial = 1000;

    private Pki() {}

    /** The same key for the same name; making one takes a while. */
    static KeyPair key(String name, int bits) {
        return KEYS.computeIfAbsent(name + bits, any -> {
            try {
                KeyPairGenerator generator = KeyPairGenerator.getInstance(bits < 1000 ? "EC" : "RSA");
                generator.initialize(bits);
                return generator.generateKeyPair();
            } catch (java.security.GeneralSecurityException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    /** A certificate that is being described; what is not said is as it should be. */
    static final class Draft {
        private final String name;
        private final KeyPair key;
        private Instant from = FROM;
        private Instant to = TO;
        private @Nullable Integer usage = LEAF_USAGE;
        private @Nullable BasicConstraints constraints = new BasicConstraints(false);
        private List<String> uris = List.of(URI);
        private @Nullable KeyPurposeId purpose = KeyPurposeId.id_kp_clientAuth;
        private String algorithm = "SHA256with";
        private @Nullable String critical;
        private @Nullable String permitted;
        private int padding;

        Draft(String name, KeyPair key) {
            this.name = name;
            this.key = key;
        }

        Draft valid(Instant notBefore, Instant notAfter) {
            from = notBefore;
            to = notAfter;
            return this;
        }

        Draft usage(@Nullable Integer bits) {
            usage = bits;
            return this;
        }

        Draft purpose(@Nullable KeyPurposeId id) {
            purpose = id;
            return this;
        }

        Draft uris(String... all) {
            uris = List.of(all);
            return this;
        }

        Draft digest(String prefix) {
            algorithm = prefix;
            return this;
        }

        Draft critical(String oid) {
            critical = oid;
            return this;
        }

        Draft constraints(@Nullable BasicConstraints value) {
            constraints = value;
            return this;
        }

        Draft permitted(String dnsName) {
            permitted = dnsName;
            return this;
        }

        Draft padding(int bytes) {
            padding = bytes;
            return this;
        }

        /** An authority; {@code pathLength} negative for any. */
        Draft authority(int pathLength) {
            usage = CA_USAGE;
            purpose = null;
            uris = List.of();
            constraints = pathLength < 0 ? new BasicConstraints(true) : new BasicConstraints(pathLength);
            return this;
        }

        X509Certificate selfSigned() {
            return signedBy(new X500Name(name), key);
        }

        X509Certificate by(X509Certificate issuer, KeyPair issuerKey) {
            return signedBy(
                    X500Name.getInstance(issuer.getSubjectX500Principal().getEncoded()), issuerKey);
        }

        private X509Certificate signedBy(X500Name issuer, KeyPair issuerKey) {
            try {
                X509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                        issuer,
                        BigInteger.valueOf(serial++),
                        Date.from(from),
                        Date.from(to),
                        new X500Name(name),
                        key.getPublic());
                if (constraints != null) {
                    builder.addExtension(Extension.basicConstraints, true, constraints);
                }
                if (usage != null) {
                    builder.addExtension(Extension.keyUsage, true, new KeyUsage(usage));
                }
                if (purpose != null) {
                    builder.addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purpose));
                }
                List<GeneralName> names = new ArrayList<>();
                uris.forEach(uri -> names.add(new GeneralName(GeneralName.uniformResourceIdentifier, uri)));
                if (!uris.isEmpty()) {
                    names.add(new GeneralName(GeneralName.dNSName, "scada.plant.example"));
                    builder.addExtension(
                            Extension.subjectAlternativeName,
                            false,
                            new GeneralNames(names.toArray(GeneralName[]::new)));
                }
                if (critical != null) {
                    builder.addExtension(new ASN1ObjectIdentifier(critical), true, new DEROctetString(new byte[3]));
                }
                if (permitted != null) {
                    builder.addExtension(
                            Extension.nameConstraints,
                            true,
                            new NameConstraints(
                                    new GeneralSubtree[] {
                                        new GeneralSubtree(new GeneralName(GeneralName.dNSName, permitted))
                                    },
                                    null));
                }
                if (padding > 0) {
                    builder.addExtension(
                            new ASN1ObjectIdentifier("1.3.6.1.4.1.99999.1"),
                            false,
                            new DEROctetString(new byte[padding]));
                }
                return read(builder.build(signer(algorithm, issuerKey)).getEncoded());
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static X509Certificate read(byte[] encoded) throws Exception {
        return (X509Certificate)
                CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(encoded));
    }

    private static ContentSigner signer(String digest, KeyPair key) throws Exception {
        String type = key.getPrivate().getAlgorithm();
        return new JcaContentSignerBuilder(digest + (type.equals("EC") ? "ECDSA" : "RSA")).build(key.getPrivate());
    }

    /** What a list is like. */
    enum Kind {
        V1,
        V2,
        DELTA,
        PARTIAL,
        SHA1,
        UNKNOWN_CRITICAL
    }

    /** May revoke nobody, and may not say until when it holds. */
    static X509CRL list(
            Kind kind,
            X509Certificate issuer,
            KeyPair key,
            @Nullable X509Certificate revoked,
            Instant at,
            @Nullable Instant nextUpdate) {
        try {
            X500Name name =
                    X500Name.getInstance(issuer.getSubjectX500Principal().getEncoded());
            byte[] encoded;
            if (kind == Kind.V1) {
                encoded = version1(name, key, revoked, at, nextUpdate);
            } else {
                X509v2CRLBuilder builder = new X509v2CRLBuilder(name, Date.from(at));
                if (nextUpdate != null) {
                    builder.setNextUpdate(Date.from(nextUpdate));
                }
                if (revoked != null) {
                    builder.addCRLEntry(revoked.getSerialNumber(), Date.from(at), 0);
                }
                switch (kind) {
                    case DELTA ->
                        builder.addExtension(Extension.deltaCRLIndicator, true, new ASN1Integer(BigInteger.ONE));
                    case PARTIAL ->
                        builder.addExtension(
                                Extension.issuingDistributionPoint,
                                true,
                                new IssuingDistributionPoint(null, false, false, null, true, false));
                    case UNKNOWN_CRITICAL ->
                        builder.addExtension(
                                new ASN1ObjectIdentifier("1.3.6.1.4.1.99999.2"), true, new DEROctetString(new byte[1]));
                    default -> {}
                }
                encoded = builder.build(signer(kind == Kind.SHA1 ? "SHA1with" : "SHA256with", key))
                        .getEncoded();
            }
            return (X509CRL) CertificateFactory.getInstance("X.509").generateCRL(new ByteArrayInputStream(encoded));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Without a version, extensions or reasons (X.509 of 1988), as old authorities still make them. */
    private static byte[] version1(
            X500Name issuer, KeyPair key, @Nullable X509Certificate revoked, Instant at, @Nullable Instant nextUpdate)
            throws Exception {
        ContentSigner signer = signer("SHA256with", key);
        ASN1EncodableVector content = new ASN1EncodableVector();
        content.add(signer.getAlgorithmIdentifier());
        content.add(issuer);
        content.add(new Time(Date.from(at)));
        if (nextUpdate != null) {
            content.add(new Time(Date.from(nextUpdate)));
        }
        if (revoked != null) {
            ASN1EncodableVector entry = new ASN1EncodableVector();
            entry.add(new ASN1Integer(revoked.getSerialNumber()));
            entry.add(new Time(Date.from(at)));
            content.add(new DERSequence(new DERSequence(entry)));
        }
        DERSequence signed = new DERSequence(content);
        signer.getOutputStream().write(signed.getEncoded());
        ASN1EncodableVector whole = new ASN1EncodableVector();
        whole.add(signed);
        whole.add(signer.getAlgorithmIdentifier());
        whole.add(new DERBitString(signer.getSignature()));
        return new DERSequence(whole).getEncoded();
    }
}
