// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.RSAPublicKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.time.Period;
import java.util.Base64;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateBuilder;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateGenerator;

/**
 * Key and self-signed certificate of one OPC UA application of this gateway (OPC UA Part 6 §6.2.2): {@code own.key.pem}
 * (PKCS#8, readable by its owner only) and {@code own.der} in one directory. Immutable.
 *
 * <p>The key comes first and is complete before the certificate is made of it, so a power cut leaves either nothing, or a key
 * whose certificate the next start makes. To renew, delete {@code own.der} (same key, new dates) or both files and restart the
 * component; the peers have to trust the new certificate then.
 */
public final class ApplicationCertificate {
    private static final int KEY_BITS = 2048;
    private static final Period VALIDITY = Period.ofYears(5);
    private static final Duration NOTICE = Duration.ofDays(30);
    private static final int SAN_URI = 6;
    private static final Pattern IPV4 = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}");
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rw-------");

    private final KeyPair keyPair;
    private final X509Certificate certificate;
    private final Path file;

    private ApplicationCertificate(KeyPair keyPair, X509Certificate certificate, Path file) {
        this.keyPair = keyPair;
        this.certificate = certificate;
        this.file = file;
    }

    /**
     * Loads key and certificate from a directory, making what is not there yet.
     *
     * @param dir made if needed.
     * @param commonName CN of a new certificate.
     * @param applicationUri the one URI in the certificate's alternative names; OPC UA peers compare it with the application's
     *     own (Part 4 §5.6.2).
     * @param hosts names and IP addresses for a new certificate's alternative names.
     * @throws IllegalStateException if a file cannot be read, key and certificate do not belong together, or the certificate
     *     names another application URI; the message names the file and what to do.
     * @throws UncheckedIOException if a file cannot be written.
     */
    public static ApplicationCertificate loadOrCreate(
            Path dir, String commonName, String applicationUri, List<String> hosts) {
        Path keyFile = dir.resolve("own.key.pem");
        Path certificateFile = dir.resolve("own.der");
        try {
            Files.createDirectories(dir);
            if (!Files.exists(keyFile)) {
                if (Files.exists(certificateFile)) {
                    throw new IllegalStateException(certificateFile + " has no key, " + keyFile
                            + " is missing; restore the key, or delete the certificate to have both made anew");
                }
                KeyPair made = SelfSignedCertificateGenerator.generateRsaKeyPair(KEY_BITS);
                writeWhole(keyFile, pem(made.getPrivate()), true);
            }
            if (supportsPosix()) {
                Files.setPosixFilePermissions(keyFile, OWNER_ONLY);
            }
            KeyPair keyPair = readKey(keyFile);
            if (!Files.exists(certificateFile)) {
                writeWhole(certificateFile, selfSigned(keyPair, commonName, applicationUri, hosts), false);
            }
            X509Certificate certificate = readCertificate(certificateFile);
            if (!certificate.getPublicKey().equals(keyPair.getPublic())) {
                throw new IllegalStateException(certificateFile + " does not belong to " + keyFile
                        + "; restore the right one, or delete the certificate to have it made anew");
            }
            String uri = applicationUri(certificate);
            if (!uri.equals(applicationUri)) {
                throw new IllegalStateException(certificateFile + " is for application '" + uri + "', this is '"
                        + applicationUri + "'; delete the certificate to have it made anew");
            }
            return new ApplicationCertificate(keyPair, certificate, certificateFile);
        } catch (IOException e) {
            throw new UncheckedIOException("application certificate in " + dir + ": " + e.getMessage(), e);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("application certificate in " + dir + ": " + e.getMessage(), e);
        }
    }

    public KeyPair keyPair() {
        return keyPair;
    }

    public X509Certificate certificate() {
        return certificate;
    }

    /** The certificate as a DER file, for the trust lists of the peers. */
    public Path file() {
        return file;
    }

    /**
     * What peers take offence at, now or within a month, and what to do about it; empty if nothing.
     *
     * @param host name or address by which peers are told to reach this application.
     */
    public String warning(Instant now, String host) {
        StringBuilder warning = new StringBuilder();
        Instant from = certificate.getNotBefore().toInstant();
        Instant to = certificate.getNotAfter().toInstant();
        if (now.isBefore(from)) {
            warning.append("valid only from ")
                    .append(from)
                    .append(" on, this machine's clock has not come there; set the clock, or ");
        } else if (now.isAfter(to)) {
            warning.append("expired on ").append(to).append(", peers refuse it; ");
        } else if (now.plus(NOTICE).isAfter(to)) {
            warning.append("expires on ").append(to).append(", peers will refuse it then; ");
        } else if (!names(host)) {
            warning.append("does not name ")
                    .append(host)
                    .append(", by which clients are told to connect, some refuse that; ");
        } else {
            return "";
        }
        return "own certificate " + file + " " + warning
                + "delete it and restart to have it made anew; clients have to trust the new one";
    }

    private boolean names(String host) {
        try {
            Collection<List<?>> names = certificate.getSubjectAlternativeNames();
            return names != null
                    && names.stream()
                            .filter(name -> !name.get(0).equals(SAN_URI))
                            .anyMatch(name -> same(host, String.valueOf(name.get(1))));
        } catch (CertificateException e) {
            return false;
        }
    }

    private static boolean same(String host, String name) {
        if (isAddress(host) && isAddress(name)) {
            try {
                return InetAddress.getByName(host).equals(InetAddress.getByName(name));
            } catch (UnknownHostException e) {
                return false;
            }
        }
        return host.equalsIgnoreCase(name);
    }

    private static boolean isAddress(String host) {
        return IPV4.matcher(host).matches() || host.contains(":");
    }

    /** SHA-1 thumbprint in upper-case hex pairs, the form OPC UA tools show. */
    public static String thumbprint(X509Certificate certificate) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-1").digest(certificate.getEncoded());
            return HexFormat.ofDelimiter(":").withUpperCase().formatHex(digest);
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("certificate of " + certificate.getSubjectX500Principal(), e);
        }
    }

    private static byte[] selfSigned(KeyPair keyPair, String commonName, String applicationUri, List<String> hosts)
            throws GeneralSecurityException {
        SelfSignedCertificateBuilder builder = new SelfSignedCertificateBuilder(keyPair)
                .setCommonName(commonName)
                .setOrganization("Penstock")
                .setApplicationUri(applicationUri)
                .setValidityPeriod(VALIDITY);
        for (String host : hosts) {
            if (isAddress(host)) {
                builder.addIpAddress(host);
            } else {
                builder.addDnsName(host);
            }
        }
        return encode(builder);
    }

    private static byte[] encode(SelfSignedCertificateBuilder builder) throws GeneralSecurityException {
        try {
            return builder.build().getEncoded();
        } catch (GeneralSecurityException e) {
            throw e;
        } catch (Exception e) {
            throw new GeneralSecurityException("self-signed certificate: " + e.getMessage(), e);
        }
    }

    private static byte[] pem(PrivateKey key) {
        String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(key.getEncoded());
        return ("-----BEGIN PRIVATE KEY-----\n" + body + "\n-----END PRIVATE KEY-----\n")
                .getBytes(StandardCharsets.US_ASCII);
    }

    private static KeyPair readKey(Path keyFile) throws IOException {
        try {
            String base64 = Files.readString(keyFile, StandardCharsets.US_ASCII)
                    .replaceAll("-----[A-Z ]+-----", "")
                    .replaceAll("\\s", "");
            KeyFactory rsa = KeyFactory.getInstance("RSA");
            PrivateKey key = rsa.generatePrivate(
                    new PKCS8EncodedKeySpec(Base64.getDecoder().decode(base64)));
            if (!(key instanceof RSAPrivateCrtKey crt)) {
                throw new IllegalStateException(keyFile + ": an RSA key with CRT parameters is needed");
            }
            if (crt.getModulus().bitLength() < KEY_BITS) {
                throw new IllegalStateException(keyFile + ": RSA key of at least " + KEY_BITS + " bits, has "
                        + crt.getModulus().bitLength());
            }
            RSAPublicKey publicKey =
                    (RSAPublicKey) rsa.generatePublic(new RSAPublicKeySpec(crt.getModulus(), crt.getPublicExponent()));
            return new KeyPair(publicKey, key);
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new IllegalStateException(
                    keyFile + " is no PKCS#8 PEM file of an RSA key: " + e.getMessage()
                            + "; restore it, or delete it and own.der to have both made anew",
                    e);
        }
    }

    private static X509Certificate readCertificate(Path certificateFile) throws IOException {
        try {
            return (X509Certificate) CertificateFactory.getInstance("X.509")
                    .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(certificateFile)));
        } catch (CertificateException e) {
            throw new IllegalStateException(
                    certificateFile + " is no X.509 certificate: " + e.getMessage()
                            + "; delete it to have it made anew",
                    e);
        }
    }

    private static String applicationUri(X509Certificate certificate) throws CertificateException {
        Collection<List<?>> names = certificate.getSubjectAlternativeNames();
        if (names != null) {
            for (List<?> name : names) {
                if (name.get(0).equals(SAN_URI)) {
                    return String.valueOf(name.get(1));
                }
            }
        }
        return "";
    }

    /** A reader sees the file whole or not at all, also after a power cut. */
    private static void writeWhole(Path target, byte[] content, boolean secret) throws IOException {
        Path part = target.resolveSibling(target.getFileName() + ".part");
        Files.deleteIfExists(part);
        Set<OpenOption> options = Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        FileAttribute<?>[] attributes = secret && supportsPosix()
                ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(OWNER_ONLY)}
                : new FileAttribute<?>[0];
        try (FileChannel channel = FileChannel.open(part, options, attributes)) {
            for (ByteBuffer buffer = ByteBuffer.wrap(content); buffer.hasRemaining(); ) {
                channel.write(buffer);
            }
            channel.force(true);
        }
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    }

    private static boolean supportsPosix() {
        return FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
    }
}
