// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import java.io.PrintStream;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Runs the benchmarks with the allocation profiler and prints, for every class that has a method {@code bare}, each other
 * method beside it. Absolute figures move from machine to machine; those of one run can be compared.
 *
 * <p>A further benchmark is one more class with {@code bare} and the methods to compare; nothing here changes.
 */
public final class Ratios {
    private static final String BASE = "bare";

    private Ratios() {}

    /** @param arguments those of JMH: a pattern of benchmarks, {@code -f 1}, {@code -wi 2}, … */
    public static void main(String[] arguments) throws RunnerException, CommandLineOptionException {
        ChainedOptionsBuilder options =
                new OptionsBuilder().parent(new CommandLineOptions(arguments)).addProfiler(GCProfiler.class);
        print(new Runner(options.build()).run(), System.out);
    }

    static void print(Collection<RunResult> results, PrintStream out) {
        Map<String, Map<String, RunResult>> classes = new TreeMap<>();
        for (RunResult result : results) {
            String name = result.getParams().getBenchmark();
            int method = name.lastIndexOf('.');
            classes.computeIfAbsent(name.substring(name.lastIndexOf('.', method - 1) + 1, method), c -> new TreeMap<>())
                    .put(name.substring(method + 1), result);
        }
        out.printf("%n%-36s %9s %9s %9s %9s%n", "", "p50", "p99", "mean", "B/op");
        classes.forEach((type, methods) -> {
            RunResult base = methods.get(BASE);
            methods.forEach((method, result) -> {
                out.printf(
                        "%-36s %9.2f %9.2f %9.2f %9.0f  %s%n",
                        type + "." + method,
                        percentile(result, 50),
                        percentile(result, 99),
                        result.getPrimaryResult().getScore(),
                        garbage(result),
                        result.getPrimaryResult().getScoreUnit());
                if (base != null && result != base) {
                    out.printf(
                            "%-36s %8.2fx %8.2fx %8.2fx %+9.0f%n",
                            "  over " + BASE,
                            percentile(result, 50) / percentile(base, 50),
                            percentile(result, 99) / percentile(base, 99),
                            result.getPrimaryResult().getScore()
                                    / base.getPrimaryResult().getScore(),
                            garbage(result) - garbage(base));
                }
            });
        });
    }

    private static double percentile(RunResult result, double percent) {
        return result.getPrimaryResult().getStatistics().getPercentile(percent);
    }

    private static double garbage(RunResult result) {
        Result<?> norm = result.getSecondaryResults().get("gc.alloc.rate.norm");
        return norm == null ? Double.NaN : norm.getScore();
    }
}
