// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import io.penstock.opcua.stack.CertificateVerdict.Code;
import io.penstock.opcua.stack.CertificateVerdict.Problem;
import java.security.GeneralSecurityException;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateParsingException;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Date;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The one place that says whether an OPC UA peer's certificate is good: for connections, for sessions that are open, and for
 * the person who is about to trust it. The steps are those of OPC UA Part 4 §6.1.3, all of them, none silently left out. A
 * trusted application is let in alone, whatever its certificate says of issuing others; a trusted authority is let in with all
 * it issues. Immutable.
 */
public final class CertificateJudge {
    /** Of a stranger's certificates, before anything is computed with them. */
    public static final int LONGEST_CHAIN = 10;

    public static final int LARGEST_CERTIFICATE = 16 * 1024;

    private static final int SAN_URI = 6;
    private static final int DIGITAL_SIGNATURE = 0;
    private static final int KEY_ENCIPHERMENT = 2;
    private static final int DATA_ENCIPHERMENT = 3;
    private static final int CERT_SIGN = 5;
    private static final String ANY_PURPOSE = "2.5.29.37.0";
    /** Key identifiers, usage, names, constraints, policies, purposes: what the checks here and those of the JDK cover. */
    private static final Set<String> UNDERSTOOD = Set.of(
            "2.5.29.14",
            "2.5.29.15",
            "2.5.29.17",
            "2.5.29.18",
            "2.5.29.19",
            "2.5.29.30",
            "2.5.29.32",
            "2.5.29.33",
            "2.5.29.35",
            "2.5.29.36",
            "2.5.29.37",
            "2.5.29.54");

    private final CertificatePolicy policy;
    private final Instant earliest;

    /** @param earliest a time that has certainly come, such as when the own certificate was made; a clock before it is wrong. */
    public CertificateJudge(CertificatePolicy policy, Instant earliest) {
        this.policy = policy;
        this.earliest = earliest;
    }

    /**
     * Judges a peer.
     *
     * @param sent what it sent: its own certificate first, then issuers, in any order and as far as it likes.
     * @param applicationUri what it calls itself; null while that is not known.
     */
    public CertificateVerdict judge(
            List<X509Certificate> sent, @Nullable String applicationUri, Trust trust, Instant now) {
        Problem malformed = malformed(sent);
        if (malformed != null) {
            return new CertificateVerdict(sent.isEmpty() ? List.of() : sent.subList(0, 1), null, List.of(malformed));
        }
        X509Certificate leaf = sent.get(0);
        Set<X509Certificate> pool = new LinkedHashSet<>(trust.trusted());
        pool.addAll(trust.issuers());
        pool.addAll(sent);
        CertificateChains chains = new CertificateChains(leaf, pool, LONGEST_CHAIN);
        CertificateVerdict best = null;
        for (List<X509Certificate> chain : chains.complete()) {
            CertificateVerdict verdict = judgeChain(chain, applicationUri, trust, now);
            if (verdict.accepted()) {
                return verdict;
            }
            if (best == null
                    || best.problem().code().compareTo(verdict.problem().code()) < 0) {
                best = verdict;
            }
        }
        if (best != null) {
            return best;
        }
        List<X509Certificate> partial = chains.partial();
        X509Certificate authority = authority(partial, trust);
        if (!trust.trusted().contains(leaf) && authority == null) {
            return new CertificateVerdict(partial, null, List.of(untrusted(leaf)));
        }
        X509Certificate last = partial.isEmpty() ? leaf : partial.get(partial.size() - 1);
        boolean namesake =
                pool.stream().anyMatch(c -> c.getSubjectX500Principal().equals(last.getIssuerX500Principal()));
        String words = "the certificate of " + CertificateNames.issuer(last) + ", which issued "
                + CertificateNames.subject(last) + ", is "
                + (namesake ? "not the one that is there under this name" : "missing");
        return new CertificateVerdict(
                partial,
                authority,
                List.of(new Problem(
                        Code.CHAIN_INCOMPLETE,
                        chains.isGivenUp() ? "too many certificates issue each other to find a root" : words,
                        "put it into " + trust.certificateFolder()
                                + ", where it completes chains and lets nobody in")));
    }

