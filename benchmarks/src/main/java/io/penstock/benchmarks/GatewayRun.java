// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.inference.onnx.OnnxInferenceEngine;
import io.penstock.models.Certificates;
import io.penstock.models.ModelPacker;
import io.penstock.models.ReleaseSigner;
import io.penstock.preprocessing.FeatureEngines;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Goals no. 6 and 7 with the gateway as it is shipped: time from the call of {@code bin/penstock-gateway} to the first Good
 * output, without and with the archive of {@code bin/penstock-warm-start}, then memory and processor at 1000 cycles a second.
 * The plant is {@code demo.plant} in a process of its own, on Modbus TCP; the OPC UA server of the results runs too.
 */
public final class GatewayRun {
    private static final Pattern FIRST = Pattern.compile("first Good result, (\\d+) ms");
    private static final long START_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final Path distribution;
    private final Path home;
    private final int runs;

    private GatewayRun(Path distribution, Path home, int runs) {
        this.distribution = distribution;
        this.home = home;
        this.runs = runs;
    }

    /** @param arguments the unpacked distribution, starts per row (default 7), seconds at 1000 cycles/s (default 60). */
    public static void main(String[] arguments) throws Exception {
        int runs = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 7;
        int seconds = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 60;
        Path home = Files.createTempDirectory("penstock-gateway-run");
        int modbus = freePort();
        Process plant = plant(home.resolve("plant"), modbus);
        try {
            GatewayRun run = new GatewayRun(Path.of(arguments[0]).toAbsolutePath(), home.resolve("gateway"), runs);
            run.configure(modbus, freePort());
            System.out.println(run.measure(seconds));
        } finally {
            plant.destroy();
            delete(home);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static Process plant(Path home, int modbus) throws IOException {
        Process plant = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx64m",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "io.penstock.demo.plant.DemoPlant",
                        "--modbus-port",
                        Integer.toString(modbus),
                        "--opcua-port",
                        Integer.toString(freePort()),
                        "--home",
                        home.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        BufferedReader out = new BufferedReader(new InputStreamReader(plant.getInputStream(), StandardCharsets.UTF_8));
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            if (line.startsWith("ready")) {
                return plant;
            }
        }
        throw new IOException("the plant ended before it was ready");
    }

    private void configure(int modbus, int opcua) throws Exception {
        Path etc = home.resolve("etc");
        copy(distribution.resolve("etc"), etc);
        Files.createDirectories(etc.resolve("tags"));
        write(
                etc.resolve("tags/plc.csv"),
                "Tag;Description;Address;DataType;Length;ByteOrder;PeriodMs;RawLow;RawHigh;Low;High;Unit;Access\n"
                        + each("T%d;;holding-register:%d;REAL;1;ABCD;100;;;;;;R\n", 101, 2, ""));
        write(
                etc.resolve("io.penstock.connector.plc4x~plc.cfg.json"),
                "{\"name\": \"plc\", \"url\": \"modbus-tcp://127.0.0.1:" + modbus
                        + "\", \"unitIdentifier\": 1, \"requestTimeoutMs\": 1000, \"lossToBadMs\": 5000, \"backoffMaxMs\": 5000, \"tags\": \"plc.csv\"}");
        write(
                etc.resolve("io.penstock.publication.opcua.cfg.json"),
                "{\"port\": " + opcua + ", \"bindAddress\": \"127.0.0.1\"}");
        write(
                etc.resolve("io.penstock.pipeline~mlp.cfg.json"),
                "{\"name\": \"mlp\", \"model\": \"mlp\", \"versionRange\": \"[1.0,2.0)\", \"trigger\": \"grid\","
                        + " \"periodMs\": 1, \"bindings\": [" + each("\"i%d=T%<d\"", 0, 0, ", ") + "]}");
        release(etc.resolve("trust/models"));
    }

    /** The pattern for each input, with its number and {@code from + step * number}. */
    private static String each(String pattern, int from, int step, String between) {
        return IntStream.range(0, Mlp.INPUTS)
                .mapToObj(i -> String.format(Locale.ROOT, pattern, i, from + step * i))
                .collect(Collectors.joining(between));
    }

    private void release(Path trust) throws Exception {
        Path model = Files.createDirectories(home.resolve("model"));
        write(
                model.resolve("model.json"),
                "{\"schema\": 1, \"name\": \"mlp\", \"version\": \"1.0.0\", \"cycleMs\": 0, \"inputs\": ["
                        + each(
                                "{\"name\": \"i%d\", \"unit\": \"\", \"required\": true, \"range\": [-1e9, 1e9],"
                                        + " \"maximumAgeMs\": 5000, \"missing\": {\"policy\": \"fail\"}}",
                                0, 0, ", ")
                        + "], \"features\": ["
                        + each(
                                "{\"name\": \"f%d\", \"input\": \"i%<d\", \"operators\": [{\"operator\": \"zScore\","
                                        + " \"window\": 32, \"ddof\": 0}]}",
                                0, 0, ", ")
                        + "], \"tensors\": [{\"name\": \"x\", \"type\": \"float32\", \"shape\": [1, 8], \"rows\": 1,"
                        + " \"features\": [" + each("\"f%d\"", 0, 0, ", ") + "]}],"
                        + " \"outputs\": [{\"name\": \"y\", \"tensor\": \"y\", \"index\": 0, \"unit\": \"\","
                        + " \"range\": [-1e9, 1e9]}], \"budget\": {\"deadlineMs\": 50, \"memoryMiB\": 64}}");
        write(model.resolve("model-card.md"), "# mlp\n\nThe model of the benchmarks.\n");
        Files.write(model.resolve("model.onnx"), Mlp.onnx());
        ModelPacker packer = new ModelPacker(model);
        String cycles = IntStream.range(0, 40)
                .mapToObj(i -> "{\"timeNs\": " + (1_767_225_600_000_000_000L + i * 1_000_000L) + ", \"inputs\": ["
                        + IntStream.range(0, Mlp.INPUTS)
                                .mapToObj(k -> "[" + (0.1 * k + 0.01 * (i % 7)) + ", 0, 0]")
                                .collect(Collectors.joining(", "))
                        + "]}")
                .collect(Collectors.joining(", ", "{\"cycles\": [", "]}"));
        FeatureEngine features = FeatureEngines.standard();
        try (OnnxInferenceEngine engine = new OnnxInferenceEngine()) {
            packer.computeGolden("golden.json", cycles.getBytes(StandardCharsets.UTF_8), features, engine);
        }
        Instant from = Instant.now().minus(Duration.ofHours(1));
        Instant to = from.plus(Duration.ofDays(2));
        KeyPair authorityKeys = Certificates.newKeyPair("p256");
        X509Certificate authority = Certificates.newAuthority(authorityKeys, "CN=Benchmark CA", from, to);
        KeyPair signerKeys = Certificates.newKeyPair("p256");
        X509Certificate signer =
                Certificates.newSigner(authorityKeys, authority, signerKeys, "CN=Benchmark signer", from, to);
        write(Files.createDirectories(trust).resolve("ca.pem"), Certificates.toPem(List.of(authority)));
        Files.createDirectories(home.resolve("releases"));
        Files.write(
                home.resolve("releases/mlp-1.0.0.penstock"),
                ReleaseSigner.sign(
                                packer.pack(),
                                1,
                                List.of("*"),
                                from,
                                to,
                                List.of(new ReleaseSigner.Signer(signerKeys.getPrivate(), List.of(signer))))
                        .toBytes());
    }

    private String measure(int seconds) throws IOException, InterruptedException {
        long rollout = start(0).firstMs; // verified, tried in a process of its own, activated
        double[] without = starts();
        Process warm = script("penstock-warm-start");
        if (warm.waitFor() != 0) {
            throw new IOException("penstock-warm-start failed");
        }
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

    private Process script(String name) throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(distribution.resolve("bin").resolve(name).toString());
        builder.environment().put("PENSTOCK_HOME", home.toString());
        return builder.redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** Starts the gateway, waits for its first Good result, lets it run for so long and stops it. */
    private Start start(int seconds) throws IOException, InterruptedException {
        Path log = home.resolve("log/penstock.log");
        Files.deleteIfExists(log);
        Process gateway = script("penstock-gateway");
        try {
            long first = awaitFirst(gateway, log);
            String pid = Long.toString(gateway.pid());
            pause(seconds / 2.0);
            long cpu = Figures.cpuMs(pid);
            long began = System.nanoTime();
            pause(seconds / 2.0);
            double percent = (Figures.cpuMs(pid) - cpu) * 1e8 / Math.max(1, System.nanoTime() - began);
            return new Start(first, Figures.residentKiB(pid), percent);
        } finally {
            gateway.destroy();
            gateway.waitFor();
        }
    }

    private static long awaitFirst(Process gateway, Path log) throws IOException {
        long end = System.nanoTime() + START_LIMIT_NANOS;
        while (System.nanoTime() - end < 0 && gateway.isAlive()) {
            if (Files.exists(log)) {
                Matcher matcher = FIRST.matcher(Files.readString(log));
                if (matcher.find()) {
                    return Long.parseLong(matcher.group(1));
                }
            }
            LockSupport.parkNanos(50_000_000);
        }
        throw new IOException("no Good result; the log says:\n" + (Files.exists(log) ? Files.readString(log) : ""));
    }

    private static void pause(double seconds) throws InterruptedException {
        TimeUnit.MILLISECONDS.sleep(Math.round(seconds * 1000)); // the measured load runs meanwhile
    }

    private static void write(Path file, String text) throws IOException {
        Files.writeString(file, text);
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path target = to.resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(target);
                } else if (!file.getFileName().toString().contains("~")) { // no instances of a configuration in use
                    Files.copy(file, target);
                }
            }
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
