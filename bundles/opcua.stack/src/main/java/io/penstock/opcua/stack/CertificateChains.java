// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Finds every way from a certificate to a root that signed itself, by names and signatures alone, within bounds that
 * a stranger's certificates cannot raise. Used once, by one thread.
 */
final class CertificateChains {
    private static final int MOST_CHAINS = 8;
    private static final int MOST_VERIFICATIONS = 64;

    private final Set<X509Certificate> pool;
    private final int longest;
    private final List<List<X509Certificate>> complete = new ArrayList<>();
    private List<X509Certificate> partial = List.of();
    private int verifications;

    /** @param pool all certificates that may be issuers. */
    CertificateChains(X509Certificate leaf, Set<X509Certificate> pool, int longest) {
        this.pool = new LinkedHashSet<>(pool);
        this.longest = longest;
        walk(new ArrayList<>(List.of(leaf)));
    }

    /** From the leaf to the root; empty if no root was found. */
    List<List<X509Certificate>> complete() {
        return complete;
    }

    /** The longest that ends before a root. */
    List<X509Certificate> partial() {
        return partial;
    }

    /** Whether the search was given up. */
    boolean isGivenUp() {
        return verifications >= MOST_VERIFICATIONS || complete.size() >= MOST_CHAINS;
    }

    private void walk(List<X509Certificate> chain) {
        X509Certificate last = chain.get(chain.size() - 1);
        if (isSelfSigned(last)) {
            complete.add(List.copyOf(chain));
            return;
        }
        if (chain.size() > partial.size()) {
            partial = List.copyOf(chain);
        }
        if (chain.size() >= longest) {
            return;
        }
        for (X509Certificate candidate : pool) {
            if (isGivenUp()) {
                return;
            }
            if (!chain.contains(candidate)
                    && candidate.getSubjectX500Principal().equals(last.getIssuerX500Principal())
                    && verifies(last, candidate.getPublicKey())) {
                chain.add(candidate);
                walk(chain);
                chain.remove(chain.size() - 1);
            }
        }
    }

    private boolean isSelfSigned(X509Certificate certificate) {
        return certificate.getSubjectX500Principal().equals(certificate.getIssuerX500Principal())
                && verifies(certificate, certificate.getPublicKey());
    }

    private boolean verifies(X509Certificate certificate, PublicKey key) {
        if (verifications++ >= MOST_VERIFICATIONS || !AlgorithmPolicy.isBounded(key)) {
            return false;
        }
        try {
            certificate.verify(key);
            return true;
        } catch (GeneralSecurityException | RuntimeException e) {
            return false;
        }
    }
}