    /** What is told of each certificate whoever sent it; a chain is looked at only when it is small and each is there once. */
    private static @Nullable Problem malformed(List<X509Certificate> sent) {
        String again = "give it a certificate with the chain of its issuers only";
        if (sent.isEmpty() || sent.size() > LONGEST_CHAIN) {
            return new Problem(
                    Code.INVALID,
                    "1 to " + LONGEST_CHAIN + " certificates are looked at, sent were " + sent.size(),
                    again);
        }
        if (Set.copyOf(sent).size() < sent.size()) {
            return new Problem(Code.INVALID, "a certificate of its chain is there twice", again);
        }
        for (X509Certificate certificate : sent) {
            try {
                int size = certificate.getEncoded().length;
                if (size > LARGEST_CERTIFICATE) {
                    return new Problem(
                            Code.INVALID,
                            "a certificate of " + size + " bytes, at most " + LARGEST_CERTIFICATE + " are looked at",
                            again);
                }
            } catch (CertificateEncodingException e) {
                return new Problem(Code.INVALID, "a certificate of its chain is damaged", again);
            }
        }
        return null;
    }

    private Problem untrusted(X509Certificate leaf) {
        return new Problem(
                Code.UNTRUSTED,
                "nobody trusts " + CertificateNames.subject(leaf) + " or an authority that issued it",
                "compare its fingerprint " + CertificateNames.fingerprint(leaf) + " with what the " + policy.peer().word
                        + " shows, then trust it");
    }

    /** What an authority's own certificate has against its being trusted; empty if nothing. */
    public List<Problem> authorityProblems(X509Certificate authority, Instant now) {
        List<Problem> problems = new ArrayList<>();
        checkOne(authority, false, problems);
        checkTime(authority, false, now, problems);
        boolean[] usage = authority.getKeyUsage();
        if (!isAuthority(authority) || (usage != null && !usage[CERT_SIGN])) {
            problems.add(new Problem(
                    Code.ISSUER_USE_NOT_ALLOWED,
                    CertificateNames.subject(authority) + " may not issue certificates",
                    "trust an authority that may"));
        }
        return problems;
    }

    private static @Nullable X509Certificate authority(List<X509Certificate> chain, Trust trust) {
        return chain.stream()
                .skip(1)
                .filter(c -> trust.trusted().contains(c) && isAuthority(c))
                .findFirst()
                .orElse(null);
    }

    /** One that issues others. A certificate of an application stands for itself alone, even if it says that it may issue. */
    public static boolean isAuthority(X509Certificate certificate) {
        return certificate.getBasicConstraints() >= 0
                && applicationUri(certificate).isEmpty();
    }

    /** The application a certificate is for; empty where it names none, several, or nothing readable. */
    public static String applicationUri(X509Certificate certificate) {
        try {
            Collection<List<?>> names = certificate.getSubjectAlternativeNames();
            List<String> uris = names == null
                    ? List.of()
                    : names.stream()
                            .filter(name -> name.get(0).equals(SAN_URI))
                            .map(name -> String.valueOf(name.get(1)))
                            .toList();
            return uris.size() == 1 ? uris.get(0) : "";
        } catch (CertificateParsingException e) {
            return "";
        }
    }

