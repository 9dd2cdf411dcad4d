// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import javax.security.auth.x500.X500Principal;

/** How certificates are called towards people; what they say of themselves a stranger may have written. Stateless. */
public final class CertificateNames {
    private static final int SHOWN = 200;

    private CertificateNames() {}

    public static String subject(X509Certificate certificate) {
        return shown(certificate.getSubjectX500Principal());
    }

    public static String issuer(X509Certificate certificate) {
        return shown(certificate.getIssuerX500Principal());
    }

    private static String shown(X500Principal name) {
        return shown(name.toString());
    }

    /** No control character moves a cursor, no line passes for another's, and nobody writes a book. */
    public static String shown(String text) {
        String clean = text.replaceAll("\\p{C}", "?");
        return clean.length() <= SHOWN ? clean : clean.substring(0, SHOWN) + "…";
    }

    /** SHA-256 in lower-case hex, by which certificates are told apart here. */
    public static String fingerprint(X509Certificate certificate) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded()));
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("certificate of " + subject(certificate), e);
        }
    }
}
