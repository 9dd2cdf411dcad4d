// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelRejectedException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bouncycastle.asn1.cms.AttributeTable;
import org.bouncycastle.asn1.cms.CMSAttributes;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cms.CMSAttributeTableGenerator;
import org.bouncycastle.cms.CMSException;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.DefaultSignedAttributeTableGenerator;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.jspecify.annotations.Nullable;

/** Makes releases. The same input makes the same bytes: no time is signed, and every algorithm signs deterministically. */
public final class ReleaseSigner {
    private static final long LARGEST_BUNDLE = 1L << 30;

    private ReleaseSigner() {}

    /**
     * Who signs.
     *
     * @param key the private key.
     * @param chain the signer's certificate first, then those that issued it; the CA itself may be left out.
     */
    public record Signer(PrivateKey key, List<X509Certificate> chain) {
        public Signer {
            chain = List.copyOf(chain);
        }
    }

    /**
     * Signs a model bundle.
     *
     * @throws ModelRejectedException if a gateway would refuse the bundle.
     * @throws GeneralSecurityException if a key does not fit its certificate or may not sign.
     */
    public static ReleaseFile sign(
            byte[] bundle,
            long sequence,
            List<String> pipelines,
            Instant notBefore,
            @Nullable Instant notAfter,
            List<Signer> signers)
            throws ModelRejectedException, GeneralSecurityException {
        ModelBundle content = ModelBundle.read(bundle, LARGEST_BUNDLE);
        ModelContract contract = content.contract();
        Statement statement = new Statement(
                contract.name(),
                contract.version(),
                sequence,
                bundle.length,
                Names.sha256(bundle),
                Names.sha256(content.onnx()),
                Names.sha256(content.contractJson()),
                pipelines,
                notBefore,
                notAfter);
        Statement.parse(statement.toBytes()); // the limits of the reader are the limits of the writer
        return new ReleaseFile(sign(statement.toBytes(), signers), bundle);
    }

    static byte[] sign(byte[] statement, List<Signer> signers) throws GeneralSecurityException {
        CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
        Set<X509Certificate> certificates = new LinkedHashSet<>();
        Set<X509Certificate> leaves = new LinkedHashSet<>();
        try {
            for (Signer signer : signers) {
                X509Certificate certificate = signer.chain().get(0);
                if (!leaves.add(certificate)) {
                    throw new GeneralSecurityException("signer "
                            + certificate.getSubjectX500Principal().getName() + " is given twice; give each once");
                }
                generator.addSignerInfoGenerator(
                        new JcaSignerInfoGeneratorBuilder(new JcaDigestCalculatorProviderBuilder()
                                        .setProvider(Certificates.BC)
                                        .build())
                                .setSignedAttributeGenerator(new Timeless())
                                .build(new Deterministic(signer.key(), certificate), certificate));
                for (X509Certificate each : signer.chain()) {
                    if (!each.getSubjectX500Principal().equals(each.getIssuerX500Principal())) {
                        certificates.add(each); // the CA itself is the gateway's own
                    }
                }
            }
            for (X509Certificate certificate : certificates) {
                generator.addCertificate(new JcaX509CertificateHolder(certificate));
            }
            return CanonicalCms.of(generator
                    .generate(new CMSProcessableByteArray(statement), true)
                    .toASN1Structure());
        } catch (CMSException | OperatorCreationException | IOException e) {
            throw new GeneralSecurityException("signing failed: " + e.getMessage(), e);
        }
    }

    /** Content type and digest, no signing time. */
    private static final class Timeless implements CMSAttributeTableGenerator {
        @Override
        @SuppressWarnings("rawtypes") // Bouncy Castle's signature
        public AttributeTable getAttributes(Map parameters) {
            return new DefaultSignedAttributeTableGenerator()
                    .getAttributes(parameters)
                    .remove(CMSAttributes.signingTime);
        }
    }

    private static final class Deterministic implements ContentSigner {
        private final SignatureAlgorithm algorithm;
        private final PrivateKey key;
        private final ByteArrayOutputStream content = new ByteArrayOutputStream();

        Deterministic(PrivateKey key, X509Certificate certificate) throws GeneralSecurityException {
            algorithm = SignatureAlgorithm.of(SubjectPublicKeyInfo.getInstance(
                            certificate.getPublicKey().getEncoded()))
                    .orElseThrow(() -> new GeneralSecurityException("certificate "
                            + certificate.getSubjectX500Principal() + ": its key is none of "
                            + SignatureAlgorithm.labels()));
            this.key = key;
            byte[] trial = {1};
            Signature verifier = Signature.getInstance(algorithm.jca, Certificates.BC);
            verifier.initVerify(certificate.getPublicKey());
            verifier.update(trial);
            if (!verifier.verify(signature(trial))) {
                throw new GeneralSecurityException(
                        "the private key does not belong to certificate " + certificate.getSubjectX500Principal());
            }
        }

        private byte[] signature(byte[] bytes) throws GeneralSecurityException {
            Signature signature = Signature.getInstance(algorithm.jca, Certificates.BC);
            signature.initSign(key);
            signature.update(bytes);
            return signature.sign();
        }

        @Override
        public AlgorithmIdentifier getAlgorithmIdentifier() {
            return new AlgorithmIdentifier(algorithm.oid);
        }

        @Override
        public OutputStream getOutputStream() {
            return content;
        }

        @Override
        public byte[] getSignature() {
            try {
                return signature(content.toByteArray());
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e); // the constructor has tried it
            }
        }
    }
}
