// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class AuditPowerCutTest {
    private static final int CALLS = 16;

    @TempDir
    Path folder;

    /** Holds back what is not forced, and dies at a call. */
    private static final class CutDisk implements Disk {
        private final int cutAt;
        private int calls;
        private ByteBuffer held = ByteBuffer.allocate(0);
        private long heldAt;
        volatile boolean cut;

        CutDisk(int cutAt) {
            this.cutAt = cutAt;
        }

        private void call() throws IOException {
            if (cut || calls++ == cutAt) {
                cut = true;
                throw new IOException("power cut");
            }
        }

        @Override
        public void write(FileChannel file, ByteBuffer bytes, long position) throws IOException {
            if (!cut) {
                held = ByteBuffer.allocate(bytes.remaining())
                        .put(bytes.duplicate())
                        .flip();
                heldAt = position;
            }
            call();
            bytes.position(bytes.limit());
        }

        @Override
        public void force(FileChannel file) throws IOException {
            call();
            REAL.write(file, held, heldAt);
            REAL.force(file);
            held = ByteBuffer.allocate(0);
        }

        /** What of the last write was on its way. */
        byte[] left(int share) {
            byte[] left = new byte[held.remaining() * share / 2];
            held.duplicate().get(left);
            return left;
        }
    }

    // After a power cut the plant would miss writes that the gateway had called recorded, or find a log that does not
    // verify.
    @Test
    @Timeout(120)
    void whatWasFlushedIsThereAfterACutAtAnyCall() throws IOException {
        for (int cutAt = 0; cutAt < CALLS; cutAt++) {
            for (int share = 0; share <= 2; share++) {
                Path directory = folder.resolve(cutAt + "-" + share);
                CutDisk disk = new CutDisk(cutAt);
                Set<String> flushed = flushUntilCut(directory, disk);
                leave(directory, disk, share);
                AuditJournal after = Journals.started(directory);
                after.append(Journals.entry(1, "after"));
                assertTrue(after.flush(20_000));
                after.stop();
                String way = "cut at " + cutAt + ", " + share + " halves of the last write there";
                assertTrue(new AuditVerifier(directory).verify().whole(), way);
                Set<String> there = Journals.read(directory).stream()
                        .map(AuditVerifier.Entry::detail)
                        .collect(Collectors.toSet());
                flushed.add("after");
                flushed.removeAll(there);
                assertEquals(Set.of(), flushed, way);
            }
        }
    }

    private static Set<String> flushUntilCut(Path directory, CutDisk disk) {
        AuditJournal journal = Journals.started(directory, Journals.SETTINGS, disk);
        Set<String> flushed = new HashSet<>();
        for (int i = 0; !disk.cut; i++) {
            String detail = "record " + i + " " + "x".repeat(40 * i);
            journal.append(Journals.entry(i, detail));
            boolean there = journal.flush(20);
            while (!there && !disk.cut) {
                there = journal.flush(20);
            }
            if (there) {
                flushed.add(detail);
            }
        }
        journal.stop();
        return flushed;
    }

    /** Into the last segment, where it would have gone; the anchor is written beside and has no remains. */
    private static void leave(Path directory, CutDisk disk, int share) throws IOException {
        byte[] left = disk.left(share);
        Path segment = Segments.list(directory).lastEntry() == null
                ? null
                : Segments.list(directory).lastEntry().getValue();
        if (segment == null
                || left.length == 0
                || new String(left, java.nio.charset.StandardCharsets.UTF_8).contains("segment\":")) {
            return;
        }
        try (FileChannel file = FileChannel.open(segment, StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.wrap(left), Math.min(disk.heldAt, Files.size(segment)));
        }
    }
}
