// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Reading figures off processes and lists, and clearing up afterwards. */
public final class Figures {
    private static final long TICK_MS = 10; // USER_HZ is 100 on every Linux in use

    private Figures() {}

    /** Resident memory of a process in KiB. */
    public static long residentKiB(String pid) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc", pid, "status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        throw new IOException("no VmRSS of process " + pid);
    }

    /** Time on a processor that a process has had, in ms. */
    public static long cpuMs(String pid) throws IOException {
        String stat = Files.readString(Path.of("/proc", pid, "stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", 0);
        return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) * TICK_MS;
    }

    /** Waits, at most two minutes, until the machine has been three quarters idle for a second. */
    static void awaitQuiet() throws IOException, InterruptedException {
        for (int i = 0; i < 120; i++) {
            long[] before = processor();
            TimeUnit.SECONDS.sleep(1); // what is measured is this second
            long[] after = processor();
            if (4 * (after[0] - before[0]) >= 3 * (after[1] - before[1])) {
                return;
            }
        }
    }

    /** Idle and all time of all processors, in ticks. */
    private static long[] processor() throws IOException {
        String[] fields = Files.readAllLines(Path.of("/proc/stat")).get(0).split(" +", 0);
        long all = 0;
        for (int i = 1; i < fields.length; i++) {
            all += Long.parseLong(fields[i]);
        }
        return new long[] {Long.parseLong(fields[4]), all};
    }

    /** A folder with all in it; says so where that fails. */
    public static void delete(Path folder) {
        try (Stream<Path> files = Files.exists(folder) ? Files.walk(folder) : Stream.empty()) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            System.err.println("cannot delete " + folder + ": " + e.getMessage());
        }
    }

    /** A quantile of sorted figures. */
    public static double quantile(double[] sorted, double quantile) {
        return sorted.length == 0 ? Double.NaN : sorted[(int) Math.round(quantile * (sorted.length - 1))];
    }

    /** The median of figures in any order. */
    public static double median(double... figures) {
        double[] sorted = figures.clone();
        Arrays.sort(sorted);
        return quantile(sorted, 0.5);
    }
}
