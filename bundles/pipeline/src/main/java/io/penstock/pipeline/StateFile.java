// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.memory.MemoryBudget;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Operator state of one pipeline on disk, so that it survives a changed configuration and a restart. State older than ten
 * minutes says nothing about the plant any more and is left alone.
 */
final class StateFile {
    private static final Logger LOG = LoggerFactory.getLogger(StateFile.class);
    private static final int FORMAT = 0x50534F32;
    private static final long LARGEST_AGE_NS = TimeUnit.MINUTES.toNanos(10);

    private final Path file;
    private final MemoryBudget budget;

    StateFile(Path home, String pipeline, MemoryBudget budget) {
        this.budget = budget;
        file = home.resolve("data").resolve("pipeline").resolve(pipeline + ".state");
    }

    void save(Map<String, byte[]> state, long nowNs) {
        Path temporary = file.resolveSibling(file.getFileName() + ".new");
        try {
            Files.createDirectories(file.getParent());
            try (DataOutputStream out =
                    new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(temporary)))) {
                out.writeInt(FORMAT);
                out.writeLong(nowNs);
                out.writeInt(state.size());
                for (Map.Entry<String, byte[]> entry : state.entrySet()) {
                    write(out, entry.getKey().getBytes(StandardCharsets.UTF_8));
                    write(out, entry.getValue());
                }
            }
            Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            LOG.warn(
                    "Operator state of {} not kept: {}; operators start anew next time",
                    file.getFileName(),
                    e.toString());
        }
    }

    private static void write(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    /** The state, empty if there is none, it is too old or the file is damaged. */
    Map<String, byte[]> load(long nowNs) {
        Map<String, byte[]> state = new HashMap<>();
        if (!Files.exists(file)) {
            return state;
        }
        long most = budget.comingBytes(); // no model whose state is larger can serve
        if (file.toFile().length() > most) {
            LOG.warn(
                    "Operator state in {} has {} bytes, at most {} have room; operators start anew",
                    file.getFileName(),
                    file.toFile().length(),
                    most);
            return state;
        }
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            if (in.readInt() != FORMAT || Math.abs(nowNs - in.readLong()) > LARGEST_AGE_NS) {
                return state;
            }
            for (int left = in.readInt(); left > 0; left--) {
                String key = new String(read(in), StandardCharsets.UTF_8);
                state.put(key, read(in));
            }
            return state;
        } catch (IOException e) {
            LOG.warn(
                    "Operator state in {} is not readable: {}; operators start anew", file.getFileName(), e.toString());
            return Map.of();
        }
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
