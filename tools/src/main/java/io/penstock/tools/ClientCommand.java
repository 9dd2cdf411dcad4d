// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code penstock client}: which OPC UA clients the results server trusts. The server keeps the certificates of those it
 * turned away; moving one to the trusted counts at once, without a restart.
 */
@Command(
        name = "client",
        description = "Lists and trusts the certificates of OPC UA clients.",
        mixinStandardHelpOptions = true,
        subcommands = {ClientCommand.ListAll.class, ClientCommand.Trust.class, ClientCommand.Reject.class})
final class ClientCommand {
    private static final int SAN_URI = 6;
    private static final int FINGERPRINT_MINIMUM = 8;
    private static final int TEXT_SHOWN = 200;

    private ClientCommand() {}

    private enum State {
        TRUSTED("trusted"),
        REJECTED("rejected");

        private final String directory;

        State(String directory) {
            this.directory = directory;
        }
    }

    private record Client(Path file, State state, X509Certificate certificate, String fingerprint, Instant since) {
        String subject() {
            return shown(certificate.getSubjectX500Principal().toString());
        }
    }

    /** Directory of the server's certificates. */
    static final class Pki {
        @Mixin
        UserCommand.Home home = new UserCommand.Home();

        @Option(
                names = "--pki",
                paramLabel = "DIR",
                description = "Directory of certificates, if not the gateway's own.")
        Path directory;

        Path directory() {
            return directory != null
                    ? directory
                    : home.home.resolve("data").resolve("publication.opcua").resolve("pki");
        }

        /** For the audit: who did it; under the names that its file has before and after. */
        private void note(Client client) {
            home.note(String.valueOf(client.file().getFileName()));
            home.note(client.fingerprint() + ".der");
        }

        private Path directory(State state) throws IOException {
            return Files.createDirectories(directory().resolve(state.directory).resolve("certs"));
        }

        private List<Client> clients() throws IOException {
            List<Client> clients = new ArrayList<>();
            for (State state : State.values()) {
                Path certificates = directory().resolve(state.directory).resolve("certs");
                if (!Files.isDirectory(certificates)) {
                    continue;
                }
                try (var files = Files.list(certificates)) {
                    for (Path file : files.filter(Files::isRegularFile).toList()) {
                        clients.add(read(file, state));
                    }
                }
            }
            clients.sort(Comparator.comparing(Client::state).thenComparing(Client::since));
            return clients;
        }

        /** The one client whose fingerprint starts so. */
        private Client find(String fingerprint, State first) throws IOException {
            String wanted = fingerprint.replace(":", "").toLowerCase(Locale.ROOT);
            if (wanted.length() < FINGERPRINT_MINIMUM) {
                throw new IllegalArgumentException("fingerprint: at least " + FINGERPRINT_MINIMUM + " digits, was '"
                        + fingerprint + "'; see: penstock client list");
            }
            List<Client> found = clients().stream()
                    .filter(client -> client.fingerprint().startsWith(wanted))
                    .sorted(Comparator.comparing(client -> client.state() != first))
                    .toList();
            if (found.isEmpty()) {
                throw new IllegalArgumentException("no client with fingerprint " + fingerprint + " in " + directory()
                        + "; let it connect once, then see: penstock client list");
            }
            if (found.stream().map(Client::fingerprint).distinct().count() > 1) {
                throw new IllegalArgumentException(
                        "fingerprint " + fingerprint + " fits " + found.size() + " clients; give more digits");
            }
            return found.get(0);
        }

        private static Client read(Path file, State state) throws IOException {
            try {
                X509Certificate certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
                        .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(file)));
                String fingerprint = HexFormat.of()
                        .formatHex(MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded()));
                return new Client(
                        file,
                        state,
                        certificate,
                        fingerprint,
                        Files.getLastModifiedTime(file).toInstant());
            } catch (GeneralSecurityException e) {
                throw new IOException(file + " is no certificate; remove the file", e);
            }
        }
    }

    @Command(
            name = "list",
            description =
                    "Lists trusted and rejected clients: fingerprint (SHA-256), state, subject, application, validity.",
            mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        Pki pki = new Pki();

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() throws IOException {
            List<Client> clients = pki.clients();
            if (clients.isEmpty()) {
                UserCommand.print(spec, "no client has tried yet, in " + pki.directory());
            }
            for (Client client : clients) {
                X509Certificate certificate = client.certificate();
                UserCommand.print(
                        spec,
                        client.state().directory + "  " + client.fingerprint() + "\n    "
                                + client.subject() + "\n    " + applicationUri(certificate)
                                + "  valid to " + certificate.getNotAfter().toInstant() + "  since "
                                + client.since().truncatedTo(ChronoUnit.SECONDS));
            }
            return 0;
        }

        private static String applicationUri(X509Certificate certificate) {
            try {
                Collection<List<?>> names = certificate.getSubjectAlternativeNames();
                if (names != null) {
                    for (List<?> name : names) {
                        if (Integer.valueOf(SAN_URI).equals(name.get(0))) {
                            return shown(String.valueOf(name.get(1)));
                        }
                    }
                }
            } catch (CertificateException e) {
                return "unreadable application URI";
            }
            return "no application URI";
        }
    }

    @Command(
            name = "trust",
            description =
                    "Trusts a client that was rejected. Compare the fingerprint with what the client shows first.",
            mixinStandardHelpOptions = true)
    static final class Trust implements Callable<Integer> {
        @Mixin
        Pki pki = new Pki();

        @Parameters(paramLabel = "FINGERPRINT", description = "Its first digits, at least 8.")
        String fingerprint = "";

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() throws IOException {
            Client client = pki.find(fingerprint, State.TRUSTED);
            if (client.state() == State.TRUSTED) {
                UserCommand.print(spec, "already trusted: " + client.subject());
                return 0;
            }
            pki.note(client);
            move(client, pki.directory(State.TRUSTED));
            UserCommand.print(spec, "trusted: " + client.subject() + "; it may connect now");
            return 0;
        }
    }

    @Command(
            name = "reject",
            description = "Takes trust away from a client and ends its sessions, or forgets a rejected one.",
            mixinStandardHelpOptions = true)
    static final class Reject implements Callable<Integer> {
        @Mixin
        Pki pki = new Pki();

        @Parameters(paramLabel = "FINGERPRINT", description = "Its first digits, at least 8.")
        String fingerprint = "";

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() throws IOException {
            Client client = pki.find(fingerprint, State.TRUSTED);
            String subject = client.subject();
            pki.note(client);
            if (client.state() == State.TRUSTED) {
                move(client, pki.directory(State.REJECTED));
                UserCommand.print(spec, "no longer trusted: " + subject);
            } else {
                Files.delete(client.file());
                UserCommand.print(spec, "forgotten: " + subject);
            }
            return 0;
        }
    }

    /** A stranger wrote it: no control character moves the cursor, no line passes for another client's. */
    static String shown(String text) {
        String clean = text.replaceAll("\\p{C}", "?");
        return clean.length() <= TEXT_SHOWN ? clean : clean.substring(0, TEXT_SHOWN) + "…";
    }

    private static void move(Client client, Path directory) throws IOException {
        Files.move(
                client.file(),
                directory.resolve(client.fingerprint() + ".der"),
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
    }
}
