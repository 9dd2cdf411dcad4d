// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.inference.onnx.OnnxInferenceEngine;
import io.penstock.models.Certificates;
import io.penstock.models.ModelPacker;
import io.penstock.models.ReleaseSigner;
import io.penstock.preprocessing.FeatureEngines;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The home of a gateway as it is shipped, in a temporary folder, with a release of {@link Mlp}. When it is closed, or the JVM
 * ends, the processes given to {@link #own} end and the folder is deleted.
 */
final class GatewayHome implements AutoCloseable {
    private static final Pattern FIRST = Pattern.compile("first Good result, (\\d+) ms");
    private static final long START_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final Path distribution;
    private final Path folder;
    private final Path home;
    private final List<Process> running = new CopyOnWriteArrayList<>();

    GatewayHome(Path distribution) throws IOException {
        this.distribution = distribution.toAbsolutePath();
        folder = Files.createTempDirectory("penstock-benchmark");
        home = folder.resolve("gateway");
        Runtime.getRuntime().addShutdownHook(new Thread(this::clear, "benchmark-clear"));
        copy(this.distribution.resolve("etc"), home.resolve("etc"));
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

    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** A path beside the home. */
    Path beside(String name) {
        return folder.resolve(name);
    }

    /** A path in the home. */
    Path file(String name) {
        return home.resolve(name);
    }

    void write(String name, String text) throws IOException {
        Path file = file(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    /** Signs {@link Mlp} with a CA made for it, and drops it. */
    void release(Mlp.Form form) throws Exception {
        write("model/model.json", Mlp.contract(form));
        write("model/model-card.md", "# mlp\n\nThe model of the benchmarks.\n");
        Files.write(file("model/model.onnx"), Mlp.onnx(form));
        ModelPacker packer = new ModelPacker(file("model"));
        FeatureEngine features = FeatureEngines.standard();
        try (OnnxInferenceEngine engine = new OnnxInferenceEngine()) {
            byte[] cycles = Mlp.golden(form).getBytes(StandardCharsets.UTF_8);
            packer.computeGolden("golden.json", cycles, features, engine);
        }
        Instant from = Instant.now().minus(Duration.ofHours(1));
        Instant to = from.plus(Duration.ofDays(2));
        KeyPair authorityKeys = Certificates.newKeyPair("p256");
        X509Certificate authority = Certificates.newAuthority(authorityKeys, "CN=Benchmark CA", from, to);
        KeyPair signerKeys = Certificates.newKeyPair("p256");
        X509Certificate signer =
                Certificates.newSigner(authorityKeys, authority, signerKeys, "CN=Benchmark signer", from, to);
        write("etc/trust/models/ca.pem", Certificates.toPem(List.of(authority)));
        Files.createDirectories(file("releases"));
        Files.write(
                file("releases/mlp-1.0.0.penstock"),
                ReleaseSigner.sign(
                                packer.pack(),
                                1,
                                List.of("*"),
                                from,
                                to,
                                List.of(new ReleaseSigner.Signer(signerKeys.getPrivate(), List.of(signer))))
                        .toBytes());
    }

    /** A script of the distribution, with this home. */
    ProcessBuilder script(String name, String... arguments) {
        ProcessBuilder builder =
                new ProcessBuilder(distribution.resolve("bin").resolve(name).toString());
        builder.command().addAll(List.of(arguments));
        builder.environment().put("PENSTOCK_HOME", home.toString());
        return builder.redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(ProcessBuilder.Redirect.INHERIT);
    }

    /** Runs a script to its end. */
    void run(String name, String... arguments) throws IOException, InterruptedException {
        Process process = own(script(name, arguments).start());
        if (process.waitFor() != 0) {
            throw new IOException(name + " failed");
        }
    }

    Process own(Process process) {
        running.add(process);
        return process;
    }

    /** The log of a start before this one would tell of its first result. */
    Process start(String... environment) throws IOException {
        Files.deleteIfExists(file("log/penstock.log"));
        ProcessBuilder builder = script("penstock-gateway");
        for (int i = 0; i < environment.length; i += 2) {
            builder.environment().put(environment[i], environment[i + 1]);
        }
        return own(builder.start());
    }

    /** Time to the first Good result, in ms. */
    long awaitFirst(Process gateway) throws IOException {
        Path log = file("log/penstock.log");
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
        throw new IOException("no Good result; the log says:\n" + log());
    }

    String log() throws IOException {
        Path log = file("log/penstock.log");
        return Files.exists(log) ? Files.readString(log) : "";
    }

    @Override
    public void close() {
        clear();
    }

    private synchronized void clear() {
        running.forEach(Child::end);
        running.clear();
        Figures.delete(folder);
    }
}
