// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.cert.CRLReason;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertStore;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateParsingException;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.PKIXCertPathBuilderResult;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Date;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.CMSException;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.jspecify.annotations.Nullable;

/**
 * Verifies the CMS of a release (RFC 5652) against a {@link TrustStore} that serves nothing else. There is one encoding of a
 * statement by given signers: what is not DER, not signed and not needed is refused, so no bit of it can be changed.
 */
public final class ReleaseVerifier {
    private static final int KEY_CERT_SIGN = 5;
    private static final int CRL_SIGN = 6;
    private static final int MOST_SIGNERS = 4;
    private static final int LONGEST_PATH = 4;
    /** Of a stranger's many certificates that issue each other, all paths would be tried. */
    private static final int MOST_CERTIFICATES = MOST_SIGNERS * LONGEST_PATH;

    private static final Set<CRLReason> REASONS_THAT_REACH_BACK = EnumSet.of(
            CRLReason.UNSPECIFIED, CRLReason.KEY_COMPROMISE, CRLReason.CA_COMPROMISE, CRLReason.AA_COMPROMISE);

    private final TrustStore trust;
    private final Set<X500Principal> requiredSigners;
    private final boolean revocationListRequired;

    /**
     * @param requiredSigners subjects of all signers that must sign together, empty for any one or more.
     * @param revocationListRequired whether each CA in a chain needs a current list.
     */
    public ReleaseVerifier(TrustStore trust, Collection<String> requiredSigners, boolean revocationListRequired) {
        this.trust = trust;
        this.requiredSigners = requiredSigners.stream().map(X500Principal::new).collect(Collectors.toSet());
        this.revocationListRequired = revocationListRequired;
    }

    /**
     * A verified statement.
     *
     * @param statement what was signed.
     * @param signer subjects of those who signed, joined by " + ".
     * @param algorithms what they signed with, in the same order.
     */
    public record Verified(Statement statement, String signer, String algorithms) {}

    /** The statement without a look at the signature, to learn how long a file will be. */
    static Statement unverified(byte[] cms) throws ModelRejectedException {
        return Statement.parse(content(parse(cms)));
    }

    /**
     * @param at when chains must be valid: now for a new release, the time of acceptance for one in the store.
     * @throws ModelRejectedException saying which signer, what of it, and the next step.
     */
    public Verified verify(byte[] cms, Instant at) throws ModelRejectedException {
        try {
            return verified(cms, at);
        } catch (RuntimeException e) { // what Bouncy Castle throws at damaged certificates
            throw new ModelRejectedException("signature: a part of it is damaged; copy or sign the release again", e);
        }
    }

    private Verified verified(byte[] cms, Instant at) throws ModelRejectedException {
        CMSSignedData signed = parse(cms);
        checkForm(cms, signed);
        List<X509Certificate> pool = certificates(signed);
        Set<X509Certificate> used = new HashSet<>();
        Set<X500Principal> subjects = new LinkedHashSet<>();
        Set<SubjectPublicKeyInfo> keys = new HashSet<>();
        List<String> algorithms = new ArrayList<>();
        for (SignerInformation signer : signed.getSignerInfos()) {
            X509Certificate certificate = signerCertificate(signer, pool);
            algorithms.add(checkSignature(signer, certificate).label);
            used.addAll(chain(certificate, pool, at));
            boolean keyIsNew = keys.add(
                    SubjectPublicKeyInfo.getInstance(certificate.getPublicKey().getEncoded()));
            if (!subjects.add(certificate.getSubjectX500Principal()) || !keyIsNew) {
                throw refused(name(certificate) + " signed twice");
            }
        }
        if (!used.containsAll(pool)) {
            throw refused("it carries certificates that no signer needs; sign it again with the chain only");
        }
        if (!requiredSigners.isEmpty() && !requiredSigners.equals(subjects)) {
            throw refused("signed by " + names(subjects) + ", this gateway requires exactly " + names(requiredSigners)
                    + " (requiredSigners)");
        }
        String signer =
                String.join(" + ", subjects.stream().map(X500Principal::getName).toList());
        return new Verified(Statement.parse(content(signed)), signer, String.join(" + ", algorithms));
    }

    private static CMSSignedData parse(byte[] cms) throws ModelRejectedException {
        try {
            return new CMSSignedData(cms);
        } catch (CMSException | RuntimeException e) {
            throw new ModelRejectedException("signature: is no CMS signed data; sign the release again", e);
        }
    }

    private static byte[] content(CMSSignedData signed) throws ModelRejectedException {
        if (signed.getSignedContent() == null
                || !(signed.getSignedContent().getContent() instanceof byte[] statement)) {
            throw refused("holds no statement; make the release with 'penstock model sign'");
        }
        return statement;
    }

