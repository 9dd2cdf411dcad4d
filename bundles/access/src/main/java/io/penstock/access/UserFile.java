// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.api.access.Role;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;

/**
 * {@code data/access/users.json}: names, roles and password hashes. The gateway reads it, the command line changes it; every
 * change is a whole new file put in place of the old one, so a reader sees the one or the other. Mode 0600, owned by whoever
 * owns the directory, so that a change made by root does not lock the gateway out.
 */
public final class UserFile {
    /** Shortest password taken. */
    public static final int PASSWORD_MINIMUM = 10;

    private static final int PASSWORD_MAXIMUM = 256;
    private static final int SCHEMA = 1;
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
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
        this.file = file;
        this.random = random;
    }

    /** Where the file lies in a gateway's home directory. */
    public static Path in(Path home) {
        return home.resolve("data").resolve("access").resolve("users.json");
    }

    public Path path() {
        return file;
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

    Map<String, Entry> read() throws IOException {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            return new TreeMap<>();
        }
        try {
            return parse(JSON.readTree(bytes));
        } catch (JsonProcessingException e) {
            throw new IOException(
                    file + " is no JSON: " + e.getOriginalMessage()
                            + "; restore it or remove it and add the users again",
                    e);
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    file + ": " + e.getMessage() + "; restore it or remove it and add the users again", e);
        }
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
        Path directory = directory();
        Path lockFile = directory.resolve(file.getFileName() + ".lock");
        try (FileChannel channel = FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            if (!lock.isValid()) {
                throw new IOException("cannot lock " + lockFile + "; is another penstock user command running?");
            }
            Map<String, Entry> entries = new TreeMap<>(read());
            change.accept(entries);
            replace(directory, write(entries));
        }
    }

    private Path directory() throws IOException {
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
        return directory;
    }

    private void replace(Path directory, byte[] bytes) throws IOException {
        Path temporary = Files.createTempFile(
                directory,
                "users",
                ".tmp",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try {
            try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
                ByteBuffer buffer = ByteBuffer.wrap(bytes);
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
                channel.force(true);
            }
            if (!Files.getOwner(temporary).equals(Files.getOwner(directory))) {
                Files.setOwner(temporary, Files.getOwner(directory));
            }
            move(temporary);
        } finally {
            Files.deleteIfExists(temporary);
        }
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true); // the rename itself must survive a power cut
        }
    }

    private void move(Path temporary) throws IOException {
        try {
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            throw new IOException(
                    "the file system of " + file + " cannot rename atomically; put data/ on a local disk", e);
        }
    }
}
