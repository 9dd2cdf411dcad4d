// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Tells how the process before this one ended: a fatal error of the Java virtual machine leaves {@code hs_err_pid<pid>.log}
 * behind, also where memory was at its end ({@code -XX:+CrashOnOutOfMemoryError}); what leaves none may have been told by the
 * supervisor. A kill and a power cut are neither: nobody must be blamed for them.
 */
final class CrashReports {
    private static final int HEAD = 64 * 1024;
    private static final Pattern THREAD = Pattern.compile("^Current thread [^:]*: +\\w+ \"(.*?)\"", Pattern.MULTILINE);
    private static final Pattern FRAME = Pattern.compile("^# Problematic frame:\\R# *(.*)$", Pattern.MULTILINE);
    private static final Pattern MEMORY =
            Pattern.compile("^# +fatal error: (OutOfMemory encountered.*)$", Pattern.MULTILINE);
    private static final Pattern NATIVE_MEMORY =
            Pattern.compile("^# (There is insufficient memory .*|Native memory allocation .*)$", Pattern.MULTILINE);
    private static final Pattern SUPERVISOR = Pattern.compile("([a-z-]{0,20}) ([a-z]{0,10}) ([A-Z0-9]{0,10})\\s*");
    private static final List<String> FATAL = List.of("ABRT", "SEGV", "BUS", "FPE", "ILL", "TRAP", "SYS");

    private final List<Path> folders;

    /** @param folders where reports may lie; the start script sends them to {@code log/}. */
    CrashReports(List<Path> folders) {
        this.folders = List.copyOf(folders);
    }

    /** What ended a process. */
    enum Kind {
        /** A fatal signal, or the virtual machine found itself broken. */
        CRASH,
        /** There was no memory left. */
        MEMORY,
        /** The supervisor ended it, because a pipeline's thread did not come back. */
        HANG
    }

    /**
     * One death.
     *
     * @param id tells it from others.
     * @param place where it happened, as the report says.
     * @param thread name of the thread, empty where it is not known or not one of Java's.
     * @param time when.
     */
    record Crash(String id, Kind kind, String place, String thread, Instant time) {}

    /** @param told what the supervisor wrote down of the end: result, code and status as systemd names them; empty for nothing. */
    Optional<Crash> find(String pid, String told, Instant toldAt) {
        for (Path folder : folders) {
            Path file = folder.resolve("hs_err_pid" + pid + ".log");
            if (Files.isRegularFile(file)) {
                return Optional.of(read(file));
            }
        }
        return ofSupervisor(pid, told, toldAt);
    }

    private static Crash read(Path file) {
        Instant time = Instant.EPOCH;
        String name = file.getFileName().toString();
        try (InputStream in = Files.newInputStream(file)) {
            time = Files.getLastModifiedTime(file).toInstant();
            String id = name + " " + time;
            String head = new String(in.readNBytes(HEAD), StandardCharsets.ISO_8859_1);
            String thread = first(THREAD, head, "");
            String memory = first(MEMORY, head, first(NATIVE_MEMORY, head, ""));
            return memory.isEmpty()
                    ? new Crash(id, Kind.CRASH, first(FRAME, head, "place unknown"), thread, time)
                    : new Crash(id, Kind.MEMORY, memory, thread, time);
        } catch (IOException e) {
            return new Crash(name + " " + time, Kind.CRASH, "report unreadable", "", time);
        }
    }

    private static String first(Pattern pattern, String text, String none) {
        Matcher matcher = pattern.matcher(text);
        return matcher.find() ? matcher.group(1).strip() : none;
    }

    /** Without a report: an abort, a report that the disk had no room for, the system's own hand where memory was short. */
    private static Optional<Crash> ofSupervisor(String pid, String told, Instant at) {
        Matcher matcher = SUPERVISOR.matcher(told);
        if (!matcher.matches()) {
            return Optional.empty();
        }
        String id = "supervisor " + pid + " " + at;
        String words = told.strip();
        if (matcher.group(1).equals("watchdog")) {
            return Optional.of(new Crash(id, Kind.HANG, "ended by the supervisor's watchdog", "", at));
        }
        if (matcher.group(1).equals("oom-kill")) {
            return Optional.of(new Crash(id, Kind.MEMORY, "ended by the system, which was short of memory", "", at));
        }
        return FATAL.contains(matcher.group(3))
                ? Optional.of(new Crash(id, Kind.CRASH, "signal " + matcher.group(3) + " (" + words + ")", "", at))
                : Optional.empty();
    }
}
