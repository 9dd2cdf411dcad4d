// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The anchor {@code head.json}: how far the log is acknowledged. Without it a tail that was cut off leaves a chain that looks
 * whole. It is replaced by a rename, so it is either the old or the new one after a kill; after a loss of power it may be the
 * old one, which is a lower bound and does no harm.
 *
 * @param seq last acknowledged record, 0 for none.
 * @param hash its hash.
 * @param segment number of the segment it stands in.
 * @param length bytes of that segment up to and with it.
 * @param firstSegment number of the oldest segment that is kept.
 * @param firstSeq number of the first record of that segment.
 * @param firstPrev what that record follows.
 */
record Head(long seq, String hash, long segment, long length, long firstSegment, long firstSeq, String firstPrev) {
    static final String NAME = "head.json";
    static final Head GENESIS = new Head(0, Line.GENESIS, 1, 0, 1, 1, Line.GENESIS);

    private static final Pattern FORM = Pattern.compile("\\{\"seq\":(\\d{1,18}),\"hash\":\"([0-9a-f]{64})\","
            + "\"segment\":(\\d{1,18}),\"length\":(\\d{1,18}),\"firstSegment\":(\\d{1,18}),"
            + "\"firstSeq\":(\\d{1,18}),\"firstPrev\":\"([0-9a-f]{64})\"\\}\\n");

    /** The same, but going on in another segment. */
    Head beginning(long number) {
        return new Head(seq, hash, number, 0, firstSegment, firstSeq, firstPrev);
    }

    /** The same segment, but after another record. */
    Head after(long lastSeq, String lastHash, long end) {
        return new Head(lastSeq, lastHash, segment, end, firstSegment, firstSeq, firstPrev);
    }

    /** The same end, but without the segments before this one. */
    Head keeping(long number, long seqThere, String prevThere) {
        return new Head(seq, hash, segment, length, number, seqThere, prevThere);
    }

    /**
     * @throws java.nio.file.NoSuchFileException if there is none.
     * @throws IllegalArgumentException if it is not what this class writes.
     */
    static Head read(Path directory) throws IOException {
        String text = new String(Files.readAllBytes(directory.resolve(NAME)), StandardCharsets.ISO_8859_1);
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(NAME + " is not an anchor of this log");
        }
        return new Head(
                Long.parseLong(matcher.group(1)),
                matcher.group(2),
                Long.parseLong(matcher.group(3)),
                Long.parseLong(matcher.group(4)),
                Long.parseLong(matcher.group(5)),
                Long.parseLong(matcher.group(6)),
                matcher.group(7));
    }

    void write(Path directory, Disk disk) throws IOException {
        Path fresh = directory.resolve(NAME + ".tmp");
        String text = "{\"seq\":" + seq + ",\"hash\":\"" + hash + "\",\"segment\":" + segment + ",\"length\":" + length
                + ",\"firstSegment\":" + firstSegment + ",\"firstSeq\":" + firstSeq + ",\"firstPrev\":\"" + firstPrev
                + "\"}\n";
        try (FileChannel file = FileChannel.open(
                fresh, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            disk.write(file, ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)), 0);
            disk.force(file);
        }
        Files.move(fresh, directory.resolve(NAME), StandardCopyOption.ATOMIC_MOVE);
    }
}
