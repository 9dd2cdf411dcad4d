// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import java.io.IOException;
import java.math.BigInteger;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which keys and signatures are good enough, and which are not even worth computing with. Stateless. */
final class AlgorithmPolicy {
    private static final int MOST_AUTHORITY_RSA_BITS = 8192;
    private static final int MOST_EXPONENT_BITS = 64;
    private static final String PSS = "1.2.840.113549.1.1.10";
    private static final Map<String, String> SIGNATURES = Map.of(
            "1.2.840.113549.1.1.11",
            "SHA-256 with RSA",
            "1.2.840.113549.1.1.12",
            "SHA-384 with RSA",
            "1.2.840.113549.1.1.13",
            "SHA-512 with RSA",
            PSS,
            "RSASSA-PSS",
            "1.2.840.10045.4.3.2",
            "ECDSA with SHA-256",
            "1.2.840.10045.4.3.3",
            "ECDSA with SHA-384",
            "1.2.840.10045.4.3.4",
            "ECDSA with SHA-512");
    private static final Set<String> DIGESTS = Set.of("SHA-256", "SHA-384", "SHA-512");
    private static final List<String> CURVES = List.of("secp256r1", "secp384r1", "secp521r1");

    private AlgorithmPolicy() {}

    /** Whether verifying with this key takes a bounded time; a stranger may have sent it. */
    static boolean isBounded(PublicKey key) {
        if (key instanceof RSAPublicKey rsa) {
            return rsa.getModulus().bitLength() <= MOST_AUTHORITY_RSA_BITS
                    && rsa.getPublicExponent().bitLength() <= MOST_EXPONENT_BITS;
        }
        return key instanceof ECPublicKey ec && ec.getParams().getOrder().bitLength() <= 521;
    }

    /** What is wrong with the key of an application; null if nothing. The security policies offered are all of RSA. */
    static @Nullable String applicationKey(PublicKey key, int minimumRsaBits) {
        if (key instanceof RSAPublicKey rsa) {
            return rsa(rsa, minimumRsaBits, CertificatePolicy.MOST_RSA_BITS);
        }
        return "has a key of type " + key.getAlgorithm() + ", the security policies need RSA of " + minimumRsaBits
                + " to " + CertificatePolicy.MOST_RSA_BITS + " bits";
    }

    /** What is wrong with the key of an authority; null if nothing. */
    static @Nullable String authorityKey(PublicKey key, int minimumRsaBits) {
        if (key instanceof RSAPublicKey rsa) {
            return rsa(rsa, minimumRsaBits, MOST_AUTHORITY_RSA_BITS);
        }
        if (key instanceof ECPublicKey ec && isNamed(ec.getParams())) {
            return null;
        }
        return "has a key of type " + key.getAlgorithm() + ", allowed are RSA of " + minimumRsaBits + " to "
                + MOST_AUTHORITY_RSA_BITS + " bits and the curves P-256, P-384 and P-521";
    }

    private static @Nullable String rsa(RSAPublicKey key, int least, int most) {
        int bits = key.getModulus().bitLength();
        if (bits < least || bits > most) {
            return "has an RSA key of " + bits + " bits, allowed are " + least + " to " + most;
        }
        BigInteger exponent = key.getPublicExponent();
        if (!exponent.testBit(0) || exponent.bitLength() < 2 || exponent.bitLength() > MOST_EXPONENT_BITS) {
            return "has an RSA key with the exponent "
                    + (exponent.bitLength() > 64 ? "of " + exponent.bitLength() + " bits" : exponent.toString())
                    + ", which is no sound one";
        }
        return null;
    }

    private static boolean isNamed(ECParameterSpec parameters) {
        try {
            for (String curve : CURVES) {
                AlgorithmParameters named = AlgorithmParameters.getInstance("EC");
                named.init(new ECGenParameterSpec(curve));
                ECParameterSpec spec = named.getParameterSpec(ECParameterSpec.class);
                if (spec.getOrder().equals(parameters.getOrder())
                        && spec.getCurve().equals(parameters.getCurve())
                        && spec.getGenerator().equals(parameters.getGenerator())) {
                    return true;
                }
            }
            return false;
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    static @Nullable String signature(X509Certificate certificate) {
        return signature(certificate.getSigAlgOID(), certificate.getSigAlgName(), certificate.getSigAlgParams());
    }

    static @Nullable String signature(X509CRL list) {
        return signature(list.getSigAlgOID(), list.getSigAlgName(), list.getSigAlgParams());
    }

    private static @Nullable String signature(String oid, String name, byte @Nullable [] parameters) {
        boolean good = SIGNATURES.containsKey(oid);
        if (good && oid.equals(PSS)) {
            try {
                AlgorithmParameters pss = AlgorithmParameters.getInstance("RSASSA-PSS");
                pss.init(parameters == null ? new byte[0] : parameters);
                good = DIGESTS.contains(
                        pss.getParameterSpec(PSSParameterSpec.class).getDigestAlgorithm());
            } catch (GeneralSecurityException | IOException e) {
                good = false;
            }
        }
        return good ? null : "is signed with " + name + ", allowed are SHA-256, SHA-384 and SHA-512 with RSA or ECDSA";
    }
}
