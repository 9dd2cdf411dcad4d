// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Entry of {@code scripts/crash}. */
@Command(
        name = "crash",
        mixinStandardHelpOptions = true,
        description =
                "Kills the shipped gateway N times and compares what was told with what is known after each restart.")
public final class CrashCommand implements Callable<Integer> {
    @Parameters(paramLabel = "N", description = "How often, 1 to 10000.")
    int times;

    @Option(names = "--seed", defaultValue = "1", description = "Of the instants and acts. Default: ${DEFAULT-VALUE}")
    long seed;

    @Option(
            names = "--every-write",
            paramLabel = "ROOM",
            description = "Dies before each of the first N calls to the disk in data/ROOM instead, e.g. models.")
    @Nullable
    String everyWriteOf;

    @Option(names = "--root", hidden = true, defaultValue = ".")
    Path root = Path.of(".");

    /** Runs it. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new CrashCommand())
                .setExecutionExceptionHandler((e, line, result) -> {
                    line.getErr().println("crash: " + e);
                    return 1;
                })
                .execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        if (times < 1 || times > 10_000) {
            throw new IllegalArgumentException("N: 1 to 10000, was " + times);
        }
        Path home = root.toAbsolutePath().normalize();
        List<Integer> ports = DemoCommand.ports(0, 0, 0);
        DemoHome demo = new DemoHome(home, "crash", 60, seed, ports.get(0), ports.get(1), ports.get(2));
        Runtime.getRuntime().addShutdownHook(new Thread(demo::close, "crash-stop"));
        ObjectNode figures;
        try (demo) {
            demo.checkPorts();
            demo.prepare();
            Child plant = demo.startPlant();
            demo.archiveClasses();
            figures = new Crash(demo, plant, seed, everyWriteOf).run(times, seed);
        }
        System.out.println(figures);
        return figures.get("wrong").isEmpty() ? 0 : 1;
    }
}
