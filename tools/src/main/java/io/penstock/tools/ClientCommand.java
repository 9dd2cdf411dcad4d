// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.opcua.stack.CertificateJudge;
import io.penstock.opcua.stack.CertificateNames;
import io.penstock.opcua.stack.CertificatePolicy;
import io.penstock.opcua.stack.CertificateVerdict;
import io.penstock.opcua.stack.CertificateVerdict.Code;
import io.penstock.opcua.stack.Trust;
import io.penstock.opcua.stack.TrustFolders;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code penstock client}: which OPC UA clients the results server trusts. The server keeps the certificates of those it
 * turned away; moving one to the trusted counts at once, without a restart. What is said here of a client is said by the very
 * function that the server asks.
 */
@Command(
        name = "client",
        description = "Lists and trusts the certificates of OPC UA clients.",
        mixinStandardHelpOptions = true,
        subcommands = {ClientCommand.ListAll.class, ClientCommand.TrustOne.class, ClientCommand.Reject.class})
final class ClientCommand {
    private static final int FINGERPRINT_MINIMUM = 8;
    private static final String CONFIGURATION = "io.penstock.publication.opcua.cfg.json";
    /** What a person at the gateway can mend; with anything else, no approval would ever let this certificate in. */
    private static final Set<Code> MENDABLE =
            EnumSet.of(Code.CHAIN_INCOMPLETE, Code.REVOCATION_UNKNOWN, Code.ISSUER_REVOCATION_UNKNOWN);

    private ClientCommand() {}

    private enum State {
        TRUSTED("trusted", "trusted/certs"),
        REJECTED("rejected", "rejected/certs"),
        ISSUER("issuer", "issuers/certs"),
        REJECTED_ISSUER("issuer of a rejected one", "rejected/issuers");

        private final String word;
        private final String directory;

        State(String word, String directory) {
            this.word = word;
            this.directory = directory;
        }
    }

    private record Client(Path file, State state, X509Certificate certificate, String fingerprint, Instant since) {
        String subject() {
            return CertificateNames.subject(certificate);
        }

        boolean isAuthority() {
            return CertificateJudge.isAuthority(certificate);
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

        private void note(Path file) {
            home.note(String.valueOf(file.getFileName()));
        }

        private Path directory(State state) throws IOException {
            return Files.createDirectories(directory().resolve(state.directory));
        }

        private List<Client> clients(Set<State> states) throws IOException {
            List<Client> clients = new ArrayList<>();
            for (State state : states) {
                Path certificates = directory().resolve(state.directory);
                if (!Files.isDirectory(certificates)) {
                    continue;
                }
                try (var files = Files.list(certificates)) {
                    for (Path file : files.filter(Files::isRegularFile)
                            .filter(each -> !each.toString().endsWith(".part"))
                            .toList()) {
                        clients.add(read(file, state));
                    }
                }
            }
            clients.sort(Comparator.comparing(Client::state).thenComparing(Client::since));
            return clients;
        }

        /** The one whose fingerprint starts so, as it lies in the first of these folders. */
        private Client find(String fingerprint, Set<State> states) throws IOException {
            String wanted = fingerprint.replace(":", "").toLowerCase(Locale.ROOT);
            if (wanted.length() < FINGERPRINT_MINIMUM) {
                throw new IllegalArgumentException("fingerprint: at least " + FINGERPRINT_MINIMUM + " digits, was '"
                        + fingerprint + "'; see: penstock client list");
            }
            List<Client> found = clients(states).stream()
                    .filter(client -> client.fingerprint().startsWith(wanted))
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
                return new Client(
                        file,
                        state,
                        certificate,
                        CertificateNames.fingerprint(certificate),
                        Files.getLastModifiedTime(file).toInstant());
            } catch (GeneralSecurityException e) {
                throw new IOException(file + " is no certificate; remove the file", e);
            }
        }

        private List<X509Certificate> certificates(State state) throws IOException {
            return clients(EnumSet.of(state)).stream().map(Client::certificate).toList();
        }

        private Trust trust() {
            return new TrustFolders(directory(), directory().toString(), problem -> {}).read();
        }

