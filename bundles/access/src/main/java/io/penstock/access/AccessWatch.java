// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import io.penstock.access.UserFile.Entry;
import io.penstock.api.access.Role;
import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.audit.AuditTrail;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees that users, or the certificates of clients, servers and signers, changed, whoever changed them and by whatever means, also
 * while the gateway was down, and has it in the audit. Looks once a second; what it saw last stands in {@code data/access/seen},
 * once the record of it is on disk.
 */
@Component(
        service = {},
        immediate = true)
public final class AccessWatch {
    private static final Logger LOG = LoggerFactory.getLogger(AccessWatch.class);
    private static final long LOOK_NANOS = 1_000_000_000L;
    private static final long STOP_MS = 500;
    private static final long RECORD_MS = 2_000;
    private static final int NOTE_LOOKS = 5;
    private static final int MOST_FILES = 5_000;
    private static final int DEPTH = 8;
    private static final long LARGEST_BYTES = 1L << 20;
    private static final String USER = "user ";
    private static final String REJECTED = "/rejected";
    private static final int SUBJECT_SHOWN = 200;

    private final Path home;
    private final UserFile users;
    private final ChangeNotes notes;
    private final AuditTrail trail;
    private final Thread thread = new Thread(this::run, "access-watch-files");
    private volatile boolean stopping;

    // Below: the thread only.

    private @Nullable Map<String, String> seen;
    private Map<Path, Hashed> hashed = new HashMap<>();
    private String fault = "";
    private final Map<String, String> changedBy = new HashMap<>();
    private int looksSinceNote;

    private record Hashed(
            long size, long modified, @Nullable Object key, String sha256) {}

    @Activate
    public AccessWatch(BundleContext context) {
        this(home(context.getProperty("penstock.home")), Clock.systemUTC());
    }

    private static Path home(@Nullable String configured) {
        return Path.of(
                Objects.requireNonNullElse(configured != null ? configured : System.getProperty("penstock.home"), "."));
    }

    AccessWatch(Path home, Clock clock) {
        this.home = home;
        users = new UserFile(UserFile.in(home), new SecureRandom());
        notes = new ChangeNotes(home);
        trail = new AuditTrail("access", clock);
        thread.setDaemon(true);
    }

    @Activate
    void start() {
        thread.start();
    }

