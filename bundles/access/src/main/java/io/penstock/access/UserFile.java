// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.api.access.Role;
import io.penstock.kit.Disk;
import io.penstock.kit.WholeFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code data/access/users.json}: names, roles and password hashes. The gateway reads it, the command line changes it; every
 * change is a whole new file put in place of the old one, so a reader sees the one or the other, and is kept twice over beside
 * it ({@link WholeFile}): a damaged or hand-made file never counts. Mode 0600, owned by whoever owns the directory, so that a
 * change made by root does not lock the gateway out.
 */
public final class UserFile {
    private static final Logger LOG = LoggerFactory.getLogger(UserFile.class);
    /** Shortest password taken. */
    public static final int PASSWORD_MINIMUM = 10;

    private static final int PASSWORD_MAXIMUM = 256;
    private static final int SCHEMA = 1;
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}");
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Some dozens of users may be changed while the disk is full: one who left must not get in because of it. */
    private static final int RESERVE = 16 << 10;

    private final Path file;
    private final WholeFile whole;
    private final RandomGenerator random;

    /** One user, without the password. */
    public record User(String name, Set<Role> roles) {
        public User {
            roles = Set.copyOf(roles);
        }
    }

    record Entry(String name, Set<Role> roles, PasswordHash password) {
        Entry {
            roles = Set.copyOf(roles);
        }

        /** Another password has another salt. */
        long revision() {
            return ByteBuffer.wrap(password.salt()).getLong()
                    ^ roles.stream().map(Role::name).sorted().toList().hashCode();
        }
    }

    /** @param random a {@link java.security.SecureRandom}; salts come from it. */
    public UserFile(Path file, RandomGenerator random) {
        this(new Disk(), file, random);
    }

    UserFile(Disk disk, Path file, RandomGenerator random) {
        this.file = file;
        this.random = random;
        whole = new WholeFile(
                disk,
                file,
                Disk.Access.OWNER,
                WholeFile.Edits.REFUSED,
                RESERVE,
                "restore both from a backup, or delete both and add the users again: penstock user add NAME --role OPERATOR");
    }

    /** Where the file lies in a gateway's home directory. */
    public static Path in(Path home) {
        return home.resolve("data").resolve("access").resolve("users.json");
    }

    public Path path() {
        return file;
    }

    /** Where what was written last is kept; it changes with every change, also on a full disk. */
    Path kept() {
        return whole.kept();
    }

    /** All users by name; none if there is no file. */
    public List<User> users() throws IOException {
        return read().values().stream()
                .map(entry -> new User(entry.name(), entry.roles()))
                .toList();
    }

    /** @throws IllegalArgumentException if the user exists, or name, roles or password are not acceptable. */
    public void add(String name, Collection<Role> roles, char[] password) throws IOException {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "user name: 1 to 64 of letters, digits and _ . @ -, was '" + name + "'; choose another");
        }
        if (roles.isEmpty()) {
            throw new IllegalArgumentException("user " + name + " needs at least one role out of "
                    + EnumSet.allOf(Role.class) + "; name it with --role");
        }
        PasswordHash hash = hash(password);
        change(entries -> {
            if (entries.putIfAbsent(name, new Entry(name, Set.copyOf(roles), hash)) != null) {
                throw new IllegalArgumentException("user " + name + " exists; change the password with: penstock user"
                        + " password " + name + ", or remove the user first");
            }
        });
    }

    /** @throws IllegalArgumentException if there is no such user. */
    public void remove(String name) throws IOException {
        change(entries -> {
            if (entries.remove(name) == null) {
                throw unknown(name);
            }
        });
    }

    /** @throws IllegalArgumentException if there is no such user or the password is not acceptable. */
    public void password(String name, char[] password) throws IOException {
        PasswordHash hash = hash(password);
        change(entries -> {
            Entry entry = entries.get(name);
            if (entry == null) {
                throw unknown(name);
            }
            entries.put(name, new Entry(name, entry.roles(), hash));
        });
    }

    /** As it is on disk, which is not touched. */
    Map<String, Entry> read() throws IOException {
        return parsed(logged(whole.read(UserFile::check)));
    }

    /** The same, and makes a damaged file whole again, unless somebody is just changing it. */
    Map<String, Entry> heal() throws IOException {
        try (FileChannel channel = Files.exists(file.toAbsolutePath().getParent())
                        ? FileChannel.open(lockFile(), StandardOpenOption.CREATE, StandardOpenOption.WRITE)
                        : null;
                FileLock lock = channel == null ? null : channel.tryLock()) {
            if (lock != null) {
                return parsed(healed());
            }
        } catch (OverlappingFileLockException | AccessDeniedException e) {
            LOG.debug("{} is being changed in this process, or the lock is root's", file, e);
        }
        return read();
    }

    private Optional<WholeFile.Found> healed() throws IOException {
        return logged(whole.heal(UserFile::check));
    }

    private static Optional<WholeFile.Found> logged(Optional<WholeFile.Found> found) {
        found.ifPresent(content -> content.told().forEach(told -> LOG.warn("{}", told)));
        return found;
    }

    private static void check(byte[] bytes) {
        try {
            parse(JSON.readTree(bytes));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("it is no JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new IllegalArgumentException(e.toString(), e);
        }
    }

    private static Map<String, Entry> parsed(Optional<WholeFile.Found> found) throws IOException {
        return found.isEmpty()
                ? new TreeMap<>()
                : parse(JSON.readTree(found.get().bytes()));
    }

    private static IllegalArgumentException unknown(String name) {
        return new IllegalArgumentException("there is no user " + name + "; see: penstock user list");
    }

    private PasswordHash hash(char[] password) {
        if (password.length < PASSWORD_MINIMUM || password.length > PASSWORD_MAXIMUM) {
            throw new IllegalArgumentException("password: " + PASSWORD_MINIMUM + " to " + PASSWORD_MAXIMUM
                    + " characters, had " + password.length + "; choose another");
        }
        byte[] salt = new byte[PasswordHash.SALT_BYTES];
        random.nextBytes(salt);
        return PasswordHash.of(password, salt);
    }

    private static Map<String, Entry> parse(JsonNode root) {
        if (root.path("schema").asInt() != SCHEMA) {
            throw new IllegalArgumentException("schema: " + SCHEMA + ", was " + root.path("schema"));
        }
        Map<String, Entry> entries = new TreeMap<>();
        for (JsonNode user : root.path("users")) {
            String name = user.path("name").asText();
            Set<Role> roles = EnumSet.noneOf(Role.class);
            user.path("roles").forEach(role -> roles.add(Role.valueOf(role.asText())));
            JsonNode password = user.path("argon2id");
            PasswordHash hash = new PasswordHash(
                    password.path("memoryKiB").asInt(),
                    password.path("iterations").asInt(),
                    password.path("parallelism").asInt(),
                    Base64.getDecoder().decode(password.path("salt").asText()),
                    Base64.getDecoder().decode(password.path("hash").asText()));
            if (hash.hash().length < 16) {
                throw new IllegalArgumentException(
                        "hash of user " + name + ": at least 16 bytes, had " + hash.hash().length);
            }
            entries.put(name, new Entry(name, roles, hash));
        }
        return entries;
    }

    private static byte[] write(Map<String, Entry> entries) throws IOException {
        ObjectNode root = JSON.createObjectNode().put("schema", SCHEMA);
        ArrayNode users = root.putArray("users");
        for (Entry entry : entries.values()) {
            ObjectNode user = users.addObject().put("name", entry.name());
            ArrayNode roles = user.putArray("roles");
            entry.roles().stream().sorted().forEach(role -> roles.add(role.name()));
            PasswordHash hash = entry.password();
            user.putObject("argon2id")
                    .put("memoryKiB", hash.memoryKiB())
                    .put("iterations", hash.iterations())
                    .put("parallelism", hash.parallelism())
                    .put("salt", Base64.getEncoder().encodeToString(hash.salt()))
                    .put("hash", Base64.getEncoder().encodeToString(hash.hash()));
        }
        return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
    }

    /** Two commands at once must not lose a user: the lock file makes them take turns. */
    private void change(Consumer<Map<String, Entry>> change) throws IOException {
        makeDirectory();
        Path lockFile = lockFile();
        try (FileChannel channel = FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            if (!lock.isValid()) {
                throw new IOException("cannot lock " + lockFile + "; is another penstock user command running?");
            }
            Map<String, Entry> entries = new TreeMap<>(parsed(healed()));
            change.accept(entries);
            whole.write(write(entries));
            if (!whole.behind().isEmpty()) {
                LOG.warn(
                        "{} is full or fails, {}: the change is kept in {} and counts; make room",
                        file,
                        whole.behind(),
                        whole.kept().getFileName());
            }
        }
    }

    private Path lockFile() {
        return file.resolveSibling(file.getFileName() + ".lock");
    }

    private void makeDirectory() throws IOException {
        Path directory = file.toAbsolutePath().getParent();
        if (directory == null) {
            throw new IOException("no directory for " + file);
        }
        if (!Files.isDirectory(directory)) {
            Path existing = directory;
            List<Path> made = new ArrayList<>();
            while (existing != null && !Files.exists(existing)) {
                made.add(existing);
                existing = existing.getParent();
            }
            Files.createDirectories(directory);
            if (existing != null) {
                for (Path path : made) {
                    Files.setOwner(path, Files.getOwner(existing));
                }
            }
            Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
        }
    }
}
