// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.edec.EdECObjectIdentifiers;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.jspecify.annotations.Nullable;

/**
 * The algorithms that may sign statements and certificates. {@code jca} makes the same signature for the same input (RFC 6979
 * for ECDSA), so that a release can be made twice and compared.
 */
@SuppressWarnings("ImmutableEnumChecker") // object identifiers never change
enum SignatureAlgorithm {
    ECDSA_P256(
            "ECDSA P-256 with SHA-256",
            "SHA256withECDDSA",
            X9ObjectIdentifiers.ecdsa_with_SHA256,
            SECObjectIdentifiers.secp256r1),
    ECDSA_P384(
            "ECDSA P-384 with SHA-384",
            "SHA384withECDDSA",
            X9ObjectIdentifiers.ecdsa_with_SHA384,
            SECObjectIdentifiers.secp384r1),
    ED25519("Ed25519", "Ed25519", EdECObjectIdentifiers.id_Ed25519, null),
    ML_DSA_65("ML-DSA-65", "ML-DSA-65", NISTObjectIdentifiers.id_ml_dsa_65, null);

    static final Set<ASN1ObjectIdentifier> DIGESTS =
            Set.of(NISTObjectIdentifiers.id_sha256, NISTObjectIdentifiers.id_sha384, NISTObjectIdentifiers.id_sha512);

    final String label;
    final String jca;
    final ASN1ObjectIdentifier oid;
    private final @Nullable ASN1ObjectIdentifier curve;

    SignatureAlgorithm(String label, String jca, ASN1ObjectIdentifier oid, @Nullable ASN1ObjectIdentifier curve) {
        this.label = label;
        this.jca = jca;
        this.oid = oid;
        this.curve = curve;
    }

    static String labels() {
        return String.join(
                ", ", Arrays.stream(values()).map(algorithm -> algorithm.label).toList());
    }

    /** Which of them a key is made for. */
    static Optional<SignatureAlgorithm> of(SubjectPublicKeyInfo key) {
        AlgorithmIdentifier algorithm = key.getAlgorithm();
        ASN1Encodable parameters = algorithm.getParameters();
        return Arrays.stream(values())
                .filter(a -> a.curve == null
                        ? a.oid.equals(algorithm.getAlgorithm()) && parameters == null
                        : X9ObjectIdentifiers.id_ecPublicKey.equals(algorithm.getAlgorithm())
                                && a.curve.equals(parameters))
                .findFirst();
    }

    /** True for the one way to name this algorithm in a signature. */
    boolean isNamedBy(AlgorithmIdentifier signature) {
        return oid.equals(signature.getAlgorithm()) && signature.getParameters() == null;
    }

    static boolean isDigest(AlgorithmIdentifier digest) {
        return DIGESTS.contains(digest.getAlgorithm());
    }
}
