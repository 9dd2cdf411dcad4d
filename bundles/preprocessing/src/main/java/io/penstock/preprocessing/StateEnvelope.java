// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutput;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32;

/** The outer form of every saved state: version, CRC-32, content. */
final class StateEnvelope {
    private static final byte VERSION = 1;
    private static final int HEADER = 5;
    /** More than the largest tensor needs: 2^22 values, and flags of as many rows. */
    private static final int MOST_BYTES = 64 << 20;

    /** Writes or reads one state. */
    interface Writer {
        void write(DataOutput out) throws IOException;
    }

    /** @see Writer */
    interface Reader {
        void read(DataInputStream in) throws IOException;
    }

    private StateEnvelope() {}

    /** @return nothing but the header where the writer wrote nothing. */
    static byte[] close(Writer writer) {
        Buffer buffer = new Buffer();
        try {
            DataOutputStream out = new DataOutputStream(buffer);
            out.writeByte(VERSION);
            out.writeInt(0);
            writer.write(out);
            return buffer.sealed();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // only an operator of somebody else can do that to an array
        }
    }

    /** Gives its bytes with their checksum, copied once: states are large. */
    private static final class Buffer extends ByteArrayOutputStream {
        byte[] sealed() {
            CRC32 crc = new CRC32();
            crc.update(buf, HEADER, count - HEADER);
            ByteBuffer.wrap(buf).putInt(1, (int) crc.getValue());
            return toByteArray();
        }
    }

    static boolean isEmpty(byte[] envelope) {
        return envelope.length <= HEADER;
    }

    /** @throws IOException if the envelope is damaged, or the reader refuses its content or leaves some of it. */
    static void open(byte[] envelope, Reader reader) throws IOException {
        StateFormat.require(
                envelope.length > HEADER && envelope.length <= MOST_BYTES,
                "more than " + HEADER + " and at most " + MOST_BYTES + " bytes, was " + envelope.length);
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(envelope));
        byte version = in.readByte();
        StateFormat.require(version == VERSION, "version " + VERSION + " is known, was " + version);
        StateFormat.require(in.readInt() == crc(envelope, HEADER), "the checksum does not match");
        reader.read(in);
        StateFormat.require(in.available() == 0, in.available() + " bytes too many");
    }

    private static int crc(byte[] bytes, int from) {
        CRC32 crc = new CRC32();
        crc.update(bytes, from, bytes.length - from);
        return (int) crc.getValue();
    }
}
