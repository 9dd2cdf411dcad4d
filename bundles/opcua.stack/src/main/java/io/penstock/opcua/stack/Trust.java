// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;

/**
 * What {@link TrustFolders} held at one moment (OPC UA Part 12 §7.8.2). Immutable.
 *
 * @param trusted applications that are trusted each by itself, and authorities that are trusted with all they issue.
 * @param issuers certificates that complete chains and let nobody in.
 * @param lists revocation lists.
 * @param unreadable files among the revocation lists that are none, by name; one of them may revoke anybody.
 * @param certificateFolder where an issuer's certificate belongs, as told to people.
 * @param listFolder where a revocation list belongs, as told to people.
 */
public record Trust(
        List<X509Certificate> trusted,
        List<X509Certificate> issuers,
        List<RevocationList> lists,
        List<String> unreadable,
        String certificateFolder,
        String listFolder) {
    public Trust {
        trusted = List.copyOf(trusted);
        issuers = List.copyOf(issuers);
        lists = List.copyOf(lists);
        unreadable = List.copyOf(unreadable);
    }

    /**
     * A revocation list and where it lies.
     *
     * @param file name of its file, as told to people.
     */
    public record RevocationList(String file, X509CRL list) {}

    /** What a person changed since then, one line each, for the log and the audit. */
    public List<String> changesSince(Trust before) {
        List<String> changes = new ArrayList<>();
        compare("trusted", before.trusted, trusted, changes);
        compare("known as an issuer", before.issuers, issuers, changes);
        for (RevocationList each : lists) {
            if (before.lists.stream().noneMatch(old -> old.list().equals(each.list()))) {
                int entries = each.list().getRevokedCertificates() == null
                        ? 0
                        : each.list().getRevokedCertificates().size();
                changes.add("revocation list " + each.file() + " of "
                        + CertificateNames.shown(
                                each.list().getIssuerX500Principal().toString()) + ": " + entries
                        + " revoked");
            }
        }
        for (RevocationList each : before.lists) {
            if (lists.stream().noneMatch(now -> now.list().equals(each.list()))) {
                changes.add("revocation list " + each.file() + " is gone or was replaced");
            }
        }
        return changes;
    }

    private static void compare(
            String word, List<X509Certificate> before, List<X509Certificate> now, List<String> changes) {
        for (X509Certificate certificate : now) {
            if (!before.contains(certificate)) {
                changes.add(word + ": " + description(certificate));
            }
        }
        for (X509Certificate certificate : before) {
            if (!now.contains(certificate)) {
                changes.add("no longer " + word + ": " + description(certificate));
            }
        }
    }

    private static String description(X509Certificate certificate) {
        return (CertificateJudge.isAuthority(certificate) ? "authority " : "application ")
                + CertificateNames.subject(certificate) + ", SHA-256 " + CertificateNames.fingerprint(certificate);
    }

    /** The same with one more that is trusted: what an approval would make of it. */
    public Trust with(X509Certificate more) {
        List<X509Certificate> all = new ArrayList<>(trusted);
        all.add(more);
        return new Trust(all, issuers, lists, unreadable, certificateFolder, listFolder);
    }

    /** The same with more that complete chains: those a peer sends itself. */
    public Trust completedBy(List<X509Certificate> more) {
        List<X509Certificate> all = new ArrayList<>(issuers);
        all.addAll(more);
        return new Trust(trusted, all, lists, unreadable, certificateFolder, listFolder);
    }
}
