// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import io.penstock.kit.Disk;
import io.penstock.opcua.stack.ApplicationCertificate;
import io.penstock.opcua.stack.CertificateJudge;
import io.penstock.opcua.stack.CertificateNames;
import io.penstock.opcua.stack.CertificatePolicy;
import io.penstock.opcua.stack.CertificateVerdict;
import io.penstock.opcua.stack.CertificateVerdict.Code;
import io.penstock.opcua.stack.TrustFolders;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.security.CertificateValidator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whom the connector believes to be its server, as {@link CertificateJudge} says: certificates in {@code trusted/}, or below
 * authorities in {@code trusted/}, with the authorities between and revocation lists in {@code issuers/}. An unknown
 * certificate is refused and kept in {@code rejected/} for a person to compare and move. The folders are looked at on each
 * use, so that moving a file is all there is to do. Thread-safe.
 */
final class ServerTrust implements CertificateValidator {
    private static final Logger LOG = LoggerFactory.getLogger(ServerTrust.class);
    private static final int MOST_REJECTED = 50;

    private final Path home;
    private final Path trusted;
    private final Path rejected;
    private final TrustFolders folders;
    private final CertificateJudge judge;
    private final Clock clock;
    private volatile List<X509Certificate> accepted = List.of();

    /**
     * @param directory the connector's own, below {@code home}.
     * @param earliest a time that has certainly come.
     */
    ServerTrust(Path home, Path directory, CertificatePolicy policy, Instant earliest, Clock clock) throws IOException {
        this.home = home;
        this.clock = clock;
        trusted = Files.createDirectories(directory.resolve("trusted"));
        rejected = Files.createDirectories(directory.resolve("rejected"));
        folders = TrustFolders.create(directory, home.relativize(directory).toString(), LOG::warn);
        judge = new CertificateJudge(policy, earliest);
    }

    /** Another text when a person changed what is in {@code trusted/} or {@code issuers/}. */
    String state() {
        return folders.state();
    }

    /** Why the server that was accepted last must be left now; null where it may stay. */
    @Nullable
    String leave() {
        List<X509Certificate> chain = accepted;
        if (chain.isEmpty()) {
            return null;
        }
        CertificateVerdict verdict = judge.judge(chain, null, folders.read(), clock.instant());
        return verdict.endsSessions() ? describe(chain.get(0)) + " is no longer accepted: " + verdict.text() : null;
    }

    @Override
    public void validateCertificateChain(
            List<X509Certificate> chain, @Nullable String applicationUri, @Nullable String @Nullable [] hostNames)
            throws UaException {
        CertificateVerdict verdict = judge.judge(chain, applicationUri, folders.read(), clock.instant());
        if (verdict.accepted()) {
            accepted = List.copyOf(chain);
            return;
        }
        Code code = verdict.problem().code();
        if (chain.isEmpty()) {
            throw new UaException(code.status(), "the server sent no certificate");
        }
        X509Certificate server = chain.get(0);
        throw new UaException(
                code.status(),
                code == Code.UNTRUSTED ? keep(server) : describe(server) + " is refused: " + verdict.text());
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
        CertificateVerdict then =
                judge.judge(List.of(server), null, folders.read().with(server), clock.instant());
        return describe(server) + " is not trusted; compare the thumbprint at the server, then move "
                + home.relativize(file) + " to " + home.relativize(trusted) + problem
                + (then.accepted() ? "" : ". Even then it is refused: " + then.text());
    }

    private static String describe(X509Certificate certificate) {
        return "the server's certificate " + CertificateNames.subject(certificate) + ", SHA-1 thumbprint "
                + ApplicationCertificate.thumbprint(certificate);
    }

    private void prune() throws IOException {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(rejected, Files::isRegularFile)) {
            stream.forEach(files::add);
        }
        files.sort((a, b) -> Long.compare(a.toFile().lastModified(), b.toFile().lastModified()));
        for (int i = 0; i <= files.size() - MOST_REJECTED; i++) {
            Files.deleteIfExists(files.get(i));
        }
    }
}
