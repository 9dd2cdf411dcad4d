// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;

/**
 * {@code data/access/notes}: who changed users and trust by the command line, for the gateway's audit, now or at its next start.
 * What is changed otherwise is noticed all the same, then without a name.
 */
public final class ChangeNotes {
    private static final long LARGEST_BYTES = 1L << 20;
    private static final int LONGEST = 200;

    private final Path file;

    /** @param home the gateway's directory. */
    public ChangeNotes(Path home) {
        file = home.resolve("data").resolve("access").resolve("notes");
    }

    /**
     * Notes that this process' user changed something. Whoever may change users may also write here; that it does not succeed hinders
     * no change.
     *
     * @param subject {@code user NAME} or the file name of a certificate.
     */
    public void add(String subject) {
        String sudo = System.getenv("SUDO_USER");
        String user = System.getProperty("user.name", "unknown") + (sudo == null ? "" : " (sudo by " + sudo + ")");
        try {
            if (Files.exists(file) && Files.size(file) > LARGEST_BYTES) {
                return;
            }
            Files.writeString(
                    file,
                    clean(user) + "\t" + clean(subject) + "\n",
                    StandardCharsets.UTF_8,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            // the change itself counts, and is recorded without a name
        }
    }

    private static String clean(String text) {
        String clean = text.replaceAll("\\p{C}", "?");
        return clean.length() <= LONGEST ? clean : clean.substring(0, LONGEST);
    }

    /** Who changed what since this was asked last, by subject. */
    Map<String, String> take() throws IOException {
        Path taken = file.resolveSibling("notes.taken");
        try {
            Files.move(file, taken, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (NoSuchFileException e) {
            return Map.of();
        }
        Map<String, String> notes = new HashMap<>();
        if (Files.size(taken) <= 2 * LARGEST_BYTES) {
            for (String line : new String(Files.readAllBytes(taken), StandardCharsets.UTF_8)
                    .lines()
                    .toList()) {
                int tab = line.indexOf('\t');
                if (tab > 0) {
                    notes.put(clean(line.substring(tab + 1)), clean(line.substring(0, tab)));
                }
            }
        }
        Files.delete(taken);
        return notes;
    }
}
