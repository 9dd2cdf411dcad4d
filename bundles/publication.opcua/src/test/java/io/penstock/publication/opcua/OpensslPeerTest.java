// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Role;
import io.penstock.peers.PeerProcess;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The server with certificates and revocation lists as openssl makes them, and node-opcua as the client that shows them. */
final class OpensslPeerTest {
    private static final String CONFIGURATION = """
            [ca]
            default_ca = plant
            [plant]
            dir = .
            database = index.txt
            new_certs_dir = .
            serial = serial
            certificate = ca.pem
            private_key = ca.key
            default_md = sha256
            default_days = 30
            default_crl_days = 7
            policy = any
            unique_subject = no
            copy_extensions = none
            [any]
            commonName = supplied
            [req]
            distinguished_name = name
            prompt = no
            [name]
            CN = unused
            [authority]
            basicConstraints = critical, CA:TRUE
            keyUsage = critical, keyCertSign, cRLSign
            subjectKeyIdentifier = hash
            [good]
            basicConstraints = critical, CA:FALSE
            keyUsage = critical, digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment
            extendedKeyUsage = clientAuth
            subjectAltName = URI:urn:penstock:test:client
            authorityKeyIdentifier = keyid
            [signing]
            basicConstraints = critical, CA:FALSE
            keyUsage = critical, digitalSignature
            subjectAltName = URI:urn:penstock:test:client
            [nameless]
            basicConstraints = critical, CA:FALSE
            keyUsage = critical, digitalSignature, keyEncipherment, dataEncipherment
            subjectAltName = DNS:localhost
            """;

    @TempDir
    Path home;

    private Path ca;
    private Path own;
    private Path key;
    private Path pki;
    private ResultsServer server;
    private PeerProcess client;
    private int port;

    private void openssl(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("openssl"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .directory(ca.toFile())
                .redirectErrorStream(true)
                .redirectOutput(new File(ca.toFile(), "out"))
                .start();
        if (!process.waitFor(60, TimeUnit.SECONDS) || process.exitValue() != 0) {
            process.destroyForcibly();
            throw new IOException(command + ": " + Files.readString(ca.resolve("out"), StandardCharsets.UTF_8));
        }
    }

    /** A certificate for the client's key; shown together with that of its authority. */
    private void issue(String name, String extensions, String... more) throws Exception {
        openssl("req", "-new", "-config", "ca.cnf", "-key", key.toString(), "-subj", "/CN=" + name, "-out", "csr.pem");
        List<String> command = new ArrayList<>(List.of(
                "ca", "-batch", "-notext", "-config", "ca.cnf", "-extensions", extensions, "-in", "csr.pem", "-out"));
        command.add(name + ".pem");
        command.addAll(List.of(more));
        openssl(command.toArray(String[]::new));
        openssl("x509", "-in", name + ".pem", "-outform", "DER", "-out", name + ".der");
        Files.writeString(own, Files.readString(ca.resolve(name + ".pem")) + Files.readString(ca.resolve("ca.pem")));
    }

    private void trust(String name) throws IOException {
        put(name + ".der", "trusted/certs");
    }

    private void put(String file, String folder) throws IOException {
        Path target = pki.resolve(folder).resolve(file);
        Path part = target.resolveSibling(file + ".part");
        Files.copy(ca.resolve(file), part, StandardCopyOption.REPLACE_EXISTING);
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private void list() throws Exception {
        openssl("ca", "-batch", "-config", "ca.cnf", "-gencrl", "-out", "plant.crl");
        put("plant.crl", "issuers/crl");
    }

    private String connect() {
        client.tell("connect opc.tcp://127.0.0.1:" + port + "/penstock SignAndEncrypt Basic256Sha256 "
                + Role.OBSERVER.name() + " \"" + Fakes.PASSWORD + "\"");
        return client.await("answer ", 60).substring("answer ".length());
    }

    private void disconnect() {
        client.tell("disconnect");
        assertEquals("answer ok true", client.await("answer ", 60));
    }

    private void comesIn() {
        String answer = connect();
        assertTrue(answer.startsWith("ok "), answer);
        disconnect();
    }

    private void isRefused(String why) {
        String answer = connect();
        assertTrue(answer.startsWith("failed "), why + ": " + answer);
        assertEquals(0, server.sessions(), why);
    }

    private int rejected(String folder) throws IOException {
        try (Stream<Path> files = Files.list(pki.resolve("rejected").resolve(folder))) {
            return (int) files.count();
        }
    }

    // What the company's authority issues and takes back is what decides who may read the plant and open its loops.
    @Test
    void chainsListsAndPoliciesOfOpensslCountForNodeOpcua() throws Exception {
        ca = Files.createDirectories(home.resolve("ca"));
        pki = home.resolve("pki");
        Files.writeString(ca.resolve("ca.cnf"), CONFIGURATION);
        Files.writeString(ca.resolve("index.txt"), "");
        Files.writeString(ca.resolve("serial"), "1000\n");
        openssl(
                "req",
                "-x509",
                "-config",
                "ca.cnf",
                "-extensions",
                "authority",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-keyout",
                "ca.key",
                "-subj",
                "/CN=Plant CA",
                "-days",
                "90",
                "-out",
                "ca.pem");
        openssl("x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der");
        port = PeerProcess.freePort();
        Path clientDirectory = home.resolve("client");
        try (ResultsServer running = ResultsServer.start(
                        Fakes.settings(port, false, false, 3),
                        pki,
                        new Fakes(),
                        new ConcurrentHashMap<>(),
                        Clock.systemUTC(),
                        () -> {});
                PeerProcess peer = PeerProcess.node("results_client.js", clientDirectory)) {
            server = running;
            client = peer;
            isRefused("its own certificate, which nobody knows");
            own = clientDirectory.resolve("own.pem");
            key = clientDirectory.resolve("own/private/private_key.pem");
            assertTrue(Files.exists(own) && Files.exists(key), "node-opcua made its own first");

            issue("scada", "good");
            isRefused("nobody trusts it");
            assertEquals(2, rejected("certs"));
            assertEquals(1, rejected("issuers"), "its authority came with it");
            trust("scada");
            put("ca.der", "issuers/certs");
            isRefused("nobody knows whether it is revoked");
            list();
            comesIn();
            issue("sister", "good");
            isRefused("another of the same authority");
            trust("ca");
            comesIn();

            issue("signing", "signing");
            isRefused("a key that is not for encryption");
            issue("nameless", "nameless");
            isRefused("no application URI");
            String past = Instant.now()
                    .minus(2, ChronoUnit.DAYS)
                    .truncatedTo(ChronoUnit.SECONDS)
                    .toString();
            String before = Instant.now()
                    .minus(1, ChronoUnit.DAYS)
                    .truncatedTo(ChronoUnit.SECONDS)
                    .toString();
            issue(
                    "expired",
                    "good",
                    "-startdate",
                    past.replaceAll("[-T:]", ""),
                    "-enddate",
                    before.replaceAll("[-T:]", ""));
            isRefused("expired");
            issue("sha1", "good", "-md", "sha1");
            isRefused("signed with SHA-1");

            issue("thief", "good");
            String answer = connect();
            assertTrue(answer.startsWith("ok "), answer);
            server.refresh();
            assertEquals(1, server.sessions());
            openssl("ca", "-batch", "-config", "ca.cnf", "-revoke", "thief.pem");
            list();
            Fakes.await("session ended", () -> {
                server.refresh();
                return server.sessions() == 0;
            });
            disconnect();
            isRefused("revoked");
            issue("honest", "good");
            comesIn();
        }
    }
}
