// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.cert.CRL;
import java.security.cert.CRLException;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The folders of one OPC UA application that say whom it trusts: {@code trusted/certs}, {@code trusted/crl},
 * {@code issuers/certs}, {@code issuers/crl}, laid out as Part 12 and most stacks do; files right in {@code trusted/} and
 * {@code issuers/} count as well. They are looked at on each use and read again when a file changed, so that copying, moving
 * and replacing files is all there is to do. Thread-safe.
 */
public final class TrustFolders {
    /** The last two are what Milo's own trust list makes, and what sites may have filled. */
    private static final List<String> READ = List.of(
            "trusted",
            "trusted/certs",
            "trusted/crl",
            "issuers",
            "issuers/certs",
            "issuers/crl",
            "issuer/certs",
            "issuer/crl");

    private static final int MOST_FILES = 5_000;
    private static final long LARGEST_CERTIFICATE_FILE = 1L << 20;
    private static final long LARGEST_LIST_FILE = 64L << 20;
    /** A file system's clock is coarse: a file this young may change again without a new time. */
    private static final long YOUNG_MS = 2_000;

    private final Path directory;
    private final String shown;
    private final Consumer<String> log;
    private String fingerprint = "";
    private String state = "";
    private boolean settled;
    private @Nullable Trust current;
    private Set<String> reported = Set.of();

    /**
     * Makes the folders where they are missing.
     *
     * @param shown the directory, as told to people.
     * @param log told once of each file that cannot be used.
     */
    public static TrustFolders create(Path directory, String shown, Consumer<String> log) throws IOException {
        for (String folder : List.of("trusted/certs", "trusted/crl", "issuers/certs", "issuers/crl")) {
            Files.createDirectories(directory.resolve(folder));
        }
        return new TrustFolders(directory, shown, log);
    }

    /** The folders as they are, made or not. */
    public TrustFolders(Path directory, String shown, Consumer<String> log) {
        this.directory = directory;
        this.shown = shown;
        this.log = log;
    }

    /** What a person put into the folders; another text when anything in them changed. */
    public synchronized String state() {
        look();
        return state;
    }

    public synchronized Trust read() {
        return look();
    }

    private Trust look() {
        long now = System.currentTimeMillis();
        TreeMap<Path, BasicFileAttributes> files = new TreeMap<>();
        Set<String> problems = new LinkedHashSet<>();
        for (String folder : READ) {
            list(directory.resolve(folder), files, problems);
        }
        StringBuilder text = new StringBuilder();
        boolean young = false;
        for (var file : files.entrySet()) {
            BasicFileAttributes attributes = file.getValue();
            long modified = attributes.lastModifiedTime().toMillis();
            young |= Math.abs(now - modified) < YOUNG_MS;
            text.append(directory.relativize(file.getKey()))
                    .append(' ')
                    .append(attributes.size())
                    .append(' ')
                    .append(attributes.lastModifiedTime())
                    .append(' ')
                    .append(attributes.fileKey())
                    .append('\n');
        }
        String next = text.toString();
        Trust known = current;
        if (known != null && settled && next.equals(fingerprint)) {
            return known;
        }
        MessageDigest digest = sha256();
        Trust read = read(files, problems, digest);
        for (String problem : problems) {
            if (!reported.contains(problem)) {
                log.accept(problem);
            }
        }
        reported = problems;
        settled = !young;
        fingerprint = next;
        state = HexFormat.of().formatHex(digest.digest());
        current = read;
        return read;
    }

    private void list(Path folder, Map<Path, BasicFileAttributes> files, Set<String> problems) {
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
            for (Path file : stream) {
                if (file.getFileName().toString().endsWith(".part")) {
                    continue; // of a program that is writing it
                }
                BasicFileAttributes attributes;
                try {
                    attributes = Files.readAttributes(file, BasicFileAttributes.class);
                } catch (NoSuchFileException e) {
                    continue; // moved on meanwhile
                }
                if (attributes.isDirectory()) {
                    continue;
                }
                if (files.size() >= MOST_FILES) {
                    problems.add(shown + " has more than " + MOST_FILES
                            + " files, the rest is ignored; trust an authority instead of single certificates");
                    return;
                }
                files.put(file, attributes);
            }
        } catch (NoSuchFileException e) {
            // not made yet, or not in use
        } catch (IOException e) {
            problems.add(name(folder) + " cannot be read: " + e.getMessage()
                    + "; give the gateway's user the right to read it");
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    private Trust read(Map<Path, BasicFileAttributes> files, Set<String> problems, MessageDigest digest) {
        List<X509Certificate> trusted = new ArrayList<>();
        List<X509Certificate> issuers = new ArrayList<>();
        List<Trust.RevocationList> lists = new ArrayList<>();
        List<String> unreadable = new ArrayList<>();
        files.forEach((file, attributes) -> {
            boolean isList = isList(file);
            try {
                byte[] content = content(file, attributes, isList ? LARGEST_LIST_FILE : LARGEST_CERTIFICATE_FILE);
                digest.update(file.toString().getBytes(StandardCharsets.UTF_8));
                digest.update(content);
                if (isList) {
                    for (X509CRL list : lists(content)) {
                        lists.add(new Trust.RevocationList(name(file), list));
                    }
                } else {
                    (file.startsWith(directory.resolve("trusted")) ? trusted : issuers).addAll(certificates(content));
                }
            } catch (NoSuchFileException e) {
                // moved on meanwhile; the next look finds it where it is
            } catch (IOException | CertificateException | CRLException | RuntimeException e) {
                problems.add(name(file) + " is no " + (isList ? "revocation list" : "certificate")
                        + " and lets nobody in: " + e.getMessage() + "; replace or remove it");
                if (isList) {
                    unreadable.add(name(file));
                }
            }
        });
        return new Trust(trusted, issuers, lists, unreadable, shown + "/issuers/certs", shown + "/issuers/crl");
    }

    private boolean isList(Path file) {
        Path parent = file.getParent();
        return file.getFileName().toString().endsWith(".crl") || (parent != null && parent.endsWith("crl"));
    }

    private static byte[] content(Path file, BasicFileAttributes attributes, long limit) throws IOException {
        if (!attributes.isRegularFile()) {
            throw new IOException("a plain file is needed"); // a pipe would never end
        }
        if (attributes.size() > limit) {
            throw new IOException("at most " + limit + " bytes, has " + attributes.size());
        }
        return Files.readAllBytes(file);
    }

    private static List<X509Certificate> certificates(byte[] content) throws CertificateException, IOException {
        List<X509Certificate> found = new ArrayList<>();
        for (Certificate certificate :
                CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(content))) {
            found.add((X509Certificate) certificate);
        }
        if (found.isEmpty()) {
            throw new IOException("nothing is in it");
        }
        return found;
    }

    private static List<X509CRL> lists(byte[] content) throws CertificateException, CRLException, IOException {
        List<X509CRL> found = new ArrayList<>();
        for (CRL list : CertificateFactory.getInstance("X.509").generateCRLs(new ByteArrayInputStream(content))) {
            found.add((X509CRL) list);
        }
        if (found.isEmpty()) {
            throw new IOException("nothing is in it");
        }
        return found;
    }

    private String name(Path file) {
        return shown + "/" + directory.relativize(file);
    }
}
