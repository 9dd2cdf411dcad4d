// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Goals no. 6 and 7 with the gateway as it is shipped: time from the call of {@code bin/penstock-gateway} to the first Good
 * output, without and with the archive of {@code bin/penstock-warm-start}, then memory and processor at 1000 cycles a second.
 * The plant is {@code demo.plant} in a process of its own, on Modbus TCP; the OPC UA server of the results runs too.
 */
public final class GatewayRun {
    private final GatewayHome home;
    private final int runs;

    private GatewayRun(GatewayHome home, int runs) {
        this.home = home;
        this.runs = runs;
    }

    /** @param arguments the unpacked distribution, starts per row (default 7), seconds at 1000 cycles/s (default 60). */
    public static void main(String[] arguments) throws Exception {
        int runs = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 7;
        int seconds = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 60;
        int modbus = GatewayHome.freePort();
        try (GatewayHome home = new GatewayHome(Path.of(arguments[0]))) {
            Child plant = Child.start(
                    List.of("-Xmx64m", "-XX:TieredStopAtLevel=1"),
                    "io.penstock.demo.plant.DemoPlant",
                    "--modbus-port",
                    Integer.toString(modbus),
                    "--opcua-port",
                    Integer.toString(GatewayHome.freePort()),
                    "--home",
                    home.beside("plant").toString());
            home.own(plant.process());
            plant.await("ready");
            configure(home, modbus);
            System.out.println(new GatewayRun(home, runs).measure(seconds));
        }
    }

    private static void configure(GatewayHome home, int modbus) throws Exception {
        home.write(
                "etc/tags/plc.csv",
                "Tag;Description;Address;DataType;Length;ByteOrder;PeriodMs;RawLow;RawHigh;Low;High;Unit;Access\n"
                        + Mlp.each("T%d;;holding-register:%d;REAL;1;ABCD;100;;;;;;R\n", 101, 2, ""));
        home.write(
                "etc/io.penstock.connector.plc4x~plc.cfg.json",
                "{\"name\": \"plc\", \"url\": \"modbus-tcp://127.0.0.1:" + modbus
                        + "\", \"unitIdentifier\": 1, \"requestTimeoutMs\": 1000, \"lossToBadMs\": 5000, \"backoffMaxMs\": 5000, \"tags\": \"plc.csv\"}");
        home.write(
                "etc/io.penstock.publication.opcua.cfg.json",
                "{\"port\": " + GatewayHome.freePort() + ", \"bindAddress\": \"127.0.0.1\"}");
        home.write(
                "etc/io.penstock.pipeline~mlp.cfg.json",
                "{\"name\": \"mlp\", \"model\": \"mlp\", \"versionRange\": \"[1.0,2.0)\", \"trigger\": \"grid\","
                        + " \"periodMs\": 1, \"bindings\": [" + Mlp.each("\"i%d=T%<d\"", 0, 0, ", ") + "]}");
        home.release(Mlp.Form.PLAIN);
    }

    private String measure(int seconds) throws IOException, InterruptedException {
        long rollout = start(0).firstMs; // verified, tried in a process of its own, activated
        double[] without = starts();
        home.run("penstock-warm-start");
        double[] with = starts();
        Start load = start(seconds);
        return String.format(
                Locale.ROOT,
                "| Java | first result: first start, with rollout | without archive, median (all) ms | with archive, median (all) ms |"
                        + " RSS at 1000 cycles/s MiB | CPU at 1000 cycles/s |%n|---|---|---|---|---|---|%n"
                        + "| %s | %d | %.0f (%s) | %.0f (%s) | %d | %.0f %% |",
                java(),
                rollout,
                Figures.median(without),
                list(without),
                Figures.median(with),
                list(with),
                load.residentKiB / 1024,
                load.cpuPercent);
    }

    private static String java() {
        String java = System.getenv("PENSTOCK_JAVA");
        return java == null
                ? System.getProperty("java.version")
                : Path.of(java)
                        .toAbsolutePath()
                        .getParent()
                        .getParent()
                        .getFileName()
                        .toString();
    }

    private static String list(double[] figures) {
        return Arrays.stream(figures)
                .boxed()
                .map(figure -> String.format(Locale.ROOT, "%.0f", figure))
                .collect(Collectors.joining(" "));
    }

    private double[] starts() throws IOException, InterruptedException {
        double[] ms = new double[runs];
        for (int i = 0; i < runs; i++) {
            ms[i] = start(0).firstMs;
        }
        return ms;
    }

    private record Start(long firstMs, long residentKiB, double cpuPercent) {}

    /** Starts the gateway, waits for its first Good result, lets it run for so long and stops it. */
    private Start start(int seconds) throws IOException, InterruptedException {
        Figures.awaitQuiet();
        Process gateway = home.start();
        try {
            long first = home.awaitFirst(gateway);
            String pid = Long.toString(gateway.pid());
            pause(seconds / 2.0);
            long cpu = Figures.cpuMs(pid);
            long began = System.nanoTime();
            pause(seconds / 2.0);
            double percent = (Figures.cpuMs(pid) - cpu) * 1e8 / Math.max(1, System.nanoTime() - began);
            return new Start(first, Figures.residentKiB(pid), percent);
        } finally {
            Child.end(gateway);
        }
    }

    private static void pause(double seconds) throws InterruptedException {
        TimeUnit.MILLISECONDS.sleep(Math.round(seconds * 1000)); // the measured load runs meanwhile
    }
}
