// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Reads a segment line by line as bytes and knows where it is. */
final class LineReader implements Closeable {
    private final InputStream in;
    private long position;
    private boolean whole;

    LineReader(Path file, long from) throws IOException {
        in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
        position = from;
        in.skipNBytes(from);
    }

    /**
     * The next line without its line feed, null at the end.
     *
     * @throws IllegalArgumentException if it is longer than any line of this log; the one after it comes next.
     */
    byte @Nullable [] next() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream(512);
        int c = in.read();
        if (c < 0) {
            return null;
        }
        while (c >= 0 && c != '\n') {
            if (line.size() >= Line.LONGEST) {
                skip(line.size() + 1L);
                throw new IllegalArgumentException("not an audit record: longer than " + Line.LONGEST + " bytes");
            }
            line.write(c);
            c = in.read();
        }
        whole = c == '\n';
        position += line.size() + (whole ? 1 : 0);
        return line.toByteArray();
    }

    private void skip(long read) throws IOException {
        long length = read;
        int c = in.read();
        while (c >= 0 && c != '\n') {
            length++;
            c = in.read();
        }
        whole = c == '\n';
        position += length + (whole ? 1 : 0);
    }

    /** Whether the last line had its line feed. */
    boolean whole() {
        return whole;
    }

    /** Bytes of the file up to and with the last line. */
    long position() {
        return position;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
