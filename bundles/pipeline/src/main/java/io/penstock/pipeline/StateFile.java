// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.memory.MemoryBudget;
import io.penstock.kit.Disk;
import io.penstock.kit.WholeFile;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Operator state of one pipeline on disk, so that it survives a changed configuration and a restart. State older than ten
 * minutes says nothing about the plant any more and is left alone. It ends with its own digest: a wrong bit would be a wrong
 * feature. Up to 4 MiB it is kept once more beside; what is larger costs more to write twice than to warm up anew.
 */
final class StateFile {
    private static final Logger LOG = LoggerFactory.getLogger(StateFile.class);
    private static final int FORMAT = 0x50534F33;
    private static final long LARGEST_AGE_NS = TimeUnit.MINUTES.toNanos(10);
    private static final int LARGEST_KEPT = 4 << 20;

    private final Path file;
    private final MemoryBudget budget;
    private final Disk disk;
    private final WholeFile whole;

    StateFile(Path home, String pipeline, MemoryBudget budget) {
        this(new Disk(), home, pipeline, budget);
    }

    StateFile(Disk disk, Path home, String pipeline, MemoryBudget budget) {
        this.disk = disk;
        this.budget = budget;
        file = home.resolve("data").resolve("pipeline").resolve(pipeline + ".state");
        whole = new WholeFile(
                disk,
                file,
                Disk.Access.ANYONE,
                WholeFile.Edits.TAKEN,
                0,
                "operators start anew, nothing is to be done");
    }

    void save(Map<String, byte[]> state, long nowNs) {
        try {
            Files.createDirectories(file.getParent());
            byte[][] parts = parts(state, nowNs);
            if (Arrays.stream(parts).mapToLong(part -> part.length).sum() <= LARGEST_KEPT) {
                whole.write(joined(parts));
            } else {
                disk.remove(whole.kept()); // it would speak for the state before
                disk.replace(file, Disk.Access.ANYONE, parts);
            }
        } catch (IOException e) {
            LOG.warn(
                    "Operator state of {} not kept: {}; operators start anew next time",
                    file.getFileName(),
                    e.toString());
        }
    }

    /** Not copied, for a window may be as large as the memory that is left. */
    private static byte[][] parts(Map<String, byte[]> state, long nowNs) {
        List<byte[]> parts = new ArrayList<>();
        parts.add(ByteBuffer.allocate(16)
                .putInt(FORMAT)
                .putLong(nowNs)
                .putInt(state.size())
                .array());
        state.forEach((key, value) -> {
            byte[] name = key.getBytes(StandardCharsets.UTF_8);
            parts.add(length(name));
            parts.add(name);
            parts.add(length(value));
            parts.add(value);
        });
        MessageDigest digest = sha256();
        parts.forEach(digest::update);
        parts.add(digest.digest());
        return parts.toArray(byte[][]::new);
    }

    private static byte[] length(byte[] bytes) {
        return ByteBuffer.allocate(4).putInt(bytes.length).array();
    }

    private static byte[] joined(byte[][] parts) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            joined.writeBytes(part);
        }
        return joined.toByteArray();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    /** The state, empty if there is none, it is too old or damaged beyond what is kept of it, or has no room. */
    Map<String, byte[]> load(long nowNs) {
        try {
            long bytes = Math.max(size(file), size(whole.kept()) / 2); // of the two generations one is taken
            long most = budget.comingBytes(); // no model whose state is larger can serve
            if (bytes > most) {
                LOG.warn(
                        "Operator state in {} has {} bytes, at most {} have room; operators start anew",
                        file.getFileName(),
                        bytes,
                        most);
                return Map.of();
            }
            if (size(file) > LARGEST_KEPT) {
                try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
                    return state(in, nowNs);
                }
            }
            Optional<WholeFile.Found> found = whole.read(StateFile::check);
            found.ifPresent(content -> content.told().forEach(told -> LOG.warn("Operator state: {}", told)));
            return found.isEmpty()
                    ? Map.of()
                    : state(new ByteArrayInputStream(found.get().bytes()), nowNs);
        } catch (IOException e) {
            LOG.warn(
                    "Operator state in {} is not readable: {}; operators start anew", file.getFileName(), e.toString());
            return Map.of();
        }
    }

    private static long size(Path file) throws IOException {
        return Files.exists(file) ? Files.size(file) : 0;
    }

    private static void check(byte[] bytes) {
        try {
            state(new ByteArrayInputStream(bytes), 0);
        } catch (IOException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    /** @throws IOException if it is not whole. */
    private static Map<String, byte[]> state(InputStream bytes, long nowNs) throws IOException {
        Map<String, byte[]> state = new HashMap<>();
        MessageDigest digest = sha256();
        DataInputStream in = new DataInputStream(new DigestInputStream(bytes, digest));
        if (in.readInt() != FORMAT) {
            throw new IOException("it is no state of this release");
        }
        boolean old = Math.abs(nowNs - in.readLong()) > LARGEST_AGE_NS;
        for (int left = in.readInt(); left > 0; left--) {
            String key = new String(read(in), StandardCharsets.UTF_8);
            state.put(key, read(in));
        }
        byte[] found = digest.digest();
        if (!Arrays.equals(found, bytes.readAllBytes())) {
            throw new IOException("its digest is wrong");
        }
        return old ? Map.of() : state;
    }

    /** Of any length, since a key names every column of its tensor; a wrong length takes no more than the file has. */
    private static byte[] read(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length < 0) {
            throw new IOException("entry of " + length + " bytes");
        }
        byte[] bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new EOFException("entry of " + length + " bytes, the file has " + bytes.length + " more");
        }
        return bytes;
    }
}
