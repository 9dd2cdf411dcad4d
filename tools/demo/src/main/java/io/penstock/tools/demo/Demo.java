// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.penstock.examples.coagulant.Build;
import io.penstock.opcua.stack.ApplicationCertificate;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.jspecify.annotations.Nullable;

/**
 * One run of the demo: plant and gateway as processes of their own, this one as the OT system that watches, closes the loop and
 * drops releases. The gateway is the shipped distribution with {@code config/demo}; nothing in it knows that it is a demo.
 */
final class Demo implements AutoCloseable {
    static final String CLIENT_URI = "urn:penstock:demo:client";
    private static final String PIPELINE = "coagulation";
    private static final String USER = "demo";
    /** How much longer than asked it runs where a rollout is still under way. */
    private static final int PATIENCE_SECONDS = 60;

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> SHOWN = List.of(
            "Tags/AT-1002A",
            "Tags/AT-1003",
            "Tags/FT-1001",
            "Tags/AIC-2001.SP_used",
            PIPELINE + "/Outputs/dose",
            PIPELINE + "/Outputs/doseLow",
            PIPELINE + "/Outputs/doseHigh",
            PIPELINE + "/Mode",
            PIPELINE + "/Model/Version",
            PIPELINE + "/Write/LastOutcome",
            PIPELINE + "/Write/LastReason",
            PIPELINE + "/Write/LastValue",
            PIPELINE + "/Cycle/Count",
            PIPELINE + "/Cycle/Missed");

    /** What a stranger needs to read the table. */
    private static final String LEGEND = """
            plant     hours of the water works since the first line; NTU, UV254 and m3/h are its raw water as the gateway reads it
            dose      what the model wants, mg/l of aluminium, with its interval; ? is not Good, - is no value
            outcome   what became of it: NOT_OFFERED (loop open), ASKED (to be written), LIMITED, SUPPRESSED, REFUSED, SHED (opens the loop)
            write     the value sent to the plant; in use: the setpoint that the plant shows
            mode      ADVISORY shows only, CLOSED writes; missed: cycles that did not run
            Below a line stands why a value was limited or refused; "--" marks what people do and what becomes of a release.""";

    private final Options options;
    private final Path work;
    private final Path gatewayHome;
    private final Report report = new Report();
    /** Guarded by itself: what ends with the demo. */
    private final List<AutoCloseable> running = new ArrayList<>();
    /** Guarded by {@link #running}: nothing starts any more. */
    private boolean closed;

    private @Nullable Child plant;
    private @Nullable Child gateway;
    private String lastReason = "";

    /**
     * What a run is asked to do.
     *
     * @param root folder of the checkout.
     * @param seconds how long it runs once the first result is there.
     * @param speed plant seconds per second.
     * @param seed of the plant's noise.
     * @param resultsPort port of the gateway's OPC UA server.
     * @param plantPort port of the plant's OPC UA server.
     * @param modbusPort port of the PLC.
     */
    record Options(Path root, int seconds, double speed, long seed, int resultsPort, int plantPort, int modbusPort) {}

    Demo(Options options) {
        this.options = options;
        work = options.root().resolve("target/demo");
        gatewayHome = work.resolve("gateway");
    }

    Report run() throws Exception {
        checkPorts();
        prepare();
        startPlant();
        archiveClasses();
        long started = System.nanoTime();
        startGateway();
        awaitFirstResult(started);
        GatewayClient ot = connect();
        say("");
        say(
                "  results  opc.tcp://127.0.0.1:%d/penstock   user %s   password in %s",
                options.resultsPort(), USER, work.resolve("password"));
        say(
                "  plant    opc.tcp://127.0.0.1:%d/wtp1       Modbus TCP 127.0.0.1:%d",
                options.plantPort(), options.modbusPort());
        say(
                "  Another client: connect once, then approve it by  %s client list  and  client trust",
                gatewayHome.resolve("bin/penstock"));
        say("");
        LEGEND.lines().forEach(line -> say("  %s", line));
        say("");
        watch(ot);
        finish(ot);
        return report;
    }