    @Deactivate
    void stop() {
        stopping = true;
        LockSupport.unpark(thread);
        try {
            thread.join(STOP_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Reference(
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            cardinality = ReferenceCardinality.OPTIONAL)
    void bindAuditLog(AuditLog log) {
        trail.set(log);
    }

    void unbindAuditLog(AuditLog log) {
        trail.unset(log);
    }

    private void run() {
        while (!stopping) {
            look();
            LockSupport.parkNanos(this, LOOK_NANOS);
        }
    }

    /** Tells what changed since the last look. */
    void look() {
        if (!trail.writable()) {
            return; // what changes meanwhile is seen once there is somebody to tell
        }
        try {
            noted(notes.take()); // first, so that what was changed before it was noted is in the state
            Map<String, String> now = state();
            Map<String, String> before = seen == null ? load() : seen;
            if (now.equals(before)) {
                seen = now;
                notes.done();
                return;
            }
            if (before == null) {
                record(
                        AuditRecord.GATEWAY,
                        AuditRecord.GATEWAY,
                        "ACCESS",
                        "access",
                        "looked at for the first time: "
                                + now.keySet().stream()
                                        .filter(k -> k.startsWith(USER))
                                        .count()
                                + " users, "
                                + now.keySet().stream()
                                        .filter(k -> !k.startsWith(USER))
                                        .count()
                                + " certificates and lists");
            } else {
                tell(before, now);
            }
            save(now);
            seen = now;
            notes.done();
            fault = "";
        } catch (IOException | IllegalArgumentException e) {
            if (!fault.equals(e.toString())) { // once, not every second
                fault = e.toString();
                LOG.warn("changes of users and certificates cannot be looked for: {}", fault);
            }
        }
    }

    /** A note may come some looks before its change. */
    private void noted(Map<String, String> fresh) {
        looksSinceNote = fresh.isEmpty() ? looksSinceNote + 1 : 0;
        if (looksSinceNote > NOTE_LOOKS) {
            changedBy.clear();
        }
        changedBy.putAll(fresh);
    }

    /** Users as {@code user NAME}, files by their path below the home. */
    private Map<String, String> state() throws IOException {
        Map<String, String> state = new TreeMap<>();
        for (Entry entry : users.read().values()) {
            state.put(
                    USER + entry.name(),
                    entry.roles().stream().sorted().map(Role::name).collect(Collectors.joining(",")) + " "
                            + sha256(entry.password().salt()).substring(0, 16));
        }
        Map<Path, Hashed> next = new HashMap<>();
        for (String root : List.of("etc/trust", "data/publication.opcua", "data/connector.opcua")) {
            Path folder = home.resolve(root);
            if (Files.isDirectory(folder)) {
                try (Stream<Path> files = Files.walk(folder, DEPTH, FileVisitOption.FOLLOW_LINKS)) {
                    for (Path file : (Iterable<Path>)
                            files.filter(AccessWatch::tellsOfTrust).limit(MOST_FILES)::iterator) {
                        hash(file, state, next);
                    }
                } catch (java.io.UncheckedIOException e) {
                    throw new IOException(e.getMessage(), e.getCause());
                }
            }
        }
        hashed = next;
        return state;
    }

    /** Certificates, lists of revoked ones and lists of signers; no key. */
    private static boolean tellsOfTrust(Path file) {
        String path = file.toString().replace('\\', '/');
        return (path.contains("/trust/")
                        || path.contains("/trusted")
                        || path.contains(REJECTED)
                        || path.contains("/issuer"))
                && !path.endsWith(".tmp")
                && Files.isRegularFile(file);
    }

    private void hash(Path file, Map<String, String> state, Map<Path, Hashed> next) throws IOException {
        try {
            BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
            Hashed known = hashed.get(file);
            long modified = now.lastModifiedTime().toMillis();
            if (known == null
                    || known.size() != now.size()
                    || known.modified() != modified
                    || !Objects.equals(known.key(), now.fileKey())) {
                String digest = now.size() > LARGEST_BYTES ? now.size() + " bytes" : sha256(Files.readAllBytes(file));
                known = new Hashed(now.size(), modified, now.fileKey(), digest);
            }
            next.put(file, known);
            state.put(name(home.relativize(file)), known.sha256());
        } catch (NoSuchFileException e) {
            // gone while it was looked at
        }
    }

    private static String name(Path relative) {
        return relative.toString().replace('\\', '/').replaceAll("\\p{C}", "?");
    }

    private void tell(Map<String, String> before, Map<String, String> now) throws IOException {
        TreeSet<String> keys = new TreeSet<>(before.keySet());
        keys.addAll(now.keySet());
        Set<String> used = new HashSet<>();
        for (String key : keys) {
            String old = before.get(key);
            String fresh = now.get(key);
            if (!Objects.equals(old, fresh)) {
                String noted = key.startsWith(USER) ? key : key.substring(key.lastIndexOf('/') + 1);
                String note = changedBy.get(noted);
                used.add(noted);
                String who = note == null ? "unknown" : note;
                String where = note == null ? "file system" : "cli";
                if (key.startsWith(USER)) {
                    record(who, where, "USER", key.substring(USER.length()), user(old, fresh));
                } else {
                    String what = trust(key, old, fresh, before, now);
                    if (key.contains(REJECTED)) { // strangers cause it, as often as they like
                        trail.tally(AuditRecord.of(trail.nowNs(), who, where, "TRUST", key, what));
                    } else {
                        record(who, where, "TRUST", key, what);
                    }
                }
            }
        }
        changedBy.keySet().removeAll(used); // the next change of it is somebody else's
    }

    private static String user(@Nullable String old, @Nullable String fresh) {
        if (fresh == null) {
            return "removed, had " + roles(Objects.requireNonNull(old));
        }
        if (old == null) {
            return "added with " + roles(fresh);
        }
        String roles = roles(old).equals(roles(fresh)) ? "" : "roles " + roles(old) + " to " + roles(fresh);
        boolean password = !old.substring(old.lastIndexOf(' ')).equals(fresh.substring(fresh.lastIndexOf(' ')));
        return roles + (roles.isEmpty() || !password ? "" : ", ") + (password ? "password changed" : "");
    }

    private static String roles(String state) {
        return state.substring(0, state.lastIndexOf(' '));
    }

    private String trust(
            String key,
            @Nullable String old,
            @Nullable String fresh,
            Map<String, String> before,
            Map<String, String> now) {
        String whom = key.startsWith("etc/")
                ? "signer"
                : key.startsWith("data/publication") ? "OPC UA client" : "OPC UA server";
        boolean rejected = key.contains(REJECTED);
        String kind = rejected ? whom + " turned away" : whom + (key.contains("/issuer") ? " issuer" : " trusted");
        String digest = Objects.requireNonNull(fresh == null ? old : fresh);
        String elsewhere = (fresh == null ? now : before)
                .entrySet().stream()
                        .filter(e -> e.getValue().equals(digest) && !e.getKey().equals(key))
                        .map(e -> (fresh == null ? ", now " : ", was ") + e.getKey())
                        .findFirst()
                        .orElse("");
        String what = fresh == null ? "removed" : old == null ? "added" : "changed, SHA-256 was " + old;
        return kind + ": " + what + elsewhere + "; " + (fresh == null ? "" : certificate(home.resolve(key)))
                + "file SHA-256 " + digest;
    }

    /** It may come from a stranger, who may have written a book into it. */
    private static String certificate(Path file) {
        try {
            if (Files.size(file) > LARGEST_BYTES) {
                return "";
            }
            X509Certificate certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
                    .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(file)));
            String subject = certificate.getSubjectX500Principal().toString().replaceAll("\\p{C}", "?");
            return (subject.length() <= SUBJECT_SHOWN ? subject : subject.substring(0, SUBJECT_SHOWN) + "…")
                    + ", valid to " + certificate.getNotAfter().toInstant() + ", fingerprint "
                    + sha256(certificate.getEncoded()) + "; ";
        } catch (IOException | GeneralSecurityException | ClassCastException e) {
            return ""; // a list, or nothing that can be told
        }
    }

    /** Returns once it is on disk, because who made the change waits for that. */
    private void record(String actor, String origin, String action, String subject, String detail) throws IOException {
        if (!trail.commit(AuditRecord.of(trail.nowNs(), actor, origin, action, subject, detail), RECORD_MS)) {
            throw new IOException("the audit did not take the record within " + RECORD_MS + " ms; it is tried again");
        }
    }

    private Path file() {
        return home.resolve("data").resolve("access").resolve("seen");
    }

    private @Nullable Map<String, String> load() throws IOException {
        Map<String, String> loaded = new TreeMap<>();
        try {
            for (String line : new String(Files.readAllBytes(file()), StandardCharsets.UTF_8)
                    .lines()
                    .toList()) {
                int tab = line.indexOf('\t');
                if (tab > 0) {
                    loaded.put(line.substring(0, tab), line.substring(tab + 1));
                }
            }
            return loaded;
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    private void save(Map<String, String> state) throws IOException {
        Files.createDirectories(file().getParent());
        Path fresh = file().resolveSibling("seen.tmp");
        Files.writeString(
                fresh,
                state.entrySet().stream()
                        .map(e -> e.getKey() + "\t" + e.getValue() + "\n")
                        .collect(Collectors.joining()));
        Files.move(fresh, file(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java runtime has no SHA-256; install a complete one", e);
        }
    }
}
