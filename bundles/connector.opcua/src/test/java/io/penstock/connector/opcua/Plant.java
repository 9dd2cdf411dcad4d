// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.ConnectionStatus.State;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.data.Sample;
import io.penstock.api.data.TagId;
import io.penstock.opcua.stack.CertificatePolicy;
import io.penstock.peers.PeerProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;

/** A node-opcua server, a connector to it and what it heard. */
final class Plant implements AutoCloseable {
    static final TagDefinition COUNTER = tag("C0", "nsu=urn:penstock:test:plant;s=C0", DataType.LREAL, 1);

    final Path home;
    final int port;
    final Heard heard = new Heard();
    PeerProcess server;
    OpcUaConnector connector;

    private Plant(Path home, int port) {
        this.home = home;
        this.port = port;
    }

    static Plant withoutServer(Path home) {
        return new Plant(home, PeerProcess.freePort());
    }

    static Plant serving(Path home, Object... options) {
        Plant plant = withoutServer(home);
        plant.serve(options);
        return plant;
    }

    void serve(Object... options) {
        List<Object> arguments = new ArrayList<>(List.of(port, home.resolve("plant-pki")));
        arguments.addAll(List.of(options));
        server = PeerProcess.node("plant_server.js", arguments.toArray());
    }

    static TagDefinition tag(String name, String address, DataType type, int length) {
        return new TagDefinition(new TagId(name), "", address, type, length, ByteOrder.ABCD, 0, Scaling.NONE, "", true);
    }

    /** Fast figures for tests; no security unless changed. */
    Settings settings(TagDefinition... tags) {
        return new Settings(
                "plant",
                "opc.tcp://127.0.0.1:" + port + "/plant",
                "127.0.0.1",
                port,
                List.of(tags),
                SecurityPolicy.None,
                MessageSecurityMode.None,
                true,
                "",
                "",
                50,
                1000,
                2000,
                500,
                1500,
                200,
                400,
                300,
                CertificatePolicy.of(CertificatePolicy.Peer.SERVER, 2048, "required"));
    }

    Settings secure(SecurityPolicy policy, String user, TagDefinition... tags) {
        Settings open = settings(tags);
        return new Settings(
                open.name(),
                open.endpointUrl(),
                open.host(),
                port,
                open.tags(),
                policy,
                MessageSecurityMode.SignAndEncrypt,
                user.isEmpty(),
                user,
                user.isEmpty() ? "" : "etc/plant.password",
                open.publishingIntervalMs(),
                open.queueSize(),
                5000,
                open.keepAliveMs(),
                open.lossToBadMs(),
                30_000,
                30_000,
                open.nodeRetryMs(),
                open.serverCertificates());
    }

    /** The same with short times for what goes wrong. */
    static Settings impatient(Settings s) {
        return new Settings(
                s.name(),
                s.endpointUrl(),
                s.host(),
                s.port(),
                s.tags(),
                s.policy(),
                s.mode(),
                s.anonymous(),
                s.userName(),
                s.passwordFile(),
                s.publishingIntervalMs(),
                s.queueSize(),
                s.secure() ? s.requestTimeoutMs() : 300,
                s.keepAliveMs(),
                s.lossToBadMs(),
                200,
                400,
                s.nodeRetryMs(),
                s.serverCertificates());
    }

    void password(String password) {
        try {
            Files.createDirectories(home.resolve("etc"));
            Path file = Files.writeString(home.resolve("etc/plant.password"), password + "\n");
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    OpcUaConnector start(Settings settings) {
        connector = new OpcUaConnector(settings, home, Clock.systemUTC());
        connector.start();
        connector.subscribe(heard);
        return connector;
    }

    void awaitConnected() {
        await("connected", () -> connector.connection().state() == State.CONNECTED, () -> connector
                .connection()
                .detail());
    }

    Path only(String folder) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(
                home.resolve("data/connector.opcua/plant").resolve(folder))) {
            return files.iterator().next();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What an engineer does after comparing the thumbprint. */
    void approve() {
        try {
            Path file = only("rejected");
            Files.move(file, home.resolve("data/connector.opcua/plant/trusted").resolve(file.getFileName()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void await(String what, BooleanSupplier condition, Supplier<Object> otherwise) {
        long end = System.nanoTime() + 30_000_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                fail("not within 30 s: " + what + "; " + otherwise.get());
            }
            try {
                Thread.sleep(5); // the interval of looking, bounded above
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                fail("interrupted");
            }
        }
    }

    @Override
    public void close() {
        if (connector != null) {
            long begin = System.nanoTime();
            connector.stop();
            long ms = (System.nanoTime() - begin) / 1_000_000;
            assertTrue(ms < 2_000, "stop took " + ms + " ms");
        }
        if (server != null) {
            server.close();
        }
    }

    /** Everything a listener was told, in order. */
    static final class Heard implements SampleListener {
        private final List<Sample> samples = new ArrayList<>();
        private int batches;
        private int alive;

        @Override
        public synchronized void onSample(Sample sample) {
            samples.add(sample);
        }

        @Override
        public synchronized void onBatchEnd() {
            batches++;
        }

        @Override
        public synchronized void onAlive(long nanoTime) {
            alive++;
        }

        synchronized List<Sample> samples() {
            return List.copyOf(samples);
        }

        synchronized List<Sample> of(String tag) {
            return samples.stream().filter(s -> s.tag().name().equals(tag)).toList();
        }

        synchronized int batches() {
            return batches;
        }

        synchronized int alive() {
            return alive;
        }

        Sample last(String tag) {
            List<Sample> all = of(tag);
            return all.isEmpty() ? null : all.get(all.size() - 1);
        }

        /** The first such sample from {@code from} on. */
        Sample await(String tag, String what, Predicate<Sample> condition) {
            Plant.await(tag + " " + what, () -> of(tag).stream().anyMatch(condition), () -> of(tag));
            return of(tag).stream().filter(condition).findFirst().orElseThrow();
        }

        Sample awaitLast(String tag, String what, Predicate<Sample> condition) {
            Plant.await(tag + " " + what, () -> last(tag) != null && condition.test(last(tag)), () -> of(tag));
            return last(tag);
        }
    }
}
