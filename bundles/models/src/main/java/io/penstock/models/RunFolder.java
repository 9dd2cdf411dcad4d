// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder in memory in which a process says what it is doing, so that the next one can read what the last was at when it died.
 * The start script makes it: {@code now} is written by this process, {@code before} is what the last one left.
 */
final class RunFolder {
    private static final Logger LOG = LoggerFactory.getLogger(RunFolder.class);
    private static final long MAGIC = 0x314B_5241_4D4E_5552L; // as pipeline's RunMark writes it
    private static final int MARK_BYTES = 160;
    private static final int LONGEST = 4096;
    private static final int MOST_FILES = 1000;

    private final @Nullable Path now;
    private final @Nullable Path before;

    private RunFolder(@Nullable Path now, @Nullable Path before) {
        this.now = now;
        this.before = before;
    }

    /** @param now this process's folder; null where the start script gave none. */
    static RunFolder of(@Nullable String now) {
        return now == null
                ? new RunFolder(null, null)
                : new RunFolder(Path.of(now), Path.of(now).resolveSibling("before"));
    }

    /**
     * Where the thread of a pipeline was.
     *
     * @param inside 0 outside of any model, 1 inside the serving one, 2 inside the operators of one that warms up.
     * @param stuck whether it had not come back for long.
     * @param serving digest of the serving model's bundle, empty for none.
     */
    record Mark(int inside, boolean stuck, String serving) {}

    /**
     * What the process before left.
     *
     * @param marks by pipeline.
     * @param opening by pipeline, the release whose model was being opened for it.
     * @param told what the supervisor wrote down of the end, empty for nothing.
     * @param toldAt when.
     */
    record Life(Map<String, Mark> marks, Map<String, String> opening, String told, Instant toldAt) {
        static final Life UNKNOWN = new Life(Map.of(), Map.of(), "", Instant.EPOCH);
    }

    /** What the process with this id left; what lies there may be cut off, or of another. */
    Life before(String pid) {
        if (before == null || !Files.isDirectory(before)) {
            return Life.UNKNOWN;
        }
        Map<String, Mark> marks = new TreeMap<>();
        Map<String, String> opening = new TreeMap<>();
        String told = "";
        Instant toldAt = Instant.EPOCH;
        int files = 0;
        try (DirectoryStream<Path> found = Files.newDirectoryStream(before)) {
            for (Path file : found) {
                String name = file.getFileName().toString();
                if (++files > MOST_FILES || !Files.isRegularFile(file)) {
                    continue;
                }
                if (name.startsWith("cycle-")) {
                    Mark mark = mark(head(file), pid);
                    if (mark != null) {
                        marks.put(name.substring("cycle-".length()), mark);
                    }
                } else if (name.startsWith("opening-")) {
                    opening.put(name.substring("opening-".length()), text(file));
                } else if (name.equals("exit")) {
                    told = text(file);
                    toldAt = Files.getLastModifiedTime(file).toInstant();
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            LOG.warn(
                    "{} cannot be read: {}; only the report of the Java virtual machine tells of a crash",
                    before,
                    e.toString());
        }
        return new Life(marks, opening, told, toldAt);
    }

    private static byte[] head(Path file) throws IOException {
        try (var in = Files.newInputStream(file)) {
            return in.readNBytes(LONGEST);
        }
    }

    private static String text(Path file) throws IOException {
        return new String(head(file), StandardCharsets.US_ASCII).strip();
    }

    private static @Nullable Mark mark(byte[] bytes, String pid) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.length < MARK_BYTES
                || buffer.getLong(0) != MAGIC
                || !Long.toString(buffer.getLong(8)).equals(pid)) {
            return null;
        }
        String serving = new String(bytes, 32, 64, StandardCharsets.US_ASCII);
        return new Mark(
                (int) buffer.getLong(16),
                buffer.getLong(24) != 0,
                Names.SHA256.matcher(serving).matches() ? serving : "");
    }

    /** A model is opened inside this process from here on; ends with {@link #opened}. Never fails: the mark is a help only. */
    void opening(String pipeline, String id) {
        if (now != null) {
            try {
                Files.writeString(now.resolve("opening-" + pipeline), id);
            } catch (IOException e) {
                LOG.warn("{} cannot be written: {}", now, e.toString());
            }
        }
    }

    void opened(String pipeline) {
        if (now != null) {
            try {
                Files.deleteIfExists(now.resolve("opening-" + pipeline));
            } catch (IOException e) {
                LOG.warn("{} cannot be written: {}", now, e.toString());
            }
        }
    }
}
