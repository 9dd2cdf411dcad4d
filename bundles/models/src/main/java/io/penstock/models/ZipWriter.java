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
            byte[] common = new byte[26];
            buffer(common)
                    .putShort((short) 20) // version needed
                    .putInt(0) // flags, method
                    .putShort((short) 0)
                    .putShort((short) DATE_1980_01_01)
                    .putInt((int) crc.getValue())
                    .putInt(bytes.length)
                    .putInt(bytes.length)
                    .putShort((short) nameBytes.length);
            byte[] central = new byte[6];
            buffer(central).putInt(0x02014b50).putShort((short) 20);
            byte[] attributes = new byte[14];
            buffer(attributes).putInt(10, out.size());
            directory.writeBytes(central);
            directory.writeBytes(common);
            directory.writeBytes(attributes);
            directory.writeBytes(nameBytes);
            byte[] local = new byte[4];
            buffer(local).putInt(0x04034b50);
            out.writeBytes(local);
            out.writeBytes(common);
            out.writeBytes(nameBytes);
            out.writeBytes(bytes);
        });
        int start = out.size();
        out.writeBytes(directory.toByteArray());
        byte[] end = new byte[22];
        buffer(end)
                .putInt(0x06054b50)
                .putInt(0)
                .putShort((short) entries.size())
                .putShort((short) entries.size())
                .putInt(directory.size())
                .putInt(start);
        out.writeBytes(end);
        return out.toByteArray();
    }

    private static ByteBuffer buffer(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
