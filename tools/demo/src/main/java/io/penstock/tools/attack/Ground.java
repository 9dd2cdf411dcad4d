// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.attack;

import io.penstock.opcua.stack.ApplicationCertificate;
import io.penstock.tools.demo.Child;
import io.penstock.tools.demo.DemoHome;
import io.penstock.tools.demo.DemoHome.DemoFailed;
import io.penstock.tools.demo.GatewayClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.milo.opcua.sdk.client.identity.UsernameProvider;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;

/**
 * Where the attacks take place: the demo's plant, the shipped gateway with a closed loop, and beside it a pipeline of 10 ms whose
 * latencies tell within seconds whether the cycle notices anything.
 */
final class Ground implements AutoCloseable {
    static final String READER = "eve";
    static final String PACE = "pace";
    private static final int PACE_MS = 10;
    private static final int CONNECT_SECONDS = 5;
    private static final String READER_PASSWORD = "reader-password";

    private static final String PACE_CONTRACT = """
            {"schema": 1, "name": "pace", "version": "1.0.0", "cycleMs": 0,
             "inputs": [
               {"name": "turbidity", "unit": "NTU", "required": true, "range": [-1e9, 1e9], "maximumAgeMs": 60000, "missing": {"policy": "fail"}},
               {"name": "temperature", "unit": "CEL", "required": true, "range": [-1e9, 1e9], "maximumAgeMs": 60000, "missing": {"policy": "fail"}}],
             "features": [
               {"name": "turbidityLog", "input": "turbidity", "operators": [{"operator": "log1p"}]},
               {"name": "temperature", "input": "temperature", "operators": []}],
             "tensors": [{"name": "x", "type": "float32", "shape": [1, 2], "rows": 1, "features": ["turbidityLog", "temperature"]}],
             "outputs": [{"name": "dose", "tensor": "y", "index": 0, "unit": "M1", "range": [1, 8]}],
             "budget": {"deadlineMs": 50, "memoryMiB": 64}}
            """;
    private static final String PACE_INPUTS = """
            {"tolerance": {"features": 1e-9, "outputs": 1e-5}, "cycles": [
              {"timeNs": 1767227011000000000, "inputs": [[8.0, 0, 0], [8.4, 0, 0]]},
              {"timeNs": 1767227011010000000, "inputs": [[9.0, 0, 0], [8.4, 0, 0]]}]}
            """;

    private final DemoHome home;
    private final Child gateway;
    private final ApplicationCertificate own;

    private Ground(DemoHome home, Child gateway, ApplicationCertificate own) {
        this.home = home;
        this.gateway = gateway;
        this.own = own;
    }

    /** Lays it out and starts it; both pipelines serve when it returns. */
    static Ground open(DemoHome home) throws Exception {
        home.checkPorts();
        home.prepare();
        home.addUser(READER, READER_PASSWORD, "OBSERVER");
        ApplicationCertificate own = home.clientCertificate();
        addPace(home);
        home.startPlant();
        home.archiveClasses();
        Child gateway = home.startGateway();
        if (gateway.await("first result", 120) == null) {
            throw new DemoFailed(
                    "no first result within 120 s; see " + home.work().resolve("gateway.log"));
        }
        Ground ground = new Ground(home, gateway, own);
        ground.await("pipeline pace serves", PACE + "/Cycle/Count", 120);
        return ground;
    }

    private static void addPace(DemoHome home) throws Exception {
        Path folder = Files.createDirectories(home.work().resolve(PACE));
        Path demo = home.releases();
        Files.writeString(folder.resolve("model.json"), PACE_CONTRACT);
        Files.writeString(folder.resolve("model-card.md"), "# Pace\n\nA model as small as one can be.\n");
        Files.copy(demo.resolve("models/1.0.0/model.onnx"), folder.resolve("model.onnx"));
        Path inputs = home.work().resolve("pace-inputs.json");
        Files.writeString(inputs, PACE_INPUTS);
        Path bundle = home.work().resolve("pace.jar");
        cli(home, "model", "pack", "--directory", folder, "--golden-inputs", inputs, "--out", bundle);
        Path release = home.work().resolve("pace-1.0.0.penstock");
        cli(
                home,
                "model",
                "sign",
                "--key",
                demo.resolve("keys/demo-signer.key.pem"),
                "--certificate",
                demo.resolve("keys/demo-signer.pem"),
                "--sequence",
                "1",
                "--pipelines",
                PACE,
                "--out",
                release,
                bundle);
        home.drop(release);
        Files.writeString(home.gateway().resolve("etc/io.penstock.pipeline~pace.cfg.json"), """
                {"name": "pace", "model": "pace", "versionRange": "[1.0,2.0)", "trigger": "grid", "periodMs": %d,
                 "bindings": ["turbidity=AT-1002A", "temperature=TT-1005"], "mode": "SHADOW"}
                """.formatted(PACE_MS));
    }

    private static void cli(DemoHome home, Object... arguments) throws IOException, InterruptedException {
        List<String> command = new java.util.ArrayList<>(
                List.of(home.gateway().resolve("bin/penstock").toString()));
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(120, TimeUnit.SECONDS) || process.exitValue() != 0) {
            throw new DemoFailed(String.join(" ", command) + " failed: " + said.strip());
        }
    }

    private void await(String what, String node, int seconds) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (System.nanoTime() - end < 0) {
            try (GatewayClient operator = operator()) {
                if (operator.read(List.of(node)).get(node).value().value() instanceof Number count
                        && count.longValue() > 0) {
                    return;
                }
            } catch (UaException | IOException e) {
                // its server starts a little later than its pipelines
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
        }
        throw new DemoFailed("not within " + seconds + " s: " + what);
    }

    int port() {
        return home.resultsPort();
    }

    /** The honest one; not closed with the ground. */
    GatewayClient operator() throws Exception {
        return client(DemoHome.USER, home.password("password"), port());
    }

    /** Somebody who may only read. */
    GatewayClient reader(int throughPort) throws Exception {
        return client(READER, home.password(READER_PASSWORD), throughPort);
    }

    /** Milo waits without end for endpoints that a server it lost does not tell; a person would try again. */
    GatewayClient client(String user, String password, int throughPort) throws Exception {
        FutureTask<GatewayClient> connecting = new FutureTask<>(() -> new GatewayClient(
                home.url(), own, home.serverCertificate(), new UsernameProvider(user, password), throughPort));
        Thread thread = new Thread(connecting, "attack-connecting");
        thread.setDaemon(true);
        thread.start();
        try {
            return connecting.get(CONNECT_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            connecting.cancel(true);
            throw new IOException("not connected within " + CONNECT_SECONDS + " s", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof Exception cause ? cause : e;
        }
    }

    /** Comes as far as CreateSession, and dies where it should say who it is. */
    void dying(Forwarder forwarder) throws Exception {
        Attacks.quietly(new GatewayClient(
                home.url(),
                own,
                home.serverCertificate(),
                (endpoint, nonce) -> {
                    forwarder.cut();
                    throw new UaException(StatusCodes.Bad_ConnectionClosed);
                },
                forwarder.port()));
    }

    boolean gatewayAlive() {
        return gateway.isAlive();
    }

    long residentMiB() {
        return gateway.residentMiB();
    }

    void drop(Path release) throws IOException {
        home.drop(release);
    }

    Path work() {
        return home.work();
    }

    @Override
    public void close() {
        home.close();
    }
}
