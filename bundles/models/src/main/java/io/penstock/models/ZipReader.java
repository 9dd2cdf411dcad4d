// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Reads a ZIP archive in the one way in which no two readers can disagree: local headers from byte 0, one behind the other,
 * each repeated word by word in a central directory in the same order, then the end record, then nothing. What most archives
 * may have — data descriptors, extra fields, comments, ZIP64, encryption — is refused.
 */
final class ZipReader {
    private static final int LOCAL = 0x04034b50;
    private static final int CENTRAL = 0x02014b50;
    private static final int END = 0x06054b50;
    private static final int LOCAL_SIZE = 30;
    private static final int CENTRAL_SIZE = 46;
    private static final int END_SIZE = 22;
    private static final int UTF8_FLAG = 1 << 11;
    private static final int MOST_ENTRIES = 32;
    private static final int MOST_RATIO = 200;
    private static final int RATIO_MATTERS_FROM = 100_000;

    private final ByteBuffer in;
    private final long maximumBytes;
    private final Predicate<String> allowed;
    private final String allowedForm;

    private ZipReader(byte[] archive, long maximumBytes, Predicate<String> allowed, String allowedForm) {
        in = ByteBuffer.wrap(archive).order(ByteOrder.LITTLE_ENDIAN);
        this.maximumBytes = maximumBytes;
        this.allowed = allowed;
        this.allowedForm = allowedForm;
    }

    /** Entries by name in their order. */
    static Map<String, byte[]> read(byte[] archive, long maximumBytes, Predicate<String> allowed, String allowedForm)
            throws ModelRejectedException {
        return new ZipReader(archive, maximumBytes, allowed, allowedForm).entries();
    }

    private Map<String, byte[]> entries() throws ModelRejectedException {
        int end = in.capacity() - END_SIZE;
        if (end < 0 || in.getInt(end) != END) {
            throw refused(
                    "the end record of the ZIP archive is not in its last 22 bytes: something follows it or it is cut");
        }
        int count = shortAt(end + 10);
        if (shortAt(end + 4) != 0
                || shortAt(end + 6) != 0
                || shortAt(end + 8) != count
                || shortAt(end + 20) != 0
                || count == 0xFFFF) {
            throw refused("the end record says several disks, a comment or ZIP64; none is allowed");
        }
        if (count < 1 || count > MOST_ENTRIES) {
            throw refused(count + " entries, 1 to " + MOST_ENTRIES + " are allowed");
        }
        long size = intAt(end + 12);
        long start = intAt(end + 16);
        if (start + size != end) {
            throw refused("the central directory does not end where the end record begins");
        }
        return walk((int) start, end, count);
    }

    private Map<String, byte[]> walk(int directory, int end, int count) throws ModelRejectedException {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        int local = 0;
        int central = directory;
        long total = 0;
        for (int i = 0; i < count; i++) {
            if (central + CENTRAL_SIZE > end || in.getInt(central) != CENTRAL) {
                throw refused("entry " + (i + 1) + " of the central directory is missing");
            }
            int nameLength = shortAt(central + 28);
            if (central + CENTRAL_SIZE + nameLength > end) {
                throw refused("entry " + (i + 1) + " of the central directory is cut");
            }
            String name = name(central + CENTRAL_SIZE, nameLength);
            if (!allowed.test(name)) {
                throw refused("entry '" + Json.shortened(name) + "' is not allowed: " + allowedForm);
            }
            checkCentral(name, central, local);
            long packed = intAt(central + 20);
            long plain = intAt(central + 24);
            total += plain;
            if (plain > maximumBytes || total > maximumBytes) {
                throw refused("entry '" + name + "': unpacks to " + total + " bytes in all, at most " + maximumBytes
                        + " are allowed");
            }
            if (plain > RATIO_MATTERS_FROM && plain > MOST_RATIO * Math.max(packed, 1)) {
                throw refused("entry '" + name + "': unpacks " + packed + " bytes to " + plain + ", at most "
                        + MOST_RATIO + " to 1 is allowed");
            }
            int data = checkLocal(name, nameLength, local, central, directory);
            if (data + packed > directory) {
                throw refused("entry '" + name + "': its data runs into the central directory");
            }
            if (entries.put(name, unpack(name, central, data, (int) packed, (int) plain)) != null) {
                throw refused("entry '" + name + "' comes twice");
            }
            local = (int) (data + packed);
            central += CENTRAL_SIZE + nameLength;
        }
        if (local != directory || central != end) {
            throw refused("there are bytes that belong to no entry");
        }
        return entries;
    }