        /** As the server is configured, and with the time it would take for certain. */
        private CertificateJudge judge() throws IOException {
            Path own = directory().resolve("own.der");
            Instant earliest = Files.isRegularFile(own)
                    ? read(own, State.ISSUER).certificate().getNotBefore().toInstant()
                    : Instant.EPOCH;
            Path file = home.home == null ? null : home.home.resolve("etc").resolve(CONFIGURATION);
            String text = file != null && Files.isRegularFile(file) ? Files.readString(file) : "";
            return new CertificateJudge(
                    CertificatePolicy.of(
                            CertificatePolicy.Peer.CLIENT,
                            Integer.parseInt(setting(
                                    text, "minimumRsaBits", "(\\d{1,6})", "" + CertificatePolicy.LEAST_RSA_BITS)),
                            setting(text, "revocationLists", "\"([a-z]+)\"", CertificatePolicy.REQUIRED)),
                    earliest);
        }

        private static String setting(String text, String key, String value, String otherwise) {
            Matcher matcher = Pattern.compile(
                            "(?:^|[{,])\\s*\"" + key + "(?::[A-Za-z]+)?\"\\s*:\\s*" + value, Pattern.MULTILINE)
                    .matcher(text);
            return matcher.find() ? matcher.group(1) : otherwise;
        }

        /** What the server would say of a client that sends what it sent before, if that one were trusted. */
        private CertificateVerdict onceTrusted(Client client) throws IOException {
            return judged(client, trust().with(client.certificate()));
        }

        private CertificateVerdict now(Client client) throws IOException {
            return judged(client, trust());
        }

        private CertificateVerdict judged(Client client, Trust trust) throws IOException {
            return judge().judge(
                            List.of(client.certificate()),
                            null,
                            trust.completedBy(certificates(State.REJECTED_ISSUER)),
                            Instant.now());
        }
    }

    @Command(
            name = "list",
            description = "Lists trusted and rejected clients: fingerprint (SHA-256), state, subject, application,"
                    + " validity, and what becomes of it when it connects.",
            mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        Pki pki = new Pki();

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() throws IOException {
            List<Client> clients = pki.clients(EnumSet.of(State.TRUSTED, State.REJECTED));
            if (clients.isEmpty()) {
                UserCommand.print(spec, "no client has tried yet, in " + pki.directory());
            }
            for (Client client : clients) {
                X509Certificate certificate = client.certificate();
                String uri = CertificateJudge.applicationUri(certificate);
                UserCommand.print(
                        spec,
                        client.state().word + "  " + client.fingerprint() + "\n    "
                                + client.subject() + "\n    "
                                + (client.isAuthority()
                                        ? "authority"
                                        : uri.isEmpty() ? "no application URI" : CertificateNames.shown(uri))
                                + "  valid to " + certificate.getNotAfter().toInstant() + "  since "
                                + client.since().truncatedTo(ChronoUnit.SECONDS) + "\n    " + outlook(client));
            }
            return 0;
        }

        private String outlook(Client client) throws IOException {
            if (client.isAuthority()) {
                return client.state() == State.TRUSTED
                        ? "lets in every client it issues"
                        : "would let in every client it issues, see: penstock client trust --authority";
            }
            if (client.state() == State.TRUSTED) {
                CertificateVerdict verdict = pki.now(client);
                return verdict.accepted() ? "may connect" : "is refused: " + verdict.text();
            }
            CertificateVerdict now = pki.now(client);
            if (now.accepted()) {
                return "may connect, by "
                        + CertificateNames.subject(now.authority() == null ? client.certificate() : now.authority());
            }
            CertificateVerdict then = pki.onceTrusted(client);
            StringBuilder text = new StringBuilder(
                    then.accepted()
                            ? "may connect once it is trusted"
                            : "is refused even when it is trusted: " + then.text());
            for (X509Certificate issuer : then.chain()
                    .subList(Math.min(1, then.chain().size()), then.chain().size())) {
                text.append("\n    issued by ")
                        .append(CertificateNames.subject(issuer))
                        .append("; to let in every client of that authority: penstock client trust --authority ")
                        .append(CertificateNames.fingerprint(issuer), 0, 16);
            }
            return text.toString();
        }
    }

    @Command(
            name = "trust",
            description =
                    "Trusts a client that was rejected, this one and no other. Compare the fingerprint with what the"
                            + " client shows first. With --authority, trusts an authority and so every client it issues.",
            mixinStandardHelpOptions = true)
    static final class TrustOne implements Callable<Integer> {
        @Mixin
        Pki pki = new Pki();

