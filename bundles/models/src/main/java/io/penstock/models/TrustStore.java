// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CRL;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;

/**
 * Who may vouch for signers of releases: the CA certificates ({@code *.pem}) and revocation lists ({@code *.crl}) of one
 * folder. It is read for every release, so that a change counts at once.
 *
 * @param folder where they lie.
 * @param authorities CA certificates.
 * @param revocations revocation lists.
 */
public record TrustStore(Path folder, List<X509Certificate> authorities, List<X509CRL> revocations) {
    private static final long LARGEST_FILE = 16L << 20;

    public TrustStore {
        authorities = List.copyOf(authorities);
        revocations = List.copyOf(revocations);
    }

    /** @throws ModelRejectedException if there is no CA, or a file cannot be read; a list that cannot be read may hold a thief. */
    public static TrustStore read(Path folder) throws ModelRejectedException {
        List<X509Certificate> authorities = new ArrayList<>();
        List<X509CRL> revocations = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            for (Path file : files(folder)) {
                try {
                    if (file.toString().endsWith(".pem")) {
                        authorities.addAll(authorities(file));
                    } else if (file.toString().endsWith(".crl")) {
                        revocations.addAll(revocations(file));
                    }
                } catch (IOException | GeneralSecurityException e) {
                    throw new ModelRejectedException(
                            "trust: " + file + " cannot be used: " + e.getMessage() + "; repair or remove it", e);
                }
            }
        }
        if (authorities.isEmpty()) {
            throw new ModelRejectedException("trust: no CA certificate in " + folder
                    + "; put the certificate of the CA that issues your signers there, as <name>.pem");
        }
        return new TrustStore(folder, authorities, revocations);
    }

    private static List<Path> files(Path folder) throws ModelRejectedException {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
            stream.forEach(files::add);
        } catch (IOException e) {
            throw new ModelRejectedException("trust: " + folder + " cannot be read: " + e.getMessage(), e);
        }
        files.sort(null);
        return files;
    }

    private static List<X509Certificate> authorities(Path file) throws IOException, GeneralSecurityException {
        checkFile(file);
        List<X509Certificate> certificates = Certificates.readCertificates(file);
        for (X509Certificate certificate : certificates) {
            boolean[] usage = certificate.getKeyUsage();
            if (certificate.getBasicConstraints() < 0 || (usage != null && !usage[5])) {
                throw new GeneralSecurityException("certificate " + certificate.getSubjectX500Principal()
                        + " is not a CA (basicConstraints CA and keyCertSign are needed)");
            }
        }
        return certificates;
    }

    private static List<X509CRL> revocations(Path file) throws IOException, GeneralSecurityException {
        checkFile(file);
        List<X509CRL> lists = new ArrayList<>();
        try (InputStream in = Files.newInputStream(file)) {
            for (CRL list :
                    CertificateFactory.getInstance("X.509", Certificates.BC).generateCRLs(in)) {
                lists.add((X509CRL) list);
            }
        }
        if (lists.isEmpty()) {
            throw new GeneralSecurityException("holds no revocation list");
        }
        return lists;
    }

    /** A pipe would never end or never begin, and hold up every release and rollback. */
    private static void checkFile(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException("a plain file is needed, this is none");
        }
        if (Files.size(file) > LARGEST_FILE) {
            throw new IOException("at most " + LARGEST_FILE + " bytes, has " + Files.size(file));
        }
    }

    String authorityNames() {
        return String.join(
                ", ",
                authorities.stream()
                        .map(authority -> authority.getSubjectX500Principal().getName())
                        .toList());
    }
}