    private CertificateVerdict judgeChain(
            List<X509Certificate> chain, @Nullable String applicationUri, Trust trust, Instant now) {
        X509Certificate leaf = chain.get(0);
        X509Certificate authority = authority(chain, trust);
        if (trust.trusted().contains(leaf)) {
            authority = null;
        } else if (authority == null) {
            return new CertificateVerdict(chain, null, List.of(untrusted(leaf)));
        }
        List<Problem> problems = new ArrayList<>();
        for (int i = 0; i < chain.size(); i++) {
            checkOne(chain.get(i), i == 0, problems);
            checkTime(chain.get(i), i == 0, now, problems);
            if (i > 0) {
                checkIssuer(chain, i, problems);
            }
        }
        checkUri(leaf, applicationUri, problems);
        checkUsage(leaf, problems);
        for (int i = 0; i + 1 < chain.size(); i++) {
            checkRevocation(chain.get(i), chain.get(i + 1), i == 0, trust, now, problems);
        }
        if (chain.size() > 1 && problems.isEmpty()) {
            checkRest(chain, now, problems);
        }
        problems.sort(Comparator.comparing(Problem::code));
        return new CertificateVerdict(chain, authority, problems);
    }

    private void checkOne(X509Certificate certificate, boolean isLeaf, List<Problem> problems) {
        String who = CertificateNames.subject(certificate) + " ";
        String next = isLeaf ? "give the " + policy.peer().word + " a new certificate" : "have it issued anew";
        Set<String> critical = certificate.getCriticalExtensionOIDs();
        if (critical != null && !UNDERSTOOD.containsAll(critical)) {
            Set<String> unknown = new LinkedHashSet<>(critical);
            unknown.removeAll(UNDERSTOOD);
            problems.add(new Problem(
                    Code.INVALID, who + "has critical extensions " + unknown + " that nobody here understands", next));
        }
        String key = isLeaf
                ? AlgorithmPolicy.applicationKey(certificate.getPublicKey(), policy.minimumRsaBits())
                : AlgorithmPolicy.authorityKey(certificate.getPublicKey(), policy.minimumRsaBits());
        if (key != null) {
            problems.add(new Problem(Code.POLICY_CHECK_FAILED, who + key, next));
        }
        String signature = AlgorithmPolicy.signature(certificate);
        if (signature != null) {
            problems.add(new Problem(Code.POLICY_CHECK_FAILED, who + signature, next));
        }
    }

    private void checkTime(X509Certificate certificate, boolean isLeaf, Instant now, List<Problem> problems) {
        Instant from = certificate.getNotBefore().toInstant();
        Instant to = certificate.getNotAfter().toInstant();
        if (!now.isBefore(from) && !now.isAfter(to)) {
            return;
        }
        boolean wrongClock = now.isBefore(earliest);
        String words = CertificateNames.subject(certificate) + " "
                + (now.isBefore(from) ? "is valid only from " + from + " on" : "has expired on " + to)
                + ", this machine's clock says " + now
                + (wrongClock ? ", which cannot be: its own certificate was made on " + earliest : "");
        String next = wrongClock
                ? "set the clock"
                : (isLeaf ? "give the " + policy.peer().word + " a new certificate" : "have it issued anew")
                        + ", or set the clock";
        problems.add(new Problem(isLeaf ? Code.TIME_INVALID : Code.ISSUER_TIME_INVALID, words, next));
    }

    /** RFC 5280 §6.1.4 (k) to (n), from the root on down. */
    private static void checkIssuer(List<X509Certificate> chain, int index, List<Problem> problems) {
        X509Certificate issuer = chain.get(index);
        boolean[] usage = issuer.getKeyUsage();
        int limit = issuer.getBasicConstraints();
        String words = null;
        if (limit < 0) {
            words = "is no authority (basicConstraints CA)";
        } else if (usage != null && !usage[CERT_SIGN]) {
            words = "may not issue certificates (key usage keyCertSign)";
        } else {
            long between = chain.subList(1, index).stream()
                    .filter(c -> !c.getSubjectX500Principal().equals(c.getIssuerX500Principal()))
                    .count();
            if (between > limit) {
                words = "allows " + limit + " authorities below it (pathLen), there are " + between;
            }
        }
        if (words != null) {
            problems.add(new Problem(
                    Code.ISSUER_USE_NOT_ALLOWED,
                    CertificateNames.subject(issuer) + ", which issued "
                            + CertificateNames.subject(chain.get(index - 1)) + ", " + words,
                    "have the certificate issued by an authority that may"));
        }
    }