        @Parameters(paramLabel = "FINGERPRINT", description = "Its first digits, at least 8.")
        String fingerprint = "";

        @Option(
                names = "--authority",
                description = "It is the fingerprint of an authority; every client it issues may connect.")
        boolean authority;

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() throws IOException {
            Client client = pki.find(
                    fingerprint, EnumSet.of(State.TRUSTED, State.REJECTED, State.ISSUER, State.REJECTED_ISSUER));
            if (client.isAuthority() != authority) {
                throw new IllegalArgumentException(
                        authority
                                ? client.subject() + " is no authority but one client; leave --authority away"
                                : client.subject()
                                        + " is an authority, to trust it lets in every client it issues; if that is"
                                        + " meant, say so: penstock client trust --authority " + fingerprint);
            }
            if (client.state() == State.TRUSTED) {
                UserCommand.print(spec, "already trusted: " + client.subject() + "; " + (authority ? "" : now(client)));
                return 0;
            }
            pki.note(client);
            if (authority) {
                List<CertificateVerdict.Problem> problems =
                        pki.judge().authorityProblems(client.certificate(), Instant.now());
                if (!problems.isEmpty()) {
                    throw new IllegalArgumentException("not trusted, the clients of " + client.subject()
                            + " would still be refused: " + problems.get(0));
                }
                move(client, pki.directory(State.TRUSTED));
                UserCommand.print(
                        spec,
                        "trusted: authority " + client.subject()
                                + "; every client it issues may connect, as far as its certificate is good and the"
                                + " revocation list of each authority is in "
                                + pki.trust().listFolder() + pki.home.recorded());
                return 0;
            }
            CertificateVerdict then = pki.onceTrusted(client);
            if (!then.accepted() && !then.problems().stream().allMatch(problem -> MENDABLE.contains(problem.code()))) {
                throw new IllegalArgumentException(
                        "not trusted, " + client.subject() + " would still be refused: " + then.text());
            }
            List<X509Certificate> waiting = pki.certificates(State.REJECTED_ISSUER);
            for (X509Certificate issuer : then.chain().subList(1, then.chain().size())) {
                if (waiting.contains(issuer)) {
                    Path file = pki.directory(State.ISSUER).resolve(CertificateNames.fingerprint(issuer) + ".der");
                    pki.note(file);
                    write(file, issuer);
                    UserCommand.print(
                            spec, "kept as issuer, which lets nobody else in: " + CertificateNames.subject(issuer));
                }
            }
            move(client, pki.directory(State.TRUSTED));
            UserCommand.print(
                    spec,
                    "trusted: " + client.subject() + ", this one client and no other; " + now(client)
                            + pki.home.recorded());
            return 0;
        }

        private String now(Client client) throws IOException {
            CertificateVerdict verdict = pki.now(client);
            return verdict.accepted() ? "it may connect now" : "it is still refused: " + verdict.text();
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
            Client client = pki.find(fingerprint, EnumSet.of(State.TRUSTED, State.REJECTED));
            String subject = client.subject();
            pki.note(client);
            if (client.state() == State.REJECTED) {
                Files.delete(client.file());
                UserCommand.print(spec, "forgotten: " + subject + pki.home.recorded());
            } else if (client.isAuthority()) {
                move(client, pki.directory(State.ISSUER)); // clients that are trusted by themselves go on needing it
                UserCommand.print(
                        spec,
                        "no longer trusted: authority " + subject
                                + "; the clients it issued are refused, except those that are trusted by themselves"
                                + pki.home.recorded());
            } else {
                move(client, pki.directory(State.REJECTED));
                CertificateVerdict verdict = pki.now(client);
                UserCommand.print(
                        spec,
                        "no longer trusted: " + subject
                                + (verdict.accepted()
                                        ? "; it may still connect, because an authority that is trusted issued it; have"
                                                + " it revoked there"
                                        : "")
                                + pki.home.recorded());
            }
            return 0;
        }
    }

    private static void write(Path file, X509Certificate certificate) throws IOException {
        Path part = file.resolveSibling(file.getFileName() + ".part");
        try {
            Files.write(part, certificate.getEncoded());
        } catch (GeneralSecurityException e) {
            throw new IOException(file + " cannot be written: " + e.getMessage(), e);
        }
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private static void move(Client client, Path directory) throws IOException {
        Files.move(
                client.file(),
                directory.resolve(client.fingerprint() + ".der"),
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
    }
}