    private static void checkForm(byte[] cms, CMSSignedData signed) throws ModelRejectedException {
        for (SignerInformation signer : signed.getSignerInfos()) {
            AlgorithmIdentifier digest = signer.toASN1Structure().getDigestAlgorithm();
            if (!SignatureAlgorithm.isDigest(digest)) {
                throw refused("digest algorithm " + digest.getAlgorithm()
                        + "; allowed are SHA-256, SHA-384 and SHA-512, sign it with 'penstock model sign'");
            }
        }
        CanonicalCms.check(cms);
        int count = signed.getSignerInfos().size();
        if (count < 1 || count > MOST_SIGNERS) {
            throw refused(count + " signers, 1 to " + MOST_SIGNERS + " are allowed");
        }
    }

    private static List<X509Certificate> certificates(CMSSignedData signed) throws ModelRejectedException {
        List<X509Certificate> pool = new ArrayList<>();
        int count = signed.getCertificates().getMatches(null).size();
        if (count > MOST_CERTIFICATES) {
            throw refused(count + " certificates, at most " + MOST_CERTIFICATES + " are allowed");
        }
        try {
            for (X509CertificateHolder holder : signed.getCertificates().getMatches(null)) {
                pool.add(new JcaX509CertificateConverter()
                        .setProvider(Certificates.BC)
                        .getCertificate(holder));
            }
        } catch (CertificateException | RuntimeException e) {
            throw new ModelRejectedException("signature: a certificate in it is damaged", e);
        }
        return pool;
    }

    private static X509Certificate signerCertificate(SignerInformation signer, List<X509Certificate> pool)
            throws ModelRejectedException {
        for (X509Certificate certificate : pool) {
            try {
                X500Name issuer = signer.getSID().getIssuer();
                if (issuer != null
                        && Arrays.equals( // names compare equal in upper and lower case, bytes do not
                                issuer.getEncoded(ASN1Encoding.DER),
                                certificate.getIssuerX500Principal().getEncoded())
                        && certificate.getSerialNumber().equals(signer.getSID().getSerialNumber())) {
                    return certificate;
                }
            } catch (IOException e) {
                throw new ModelRejectedException("signature: a certificate in it is damaged", e);
            }
        }
        throw refused("the certificate of a signer is not in it; sign with the whole chain");
    }

    private static SignatureAlgorithm checkSignature(SignerInformation signer, X509Certificate certificate)
            throws ModelRejectedException {
        SignatureAlgorithm algorithm = algorithm(certificate);
        if (!algorithm.isNamedBy(signer.toASN1Structure().getDigestEncryptionAlgorithm())) {
            throw refused(name(certificate) + " has a key for " + algorithm.label + ", but signed with "
                    + signer.getEncryptionAlgOID() + "; allowed are " + SignatureAlgorithm.labels());
        }
        boolean good;
        try {
            good = signer.verify(new JcaSimpleSignerInfoVerifierBuilder()
                    .setProvider(Certificates.BC)
                    .build(certificate.getPublicKey()));
        } catch (CMSException | OperatorCreationException | RuntimeException e) {
            throw new ModelRejectedException(
                    "signature: of " + name(certificate) + " is wrong: statement or signature were changed", e);
        }
        if (!good) {
            throw refused("of " + name(certificate) + " is wrong: statement or signature were changed");
        }
        return algorithm;
    }

    private static SignatureAlgorithm algorithm(X509Certificate certificate) throws ModelRejectedException {
        return SignatureAlgorithm.of(SubjectPublicKeyInfo.getInstance(
                        certificate.getPublicKey().getEncoded()))
                .orElseThrow(() -> refused("key of " + name(certificate) + " is of type "
                        + certificate.getPublicKey().getAlgorithm() + "; allowed are " + SignatureAlgorithm.labels()));
    }

