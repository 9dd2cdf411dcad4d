// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import io.penstock.examples.coagulant.Build;
import io.penstock.opcua.stack.ApplicationCertificate;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.eclipse.milo.opcua.stack.core.UaException;

/**
 * A folder in which a plant and a gateway live, each as a process of its own. The gateway is the shipped distribution with
 * {@code config/demo}; nothing in it knows that it is a demo.
 */
public final class DemoHome implements AutoCloseable {
    public static final String CLIENT_URI = "urn:penstock:demo:client";
    public static final String PIPELINE = "coagulation";
    public static final String USER = "demo";

    private final Path root;
    private final Path work;
    private final Path gatewayHome;
    private final double speed;
    private final long seed;
    private final int resultsPort;
    private final int plantPort;
    private final int modbusPort;
    /** Guarded by itself: what ends with the demo. */
    private final List<AutoCloseable> running = new ArrayList<>();
    /** Guarded by {@link #running}: nothing starts any more. */
    private boolean closed;

    /**
     * @param root folder of the checkout.
     * @param name of the folder below {@code target}.
     * @param speed plant seconds per second.
     * @param seed of the plant's noise.
     * @param resultsPort port of the gateway's OPC UA server.
     * @param plantPort port of the plant's OPC UA server.
     * @param modbusPort port of the PLC.
     */
    public DemoHome(Path root, String name, double speed, long seed, int resultsPort, int plantPort, int modbusPort) {
        this.root = root;
        work = root.resolve("target").resolve(name);
        gatewayHome = work.resolve("gateway");
        this.speed = speed;
        this.seed = seed;
        this.resultsPort = resultsPort;
        this.plantPort = plantPort;
        this.modbusPort = modbusPort;
    }

