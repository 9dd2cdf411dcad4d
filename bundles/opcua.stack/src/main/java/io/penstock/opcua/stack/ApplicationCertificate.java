// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import io.penstock.kit.Disk;
import io.penstock.kit.WholeFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
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
import java.security.spec.RSAPrivateCrtKeySpec;
import java.security.spec.RSAPublicKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.time.Period;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateBuilder;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Key and self-signed certificate of one OPC UA application of this gateway (OPC UA Part 6 §6.2.2): {@code own.key.pem}
 * (PKCS#8, readable by its owner only) and {@code own.der} in one directory. Immutable.
 *
 * <p>The key comes first and is complete before the certificate is made of it, so a power cut leaves either nothing, or a key
 * whose certificate the next start makes. Beside each, {@code .kept} holds it once more: a damaged or lost one is put back and
 * told, for a new one would be refused by every peer that trusts the old. Another that fits, put there by a person, is taken. To
 * renew, delete {@code own.der} and {@code own.der.kept} (same key, new dates) or all four files and restart the component; the
 * peers have to trust the new certificate then.
 */
public final class ApplicationCertificate {
    private static final Logger LOG = LoggerFactory.getLogger(ApplicationCertificate.class);
    private static final String ANEW =
            "delete own.der and own.der.kept to have it made anew; all peers have to trust the new one";
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
     * @throws IllegalStateException if a file and what is kept of it are damaged, key and certificate do not belong together, or the certificate
     *     names another application URI; the message names the file and what to do.
     * @throws UncheckedIOException if a file cannot be written.
     */
    public static ApplicationCertificate loadOrCreate(
            Path dir, String commonName, String applicationUri, List<String> hosts) {
        return loadOrCreate(new Disk(), dir, commonName, applicationUri, hosts);
    }

    static ApplicationCertificate loadOrCreate(
            Disk disk, Path dir, String commonName, String applicationUri, List<String> hosts) {
        Path keyFile = dir.resolve("own.key.pem");
        Path certificateFile = dir.resolve("own.der");
        try {
            Files.createDirectories(dir);
            KeyPair keyPair = key(disk, keyFile, certificateFile);
            X509Certificate certificate = certificate(
                    disk,
                    keyPair,
                    keyFile,
                    certificateFile,
                    () -> selfSigned(keyPair, commonName, applicationUri, hosts));
            String uri = applicationUri(certificate);
            if (!uri.equals(applicationUri)) {
                throw new IllegalStateException(certificateFile + " is for application '" + uri + "', this is '"
                        + applicationUri + "'; " + ANEW);
            }
            return new ApplicationCertificate(keyPair, certificate, certificateFile);
        } catch (WholeFile.DamagedException e) {
            throw new IllegalStateException(e.getMessage(), e);
        } catch (IOException e) {
            throw new UncheckedIOException("application certificate in " + dir + ": " + e.getMessage(), e);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("application certificate in " + dir + ": " + e.getMessage(), e);
        }
    }

    /** The application URI that the certificate in a directory names; empty where there is none, or it needs {@link #loadOrCreate}. */
    public static Optional<String> applicationUri(Path dir) throws IOException {
        Path keyFile = dir.resolve("own.key.pem");
        try {
            Optional<WholeFile.Found> key = keyFile(new Disk(), keyFile).read(bytes -> readKey(keyFile, bytes));
            if (key.isEmpty()) {
                return Optional.empty();
            }
            KeyPair keyPair = readKey(keyFile, key.get().bytes());
            WholeFile whole = certificateFile(new Disk(), dir.resolve("own.der"));
            byte @Nullable [] last = whole.lastWritten().orElse(null);
            Optional<WholeFile.Found> found = whole.read(bytes -> check(bytes, last, keyPair, keyFile));
            return found.isEmpty()
                    ? Optional.empty()
                    : Optional.of(applicationUri(readCertificate(found.get().bytes())))
                            .filter(uri -> !uri.isEmpty());
        } catch (WholeFile.DamagedException | CertificateException e) {
            LOG.debug("no application URI in {}", dir, e);
            return Optional.empty();
        }
    }

    private static WholeFile keyFile(Disk disk, Path file) {
        return new WholeFile(
                disk,
                file,
                Disk.Access.OWNER,
                WholeFile.Edits.TAKEN,
                0,
                "restore it from a backup, or delete it, own.der and both .kept files to have key and certificate made anew;"
                        + " all peers have to trust the new certificate then");
    }

    private static WholeFile certificateFile(Disk disk, Path file) {
        return new WholeFile(
                disk, file, Disk.Access.ANYONE, WholeFile.Edits.TAKEN, 0, "restore it from a backup, or " + ANEW);
    }

    private static KeyPair key(Disk disk, Path keyFile, Path certificateFile)
            throws IOException, GeneralSecurityException {
        WholeFile whole = keyFile(disk, keyFile);
        Optional<byte[]> found = told(whole.heal(bytes -> readKey(keyFile, bytes)));
        byte[] pem;
        if (found.isPresent()) {
            pem = found.get();
        } else if (Files.exists(certificateFile)) {
            throw new IllegalStateException(certificateFile + " has no key, " + keyFile
                    + " is missing; restore the key, or delete own.der and own.der.kept to have both made anew");
        } else {
            pem = pem(
                    SelfSignedCertificateGenerator.generateRsaKeyPair(KEY_BITS).getPrivate());
            whole.write(pem);
        }
        if (supportsPosix() && Files.exists(keyFile)) {
            Files.setPosixFilePermissions(keyFile, OWNER_ONLY);
        }
        return readKey(keyFile, pem);
    }

    private interface Maker {
        byte[] make() throws GeneralSecurityException;
    }

    private static X509Certificate certificate(
            Disk disk, KeyPair keyPair, Path keyFile, Path certificateFile, Maker maker)
            throws IOException, GeneralSecurityException {
        WholeFile whole = certificateFile(disk, certificateFile);
        byte @Nullable [] last = whole.lastWritten().orElse(null);
        Optional<byte[]> found = told(whole.heal(bytes -> check(bytes, last, keyPair, keyFile)));
        byte[] der = found.isPresent() ? found.get() : maker.make();
        if (found.isEmpty()) {
            whole.write(der);
        }
        return readCertificate(der);
    }

    private static Optional<byte[]> told(Optional<WholeFile.Found> found) {
        found.ifPresent(content -> content.told().forEach(told -> LOG.warn("{}", told)));
        return found.map(WholeFile.Found::bytes);
    }

    /**
     * One that signs itself proves itself. One of an authority does not, so one that shares its number or its signature with
     * the one before, and is not the same, is that one, damaged.
     */
    private static void check(byte[] bytes, byte @Nullable [] last, KeyPair keyPair, Path keyFile) {
        try {
            X509Certificate certificate = readCertificate(bytes);
            if (!certificate.getPublicKey().equals(keyPair.getPublic())) {
                throw new IllegalArgumentException("it does not belong to " + keyFile);
            }
            if (certificate.getIssuerX500Principal().equals(certificate.getSubjectX500Principal())) {
                certificate.verify(keyPair.getPublic());
            } else if (last != null && !Arrays.equals(last, bytes)) {
                X509Certificate before = readCertificate(last);
                if (Arrays.equals(before.getSignature(), certificate.getSignature())
                        || (before.getSerialNumber().equals(certificate.getSerialNumber())
                                && before.getIssuerX500Principal().equals(certificate.getIssuerX500Principal()))) {
                    throw new IllegalArgumentException("it is the one before with other content");
                }
            }
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("it is no certificate, or its signature is wrong: " + e.getMessage(), e);
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
                + "delete it and own.der.kept and restart to have it made anew; clients have to trust the new one";
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

    /** @throws IllegalArgumentException if it is no RSA key, one too short, or its numbers do not fit each other. */
    private static KeyPair readKey(Path keyFile, byte[] pem) {
        try {
            String base64 = new String(pem, StandardCharsets.US_ASCII)
                    .replaceAll("-----[A-Z ]+-----", "")
                    .replaceAll("\\s", "");
            KeyFactory rsa = KeyFactory.getInstance("RSA");
            PrivateKey key = rsa.generatePrivate(
                    new PKCS8EncodedKeySpec(Base64.getDecoder().decode(base64)));
            if (!(key instanceof RSAPrivateCrtKey crt)) {
                throw new IllegalArgumentException("an RSA key with CRT parameters is needed");
            }
            if (crt.getModulus().bitLength() < KEY_BITS) {
                throw new IllegalArgumentException("RSA key of at least " + KEY_BITS + " bits, has "
                        + crt.getModulus().bitLength());
            }
            if (!fits(crt)) {
                throw new IllegalArgumentException("the numbers of the RSA key do not fit each other");
            }
            RSAPublicKey publicKey =
                    (RSAPublicKey) rsa.generatePublic(new RSAPublicKeySpec(crt.getModulus(), crt.getPublicExponent()));
            return new KeyPair(publicKey, ofItsNumbers(rsa, crt));
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    keyFile.getFileName() + " is no PKCS#8 PEM file of an RSA key: " + e.getMessage(), e);
        }
    }

    /** Nothing else of the file counts, so nothing else can be wrong. */
    private static PrivateKey ofItsNumbers(KeyFactory rsa, RSAPrivateCrtKey key) throws GeneralSecurityException {
        return rsa.generatePrivate(new RSAPrivateCrtKeySpec(
                key.getModulus(),
                key.getPublicExponent(),
                key.getPrivateExponent(),
                key.getPrimeP(),
                key.getPrimeQ(),
                key.getPrimeExponentP(),
                key.getPrimeExponentQ(),
                key.getCrtCoefficient()));
    }

    /** One wrong bit in any of the numbers breaks one of these (RFC 8017 §3.2). */
    private static boolean fits(RSAPrivateCrtKey key) {
        BigInteger p = key.getPrimeP();
        BigInteger q = key.getPrimeQ();
        if (p.signum() <= 0 || q.signum() <= 0 || !p.multiply(q).equals(key.getModulus())) {
            return false;
        }
        BigInteger p1 = p.subtract(BigInteger.ONE);
        BigInteger q1 = q.subtract(BigInteger.ONE);
        BigInteger both = key.getPublicExponent().multiply(key.getPrivateExponent());
        return both.mod(p1).equals(BigInteger.ONE)
                && both.mod(q1).equals(BigInteger.ONE)
                && key.getPrivateExponent().mod(p1).equals(key.getPrimeExponentP())
                && key.getPrivateExponent().mod(q1).equals(key.getPrimeExponentQ())
                && key.getCrtCoefficient().multiply(q).mod(p).equals(BigInteger.ONE);
    }

    private static X509Certificate readCertificate(byte[] der) throws CertificateException {
        return (X509Certificate)
                CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
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

    private static boolean supportsPosix() {
        return FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
    }
}
