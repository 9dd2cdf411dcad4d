// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Tells a crash of the process from a kill, a power cut and a shutdown: only a fatal error of the Java virtual machine leaves
 * {@code hs_err_pid<pid>.log} behind. A model must not be blamed for a power cut.
 */
final class CrashReports {
    private static final int LINES = 40;

    private final List<Path> folders;

    /** @param folders where reports may lie; the start script sends them to {@code log/}. */
    CrashReports(List<Path> folders) {
        this.folders = List.copyOf(folders);
    }

    /**
     * One report.
     *
     * @param id tells it from others.
     * @param frame where it happened, as the report says.
     */
    record Crash(String id, String frame) {}

    Optional<Crash> find(String pid) {
        for (Path folder : folders) {
            Path file = folder.resolve("hs_err_pid" + pid + ".log");
            if (Files.isRegularFile(file)) {
                try (Stream<String> lines = Files.lines(file, StandardCharsets.ISO_8859_1)) {
                    List<String> head = lines.limit(LINES).toList();
                    int frame = head.indexOf("# Problematic frame:");
                    return Optional.of(new Crash(
                            file.getFileName() + " "
                                    + Files.getLastModifiedTime(file).toInstant(),
                            frame < 0 || frame + 1 >= head.size()
                                    ? "place unknown"
                                    : head.get(frame + 1).substring(1).trim()));
                } catch (IOException e) {
                    return Optional.of(new Crash(file.getFileName().toString(), "report unreadable"));
                }
            }
        }
        return Optional.empty();
    }
}
