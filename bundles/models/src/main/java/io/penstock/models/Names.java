// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.regex.Pattern;

/** How names, versions and digests of releases look. */
final class Names {
    static final Pattern MODEL = Pattern.compile("(?=.{1,64}$)[a-z][a-z0-9]*(-[a-z0-9]+)*");
    static final String MODEL_FORM = "1 to 64 of a-z, 0-9 and single '-', beginning with a letter";

    static final Pattern VERSION =
            Pattern.compile("(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})(\\.[A-Za-z0-9_-]{1,40})?");
    static final String VERSION_FORM = "a version as 1.2.3 or 1.2.3.qualifier";

    static final Pattern SIGNAL = Pattern.compile("[A-Za-z_][A-Za-z0-9_.-]{0,63}");
    static final String SIGNAL_FORM = "1 to 64 of letters, digits and _ . -, beginning with a letter or _";

    static final Pattern PIPELINE = Pattern.compile("\\*|[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}");
    static final String PIPELINE_FORM = "the name of a pipeline or *";

    static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
    static final String SHA256_FORM = "64 lower-case hex digits";

    private static final Pattern CONTROL = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]");

    private Names() {}

    /** A name somebody else chose, such that it cannot steer a terminal or begin a line of the log. */
    static String printable(String name) {
        return CONTROL.matcher(name)
                .replaceAll(match ->
                        String.format(Locale.ROOT, "{%04x}", (int) match.group().charAt(0)));
    }

    static String sha256(byte[]... parts) {
        MessageDigest digest = sha256();
        for (byte[] part : parts) {
            digest.update(part);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /**
     * Of a file that is not to be held in memory.
     *
     * @throws IOException if it cannot be read or is not that long.
     */
    static String sha256(Path file, long length) throws IOException {
        MessageDigest digest = sha256();
        byte[] buffer = new byte[64 * 1024];
        long total = 0;
        try (PlainFile opened = PlainFile.open(file)) {
            InputStream in = opened.content();
            for (int n = in.read(buffer); n >= 0 && total <= length; n = in.read(buffer)) {
                digest.update(buffer, 0, n);
                total += n;
            }
        }
        if (total != length) {
            throw new IOException(file + " changes while it is read");
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java platform has SHA-256
        }
    }

    static String sha256(String text) {
        return sha256(text.getBytes(StandardCharsets.UTF_8));
    }
}
