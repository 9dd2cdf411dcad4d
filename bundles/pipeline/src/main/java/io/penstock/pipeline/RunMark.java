// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.model.ModelIdentity;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which model a pipeline's thread is inside of, in a file in memory that is still there when the process has died of it; the
 * next start reads it. Written by the pipeline's thread, {@link #stuck} aside: a few stores into a mapped page, no call into the
 * system.
 *
 * <p>Little-endian: 0 magic, 8 process id, 16 inside, 24 stuck, 32 digest of the serving model's bundle (64 letters), 96 the
 * same of the candidate whose operators warm up. The folder must lie in memory (tmpfs): a page of a disk that is written back
 * would hold up the cycle.
 */
final class RunMark {
    private static final Logger LOG = LoggerFactory.getLogger(RunMark.class);
    private static final long MAGIC = 0x314B_5241_4D4E_5552L; // "RUNMARK1"
    private static final int SIZE = 4096;
    private static final int INSIDE = 16;
    private static final int STUCK = 24;
    private static final int SERVING = 32;
    private static final int CANDIDATE = 96;
    private static final int DIGEST = 64;

    private final ByteBuffer bytes;

    private RunMark(ByteBuffer bytes) {
        this.bytes = bytes;
    }

    /** A mark that nobody reads, for where no folder is given. */
    static RunMark none() {
        return new RunMark(ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN));
    }

    /** @param folder of this life of the gateway; null for none. Without a mark the pipeline runs all the same. */
    static RunMark in(@Nullable String folder, String pipeline) {
        if (folder == null) {
            return none();
        }
        Path file = Path.of(folder).resolve("cycle-" + pipeline);
        try {
            Files.createDirectories(file.getParent());
            try (FileChannel channel = FileChannel.open(
                    file,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.READ,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.TRUNCATE_EXISTING)) {
                ByteBuffer first = ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN);
                first.putLong(0, MAGIC).putLong(8, ProcessHandle.current().pid());
                while (first.hasRemaining()) {
                    channel.write(first); // takes the page now: where there is none, a store would be a signal
                }
                return new RunMark(
                        channel.map(FileChannel.MapMode.READ_WRITE, 0, SIZE).order(ByteOrder.LITTLE_ENDIAN));
            }
        } catch (IOException e) {
            LOG.warn(
                    "{} cannot be written: {}; should the process crash inside a model of pipeline {}, only the report of the"
                            + " Java virtual machine tells so",
                    file,
                    e.toString(),
                    pipeline);
            return none();
        }
    }

    void enterServing() {
        bytes.putLong(INSIDE, 1);
    }

    void enterCandidate() {
        bytes.putLong(INSIDE, 2);
    }

    void leave() {
        bytes.putLong(INSIDE, 0);
    }

    void serving(ModelIdentity model) {
        digest(SERVING, model);
    }

    void candidate(ModelIdentity model) {
        digest(CANDIDATE, model);
    }

    /** By whoever watches the thread: it does not come back from where it is. */
    void stuck(boolean stuck) {
        bytes.putLong(STUCK, stuck ? 1 : 0);
    }

    private void digest(int at, ModelIdentity model) {
        byte[] text = Arrays.copyOf(model.sha256().getBytes(StandardCharsets.US_ASCII), DIGEST);
        bytes.put(at, text, 0, DIGEST);
    }
}
