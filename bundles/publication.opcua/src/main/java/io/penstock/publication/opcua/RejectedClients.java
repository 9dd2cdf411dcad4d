// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.opcua.stack.CertificateNames;
import io.penstock.opcua.stack.CertificateVerdict;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.eclipse.milo.opcua.stack.core.security.CertificateQuarantine;

/**
 * Keeps the certificates of clients that were turned away in {@code rejected/certs}, each once, and those of their issuers in
 * {@code rejected/issuers}, where they wait for a person and let nobody in. Says for each new client what to do: it names the
 * client's own certificate, never that of its authority. Whoever reaches the port can have many, so only so many are kept and
 * told of. Thread-safe.
 */
final class RejectedClients implements CertificateQuarantine {
    static final int TOLD_AN_HOUR = 20;
    static final int MOST_CLIENTS = 128;
    static final int MOST_ISSUERS = 256;

    private static final long HOUR_NANOS = 3_600_000_000_000L;

    private final Path clients;
    private final Path issuers;
    private final LongSupplier nanoTime;
    private final Consumer<String> log;
    private long since;
    private int told;

    /** @param directory made if needed. */
    RejectedClients(Path directory, LongSupplier nanoTime, Consumer<String> log) throws IOException {
        this.nanoTime = nanoTime;
        this.log = log;
        clients = Files.createDirectories(directory.resolve("certs"));
        issuers = Files.createDirectories(directory.resolve("issuers"));
        since = nanoTime.getAsLong();
    }

    /**
     * Keeps a client.
     *
     * @param chain from its own certificate on, as far as it was sent or is known.
     * @param onceTrusted what would be thought of it if a person trusted it.
     */
    synchronized void keep(List<X509Certificate> chain, CertificateVerdict onceTrusted) {
        X509Certificate client = chain.get(0);
        try {
            for (X509Certificate issuer : chain.subList(1, chain.size())) {
                write(issuers, issuer, MOST_ISSUERS);
            }
            if (isThere(client) || !write(clients, client, MOST_CLIENTS)) {
                return;
            }
        } catch (IOException e) {
            tell("OPC UA client " + CertificateNames.subject(client) + " turned away and not kept: " + e.getMessage()
                    + "; make room on the disk");
            return;
        }
        String fingerprint = CertificateNames.fingerprint(client);
        tell("OPC UA client " + CertificateNames.subject(client)
                + " turned away, its certificate is not trusted; compare the fingerprint " + fingerprint
                + " with what the client shows, then: penstock client trust " + fingerprint.substring(0, 16)
                + (onceTrusted.accepted() ? "" : ". Even then it is refused: " + onceTrusted.text()));
    }

    /** Also where it lies there under another name. */
    private boolean isThere(X509Certificate client) {
        return getRejectedCertificates().contains(client);
    }

    private static boolean write(Path folder, X509Certificate certificate, int most) throws IOException {
        Path file = folder.resolve(CertificateNames.fingerprint(certificate) + ".der");
        if (Files.exists(file)) {
            return false;
        }
        prune(folder, most - 1);
        Path part = folder.resolve(file.getFileName() + ".part");
        try {
            Files.write(part, certificate.getEncoded());
        } catch (CertificateEncodingException e) {
            throw new IOException("its certificate is damaged", e);
        }
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
        return true;
    }

    private static void prune(Path folder, int most) throws IOException {
        List<Path> files = files(folder);
        files.sort(Comparator.comparing((Path file) -> file.toFile().lastModified())
                .thenComparing(file -> file));
        for (int i = 0; i < files.size() - most; i++) {
            Files.deleteIfExists(files.get(i));
        }
    }

    private static List<Path> files(Path folder) throws IOException {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
            stream.forEach(files::add);
        }
        return files;
    }

    private void tell(String line) {
        long now = nanoTime.getAsLong();
        if (now - since > HOUR_NANOS) {
            since = now;
            told = 0;
        }
        told++;
        if (told <= TOLD_AN_HOUR) {
            log.accept(line);
        } else if (told == TOLD_AN_HOUR + 1) {
            log.accept("more than " + TOLD_AN_HOUR
                    + " OPC UA clients turned away within an hour, the next are kept but not"
                    + " told of; see: penstock client list");
        }
    }

    @Override
    public synchronized List<X509Certificate> getRejectedCertificates() {
        List<X509Certificate> found = new ArrayList<>();
        try {
            for (Path file : files(clients)) {
                try {
                    found.add((X509Certificate) CertificateFactory.getInstance("X.509")
                            .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(file))));
                } catch (IOException | CertificateException e) {
                    // moved on, or none; `penstock client list` names it
                }
            }
        } catch (IOException e) {
            log.accept(clients + " cannot be read: " + e.getMessage());
        }
        return found;
    }

    /** Milo's own validators would call it; none is in use here, and none knows which certificate is the client's. */
    @Override
    public void addRejectedCertificate(X509Certificate certificate) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void removeRejectedCertificate(X509Certificate certificate) {
        throw new UnsupportedOperationException();
    }
}