    private void checkUri(X509Certificate leaf, @Nullable String applicationUri, List<Problem> problems) {
        String own = applicationUri(leaf);
        String next = "give the " + policy.peer().word + " a certificate with its own application URI";
        if (own.isEmpty()) {
            problems.add(new Problem(
                    Code.URI_INVALID,
                    "its certificate names no application URI, or several (subjectAltName URI); OPC UA needs one",
                    next));
        } else if (applicationUri != null && !applicationUri.equals(own)) {
            problems.add(new Problem(
                    Code.URI_INVALID,
                    "it calls itself " + CertificateNames.shown(applicationUri) + ", its certificate is for "
                            + CertificateNames.shown(own),
                    next));
        }
    }

    /** Part 6 §6.2.2: what the key does here is signing, and opening what was encrypted for it. */
    private void checkUsage(X509Certificate leaf, List<Problem> problems) {
        boolean[] usage = leaf.getKeyUsage();
        String words = null;
        if (usage == null) {
            words = "has no key usage";
        } else if (!usage[DIGITAL_SIGNATURE] || !(usage[KEY_ENCIPHERMENT] || usage[DATA_ENCIPHERMENT])) {
            words = "may not be used to sign and to encrypt";
        }
        if (words == null) {
            try {
                List<String> purposes = leaf.getExtendedKeyUsage();
                if (purposes != null && !purposes.contains(policy.peer().purpose) && !purposes.contains(ANY_PURPOSE)) {
                    words = "is for other purposes than " + policy.peer().purposeName + " (extended key usage "
                            + purposes + ")";
                }
            } catch (CertificateParsingException e) {
                words = "has an extended key usage that cannot be read";
            }
        }
        if (words != null) {
            problems.add(new Problem(
                    Code.USE_NOT_ALLOWED,
                    CertificateNames.subject(leaf) + " " + words,
                    "give the " + policy.peer().word + " a certificate with key usage digitalSignature, keyEncipherment"
                            + " and dataEncipherment, and extended key usage " + policy.peer().purposeName));
        }
    }

    private void checkRevocation(
            X509Certificate certificate,
            X509Certificate issuer,
            boolean isLeaf,
            Trust trust,
            Instant now,
            List<Problem> problems) {
        Revocation.Finding finding = Revocation.look(certificate, issuer, trust, now, policy.revocationListsRequired());
        if (finding.revoked()) {
            problems.add(new Problem(isLeaf ? Code.REVOKED : Code.ISSUER_REVOKED, finding.words(), finding.nextStep()));
        } else if (!finding.known()) {
            problems.add(new Problem(
                    isLeaf ? Code.REVOCATION_UNKNOWN : Code.ISSUER_REVOCATION_UNKNOWN,
                    finding.words(),
                    finding.nextStep()));
        }
    }

    /** Name constraints, policies and whatever else RFC 5280 §6.1 asks for; the root counts as the others do. */
    private static void checkRest(List<X509Certificate> chain, Instant now, List<Problem> problems) {
        X509Certificate root = chain.get(chain.size() - 1);
        try {
            PKIXParameters parameters = new PKIXParameters(
                    Set.of(new TrustAnchor(root.getSubjectX500Principal(), root.getPublicKey(), null)));
            parameters.setRevocationEnabled(false); // looked at above, and not by what the JDK is configured to
            parameters.setDate(Date.from(now));
            CertPathValidator.getInstance("PKIX")
                    .validate(CertificateFactory.getInstance("X.509").generateCertPath(chain), parameters);
        } catch (CertPathValidatorException e) {
            int index = Math.max(0, e.getIndex());
            problems.add(new Problem(
                    Code.INVALID,
                    CertificateNames.subject(chain.get(index)) + " breaks a rule of its issuers: " + e.getMessage()
                            + " (" + e.getReason() + ")",
                    "have it issued anew"));
        } catch (GeneralSecurityException | RuntimeException e) {
            problems.add(
                    new Problem(Code.INVALID, "its chain cannot be checked: " + e.getMessage(), "have it issued anew"));
        }
    }
}
