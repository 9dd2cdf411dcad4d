// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.security.CertificateValidator;
import org.eclipse.milo.opcua.stack.core.security.TrustListManager;
import org.eclipse.milo.opcua.stack.core.util.CertificateUtil;
import org.jspecify.annotations.Nullable;

/**
 * Says why a client is turned away although somebody trusts it; clients themselves are told little. Those that nobody trusts
 * are the business of {@link RejectedClients}. Thread-safe.
 */
final class ClientCertificates implements CertificateValidator {
    /** What a stranger sends is decoded, searched and kept certificate by certificate. */
    static final int CHAIN_LIMIT = 10;

    private static final int REMEMBERED = 100;

    private final CertificateValidator validator;
    private final TrustListManager trusted;
    private final Clock clock;
    private final Consumer<String> log;
    private final Map<X509Certificate, Long> explained = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<X509Certificate, Long> eldest) {
            return size() > REMEMBERED;
        }
    };

    ClientCertificates(CertificateValidator validator, TrustListManager trusted, Clock clock, Consumer<String> log) {
        this.validator = validator;
        this.trusted = trusted;
        this.clock = clock;
        this.log = log;
    }

    @Override
    public void validateCertificateChain(
            List<X509Certificate> chain, @Nullable String applicationUri, @Nullable String @Nullable [] hosts)
            throws UaException {
        if (chain.isEmpty() || chain.size() > CHAIN_LIMIT) {
            throw new UaException(
                    StatusCodes.Bad_CertificateInvalid,
                    "chain of 1 to " + CHAIN_LIMIT + " certificates, had " + chain.size());
        }
        X509Certificate client = chain.get(0);
        try {
            validator.validateCertificateChain(chain, applicationUri, hosts);
        } catch (UaException e) {
            explain(client, applicationUri, e.getStatusCode().value());
            throw e;
        }
        if (applicationUri
                != null) { // when the channel opens nobody knows it yet; the session may still be refused for it
            synchronized (explained) {
                explained.remove(client);
            }
        }
    }

    private void explain(X509Certificate client, @Nullable String applicationUri, long status) {
        if (status == StatusCodes.Bad_SecurityChecksFailed && !isTrusted(client)) {
            return;
        }
        synchronized (explained) {
            Long before = explained.put(client, status);
            if (before != null && before == status) {
                return; // once, not at every attempt
            }
        }
        log.accept("OPC UA client " + RejectedClients.subject(client) + " turned away: "
                + reason(client, applicationUri, status));
    }

    /** By somebody here, or by an authority that is. */
    private boolean isTrusted(X509Certificate client) {
        List<X509Certificate> known = trusted.getTrustedCertificates();
        return known.contains(client)
                || known.stream()
                        .filter(issuer -> issuer.getSubjectX500Principal().equals(client.getIssuerX500Principal()))
                        .anyMatch(issuer -> isSignedBy(client, issuer));
    }

    private static boolean isSignedBy(X509Certificate client, X509Certificate issuer) {
        try {
            client.verify(issuer.getPublicKey());
            return true;
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    private String reason(X509Certificate client, @Nullable String applicationUri, long status) {
        if (status == StatusCodes.Bad_CertificateTimeInvalid) {
            return "its certificate is valid from " + client.getNotBefore().toInstant() + " to "
                    + client.getNotAfter().toInstant() + ", this machine's clock says " + clock.instant()
                    + "; give the client a new certificate, or set the clock";
        }
        if (status == StatusCodes.Bad_CertificateUriInvalid) {
            return "it calls itself " + applicationUri + ", its certificate is for "
                    + CertificateUtil.getSanUri(client).orElse("no application")
                    + "; give the client a certificate with its own application URI";
        }
        if (status == StatusCodes.Bad_SecurityChecksFailed) {
            return "its certificate was revoked or cannot be verified; see the revocation lists of its issuers, or give the"
                    + " client a new certificate";
        }
        return StatusCodes.lookup(status).map(name -> name[0]).orElse("0x" + Long.toHexString(status))
                + "; see the certificates of its issuers and their revocation lists";
    }
}
