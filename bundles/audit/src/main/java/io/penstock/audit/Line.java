// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import io.penstock.api.audit.AuditRecord;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One record as one line of JSON. The hash covers the very bytes of the line from its brace up to the hash member, with the
 * hash of the line before among them; nothing is rendered again to check it, because JDK 17 and 19 print some doubles
 * differently.
 *
 * <p>Lines of before the origin was a member of its own have none and stay as they are; it is taken from their actor.
 */
record Line(
        long seq,
        String time,
        String actor,
        String origin,
        String action,
        String subject,
        String detail,
        double offered,
        double value,
        String prev,
        String hash) {
    /** What the first record of a log follows. */
    static final String GENESIS = "0".repeat(64);

    /** Longer lines are not ours: the fields below are cut before they can make one. */
    static final int LONGEST = 64 * 1024;

    private static final int LONGEST_NAME = 400;
    private static final int LONGEST_DETAIL = 4_000;
    private static final String ORIGIN_MEMBER = ",\"origin\":";
    private static final Pattern OLD_ACTOR = Pattern.compile("(?s)(.*) \\((.*)\\)");
    private static final String OLD_CLI = "cli:";
    private static final String HASH_MEMBER = ",\"hash\":\"";
    private static final int TRAILER = HASH_MEMBER.length() + 64 + 2;
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSSSSS'Z'").withZone(ZoneOffset.UTC);

    /** Renders a record, without the line's end; the last 64 hex digits before {@code "}} are its hash. */
    static byte[] render(long seq, AuditRecord entry, String prev, MessageDigest sha256) {
        StringBuilder text = new StringBuilder(384);
        text.append("{\"seq\":").append(seq).append(",\"time\":\"").append(time(entry.timeNs()));
        text.append("\",\"actor\":");
        quote(text, cut(entry.actor(), LONGEST_NAME));
        text.append(ORIGIN_MEMBER);
        quote(text, cut(entry.origin(), LONGEST_NAME));
        text.append(",\"action\":");
        quote(text, cut(entry.action(), LONGEST_NAME));
        text.append(",\"subject\":");
        quote(text, cut(entry.subject(), LONGEST_NAME));
        text.append(",\"detail\":");
        quote(text, cut(entry.detail(), LONGEST_DETAIL));
        text.append(",\"offered\":");
        number(text, entry.offered());
        text.append(",\"value\":");
        number(text, entry.value());
        text.append(",\"prev\":\"").append(prev).append('"');
        sha256.reset();
        String hash = HexFormat.of().formatHex(sha256.digest(text.toString().getBytes(StandardCharsets.UTF_8)));
        text.append(HASH_MEMBER).append(hash).append("\"}");
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static String time(long timeNs) {
        return TIME.format(
                Instant.ofEpochSecond(Math.floorDiv(timeNs, 1_000_000_000L), Math.floorMod(timeNs, 1_000_000_000L)));
    }

    private static String cut(String text, int longest) {
        return text.length() <= longest
                ? text
                : text.substring(0, longest) + "… (" + (text.length() - longest) + " more characters)";
    }

    private static void quote(StringBuilder out, String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20 || c == 0x7f || c == 0x2028 || c == 0x2029 || loneSurrogate(text, i)) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }

    /** UTF-8 has no bytes for half a pair; it would become a question mark and the text another one. */
    private static boolean loneSurrogate(String text, int i) {
        char c = text.charAt(i);
        if (Character.isHighSurrogate(c)) {
            return i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1));
        }
        return Character.isLowSurrogate(c) && (i == 0 || !Character.isHighSurrogate(text.charAt(i - 1)));
    }

    private static void number(StringBuilder out, double value) {
        if (Double.isNaN(value)) {
            out.append("null");
        } else if (Double.isInfinite(value)) {
            out.append(value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        } else {
            out.append(value);
        }
    }

    /** The hash at the end of a rendered line. */
    static String hashOf(byte[] rendered) {
        return new String(rendered, rendered.length - 66, 64, StandardCharsets.US_ASCII);
    }

    /**
     * Reads a line back and checks its hash.
     *
     * @throws IllegalArgumentException saying what is wrong with it.
     */
    static Line parse(byte[] line, MessageDigest sha256) {
        Line parsed = read(line);
        if (!parsed.matches(line, sha256)) {
            throw new IllegalArgumentException("edited: record " + parsed.seq + " does not match its own hash");
        }
        return parsed;
    }

    /**
     * Reads a line back and believes it.
     *
     * @throws IllegalArgumentException if it has not the form of one.
     */
    static Line read(byte[] line) {
        if (line.length <= TRAILER) {
            throw new IllegalArgumentException("not an audit record: " + line.length + " bytes are too few");
        }
        try {
            return new Reader(StandardCharsets.UTF_8
                            .newDecoder()
                            .decode(ByteBuffer.wrap(line))
                            .toString())
                    .line();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("not an audit record: not UTF-8", e);
        }
    }

    /** Whether the bytes it was read from have the hash that they claim. */
    boolean matches(byte[] line, MessageDigest sha256) {
        sha256.reset();
        sha256.update(line, 0, line.length - TRAILER);
        return HexFormat.of().formatHex(sha256.digest()).equals(hash);
    }

    /** The record it was rendered from, as far as it was not cut. */
    AuditRecord entry() {
        Instant when = Instant.parse(time);
        return new AuditRecord(
                when.getEpochSecond() * 1_000_000_000L + when.getNano(),
                actor,
                origin,
                action,
                subject,
                detail,
                offered,
                value);
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java runtime has no SHA-256; install a complete one", e);
        }
    }

    /** Strict: the members in their order, no space, nothing after. */
    private static final class Reader {
        private final String text;
        private int at;

        Reader(String text) {
            this.text = text;
        }

        Line line() {
            expect("{\"seq\":");
            long seq = integer();
            expect(",\"time\":");
            String time = string();
            expect(",\"actor\":");
            String actor = string();
            String origin = "";
            if (text.startsWith(ORIGIN_MEMBER, at)) {
                expect(ORIGIN_MEMBER);
                origin = string();
            } else {
                Matcher old = OLD_ACTOR.matcher(actor);
                if (old.matches()) {
                    origin = old.group(2);
                    actor = old.group(1);
                } else if (actor.startsWith(OLD_CLI)) {
                    origin = "cli";
                    actor = actor.substring(OLD_CLI.length());
                }
            }
            expect(",\"action\":");
            String action = string();
            expect(",\"subject\":");
            String subject = string();
            expect(",\"detail\":");
            String detail = string();
            expect(",\"offered\":");
            double offered = number();
            expect(",\"value\":");
            double value = number();
            expect(",\"prev\":");
            String prev = hash();
            expect(HASH_MEMBER.substring(0, HASH_MEMBER.length() - 1));
            String hash = hash();
            expect("}");
            if (at != text.length()) {
                throw wrong("the end of the line");
            }
            return new Line(seq, time, actor, origin, action, subject, detail, offered, value, prev, hash);
        }

        private void expect(String wanted) {
            if (!text.startsWith(wanted, at)) {
                throw wrong(wanted);
            }
            at += wanted.length();
        }

        private IllegalArgumentException wrong(String wanted) {
            return new IllegalArgumentException("not an audit record: " + wanted + " expected at column " + (at + 1));
        }

        private long integer() {
            int from = at;
            while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
                at++;
            }
            try {
                return Long.parseLong(text.substring(from, at));
            } catch (NumberFormatException e) {
                at = from;
                throw wrong("a number");
            }
        }

        private double number() {
            if (text.startsWith("null", at)) {
                at += 4;
                return Double.NaN;
            }
            if (text.startsWith("\"", at)) {
                return switch (string()) {
                    case "Infinity" -> Double.POSITIVE_INFINITY;
                    case "-Infinity" -> Double.NEGATIVE_INFINITY;
                    default -> throw wrong("a number");
                };
            }
            int from = at;
            while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
            try {
                return Double.parseDouble(text.substring(from, at));
            } catch (NumberFormatException e) {
                at = from;
                throw wrong("a number");
            }
        }

        private String hash() {
            String hash = string();
            if (hash.length() != 64) {
                throw wrong("64 hexadecimal digits");
            }
            return hash;
        }

        private String string() {
            expect("\"");
            StringBuilder out = new StringBuilder();
            while (at < text.length()) {
                char c = text.charAt(at++);
                if (c == '"') {
                    return out.toString();
                }
                out.append(c == '\\' ? escaped() : c);
            }
            throw wrong("a closing quote");
        }

        private char escaped() {
            char c = at < text.length() ? text.charAt(at++) : ' ';
            if (c == '"' || c == '\\') {
                return c;
            }
            if (c != 'u' || at + 4 > text.length()) {
                throw wrong("an escape of this log");
            }
            try {
                char unit = (char) Integer.parseInt(text, at, at + 4, 16);
                at += 4;
                return unit;
            } catch (NumberFormatException e) {
                throw wrong("four hexadecimal digits");
            }
        }
    }
}