    private void checkPorts() {
        for (var port : Map.of(
                        "results OPC UA",
                        options.resultsPort(),
                        "plant OPC UA",
                        options.plantPort(),
                        "Modbus",
                        options.modbusPort())
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
    private void prepare() throws Exception {
        say("Preparing a gateway in %s", work);
        delete(work);
        Files.createDirectories(work);
        copy(options.root().resolve("distribution/target/penstock"), gatewayHome);
        Path demo = options.root().resolve("config/demo");
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
        new SecureRandom().nextBytes(secret);
        secretFile(work.resolve("password"), HexFormat.of().formatHex(secret));
        addUser();
    }

    private String connectorUri() {
        return "urn:penstock:connector.opcua:plant";
    }

    /** The demo's ports and speed instead of the defaults in config/demo. */
    private String adapted(String text) {
        return text.replace(":4841/", ":" + options.plantPort() + "/")
                .replace(":1502\"", ":" + options.modbusPort() + "\"")
                .replace("\"port\": 4840", "\"port\": " + options.resultsPort())
                .replace("\"rateUpPerMinute\": 12", "\"rateUpPerMinute\": " + 12 * options.speed() / 60)
                .replace("\"rateDownPerMinute\": 6", "\"rateDownPerMinute\": " + 6 * options.speed() / 60);
    }

    /** Trains, packs and signs once; later runs take what is there. */
    private Path releases() throws Exception {
        Path built = options.root().resolve("examples/coagulant-dose/target/demo");
        if (!Files.exists(built.resolve("tampered/coagulant-dose-1.2.0.penstock"))) {
            say("Training, packing and signing coagulant-dose 1.0.0 and 1.1.0");
            Build.main(new String[] {built.toString()});
        }
        return built;
    }

    private void addUser() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        gatewayHome.resolve("bin/penstock").toString(),
                        "user",
                        "add",
                        USER,
                        "--role",
                        "OPERATOR",
                        "--role",
                        "ENGINEER",
                        "--password-file",
                        work.resolve("password").toString(),
                        "--home",
                        gatewayHome.toString())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
            throw new DemoFailed("penstock user add failed: " + said.strip());
        }
    }

    private void startPlant() throws Exception {
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
                        String.valueOf(options.modbusPort()),
                        "--opcua-port",
                        String.valueOf(options.plantPort()),
                        "--speed",
                        String.valueOf(options.speed()),
                        "--seed",
                        String.valueOf(options.seed()),
                        "--home",
                        work.resolve("plant").toString()),
                Map.of(),
                work.resolve("plant.log"));
        plant = own(child);
        if (child.await("ready", 60) == null) {
            throw new DemoFailed("the plant did not start within 60 s; see " + work.resolve("plant.log"));
        }
        say("Water works WTP-1 runs at %.0f times the wall clock", options.speed());
        child.tell("remote on");
    }

    /**
     * What an engineer does once after installing, {@code bin/penstock-warm-start}, here with a home of its own so that the
     * gateway shown has seen no release yet. Kept for later runs of the same build.
     */
    private void archiveClasses() throws IOException, InterruptedException {
        Path kept = options.root().resolve("tools/demo/target/penstock.jsa");
        Path built = options.root().resolve("tools/demo/target/built");
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

    private void startGateway() throws IOException {
        gateway = own(new Child(
                "gateway",
                List.of(gatewayHome.resolve("bin/penstock-gateway").toString()),
                Map.of("PENSTOCK_HOME", gatewayHome.toString()),
                work.resolve("gateway.log")));
        say("Gateway starts from the shipped distribution, with release 1.0.0 in its drop folder");
    }

    private void awaitFirstResult(long started) throws InterruptedException {
        Child child = Objects.requireNonNull(gateway);
        String line = child.await("first result", 60);
        if (line == null) {
            throw new DemoFailed("no first result within 60 s; see " + work.resolve("gateway.log"));
        }
        report.firstResultSeconds = (System.nanoTime() - started) / 1e9;
        say("First result %.1f s after the start of the process", report.firstResultSeconds);
    }

    private GatewayClient connect() throws Exception {
        ApplicationCertificate own = ApplicationCertificate.loadOrCreate(
                work.resolve("client"), "Penstock demo client", CLIENT_URI, List.of("localhost"));
        install(own.file(), gatewayHome.resolve("data/publication.opcua/pki/trusted/certs/demo-client.der"));
        Path server = gatewayHome.resolve("data/publication.opcua/pki/own.der");
        UaException last = null;
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60); System.nanoTime() - end < 0; ) {
            try {
                GatewayClient connected = new GatewayClient(
                        "opc.tcp://127.0.0.1:" + options.resultsPort() + "/penstock",
                        own,
                        certificate(server),
                        USER,
                        Files.readString(work.resolve("password")).strip());
                return own(connected);
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

    /** The run: one line a second, and what the central team and the plant do in between. */
    private void watch(GatewayClient ot) throws Exception {
        Path built = releases();
        Script script = new Script(options.seconds());
        say(
                "%8s %6s %6s %6s | %5s  %-13s | %-8s %6s %6s | %-9s %-7s %7s %6s",
                "plant",
                "NTU",
                "UV254",
                "m3/h",
                "dose",
                "interval",
                "outcome",
                "write",
                "in use",
                "mode",
                "model",
                "cycles",
                "missed");
        long start = System.nanoTime();
        int latest = options.seconds() + PATIENCE_SECONDS;
        for (int second = 1; second <= options.seconds() || (second <= latest && !report.settled()); second++) {
            LockSupport.parkNanos(start + TimeUnit.SECONDS.toNanos(second) - System.nanoTime());
            Map<String, DataValue> now = ot.read(SHOWN);
            show(second, now);
            if (!"CLOSED".equals(text(now, PIPELINE + "/Mode")) && second >= 3 && second % 2 == 1) {
                close(ot);
            }
            switch (script.at(second)) {
                case STORM -> {
                    say("  -- storm: the plant's raw water rises");
                    Objects.requireNonNull(plant).tell("storm");
                }
                case SECOND_RELEASE -> {
                    say("  -- central team drops coagulant-dose-1.1.0.penstock");
                    drop(built.resolve("releases/coagulant-dose-1.1.0.penstock"));
                }
                case TAMPERED_RELEASE -> {
                    say("  -- somebody drops a tampered coagulant-dose-1.2.0.penstock");
                    drop(built.resolve("tampered/coagulant-dose-1.2.0.penstock"));
                }
                case NOTHING -> {}
            }
            tellReceipts(ot);
        }
    }

    private void close(GatewayClient ot) throws UaException {
        List<String> refusals = ot.setMode(PIPELINE, "CLOSED", "demo: the operator closes the loop");
        if (refusals.isEmpty()) {
            report.closed = true;
            say("  -- loop dose is closed by %s", USER);
        } else {
            say("  -- loop dose stays open: %s", refusals.get(0));
        }
    }

    private void show(int second, Map<String, DataValue> now) {
        double plantHours = second * options.speed() / 3600;
        say(
                "%7.2fh %6s %6s %6s | %5s  %-13s | %-8s %6s %6s | %-9s %-7s %7s %6s",
                plantHours,
                number(now, "Tags/AT-1002A", 1),
                number(now, "Tags/AT-1003", 1),
                number(now, "Tags/FT-1001", 0),
                number(now, PIPELINE + "/Outputs/dose", 2),
                "[" + number(now, PIPELINE + "/Outputs/doseLow", 2) + ","
                        + number(now, PIPELINE + "/Outputs/doseHigh", 2) + "]",
                text(now, PIPELINE + "/Write/LastOutcome"),
                number(now, PIPELINE + "/Write/LastValue", 2),
                number(now, "Tags/AIC-2001.SP_used", 2),
                text(now, PIPELINE + "/Mode"),
                text(now, PIPELINE + "/Model/Version"),
                text(now, PIPELINE + "/Cycle/Count"),
                text(now, PIPELINE + "/Cycle/Missed"));
        String reason = text(now, PIPELINE + "/Write/LastReason");
        if (!reason.isEmpty() && !reason.equals(lastReason)) {
            say("           %s", reason);
        }
        lastReason = reason;
    }

    private void tellReceipts(GatewayClient ot) throws Exception {
        for (Map<String, Object> receipt : receipts(ot)) {
            if (report.take(receipt)) {
                say("  -- %s: %s %s", receipt.get("file"), receipt.get("outcome"), receipt.get("reason"));
                ((List<?>) receipt.getOrDefault("steps", List.of())).forEach(step -> say("       %s", step));
            }
        }
    }

    private static List<Map<String, Object>> receipts(GatewayClient ot) throws Exception {
        Object value = ot.read(List.of("Rollouts/Receipts"))
                .get("Rollouts/Receipts")
                .value()
                .value();
        List<Map<String, Object>> receipts = new ArrayList<>();
        if (value instanceof String[] lines) {
            for (int i = lines.length - 1; i >= 0; i--) {
                receipts.add(JSON.readValue(lines[i], new TypeReference<Map<String, Object>>() {}));
            }
        }
        return receipts;
    }

    private void finish(GatewayClient ot) throws Exception {
        Map<String, DataValue> figures =
                ot.read(Report.NODES.stream().map(node -> PIPELINE + "/" + node).toList());
        report.take(PIPELINE, figures, JSON);
        report.rssMiB = Objects.requireNonNull(gateway).residentMiB();
        ot.setMode(PIPELINE, "ADVISORY", "demo: end");
    }

    /** Also by the thread that a signal starts, while {@link #run} goes on in its own. */
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

    <T extends AutoCloseable> T own(T closeable) {
        synchronized (running) {
            if (!closed) {
                running.add(closeable);
                return closeable;
            }
        }
        close(closeable);
        throw new DemoFailed("stopped");
    }

    /** Into the drop folder as a careful sender does: beside it first, then in one step. */
    private void drop(Path release) throws IOException {
        Path name = release.getFileName();
        Path part = gatewayHome.resolve("data").resolve(name + ".part");
        Files.copy(release, part, StandardCopyOption.REPLACE_EXISTING);
        Files.move(part, gatewayHome.resolve("releases").resolve(name), StandardCopyOption.ATOMIC_MOVE);
    }

    private static String number(Map<String, DataValue> values, String id, int decimals) {
        Object value = values.get(id).value().value();
        if (!(value instanceof Number number)) {
            return "-";
        }
        String mark = values.get(id).statusCode().isGood() ? "" : "?";
        return String.format(Locale.ROOT, "%." + decimals + "f%s", number.doubleValue(), mark);
    }

    private static String text(Map<String, DataValue> values, String id) {
        Object value = values.get(id).value().value();
        return value == null ? "" : value.toString();
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

    @SuppressWarnings("AnnotateFormatMethod") // the callers above are all of them
    private static void say(String format, Object... arguments) {
        System.out.println(String.format(Locale.ROOT, format, arguments));
    }

    /** The demo cannot go on; the message is for people. */
    static final class DemoFailed extends RuntimeException {
        private static final long serialVersionUID = 1L;

        DemoFailed(String message) {
            super(message);
        }
    }
}
