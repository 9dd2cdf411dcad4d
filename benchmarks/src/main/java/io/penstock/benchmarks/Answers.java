// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import java.util.Arrays;
import java.util.Locale;

/** When each sequence number was set and when it came back. Shared by the plant's clock and the server's threads. */
final class Answers {
    private static final int MOST = 1 << 20;

    private final long[] setNanos = new long[MOST];
    private final long[] answeredNanos = new long[MOST];
    private final int[] answers = new int[MOST];
    private long first;
    private int count;
    private boolean open;

    /** Forgets what was; numbers from the next one on are noted. */
    synchronized void begin() {
        count = 0;
        open = true;
        Arrays.fill(answers, 0);
    }

    /** No further numbers are noted, answers still are. */
    synchronized void end() {
        open = false;
    }

    synchronized void set(long sequence, long nanos) {
        if (open && count < MOST) {
            if (count == 0) {
                first = sequence;
            }
            setNanos[count++] = nanos;
        }
    }

    synchronized void answered(long sequence, long nanos) {
        long index = sequence - first;
        if (index >= 0 && index < count && answers[(int) index]++ == 0) {
            answeredNanos[(int) index] = nanos;
        }
    }

    /** Numbers set, unanswered, answered more than once; p50 and p99 of the first answers in ms. */
    record Report(int set, int unanswered, int twice, double p50Ms, double p99Ms) {
        static Report of(String line) {
            String[] fields = line.split(" ", 0);
            return new Report(
                    Integer.parseInt(fields[0]),
                    Integer.parseInt(fields[1]),
                    Integer.parseInt(fields[2]),
                    Double.parseDouble(fields[3]),
                    Double.parseDouble(fields[4]));
        }

        /** One line, the other way round. */
        String line() {
            return String.format(Locale.ROOT, "%d %d %d %.4f %.4f", set, unanswered, twice, p50Ms, p99Ms);
        }
    }

    synchronized Report report() {
        double[] latencies = new double[count];
        int answered = 0;
        int twice = 0;
        for (int i = 0; i < count; i++) {
            if (answers[i] > 0) {
                latencies[answered++] = (answeredNanos[i] - setNanos[i]) / 1e6;
            }
            twice += answers[i] > 1 ? 1 : 0;
        }
        double[] sorted = Arrays.copyOf(latencies, answered);
        Arrays.sort(sorted);
        return new Report(
                count, count - answered, twice, Figures.quantile(sorted, 0.5), Figures.quantile(sorted, 0.99));
    }
}