    public void checkPorts() {
        for (var port : Map.of("results OPC UA", resultsPort, "plant OPC UA", plantPort, "Modbus", modbusPort)
                .entrySet()) {
            try (ServerSocket socket = new ServerSocket()) {
                socket.setReuseAddress(true);
                socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port.getValue()));
            } catch (IOException e) {
                throw new DemoFailed("port " + port.getValue() + " (" + port.getKey()
                        + ") is in use; end what listens there (ss -ltnp | grep " + port.getValue()
                        + ") or choose another by --results-port, --plant-port, --modbus-port");
            }
        }
    }

    /** Lays out a fresh gateway from the distribution and lets the demo's peers know each other's certificates. */
    public void prepare() throws Exception {
        say("Preparing a gateway in %s", work);
        delete(work);
        Files.createDirectories(work);
        copy(root.resolve("distribution/target/penstock"), gatewayHome);
        Path demo = root.resolve("config/demo");
        try (Stream<Path> files = Files.list(demo)) {
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".cfg.json")).toList()) {
                Files.writeString(
                        gatewayHome.resolve("etc").resolve(file.getFileName()), adapted(Files.readString(file)));
            }
        }
        copy(demo.resolve("tags"), gatewayHome.resolve("etc/tags"));
        Path built = releases();
        Files.copy(built.resolve("trust/demo-ca.pem"), gatewayHome.resolve("etc/trust/models/demo-ca.pem"));
        drop(built.resolve("releases/coagulant-dose-1.0.0.penstock"));

        Path plantHome = Files.createDirectories(work.resolve("plant"));
        ApplicationCertificate connector = ApplicationCertificate.loadOrCreate(
                gatewayHome.resolve("data/connector.opcua/plant/own"),
                "Penstock gateway",
                connectorUri(),
                List.of("localhost", "127.0.0.1"));
        ApplicationCertificate plantServer = ApplicationCertificate.loadOrCreate(
                plantHome.resolve("pki"),
                "Penstock demo plant",
                "urn:penstock:demo:plant",
                List.of("localhost", "127.0.0.1"));
        install(connector.file(), plantHome.resolve("pki/trusted/certs/gateway.der"));
        install(plantServer.file(), gatewayHome.resolve("data/connector.opcua/plant/trusted/plant.der"));
        byte[] secret = new byte[18];
        new SecureRandom().nextBytes(secret);
        secretFile(plantHome.resolve("opcua-password"), HexFormat.of().formatHex(secret));
        secretFile(gatewayHome.resolve("etc/plant.password"), HexFormat.of().formatHex(secret));
        addUser(USER, "password", "OPERATOR", "ENGINEER");
    }

    private String connectorUri() {
        return "urn:penstock:connector.opcua:plant";
    }

    /** The demo's ports and speed instead of the defaults in config/demo. */
    private String adapted(String text) {
        return text.replace(":4841/", ":" + plantPort + "/")
                .replace(":1502\"", ":" + modbusPort + "\"")
                .replace("\"port\": 4840", "\"port\": " + resultsPort)
                .replace("\"rateUpPerMinute\": 12", "\"rateUpPerMinute\": " + 12 * speed / 60)
                .replace("\"rateDownPerMinute\": 6", "\"rateDownPerMinute\": " + 6 * speed / 60);
    }

    /** Trains, packs and signs once; later runs take what is there. */
    public Path releases() throws Exception {
        Path built = root.resolve("examples/coagulant-dose/target/demo");
        if (!Files.exists(built.resolve("tampered/coagulant-dose-1.2.0.penstock"))) {
            say("Training, packing and signing coagulant-dose 1.0.0 and 1.1.0");
            Build.main(new String[] {built.toString()});
        }
        return built;
    }

    /** Adds a user of the gateway with a fresh password, which lies in a file of that name in the work folder. */
    public void addUser(String user, String passwordFile, String... roles) throws IOException, InterruptedException {
        byte[] secret = new byte[18];
        new SecureRandom().nextBytes(secret);
        secretFile(work.resolve(passwordFile), HexFormat.of().formatHex(secret));
        List<String> command =
                new ArrayList<>(List.of(gatewayHome.resolve("bin/penstock").toString(), "user", "add", user));
        for (String role : roles) {
            command.addAll(List.of("--role", role));
        }
        command.addAll(
                List.of("--password-file", work.resolve(passwordFile).toString(), "--home", gatewayHome.toString()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
            throw new DemoFailed("penstock user add failed: " + said.strip());
        }
    }

    public Child startPlant() throws Exception {
        Child child = new Child(
                "plant",
                List.of(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-XX:+UseSerialGC",
                        "-Xmx128m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "io.penstock.demo.plant.DemoPlant",
                        "--modbus-port",
                        String.valueOf(modbusPort),
                        "--opcua-port",
                        String.valueOf(plantPort),
                        "--speed",
                        String.valueOf(speed),
                        "--seed",
                        String.valueOf(seed),
                        "--home",
                        work.resolve("plant").toString()),
                Map.of(),
                work.resolve("plant.log"));
        own(child);
        if (child.await("ready", 60) == null) {
            throw new DemoFailed("the plant did not start within 60 s; see " + work.resolve("plant.log"));
        }
        say("Water works WTP-1 runs at %.0f times the wall clock", speed);
        child.tell("remote on");
        return child;
    }

    /**
     * What an engineer does once after installing, {@code bin/penstock-warm-start}, here with a home of its own so that the
     * gateway shown has seen no release yet. Kept for later runs of the same build.
     */
    public void archiveClasses() throws IOException, InterruptedException {
        Path kept = root.resolve("tools/demo/target/penstock.jsa");
        Path built = newestArchive(root.resolve("distribution/target"));
        if (!Files.exists(kept) || Files.getLastModifiedTime(kept).compareTo(Files.getLastModifiedTime(built)) < 0) {
            say("Making the archive of classes that shortens later starts (bin/penstock-warm-start)");
            Path warm = work.resolve("warm");
            copy(gatewayHome.resolve("etc"), warm.resolve("etc"));
            copy(gatewayHome.resolve("data"), warm.resolve("data"));
            copy(gatewayHome.resolve("releases"), warm.resolve("releases"));
            ProcessBuilder builder = new ProcessBuilder(
                            gatewayHome.resolve("bin/penstock-warm-start").toString())
                    .redirectErrorStream(true);
            builder.environment().put("PENSTOCK_HOME", warm.toString());
            Process process = builder.start();
            own(process::destroy);
            process.getOutputStream().close();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                say("  without it, starts are slower: %s", said.strip());
                return;
            }
            Files.move(warm.resolve("data/penstock.jsa"), kept, StandardCopyOption.REPLACE_EXISTING);
        }
        Path archive = gatewayHome.resolve("data/penstock.jsa");
        Files.copy(kept, archive);
        Files.writeString(gatewayHome.resolve("data/penstock.jsa.size"), Files.size(archive) + "\n");
    }

    /** What the last build packed, whichever command built it. */
    private static Path newestArchive(Path folder) throws IOException {
        Path newest = folder;
        try (DirectoryStream<Path> archives = Files.newDirectoryStream(folder, "penstock-*.tar.gz")) {
            for (Path archive : archives) {
                if (newest.equals(folder)
                        || Files.getLastModifiedTime(archive).compareTo(Files.getLastModifiedTime(newest)) > 0) {
                    newest = archive;
                }
            }
        }
        return newest;
    }

    public Child startGateway() throws IOException {
        Child child = startGateway("");
        say("Gateway starts from the shipped distribution, with release 1.0.0 in its drop folder");
        return child;
    }

    /** @param options further ones for its JVM. */
    public Child startGateway(String options) throws IOException {
        return startGateway(options, Map.of());
    }

    /** @param environment of the process, beside what the gateway needs. */
    Child startGateway(String options, Map<String, String> environment) throws IOException {
        Map<String, String> all = new HashMap<>(environment);
        all.put("PENSTOCK_HOME", gatewayHome.toString());
        all.put("PENSTOCK_OPTS", options);
        return own(new Child(
                "gateway",
                List.of(gatewayHome.resolve("bin/penstock-gateway").toString()),
                all,
                work.resolve("gateway.log")));
    }

    /** Connects as a user whose password lies in this file, once the server is there. */
    public GatewayClient connect(String user, String passwordFile) throws Exception {
        ApplicationCertificate own = clientCertificate();
        Path server = gatewayHome.resolve("data/publication.opcua/pki/own.der");
        UaException last = null;
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60); System.nanoTime() - end < 0; ) {
            try {
                return own(new GatewayClient(url(), own, certificate(server), user, password(passwordFile)));
            } catch (UaException e) {
                last = e;
            } catch (IOException e) {
                // the server's certificate is not written yet
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
        }
        throw new DemoFailed("the gateway's OPC UA server does not let the demo in: "
                + (last == null ? "no certificate" : last.getMessage()));
    }

    /** The certificate of the OT system, which the gateway trusts from now on. */
    public ApplicationCertificate clientCertificate() throws Exception {
        ApplicationCertificate own = ApplicationCertificate.loadOrCreate(
                work.resolve("client"), "Penstock demo client", CLIENT_URI, List.of("localhost"));
        install(own.file(), gatewayHome.resolve("data/publication.opcua/pki/trusted/certs/demo-client.der"));
        return own;
    }

    /** The gateway's own certificate; it is there once its server has started. */
    public X509Certificate serverCertificate() throws Exception {
        return certificate(gatewayHome.resolve("data/publication.opcua/pki/own.der"));
    }

    X509Certificate plantCertificate() throws Exception {
        return certificate(gatewayHome.resolve("data/connector.opcua/plant/trusted/plant.der"));
    }

    String plantUrl() {
        return "opc.tcp://127.0.0.1:" + plantPort + "/wtp1";
    }

    int plantPort() {
        return plantPort;
    }

    public String password(String file) throws IOException {
        return Files.readString(work.resolve(file)).strip();
    }

    public String url() {
        return "opc.tcp://127.0.0.1:" + resultsPort + "/penstock";
    }

    public Path work() {
        return work;
    }

    public Path gateway() {
        return gatewayHome;
    }

    public int resultsPort() {
        return resultsPort;
    }

    /** Into the drop folder as a careful sender does: beside it first, then in one step. */
    public void drop(Path release) throws IOException {
        Path name = release.getFileName();
        Path part = gatewayHome.resolve("data").resolve(name + ".part");
        Files.copy(release, part, StandardCopyOption.REPLACE_EXISTING);
        Files.move(part, gatewayHome.resolve("releases").resolve(name), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Also by the thread that a signal starts, while the run goes on in its own. */
    @Override
    public void close() {
        List<AutoCloseable> last;
        synchronized (running) {
            closed = true;
            last = new ArrayList<>(running);
            running.clear();
        }
        for (int i = last.size() - 1; i >= 0; i--) {
            close(last.get(i));
        }
    }

    private static void close(AutoCloseable closeable) {
        try {
            closeable.close();
        } catch (Exception e) {
            say("closing: %s", e.getMessage());
        }
    }

    public <T extends AutoCloseable> T own(T closeable) {
        synchronized (running) {
            if (!closed) {
                running.add(closeable);
                return closeable;
            }
        }
        close(closeable);
        throw new DemoFailed("stopped");
    }

    private static X509Certificate certificate(Path file) throws Exception {
        try (var in = Files.newInputStream(file)) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    private static void install(Path from, Path to) throws IOException {
        Files.createDirectories(to.getParent());
        Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
    }

    private static void secretFile(Path file, String secret) throws IOException {
        Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(file, secret);
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path target = to.resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(file, target, StandardCopyOption.COPY_ATTRIBUTES);
                }
            }
        }
    }

    private static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @SuppressWarnings("AnnotateFormatMethod") // its callers are few
    public static void say(String format, Object... arguments) {
        System.out.println(String.format(Locale.ROOT, format, arguments));
    }

    /** The demo cannot go on; the message is for people. */
    public static final class DemoFailed extends RuntimeException {
        private static final long serialVersionUID = 1L;

        public DemoFailed(String message) {
            super(message);
        }
    }
}
