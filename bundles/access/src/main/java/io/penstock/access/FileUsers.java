// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import io.penstock.access.UserFile.Entry;
import io.penstock.api.access.Actor;
import io.penstock.api.access.Users;
import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.audit.AuditTrail;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.Comparator;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The users of {@code data/access/users.json}. The file is looked at on every log-in, so a change counts at once; a file that
 * cannot be read leaves the users before it in force. One password is checked at a time, because each check takes memory.
 */
@Component(immediate = true) // or the failures it remembers would go with the last room that asks
public final class FileUsers implements Users {
    private static final Logger LOG = LoggerFactory.getLogger(FileUsers.class);
    private static final long TURN_SECONDS = 5;
    private static final int NAME_SHOWN = 64;
    static final int FREE = 3;
    static final int FREE_OF_ADDRESS = 20;
    private static final long FORGIVE_NANOS = 15_000_000_000L;

    private final UserFile file;
    private final LongSupplier nanoTime;
    private final PasswordHash nobody;
    private final Semaphore turn = new Semaphore(1, true);
    /** By name, address and device: a client with an old password keeps nobody else out, and a success does not forgive for others. */
    private final FailingOrigins failing = new FailingOrigins(FREE, 0);
    /** By address and device: who tries many names gets no further by that. */
    private final FailingOrigins spraying = new FailingOrigins(FREE_OF_ADDRESS, FORGIVE_NANOS);

    private Map<String, Entry> users = Map.of();
    private @Nullable Stamps seen;
    private boolean loaded;
    private String fault = "";

    private final AuditTrail trail;

    /** A rename gives the file another key, so two changes within one tick of the clock are still two. */
    private record Stamp(@Nullable Object key, long size, long modified) {}

    /** On a full disk only what is kept beside the file changes. */
    private record Stamps(@Nullable Stamp file, @Nullable Stamp kept) {}

    @Activate
    public FileUsers(BundleContext context) {
        this(
                new UserFile(UserFile.in(home(context.getProperty("penstock.home"))), new SecureRandom()),
                new SecureRandom(),
                Clock.systemUTC(),
                System::nanoTime);
    }

    FileUsers(UserFile file, RandomGenerator random, Clock clock, LongSupplier nanoTime) {
        this.file = file;
        this.nanoTime = nanoTime;
        trail = new AuditTrail("log-ins", clock);
        nobody = PasswordHash.ofNobody(random);
        reload();
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

    @Override
    public Optional<Actor> authenticate(String name, char[] password, String origin) {
        return authenticate(name, password, origin, "");
    }

    @Override
    public Optional<Actor> authenticate(String name, char[] password, String origin, String device) {
        long wait = waitNanos(name, origin, device);
        if (wait > 0) {
            return unheard(name, origin, wait);
        }
        Entry entry;
        boolean right;
        try {
            if (!turn.tryAcquire(TURN_SECONDS, TimeUnit.SECONDS)) {
                return failed(name, origin, device, "too many log-ins at once");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
        try {
            wait = waitNanos(name, origin, device);
            if (wait > 0) {
                return unheard(name, origin, wait); // those that queued up here before the first of them failed
            }
            entry = entry(name);
            right = (entry == null ? unknown() : entry.password()).matches(password);
            if (entry == null || !right) {
                return failed(name, origin, device, "wrong name or password");
            }
            succeeded(name, origin, device);
        } finally {
            turn.release();
        }
        LOG.debug("{} logged in from {}", entry.name(), origin);
        Actor actor = new Actor(entry.name(), entry.roles(), origin);
        trail.tally(AuditRecord.of(
                trail.nowNs(),
                actor,
                "LOGIN",
                entry.name(),
                "with " + entry.roles().stream().sorted().toList()));
        return Optional.of(actor);
    }

    /** Whether the password was right is not looked at, so the record cannot say it either. */
    private Optional<Actor> unheard(String name, String origin, long wait) {
        LOG.debug("log-in from {} refused unheard, {} ms to wait", origin, TimeUnit.NANOSECONDS.toMillis(wait));
        String shown = printable(name);
        trail.tally(AuditRecord.of(
                trail.nowNs(),
                shown,
                origin,
                "LOGIN_REFUSED",
                shown,
                "not looked at after failures before; " + (TimeUnit.NANOSECONDS.toSeconds(wait) + 1) + " s to wait"));
        return Optional.empty();
    }

    @Override
    public long revision(String name) {
        Entry entry = entry(name);
        return entry == null ? 0 : entry.revision();
    }

    private static Path home(@Nullable String configured) {
        return Path.of(
                Objects.requireNonNullElse(configured != null ? configured : System.getProperty("penstock.home"), "."));
    }

    private synchronized long waitNanos(String name, String origin, String device) {
        long now = nanoTime.getAsLong();
        return Math.max(
                failing.waitNanos(key(name, origin, device), now), spraying.waitNanos(origin + " " + device, now));
    }

    private synchronized void succeeded(String name, String origin, String device) {
        failing.succeeded(key(name, origin, device));
    }

    private static String key(String name, String origin, String device) {
        return printable(name) + " " + origin + " " + device;
    }

    private Optional<Actor> failed(String name, String origin, String device, String reason) {
        long refused;
        synchronized (this) {
            long now = nanoTime.getAsLong();
            refused = Math.max(
                    failing.failed(key(name, origin, device), now), spraying.failed(origin + " " + device, now));
        }
        String detail = reason + (refused > 0 ? ", after " + refused + " attempts refused unheard" : "");
        String shown = printable(name);
        LOG.info("log-in of '{}' from {} failed: {}", shown, origin, detail);
        trail.tally(AuditRecord.of(trail.nowNs(), shown, origin, "LOGIN_FAILED", shown, detail));
        return Optional.empty();
    }

    /** What a stranger sends goes into log and audit: no control characters, no length. */
    private static String printable(String name) {
        String clean = name.replaceAll("\\p{C}", "?");
        return clean.length() <= NAME_SHOWN ? clean : clean.substring(0, NAME_SHOWN) + "…";
    }

    private synchronized @Nullable Entry entry(String name) {
        reload();
        return users.get(name);
    }

    /** An unknown name costs as much time as the dearest known one. */
    private synchronized PasswordHash unknown() {
        return users.values().stream()
                .map(Entry::password)
                .max(Comparator.comparingLong(PasswordHash::cost))
                .orElse(nobody);
    }

    private synchronized void reload() {
        try {
            Stamps now = stamp();
            if (loaded && Objects.equals(now, seen)) {
                return;
            }
            users = Map.copyOf(file.heal());
            seen = now;
            loaded = true;
            fault = "";
            if (users.isEmpty()) {
                LOG.warn(
                        "no users in {}: nobody can log in; add one with: penstock user add NAME --role OPERATOR",
                        file.path());
            } else {
                LOG.info("{} users in {}", users.size(), file.path());
            }
        } catch (IOException e) {
            String now = String.valueOf(e.getMessage());
            if (!now.equals(fault)) { // once, not at every look
                fault = now;
                LOG.error("users not read, the {} known before stay in force: {}", users.size(), now);
            }
        }
    }

    private Stamps stamp() throws IOException {
        return new Stamps(stamp(file.path()), stamp(file.kept()));
    }

    private static @Nullable Stamp stamp(Path path) throws IOException {
        try {
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            return new Stamp(
                    attributes.fileKey(),
                    attributes.size(),
                    attributes.lastModifiedTime().toMillis());
        } catch (NoSuchFileException e) {
            return null;
        }
    }
}