    /** The certificates from the signer up to, not including, the CA that is trusted. */
    private List<X509Certificate> chain(X509Certificate leaf, List<X509Certificate> pool, Instant at)
            throws ModelRejectedException {
        checkSigner(leaf, at);
        List<X509Certificate> chain;
        X509Certificate authority;
        try {
            Set<TrustAnchor> anchors = trust.authorities().stream()
                    .map(certificate -> new TrustAnchor(certificate, null))
                    .collect(Collectors.toSet());
            X509CertSelector selector = new X509CertSelector();
            selector.setCertificate(leaf);
            PKIXBuilderParameters parameters = new PKIXBuilderParameters(anchors, selector);
            parameters.addCertStore(
                    CertStore.getInstance("Collection", new CollectionCertStoreParameters(pool), Certificates.BC));
            parameters.setRevocationEnabled(false); // below: the lists of an offline gateway are never fresh
            parameters.setDate(Date.from(at));
            parameters.setMaxPathLength(LONGEST_PATH);
            PKIXCertPathBuilderResult result = (PKIXCertPathBuilderResult)
                    CertPathBuilder.getInstance("PKIX", Certificates.BC).build(parameters);
            chain = result.getCertPath().getCertificates().stream()
                    .map(X509Certificate.class::cast)
                    .toList();
            authority = result.getTrustAnchor().getTrustedCert();
        } catch (CertPathBuilderException e) {
            throw new ModelRejectedException(
                    "signature: " + name(leaf) + " has no valid chain to a CA in " + trust.folder() + " ("
                            + trust.authorityNames() + "): " + e.getMessage()
                            + "; if you trust its CA, put the CA's certificate there",
                    e);
        } catch (GeneralSecurityException e) {
            throw new ModelRejectedException("signature: " + name(leaf) + " cannot be checked: " + e.getMessage(), e);
        }
        checkValid(authority, at);
        checkSelfSignature(authority);
        List<X509Certificate> issuers = new ArrayList<>(chain.subList(Math.min(1, chain.size()), chain.size()));
        issuers.add(authority);
        for (int i = 0; i < chain.size(); i++) {
            checkAuthority(issuers.get(i), issuers.subList(0, i));
            checkIssued(chain.get(i), issuers.get(i), at);
        }
        return chain;
    }

    /** RFC 5280 §6.1.4 (k) to (n); the CA that is trusted counts as those below it do, which the path builder does not see to. */
    private static void checkAuthority(X509Certificate issuer, List<X509Certificate> below)
            throws ModelRejectedException {
        boolean[] usage = issuer.getKeyUsage();
        if (issuer.getBasicConstraints() < 0 || usage == null || !usage[KEY_CERT_SIGN]) {
            throw refused(name(issuer) + " issued a certificate of the chain and is no CA (basicConstraints CA and key"
                    + " usage keyCertSign are needed); have it issued by one that is");
        }
        long count = below.stream()
                .filter(each -> !each.getSubjectX500Principal().equals(each.getIssuerX500Principal()))
                .count();
        if (count > issuer.getBasicConstraints()) {
            throw refused(
                    name(issuer) + " allows " + issuer.getBasicConstraints() + " CAs below it (pathLen), there are "
                            + count + "; have the signer's certificate issued by one that may");
        }
    }

    /** Nothing hangs on it, but a CA that still has one of those is too old to vouch for what moves an actuator. */
    private static void checkSelfSignature(X509Certificate authority) throws ModelRejectedException {
        SignatureAlgorithm key = algorithm(authority);
        if (authority.getSubjectX500Principal().equals(authority.getIssuerX500Principal())
                && !key.isNamedBy(signatureAlgorithm(authority))) {
            throw refused("certificate " + name(authority) + " is signed with " + authority.getSigAlgName() + " ("
                    + authority.getSigAlgOID() + "); allowed are " + SignatureAlgorithm.labels());
        }
    }

    private static AlgorithmIdentifier signatureAlgorithm(X509Certificate certificate) throws ModelRejectedException {
        try {
            return new X509CertificateHolder(certificate.getEncoded()).getSignatureAlgorithm();
        } catch (IOException | CertificateEncodingException e) {
            throw new ModelRejectedException("signature: certificate " + name(certificate) + " is damaged", e);
        }
    }

    /** @throws ModelRejectedException if no gateway would let this certificate sign a release at that time. */
    public static void checkSigner(X509Certificate leaf, Instant at) throws ModelRejectedException {
        checkValid(leaf, at);
        List<String> purposes;
        try {
            purposes = leaf.getExtendedKeyUsage();
        } catch (CertificateParsingException e) {
            throw new ModelRejectedException("signature: certificate " + name(leaf) + " is damaged", e);
        }
        if (!List.of(Certificates.RELEASE_SIGNING).equals(purposes)) {
            throw refused(name(leaf) + " has extended key usage " + (purposes == null ? "none" : purposes)
                    + ", only a certificate with exactly " + Certificates.RELEASE_SIGNING + " may sign releases");
        }
        boolean[] usage = leaf.getKeyUsage();
        if (usage == null || !usage[0] || leaf.getBasicConstraints() >= 0) {
            throw refused(name(leaf) + " needs key usage digitalSignature and must not be a CA");
        }
        if (usage[KEY_CERT_SIGN] || usage[CRL_SIGN]) {
            throw refused(name(leaf) + " may also issue certificates or revocation lists (key usage keyCertSign,"
                    + " cRLSign); sign with a certificate that is for signing releases only");
        }
    }

