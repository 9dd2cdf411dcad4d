// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.zip.CRC32;

/** Writes the archive {@link ZipReader} reads. Entries are stored, not deflated: same input, same bytes, whatever the JDK. */
final class ZipWriter {
    private static final int DATE_1980_01_01 = 0x21;

    private ZipWriter() {}

    static byte[] write(Map<String, byte[]> entries) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream directory = new ByteArrayOutputStream();
        entries.forEach((name, bytes) -> {
            byte[] nameBytes = name.getBytes(StandardCharsets.US_ASCII);
            CRC32 crc = new CRC32();
            crc.update(bytes);
            ByteBuffer common = buffer(26)
                    .putShort((short) 20) // version needed
                    .putInt(0) // flags, method
                    .putShort((short) 0)
                    .putShort((short) DATE_1980_01_01)
                    .putInt((int) crc.getValue())
                    .putInt(bytes.length)
                    .putInt(bytes.length)
                    .putShort((short) nameBytes.length)
                    .putShort((short) 0);
            directory.writeBytes(
                    buffer(6).putInt(0x02014b50).putShort((short) 20).array());
            directory.writeBytes(common.array());
            directory.writeBytes(buffer(14).putInt(10, out.size()).array());
            directory.writeBytes(nameBytes);
            out.writeBytes(buffer(4).putInt(0x04034b50).array());
            out.writeBytes(common.array());
            out.writeBytes(nameBytes);
            out.writeBytes(bytes);
        });
        int start = out.size();
        out.writeBytes(directory.toByteArray());
        out.writeBytes(buffer(22)
                .putInt(0x06054b50)
                .putInt(0)
                .putShort((short) entries.size())
                .putShort((short) entries.size())
                .putInt(directory.size())
                .putInt(start)
                .putShort((short) 0)
                .array());
        return out.toByteArray();
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
