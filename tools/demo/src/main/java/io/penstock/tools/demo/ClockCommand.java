// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Entry of {@code scripts/clock}. */
@Command(
        name = "clock",
        mixinStandardHelpOptions = true,
        description =
                "Steps the clock of the shipped gateway in the middle of a closed loop, and compares the ages it tells"
                        + " with what a client at the plant sees. The last line is JSON.")
public final class ClockCommand implements Callable<Integer> {
    @Option(
            names = "--seconds",
            defaultValue = "10",
            description = "Watched after each step. Default: ${DEFAULT-VALUE}")
    int seconds;

    @Option(names = "--library", required = true, hidden = true)
    Path library = Path.of(".");

    @Option(names = "--root", hidden = true, defaultValue = ".")
    Path root = Path.of(".");

    /** Runs it. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new ClockCommand())
                .setExecutionExceptionHandler((e, line, result) -> {
                    line.getErr().println("clock: " + e);
                    return 1;
                })
                .execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        if (seconds < 1 || seconds > 3_600) {
            throw new IllegalArgumentException("--seconds: 1 to 3600, was " + seconds);
        }
        List<Integer> ports = DemoCommand.ports(0, 0, 0);
        DemoHome demo = new DemoHome(
                root.toAbsolutePath().normalize(), "clock", 60, 1, ports.get(0), ports.get(1), ports.get(2));
        Runtime.getRuntime().addShutdownHook(new Thread(demo::close, "clock-stop"));
        ObjectNode figures;
        try (demo) {
            demo.checkPorts();
            demo.prepare();
            figures = new ClockSteps(demo, library).run(seconds);
        }
        figures.get("wrong").forEach(line -> DemoHome.say("clock: %s", line.asText()));
        System.out.println(figures);
        return figures.get("wrong").isEmpty() ? 0 : 1;
    }
}
