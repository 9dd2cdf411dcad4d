// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import java.util.List;
import org.eclipse.milo.opcua.stack.core.security.CertificateQuarantine;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps the certificates of clients that were turned away, and says for each new one what to do. */
final class RejectedClients implements CertificateQuarantine {
    private static final Logger LOG = LoggerFactory.getLogger(RejectedClients.class);

    private final CertificateQuarantine files;

    RejectedClients(CertificateQuarantine files) {
        this.files = files;
    }

    @Override
    public List<X509Certificate> getRejectedCertificates() {
        return files.getRejectedCertificates();
    }

    @Override
    public void addRejectedCertificate(X509Certificate certificate) {
        boolean known = files.getRejectedCertificates().contains(certificate);
        files.addRejectedCertificate(certificate);
        if (!known) {
            LOG.warn(
                    "OPC UA client {} turned away, its certificate is not trusted; compare the fingerprint {} with what the"
                            + " client shows, then: penstock client trust {}",
                    certificate.getSubjectX500Principal(),
                    fingerprint(certificate),
                    fingerprint(certificate).substring(0, 16));
        }
    }

    @Override
    public void removeRejectedCertificate(X509Certificate certificate) {
        files.removeRejectedCertificate(certificate);
    }

    private static String fingerprint(X509Certificate certificate) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded()));
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("certificate of " + certificate.getSubjectX500Principal(), e);
        }
    }
}
