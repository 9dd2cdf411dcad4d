// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalLong;

/**
 * The two parts of a release file, apart. Nothing in it is verified yet.
 *
 * @param cms the signed statement, DER.
 * @param bundle the model bundle, to the end of the file.
 */
@SuppressWarnings("ArrayRecordComponent") // parts of one file, compared by nobody
public record ReleaseFile(byte[] cms, byte[] bundle) {
    static final String SUFFIX = ".penstock";
    private static final byte[] MAGIC = "PENSTOCK".getBytes(StandardCharsets.US_ASCII);
    private static final int VERSION = 1;
    private static final int HEADER = MAGIC.length + 1 + 4;
    private static final int LONGEST_CMS = 64 * 1024;

    /** The bytes of the file. */
    public byte[] toBytes() {
        ByteArrayOutputStream out = new ByteArrayOutputStream(HEADER + cms.length + bundle.length);
        out.writeBytes(MAGIC);
        out.write(VERSION);
        out.writeBytes(ByteBuffer.allocate(4).putInt(cms.length).array());
        out.writeBytes(cms);
        out.writeBytes(bundle);
        return out.toByteArray();
    }

    /** @throws ModelRejectedException if it is no release file or ends before the bundle begins. */
    public static ReleaseFile parse(byte[] file) throws ModelRejectedException {
        try {
            int length = head(new ByteArrayInputStream(file), file.length).length;
            return new ReleaseFile(
                    Arrays.copyOfRange(file, HEADER, length), Arrays.copyOfRange(file, length, file.length));
        } catch (IOException e) {
            throw new UncheckedIOException(e); // bytes in memory can always be read
        }
    }

    /** What stands before the bundle. Reads no further: a large file that nobody signed must not take memory. */
    static byte[] head(InputStream in, long fileLength) throws IOException, ModelRejectedException {
        byte[] header = in.readNBytes(HEADER);
        if (header.length < HEADER) {
            throw new ModelRejectedException("release: cut off: " + header.length
                    + " bytes are less than its header of " + HEADER + "; copy it again");
        }
        int length = HEADER + cmsLength(header);
        byte[] head = Arrays.copyOf(header, length);
        if (fileLength <= length || in.readNBytes(head, HEADER, length - HEADER) < length - HEADER) {
            throw new ModelRejectedException("release: cut off: " + fileLength
                    + " bytes end before the bundle begins at " + length + "; copy it again");
        }
        return head;
    }

    static byte[] cms(byte[] head) {
        return Arrays.copyOfRange(head, HEADER, head.length);
    }

    private static int cmsLength(byte[] header) throws ModelRejectedException {
        if (!Arrays.equals(header, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
            throw new ModelRejectedException(
                    "release: does not begin with PENSTOCK, so it is no release file; make one with 'penstock model sign'");
        }
        if (header[MAGIC.length] != VERSION) {
            throw new ModelRejectedException("release: format version " + (header[MAGIC.length] & 0xFF)
                    + ", this gateway reads " + VERSION + "; sign it with a command line of this gateway's version");
        }
        int length = ByteBuffer.wrap(header).getInt(MAGIC.length + 1);
        if (length < 1 || length > LONGEST_CMS) {
            throw new ModelRejectedException("release: signed statement of " + Integer.toUnsignedString(length)
                    + " bytes, 1 to " + LONGEST_CMS + " are allowed");
        }
        return length;
    }

    /**
     * How long the file will be when it is copied whole, as its own, unverified statement says. Reads the head only.
     *
     * @return empty if not even the statement is there yet.
     * @throws ModelRejectedException if it can never become a release file.
     */
    static OptionalLong wholeLength(Path file) throws IOException, ModelRejectedException {
        try (PlainFile opened = PlainFile.open(file)) {
            InputStream in = opened.content();
            byte[] header = in.readNBytes(HEADER);
            if (header.length < HEADER) {
                return OptionalLong.empty();
            }
            int length = cmsLength(header);
            byte[] cms = in.readNBytes(length);
            if (cms.length < length) {
                return OptionalLong.empty();
            }
            return OptionalLong.of(
                    HEADER + (long) length + ReleaseVerifier.unverified(cms).size());
        }
    }
}