    private static void checkValid(X509Certificate certificate, Instant at) throws ModelRejectedException {
        if (at.isBefore(certificate.getNotBefore().toInstant())
                || at.isAfter(certificate.getNotAfter().toInstant())) {
            throw refused("certificate " + name(certificate) + " is valid from "
                    + certificate.getNotBefore().toInstant() + " to "
                    + certificate.getNotAfter().toInstant() + ", the gateway's clock says " + at
                    + "; check the clock, or sign with a valid certificate");
        }
    }

    private void checkIssued(X509Certificate certificate, X509Certificate issuer, Instant at)
            throws ModelRejectedException {
        AlgorithmIdentifier signature = signatureAlgorithm(certificate);
        if (!algorithm(issuer).isNamedBy(signature)) {
            throw refused("certificate " + name(certificate) + " is signed with " + certificate.getSigAlgName() + " ("
                    + certificate.getSigAlgOID() + "); allowed are " + SignatureAlgorithm.labels());
        }
        boolean current = false;
        for (X509CRL list : trust.revocations()) {
            if (list.getIssuerX500Principal().equals(issuer.getSubjectX500Principal()) && isSignedBy(list, issuer)) {
                checkList(list, issuer);
                current |= list.getNextUpdate() != null
                        && !at.isAfter(list.getNextUpdate().toInstant());
                checkNotRevoked(list.getRevokedCertificate(certificate.getSerialNumber()), certificate, at);
            }
        }
        if (revocationListRequired && !current) {
            throw refused("there is no current revocation list of " + name(issuer) + " in " + trust.folder()
                    + "; put one there as <name>.crl (revocationListRequired)");
        }
    }

    /** A list that does not say all there is to say would be taken for one that does. */
    private void checkList(X509CRL list, X509Certificate issuer) throws ModelRejectedException {
        Set<String> critical = list.getCriticalExtensionOIDs();
        boolean[] usage = issuer.getKeyUsage();
        String problem = null;
        if (list.getExtensionValue(Extension.deltaCRLIndicator.getId()) != null) {
            problem = "holds changes to another list only (a delta list)";
        } else if (list.getExtensionValue(Extension.issuingDistributionPoint.getId()) != null) {
            problem = "covers a part of the certificates only, or those of others (an issuing distribution point)";
        } else if (critical != null && !critical.isEmpty()) {
            problem = "has critical extensions " + critical + " that nobody here understands";
        } else if (usage == null || !usage[CRL_SIGN]) {
            problem = "is signed by a CA that may not sign lists (key usage cRLSign)";
        } else if (!algorithm(issuer).oid.getId().equals(list.getSigAlgOID())) {
            problem = "is signed with " + list.getSigAlgName() + " (" + list.getSigAlgOID() + "), allowed are "
                    + SignatureAlgorithm.labels();
        }
        if (problem != null) {
            throw new ModelRejectedException("trust: the revocation list of " + name(issuer) + " in " + trust.folder()
                    + " " + problem + "; put a complete one there");
        }
    }

    /** A CA that changes its key keeps its name: a list of the other key is another CA's. A list of nobody's is forged. */
    private boolean isSignedBy(X509CRL list, X509Certificate issuer) throws ModelRejectedException {
        try {
            list.verify(issuer.getPublicKey(), Certificates.BC);
            return true;
        } catch (GeneralSecurityException e) {
            for (X509Certificate authority : trust.authorities()) {
                if (authority.getSubjectX500Principal().equals(issuer.getSubjectX500Principal())
                        && verifies(list, authority)) {
                    return false;
                }
            }
            throw new ModelRejectedException(
                    "trust: the revocation list of " + name(issuer) + " in " + trust.folder()
                            + " has a wrong signature",
                    e);
        }
    }

    private static boolean verifies(X509CRL list, X509Certificate authority) {
        try {
            list.verify(authority.getPublicKey(), Certificates.BC);
            return true;
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    /** A release that was taken in before a revocation for a harmless reason keeps serving; a stolen key reaches back. */
    private static void checkNotRevoked(@Nullable X509CRLEntry entry, X509Certificate certificate, Instant at)
            throws ModelRejectedException {
        if (entry == null) {
            return;
        }
        CRLReason reason = entry.getRevocationReason() == null ? CRLReason.UNSPECIFIED : entry.getRevocationReason();
        if (REASONS_THAT_REACH_BACK.contains(reason)
                || !at.isBefore(entry.getRevocationDate().toInstant())) {
            throw refused("certificate " + name(certificate) + " was revoked on "
                    + entry.getRevocationDate().toInstant() + " ("
                    + reason
                    + "); sign the release again with another one");
        }
    }

    private static String name(X509Certificate certificate) {
        return certificate.getSubjectX500Principal().getName();
    }

    private static String names(Set<X500Principal> principals) {
        return String.join(
                " + ", principals.stream().map(X500Principal::getName).sorted().toList());
    }

    private static ModelRejectedException refused(String message) {
        return new ModelRejectedException("signature: " + message);
    }
}
