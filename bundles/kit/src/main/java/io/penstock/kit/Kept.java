// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.kit;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The form of a {@code .kept} file: two slots of one capacity, each a generation of some content. A slot is a header of 512
 * bytes, the content, room, and the same header again, so that one lost block of the disk takes no more than one of the two.
 * A header is one line of text, for people:
 *
 * <pre>penstock-kept 1 SLOT CAPACITY SEQUENCE LENGTH SHA-256 SHA-256-OF-THE-PLAIN-FILE-BEFORE CHECK</pre>
 *
 * @param capacity bytes of a slot.
 * @param generations newest first; of a slot without a readable header there is none.
 * @param whole whether every header and content is there.
 */
record Kept(long capacity, List<Generation> generations, boolean whole) {
    static final int HEADER = 512;
    static final int BLOCK = 4096;
    static final String NOTHING = "-";
    private static final int SLOTS = 2;
    private static final int CHECK_DIGITS = 16;
    private static final Pattern FORM = Pattern.compile("penstock-kept 1 (?<slot>[01]) (?<capacity>\\d{1,12})"
            + " (?<sequence>\\d{1,18}) (?<length>\\d{1,10}) (?<sha>[0-9a-f]{64}) (?<plain>-|[0-9a-f]{64})"
            + " (?<check>[0-9a-f]{16})\\n");

    Kept {
        generations = List.copyOf(generations);
    }

    /**
     * What one slot says.
     *
     * @param content null where it is not what the header says.
     * @param plain digest of the plain file at the time this was written, {@link #NOTHING} for none.
     */
    @SuppressWarnings("ArrayRecordComponent") // bytes that nobody changes
    record Generation(
            int slot, long capacity, long sequence, int length, String sha, String plain, byte @Nullable [] content) {
        private Generation with(byte[] found) {
            return new Generation(slot, capacity, sequence, length, sha, plain, found);
        }
    }

    /** Two whole slots, newest first. */
    Kept(Generation newest, Generation before) {
        this(newest.capacity(), List.of(newest, before), true);
    }

    /** Whether this much goes into a slot. */
    boolean takes(int length) {
        return length <= capacity - 2 * HEADER;
    }

    /** The slot that may be written over. */
    int oldestSlot() {
        return 1 - generations.get(0).slot();
    }

    static Kept parse(byte[] bytes) {
        long capacity = bytes.length / SLOTS;
        boolean whole = bytes.length > 0 && bytes.length % (SLOTS * BLOCK) == 0;
        if (!whole) {
            Generation first = header(bytes, 0); // it lost its end
            capacity = first == null ? 0 : first.capacity();
        }
        List<Generation> found = new ArrayList<>();
        for (int slot = 0; slot < SLOTS && capacity > 0; slot++) {
            long start = slot * capacity;
            Generation front = header(bytes, start);
            Generation back = header(bytes, start + capacity - HEADER);
            Generation header = fits(front, slot, capacity) ? front : back;
            whole &= header != null && header.equals(front) && header.equals(back);
            if (header != null && fits(header, slot, capacity)) {
                Generation read = content(bytes, start, header);
                whole &= read.content() != null;
                found.add(read);
            }
        }
        found.sort(Comparator.comparingLong(Generation::sequence).reversed());
        return new Kept(capacity, found, whole && found.size() == SLOTS);
    }

    private static boolean fits(@Nullable Generation header, int slot, long capacity) {
        return header != null
                && header.slot() == slot
                && header.capacity() == capacity
                && header.length() <= capacity - 2 * HEADER;
    }

    private static @Nullable Generation header(byte[] bytes, long offset) {
        if (offset + HEADER > bytes.length) {
            return null;
        }
        String text = new String(bytes, (int) offset, HEADER, StandardCharsets.ISO_8859_1);
        Matcher matcher = FORM.matcher(text);
        if (!matcher.lookingAt() || !matcher.group("check").equals(check(text.substring(0, matcher.start("check"))))) {
            return null;
        }
        return new Generation(
                Integer.parseInt(matcher.group("slot")),
                Long.parseLong(matcher.group("capacity")),
                Long.parseLong(matcher.group("sequence")),
                (int) Math.min(Integer.MAX_VALUE, Long.parseLong(matcher.group("length"))),
                matcher.group("sha"),
                matcher.group("plain"),
                null);
    }

    private static Generation content(byte[] bytes, long start, Generation header) {
        int from = (int) start + HEADER;
        if (from + header.length() > bytes.length) {
            return header;
        }
        byte[] content = Arrays.copyOfRange(bytes, from, from + header.length());
        return sha256(content).equals(header.sha()) ? header.with(content) : header;
    }

    static byte[] headerBytes(int slot, long capacity, long sequence, byte[] content, String plain) {
        String text = "penstock-kept 1 " + slot + " " + capacity + " " + sequence + " " + content.length + " "
                + sha256(content) + " " + plain + " ";
        return Arrays.copyOf((text + check(text) + "\n").getBytes(StandardCharsets.ISO_8859_1), HEADER);
    }

    /** A whole slot, with its room. */
    static byte[] slotBytes(int slot, long capacity, long sequence, byte[] content, String plain) {
        byte[] header = headerBytes(slot, capacity, sequence, content, plain);
        byte[] bytes = new byte[(int) capacity];
        System.arraycopy(header, 0, bytes, 0, HEADER);
        System.arraycopy(content, 0, bytes, HEADER, content.length);
        System.arraycopy(header, 0, bytes, bytes.length - HEADER, HEADER);
        return bytes;
    }

    /** Bytes of a slot that holds so much and has so much room beside. */
    static long capacityFor(int length, int room) {
        long bytes = 2L * HEADER + length + length / 8 + room;
        return (bytes + BLOCK - 1) / BLOCK * BLOCK;
    }

    private static String check(String text) {
        return sha256(text.getBytes(StandardCharsets.ISO_8859_1)).substring(0, CHECK_DIGITS);
    }

    static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }
}
