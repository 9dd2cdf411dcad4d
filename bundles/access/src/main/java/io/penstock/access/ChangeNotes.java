// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
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
    private static final long LOOK_MS = 20;

    private final Path file;
    private final Path taken;

    /** @param home the gateway's directory. */
    public ChangeNotes(Path home) {
        file = home.resolve("data").resolve("access").resolve("notes");
        taken = file.resolveSibling("notes.taken");
    }

    /**
     * Notes that this process' user changed something. Whoever may change users may also write here; that it does not succeed hinders
     * no change.
     *
     * @param subject {@code user NAME} or the file name of a certificate.
     */
    public void add(String subject) {
        write(subject);
    }

    /** False where it could not be noted; the change itself counts, and is recorded without a name. */
    private boolean write(String subject) {
        String sudo = System.getenv("SUDO_USER");
        String user = System.getProperty("user.name", "unknown") + (sudo == null ? "" : " (sudo by " + sudo + ")");
        try {
            if (Files.exists(file) && Files.size(file) > LARGEST_BYTES) {
                return false;
            }
            Files.writeString(
                    file,
                    clean(user) + "\t" + clean(subject) + "\n",
                    StandardCharsets.UTF_8,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static String clean(String text) {
        String clean = text.replaceAll("\\p{C}", "?");
        return clean.length() <= LONGEST ? clean : clean.substring(0, LONGEST);
    }

    /**
     * Waits until the gateway has in its audit, on disk, what was changed before this call: leaves a mark that is taken away by a look
     * which began after the change.
     *
     * @return false if it has not within {@code timeoutMs}, or the mark could not be left: no gateway runs, its audit takes no
     *     records, the disk is full.
     */
    public boolean awaitRecorded(long timeoutMs) throws InterruptedException {
        if (!write("")) {
            return false; // nothing could tell
        }
        for (long end = System.nanoTime() + MILLISECONDS.toNanos(timeoutMs); waits(); Thread.sleep(LOOK_MS)) {
            if (System.nanoTime() - end > 0) {
                return false;
            }
        }
        return true;
    }

    private boolean waits() {
        return Files.exists(file) || Files.exists(taken);
    }

    /** Who changed what since {@link #done} was last called, by subject. */
    Map<String, String> take() throws IOException {
        if (Files.exists(taken)) { // of an earlier look, whose records did not come to disk
            if (Files.exists(file)) {
                Files.write(taken, bounded(file), StandardOpenOption.APPEND);
                Files.delete(file);
            }
        } else if (Files.exists(file)) {
            Files.move(file, taken, StandardCopyOption.ATOMIC_MOVE);
        } else {
            return Map.of();
        }
        Map<String, String> notes = new HashMap<>();
        for (String line :
                new String(bounded(taken), StandardCharsets.UTF_8).lines().toList()) {
            int tab = line.indexOf('\t');
            if (tab > 0) {
                notes.put(clean(line.substring(tab + 1)), clean(line.substring(0, tab)));
            }
        }
        return notes;
    }

    /** What was taken is recorded; from now on nobody waits for it. */
    void done() throws IOException {
        Files.deleteIfExists(taken);
    }

    private static byte[] bounded(Path notes) throws IOException {
        return Files.size(notes) <= 2 * LARGEST_BYTES ? Files.readAllBytes(notes) : new byte[0];
    }
}
