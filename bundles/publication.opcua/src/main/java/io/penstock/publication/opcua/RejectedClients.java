// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.eclipse.milo.opcua.stack.core.security.CertificateQuarantine;

/**
 * Keeps the certificates of clients that were turned away, each once, and says for each new one what to do. Whoever reaches the
 * port can have many, so only so many an hour are told of. Thread-safe as far as the files are.
 */
final class RejectedClients implements CertificateQuarantine {
    static final int TOLD_AN_HOUR = 20;

    private static final int SUBJECT_SHOWN = 200;
    private static final long HOUR_NANOS = 3_600_000_000_000L;

    private final CertificateQuarantine files;
    private final LongSupplier nanoTime;
    private final Consumer<String> log;
    private long since;
    private int told;

    RejectedClients(CertificateQuarantine files, LongSupplier nanoTime, Consumer<String> log) {
        this.files = files;
        this.nanoTime = nanoTime;
        this.log = log;
        since = nanoTime.getAsLong();
    }

    @Override
    public List<X509Certificate> getRejectedCertificates() {
        return files.getRejectedCertificates();
    }

    @Override
    public void addRejectedCertificate(X509Certificate certificate) {
        if (files.getRejectedCertificates().contains(certificate)) {
            return; // also where it lies there under another name
        }
        files.addRejectedCertificate(certificate);
        tell(certificate);
    }

    private synchronized void tell(X509Certificate certificate) {
        long now = nanoTime.getAsLong();
        if (now - since > HOUR_NANOS) {
            since = now;
            told = 0;
        }
        told++;
        if (told <= TOLD_AN_HOUR) {
            log.accept("OPC UA client " + subject(certificate)
                    + " turned away, its certificate is not trusted; compare the fingerprint "
                    + fingerprint(certificate)
                    + " with what the client shows, then: penstock client trust "
                    + fingerprint(certificate).substring(0, 16));
        } else if (told == TOLD_AN_HOUR + 1) {
            log.accept("more than " + TOLD_AN_HOUR
                    + " OPC UA clients turned away within an hour, the next are kept but not"
                    + " told of; see: penstock client list");
        }
    }

    @Override
    public void removeRejectedCertificate(X509Certificate certificate) {
        files.removeRejectedCertificate(certificate);
    }

    /** It comes from a stranger, who may have written a book into it. */
    static String subject(X509Certificate certificate) {
        String subject = certificate.getSubjectX500Principal().toString().replaceAll("\\p{C}", "?");
        return subject.length() <= SUBJECT_SHOWN ? subject : subject.substring(0, SUBJECT_SHOWN) + "…";
    }

    private static String fingerprint(X509Certificate certificate) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded()));
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("certificate of " + certificate.getSubjectX500Principal(), e);
        }
    }
}
