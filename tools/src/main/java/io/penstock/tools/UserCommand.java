// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.access.ChangeNotes;
import io.penstock.access.UserFile;
import io.penstock.api.access.Role;
import io.penstock.models.GatewayHome;
import java.io.BufferedReader;
import java.io.Console;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code penstock user}: who may log in to the gateway, and as what. A change counts at once, open sessions included. */
@Command(
        name = "user",
        description = "Adds, lists and removes the gateway's users.",
        mixinStandardHelpOptions = true,
        subcommands = {
            UserCommand.Add.class,
            UserCommand.ListAll.class,
            UserCommand.Remove.class,
            UserCommand.Password.class
        })
final class UserCommand {
    private static final long RECORDED_MS = 5_000;

    private UserCommand() {}

    /** Where the gateway is. */
    static final class Home {
        @Option(
                names = "--home",
                paramLabel = "DIR",
                description = "The gateway's directory. Default: ${DEFAULT-VALUE}",
                defaultValue = "${sys:penstock.home:-${env:PENSTOCK_HOME:-.}}")
        Path home = Path.of(".");

        /** For the audit: who did it. */
        void note(String subject) {
            new ChangeNotes(home).add(subject);
        }

        /**
         * Returns once the running gateway has the change in its audit.
         *
         * @return how that went, to end the answer with.
         */
        String recorded() throws IOException {
            if (!Files.isDirectory(home.resolve("etc"))) {
                return ""; // files that are laid out for a gateway which is not there yet
            }
            if (!new GatewayHome(home).isRunning()) {
                return "; no gateway runs in " + home + ", the next start records it";
            }
            try {
                return new ChangeNotes(home).awaitRecorded(RECORDED_MS)
                        ? "; the audit has it"
                        : "; NOT RECORDED: the gateway did not record it within " + RECORDED_MS / 1_000
                                + " s and will when its audit takes records again, see: penstock status";
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return "; interrupted before the audit had it";
            }
        }

        UserFile users() {
            return new UserFile(UserFile.in(home), new SecureRandom());
        }
    }

    /** Where the password comes from: never an argument, because everybody on the machine can read those. */
    static final class PasswordSource {
        @Option(names = "--password-stdin", description = "Read the password from standard input, one line.")
        boolean standardInput;

        @Option(
                names = "--password-file",
                paramLabel = "FILE",
                description = "Read the password from a file, one line.")
        Path file;

        char[] read(String name) throws IOException {
            if (standardInput && file != null) {
                throw new IllegalArgumentException("--password-stdin and --password-file exclude each other; use one");
            }
            if (file != null) {
                try (InputStream in = Files.newInputStream(file)) {
                    return line(in, file.toString());
                }
            }
            if (standardInput) {
                return line(System.in, "standard input");
            }
            return ask(name);
        }

        private static char[] line(InputStream in, String source) throws IOException {
            String line = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8)).readLine();
            if (line == null) {
                throw new IllegalArgumentException("no password in " + source + "; it is the first line");
            }
            return line.toCharArray();
        }

        @SuppressWarnings(
                "SystemConsoleNull") // null on JDK 17 to 21; later a console without terminal reads standard input
        private static char[] ask(String name) {
            Console console = System.console();
            if (console == null) {
                throw new IllegalArgumentException(
                        "no console to ask for the password; use --password-stdin or --password-file");
            }
            char[] first = console.readPassword("Password of %s: ", name);
            char[] second = console.readPassword("Once more: ");
            if (first == null || second == null || !Arrays.equals(first, second)) {
                throw new IllegalArgumentException("the two passwords differ; nothing was changed");
            }
            return first;
        }
    }

    @Command(name = "add", description = "Adds a user.", mixinStandardHelpOptions = true)
    static final class Add implements Callable<Integer> {
        @Mixin
        Home home = new Home();

        @Mixin
        PasswordSource password = new PasswordSource();

        @Parameters(paramLabel = "NAME", description = "Name to log in with.")
        String name = "";

        @Option(
                names = "--role",
                required = true,
                split = ",",
                paramLabel = "ROLE",
                description = "What the user may do: ${COMPLETION-CANDIDATES}. Repeatable.")
        List<Role> roles = List.of();

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() throws IOException {
            UserFile users = home.users();
            char[] typed = password.read(name);
            home.note("user " + name);
            try {
                users.add(name, roles, typed);
            } finally {
                Arrays.fill(typed, '\0');
            }
            print(spec, "user " + name + " added in " + users.path() + home.recorded());
            return 0;
        }
    }

    @Command(name = "list", description = "Lists users and roles.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        Home home = new Home();

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() throws IOException {
            UserFile file = home.users();
            List<UserFile.User> users = file.users();
            if (users.isEmpty()) {
                print(
                        spec,
                        "no users in " + file.path()
                                + ": nobody can log in; add one with: penstock user add NAME --role OPERATOR");
            }
            for (UserFile.User user : users) {
                print(
                        spec,
                        user.name() + "  "
                                + user.roles().stream().sorted().map(Role::name).collect(Collectors.joining(",")));
            }
            return 0;
        }
    }

    @Command(
            name = "remove",
            description = "Removes a user and ends the sessions that are open.",
            mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        Home home = new Home();

        @Parameters(paramLabel = "NAME", description = "Who.")
        String name = "";

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() throws IOException {
            home.note("user " + name);
            home.users().remove(name);
            print(spec, "user " + name + " removed" + home.recorded());
            return 0;
        }
    }

    @Command(name = "password", description = "Gives a user another password.", mixinStandardHelpOptions = true)
    static final class Password implements Callable<Integer> {
        @Mixin
        Home home = new Home();

        @Mixin
        PasswordSource password = new PasswordSource();

        @Parameters(paramLabel = "NAME", description = "Whose.")
        String name = "";

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() throws IOException {
            char[] typed = password.read(name);
            home.note("user " + name);
            try {
                home.users().password(name, typed);
            } finally {
                Arrays.fill(typed, '\0');
            }
            print(spec, "password of " + name + " changed" + home.recorded());
            return 0;
        }
    }

    static void print(CommandSpec spec, String line) {
        if (spec != null) {
            spec.commandLine().getOut().println(line);
            spec.commandLine().getOut().flush();
        }
    }
}
