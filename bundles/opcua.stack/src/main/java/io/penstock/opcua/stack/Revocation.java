// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import java.security.GeneralSecurityException;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Looks a certificate up in the newest usable revocation list of its issuer (RFC 5280 §6.3, complete lists only). Stateless. */
final class Revocation {
    private static final String DELTA = "2.5.29.27";
    private static final String DISTRIBUTION_POINT = "2.5.29.28";
    private static final int CRL_SIGN = 6;

    private Revocation() {}

    /** @param words null where it is not revoked, as far as is known. */
    record Finding(boolean revoked, boolean known, String words, String nextStep) {
        static final Finding GOOD = new Finding(false, true, "", "");
    }

    /** @param required whether a current list is needed. */
    static Finding look(
            X509Certificate certificate, X509Certificate issuer, Trust trust, Instant now, boolean required) {
        Trust.RevocationList newest = null;
        List<String> unusable = new ArrayList<>();
        for (Trust.RevocationList each : trust.lists()) {
            X509CRL list = each.list();
            if (!list.getIssuerX500Principal().equals(issuer.getSubjectX500Principal())) {
                continue;
            }
            String problem = isSignedBy(list, issuer) ? problem(list, issuer) : foreign(list, trust);
            if (problem != null) {
                if (!problem.isEmpty()) {
                    unusable.add(each.file() + " " + problem);
                }
            } else if (newest == null
                    || list.getThisUpdate()
                            .toInstant()
                            .isAfter(newest.list().getThisUpdate().toInstant())) {
                newest = each;
            }
        }
        String subject = CertificateNames.subject(certificate);
        if (newest != null) {
            X509CRLEntry entry = newest.list().getRevokedCertificate(certificate.getSerialNumber());
            if (entry != null) {
                return new Finding(
                        true,
                        true,
                        subject + " was revoked by its issuer on "
                                + entry.getRevocationDate().toInstant()
                                + (entry.getRevocationReason() == null ? "" : " (" + entry.getRevocationReason() + ")")
                                + ", says " + newest.file(),
                        "give it a new certificate if it is to come in");
            }
        }
        String unknown = "whether " + subject + " is revoked is unknown: ";
        String put = "put the current list of " + CertificateNames.issuer(certificate) + " into " + trust.listFolder()
                + " as a file *.crl";
        Instant end = newest == null ? null : end(newest.list());
        if (newest != null && end != null && !now.isAfter(end)) {
            return Finding.GOOD;
        }
        if (!unusable.isEmpty()) {
            return new Finding(false, false, unknown + String.join(", ", unusable), put);
        }
        if (newest == null && !trust.unreadable().isEmpty()) {
            return new Finding(
                    false,
                    false,
                    unknown + String.join(", ", trust.unreadable()) + " cannot be read",
                    "replace or remove it, and " + put);
        }
        if (!required) {
            return Finding.GOOD;
        }
        if (newest == null) {
            return new Finding(
                    false,
                    false,
                    unknown + "there is no revocation list of " + CertificateNames.issuer(certificate),
                    put);
        }
        return new Finding(
                false,
                false,
                unknown
                        + newest.file()
                        + (end == null ? " does not say until when it holds" : " has expired on " + end),
                put);
    }

    private static @Nullable Instant end(X509CRL list) {
        return list.getNextUpdate() == null ? null : list.getNextUpdate().toInstant();
    }

    private static boolean isSignedBy(X509CRL list, X509Certificate issuer) {
        try {
            list.verify(issuer.getPublicKey());
            return true;
        } catch (GeneralSecurityException | RuntimeException e) {
            return false;
        }
    }

    /** An authority that changed its key keeps its name: a list of the other key is no forged one, but another authority's. */
    private static String foreign(X509CRL list, Trust trust) {
        for (List<X509Certificate> certificates : List.of(trust.trusted(), trust.issuers())) {
            for (X509Certificate other : certificates) {
                if (other.getSubjectX500Principal().equals(list.getIssuerX500Principal())
                        && AlgorithmPolicy.isBounded(other.getPublicKey())
                        && isSignedBy(list, other)) {
                    return "";
                }
            }
        }
        return "is not signed by the issuer it names";
    }

    private static @Nullable String problem(X509CRL list, X509Certificate issuer) {
        Set<String> critical = list.getCriticalExtensionOIDs();
        if (list.getExtensionValue(DELTA) != null) {
            return "holds changes to another list only (a delta list), a complete one is needed";
        }
        if (list.getExtensionValue(DISTRIBUTION_POINT) != null) {
            return "covers a part of the certificates only, or those of others (an issuing distribution point), a"
                    + " complete one is needed";
        }
        if (critical != null && !critical.isEmpty()) {
            return "has critical extensions " + critical + " that nobody here understands";
        }
        String algorithm = AlgorithmPolicy.signature(list);
        if (algorithm != null) {
            return algorithm;
        }
        boolean[] usage = issuer.getKeyUsage();
        if (usage != null && !usage[CRL_SIGN]) {
            return "is signed by an authority that may not sign lists (key usage cRLSign)";
        }
        Set<? extends X509CRLEntry> entries = list.getRevokedCertificates();
        if (entries != null && entries.stream().anyMatch(X509CRLEntry::hasUnsupportedCriticalExtension)) {
            return "has entries with critical extensions that nobody here understands";
        }
        return null;
    }
}
