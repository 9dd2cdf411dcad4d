// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import io.penstock.kit.Disk;
import io.penstock.opcua.stack.ApplicationCertificate;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.security.cert.CRLException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.Certificate;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXCertPathBuilderResult;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAPublicKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.security.CertificateValidator;
import org.eclipse.milo.opcua.stack.core.util.validation.CertificateValidationUtil;
import org.eclipse.milo.opcua.stack.core.util.validation.ValidationCheck;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whom the connector believes to be its server: certificates in {@code trusted/}, or below authorities in {@code trusted/},
 * with the authorities between and revocation lists in {@code issuers/}. An unknown certificate is refused and kept in
 * {@code rejected/} for a person to compare and move. The folders are read at each use, so that moving a file is all there is
 * to do. Thread-safe.
 */
final class ServerTrust implements CertificateValidator {
    private static final Logger LOG = LoggerFactory.getLogger(ServerTrust.class);
    private static final int MOST_REJECTED = 50;
    private static final int LEAST_KEY_BITS = 2048;
    private static final Set<ValidationCheck> CHECKS =
            Set.of(ValidationCheck.VALIDITY, ValidationCheck.APPLICATION_URI, ValidationCheck.REVOCATION);

    private final Path home;
    private final Path trusted;
    private final Path issuers;
    private final Path rejected;

    /** @param directory the connector's own, below {@code home}. */
    ServerTrust(Path home, Path directory) throws IOException {
        this.home = home;
        trusted = Files.createDirectories(directory.resolve("trusted"));
        issuers = Files.createDirectories(directory.resolve("issuers"));
        rejected = Files.createDirectories(directory.resolve("rejected"));
    }

    /** Changes when a file came to or left {@code trusted/} or {@code issuers/}. */
    long state() {
        return modified(trusted) * 31 + modified(issuers);
    }

    private static long modified(Path directory) {
        try {
            return Files.getLastModifiedTime(directory).toMillis();
        } catch (IOException e) {
            return 0;
        }
    }

    @Override
    public void validateCertificateChain(
            List<X509Certificate> chain, @Nullable String applicationUri, String @Nullable [] hostNames)
            throws UaException {
        if (chain.isEmpty()) {
            throw new UaException(StatusCodes.Bad_CertificateInvalid, "the server sent no certificate");
        }
        X509Certificate server = chain.get(0);
        PublicKey key = server.getPublicKey();
        if (key instanceof RSAPublicKey rsa && rsa.getModulus().bitLength() < LEAST_KEY_BITS) {
            throw new UaException(
                    StatusCodes.Bad_CertificatePolicyCheckFailed,
                    describe(server) + " has a key of " + rsa.getModulus().bitLength() + " bits, at least "
                            + LEAST_KEY_BITS + " are needed; give the server a new certificate");
        }
        List<X509Certificate> anchors = certificates(trusted);
        PKIXCertPathBuilderResult path;
        try {
            path = CertificateValidationUtil.buildTrustedCertPath(chain, anchors, certificates(issuers));
        } catch (UaException e) {
            throw new UaException(StatusCodes.Bad_CertificateUntrusted, keep(server));
        }
        try {
            CertificateValidationUtil.validateTrustedCertPath(
                    path.getCertPath(), path.getTrustAnchor(), revocations(), CHECKS, false);
            if (applicationUri != null) {
                CertificateValidationUtil.checkApplicationUri(server, applicationUri);
            }
        } catch (UaException e) {
            long status = e.getStatusCode().value();
            throw new UaException(status, describe(server) + " is in trusted/, but " + problem(status, path, e), e);
        }
    }

    /** Each certificate of the path may be missing the revocation list of its own issuer. */
    private String problem(long status, PKIXCertPathBuilderResult path, UaException failure) {
        if (status != StatusCodes.Bad_CertificateRevocationUnknown
                && status != StatusCodes.Bad_CertificateIssuerRevocationUnknown) {
            return failure.getMessage() + "; give the server a valid certificate";
        }
        List<? extends Certificate> certificates = path.getCertPath().getCertificates();
        int index = failure.getCause() instanceof CertPathValidatorException cause ? Math.max(0, cause.getIndex()) : 0;
        X509Certificate questioned = (X509Certificate) certificates.get(Math.min(index, certificates.size() - 1));
        return "whether "
                + (index == 0 ? "it" : questioned.getSubjectX500Principal().getName())
                + " is revoked is unknown; put the revocation list of "
                + questioned.getIssuerX500Principal().getName() + " into " + home.relativize(issuers)
                + " as a file *.crl";
    }

    private String keep(X509Certificate server) {
        Path file = rejected.resolve(
                ApplicationCertificate.thumbprint(server).replace(":", "").toLowerCase(Locale.ROOT) + ".der");
        String problem = "";
        try {
            if (!Files.exists(file)) {
                prune();
                new Disk().replace(file, Disk.Access.ANYONE, server.getEncoded());
            }
        } catch (IOException | CertificateEncodingException e) {
            problem = " (it could not be kept: " + e.getMessage() + ")";
        }
        return describe(server) + " is not trusted; compare the thumbprint at the server, then move "
                + home.relativize(file) + " to " + home.relativize(trusted) + problem;
    }

    private static String describe(X509Certificate certificate) {
        return "the server's certificate "
                + certificate.getSubjectX500Principal().getName() + ", SHA-1 thumbprint "
                + ApplicationCertificate.thumbprint(certificate);
    }

    private void prune() throws IOException {
        List<Path> files = files(rejected);
        files.sort((a, b) -> Long.compare(a.toFile().lastModified(), b.toFile().lastModified()));
        for (int i = 0; i <= files.size() - MOST_REJECTED; i++) {
            Files.deleteIfExists(files.get(i));
        }
    }

    private static List<X509Certificate> certificates(Path directory) {
        List<X509Certificate> found = new ArrayList<>();
        for (Path file : files(directory)) {
            if (file.toString().endsWith(".crl")) {
                continue;
            }
            try (InputStream in = Files.newInputStream(file)) {
                CertificateFactory.getInstance("X.509")
                        .generateCertificates(in)
                        .forEach(c -> found.add((X509Certificate) c));
            } catch (IOException | CertificateException e) {
                LOG.warn("{} is no certificate and is ignored: {}", file, e.getMessage());
            }
        }
        return found;
    }

    private List<X509CRL> revocations() {
        List<X509CRL> found = new ArrayList<>();
        for (Path file : files(issuers)) {
            if (!file.toString().endsWith(".crl")) {
                continue;
            }
            try (InputStream in = Files.newInputStream(file)) {
                CertificateFactory.getInstance("X.509").generateCRLs(in).forEach(c -> found.add((X509CRL) c));
            } catch (IOException | CertificateException | CRLException e) {
                LOG.warn("{} is no revocation list and is ignored: {}", file, e.getMessage());
            }
        }
        return found;
    }

    private static List<Path> files(Path directory) {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory, Files::isRegularFile)) {
            stream.forEach(found::add);
        } catch (IOException e) {
            LOG.warn("{} cannot be read: {}", directory, e.getMessage());
        }
        return found;
    }
}