    private String name(int at, int length) throws ModelRejectedException {
        byte[] bytes = new byte[length];
        in.get(at, bytes);
        for (byte b : bytes) {
            if (b < 0x20 || b == 0x7F) {
                throw refused("an entry has a name that is not plain ASCII");
            }
        }
        return new String(bytes, StandardCharsets.US_ASCII);
    }

    private void checkCentral(String name, int central, int local) throws ModelRejectedException {
        int flags = shortAt(central + 8);
        int method = shortAt(central + 10);
        if (shortAt(central + 6) > 20 || (flags & ~UTF8_FLAG) != 0 || (method != 0 && method != 8)) {
            throw refused("entry '" + name + "': version " + shortAt(central + 6) + ", flags "
                    + Integer.toHexString(flags) + ", method " + method
                    + "; only plain stored or deflated entries without encryption and data descriptor are allowed,"
                    + " pack it with 'penstock model pack'");
        }
        if (shortAt(central + 30) != 0
                || shortAt(central + 32) != 0
                || shortAt(central + 34) != 0
                || shortAt(central + 36) != 0
                || in.getInt(central + 38) != 0) {
            throw refused("entry '" + name
                    + "': extra field, comment, disk number or file attributes; none is allowed, pack it with"
                    + " 'penstock model pack'");
        }
        if (intAt(central + 42) != local) {
            throw refused("entry '" + name + "': begins at " + intAt(central + 42) + ", but the entry before ends at "
                    + local);
        }
    }

    private int checkLocal(String name, int nameLength, int local, int central, int directory)
            throws ModelRejectedException {
        if (local + LOCAL_SIZE + nameLength > directory || in.getInt(local) != LOCAL) {
            throw refused("entry '" + name + "': no local header at " + local);
        }
        boolean same = shortAt(local + 28) == 0 && shortAt(local + 26) == nameLength;
        for (int i = 0; i < 22 && same; i++) { // version needed to uncompressed size
            same = in.get(local + 4 + i) == in.get(central + 6 + i);
        }
        for (int i = 0; i < nameLength && same; i++) {
            same = in.get(local + LOCAL_SIZE + i) == in.get(central + CENTRAL_SIZE + i);
        }
        if (!same) {
            throw refused("entry '" + name + "': local header and central directory differ");
        }
        return local + LOCAL_SIZE + nameLength;
    }

    private byte[] unpack(String name, int central, int data, int packed, int plain) throws ModelRejectedException {
        byte[] bytes;
        if (shortAt(central + 10) == 0) {
            if (packed != plain) {
                throw refused("entry '" + name + "': stored, yet its sizes are " + packed + " and " + plain);
            }
            bytes = new byte[plain];
            in.get(data, bytes);
        } else {
            bytes = inflate(name, data, packed, plain);
        }
        CRC32 crc = new CRC32();
        crc.update(bytes);
        if ((int) crc.getValue() != in.getInt(central + 16)) {
            throw refused("entry '" + name + "': checksum is wrong");
        }
        return bytes;
    }

    /** Into one array of the size it says, so that nothing stands in memory twice. */
    private byte[] inflate(String name, int data, int packed, int plain) throws ModelRejectedException {
        Inflater inflater = new Inflater(true);
        try {
            inflater.setInput(in.array(), data, packed);
            byte[] bytes = new byte[plain];
            int n = 0;
            int step;
            do {
                step = inflater.inflate(bytes, n, plain - n);
                n += step;
            } while (step > 0);
            int more = inflater.finished() ? 0 : inflater.inflate(new byte[1]);
            if (more > 0 || !inflater.finished() || n != plain || inflater.getRemaining() != 0) {
                throw refused("entry '" + name + "': does not unpack to its " + plain + " bytes");
            }
            return bytes;
        } catch (DataFormatException e) {
            throw new ModelRejectedException("bundle: entry '" + name + "': damaged: " + e.getMessage(), e);
        } finally {
            inflater.end();
        }
    }

    private int shortAt(int at) {
        return in.getShort(at) & 0xFFFF;
    }

    private long intAt(int at) {
        return in.getInt(at) & 0xFFFFFFFFL;
    }

    private static ModelRejectedException refused(String message) {
        return new ModelRejectedException("bundle: " + message);
    }
}
