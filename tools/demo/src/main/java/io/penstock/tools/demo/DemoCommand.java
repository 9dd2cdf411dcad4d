// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.penstock.tools.demo.DemoHome.DemoFailed;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./demo}. Exit code 0 only if everything that the demo promises happened. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description = "Runs a simulated water works and the shipped gateway, deploys and swaps models live.")
public final class DemoCommand implements Callable<Integer> {
    @Option(
            names = "--seconds",
            defaultValue = "90",
            description =
                    "How long it runs, at least 10; on a slow machine longer, until everything happened. Default: ${DEFAULT-VALUE}")
    int seconds;

    @Option(
            names = "--speed",
            defaultValue = "60",
            description = "Plant seconds per second, 1 to 600. Default: ${DEFAULT-VALUE}")
    double speed;

    @Option(names = "--seed", defaultValue = "1", description = "Seed of the plant's noise. Default: ${DEFAULT-VALUE}")
    long seed;

    @Option(names = "--report", paramLabel = "FILE", description = "Where to write the account as JSON.")
    @Nullable
    Path reportFile;

    @Option(
            names = "--results-port",
            defaultValue = "4840",
            description = "Gateway's OPC UA port, 0 for any that is free. Default: ${DEFAULT-VALUE}")
    int resultsPort;

    @Option(
            names = "--plant-port",
            defaultValue = "4841",
            description = "Plant's OPC UA port, 0 for any that is free. Default: ${DEFAULT-VALUE}")
    int plantPort;

    @Option(
            names = "--modbus-port",
            defaultValue = "1502",
            description = "Plant's Modbus TCP port, 0 for any that is free. Default: ${DEFAULT-VALUE}")
    int modbusPort;

    @Option(names = "--root", hidden = true, defaultValue = ".")
    Path root = Path.of(".");

    /** Set once it was told to stop: what fails from then on is the stopping itself. */
    private static volatile boolean stopping;

    /** Runs the demo. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new DemoCommand())
                .setExecutionExceptionHandler((e, line, result) -> {
                    if (stopping) {
                        line.getErr().println("demo: stopped");
                    } else if (e instanceof DemoFailed) {
                        line.getErr().println("demo: " + e.getMessage());
                    } else {
                        e.printStackTrace(line.getErr());
                    }
                    return 1;
                })
                .execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        if (seconds < Script.SHORTEST) {
            throw new DemoFailed("--seconds: at least " + Script.SHORTEST + ", was " + seconds);
        }
        if (!(speed >= 1 && speed <= 600)) {
            throw new DemoFailed("--speed: 1 to 600, was " + speed);
        }
        if (reportFile != null) {
            checkReport(reportFile);
        }
        List<Integer> ports = ports(resultsPort, plantPort, modbusPort);
        Demo demo = new Demo(new Demo.Options(
                root.toAbsolutePath().normalize(), seconds, speed, seed, ports.get(0), ports.get(1), ports.get(2)));
        Thread hook = new Thread(
                () -> {
                    stopping = true;
                    demo.close();
                },
                "demo-stop");
        Runtime.getRuntime().addShutdownHook(hook);
        Report report;
        try (demo) {
            report = demo.run();
        }
        ObjectMapper json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
        String account = json.writeValueAsString(report.toJson(json));
        System.out.println(account);
        if (reportFile != null) {
            Files.writeString(reportFile, account + "\n");
        }
        List<String> shortcomings = report.shortcomings();
        if (!shortcomings.isEmpty()) {
            System.err.println("demo: not everything happened: " + String.join("; ", shortcomings));
            return 1;
        }
        System.out.println("demo: everything happened, 0 cycles missed");
        return 0;
    }

    /** Told before the run and not after it, when the account would be lost. */
    private static void checkReport(Path file) {
        Path folder = file.toAbsolutePath().getParent();
        if (Files.isDirectory(file)) {
            throw new DemoFailed("--report: " + file + " is a folder; name a file in it");
        }
        if (folder == null || !Files.isDirectory(folder)) {
            throw new DemoFailed("--report: folder " + folder + " does not exist; create it first");
        }
        if (!Files.isWritable(Files.exists(file) ? file : folder)) {
            throw new DemoFailed("--report: " + file + " cannot be written; choose another or repair its permissions");
        }
    }

    /** As asked; for each 0 one that is free, all different. */
    public static List<Integer> ports(int... asked) throws IOException {
        List<Integer> ports = new ArrayList<>();
        List<ServerSocket> held = new ArrayList<>();
        try {
            for (int port : asked) {
                if (port < 0 || port > 65_535) {
                    throw new DemoFailed("ports are 0 to 65535, 0 for any that is free; was " + port);
                }
                if (port == 0) {
                    held.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
                    ports.add(held.get(held.size() - 1).getLocalPort());
                } else if (ports.contains(port)) {
                    throw new DemoFailed("port " + port + " is asked for twice; each server needs its own");
                } else {
                    ports.add(port);
                }
            }
        } finally {
            for (ServerSocket socket : held) {
                socket.close();
            }
        }
        return ports;
    }
}
