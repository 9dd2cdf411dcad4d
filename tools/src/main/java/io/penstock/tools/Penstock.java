// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.command.GatewaySocket;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/**
 * The command {@code penstock}. Exit codes: 0 done, 1 the thing asked for is refused or faulty (the reason on standard
 * error), 2 wrong usage, or no gateway runs where one is asked.
 */
@Command(
        name = "penstock",
        description =
                "Works with Penstock gateways: what runs, taking the machine back, models, users, certificates, audit.",
        mixinStandardHelpOptions = true,
        versionProvider = Penstock.Version.class,
        subcommands = {
            StatusCommand.class,
            OpenCommand.class,
            ModeCommand.class,
            ModelCommand.class,
            KeysCommand.class,
            UserCommand.class,
            ClientCommand.class,
            AuditCommand.class
        })
public final class Penstock {
    private Penstock() {}

    /** Runs one command and exits. */
    public static void main(String[] arguments) {
        System.exit(run(arguments));
    }

    /** Runs one command and returns its exit code; an error is one line on standard error, without a stack trace. */
    static int run(String... arguments) {
        return commandLine().execute(arguments);
    }

    static CommandLine commandLine() {
        return new CommandLine(new Penstock())
                .setParameterExceptionHandler((e, arguments) -> {
                    CommandLine command = e.getCommandLine();
                    String name = command.getCommandSpec().qualifiedName();
                    command.getErr().println("penstock: " + line(e.getMessage()) + "; see '" + name + " --help'");
                    return CommandLine.ExitCode.USAGE;
                })
                .setExecutionExceptionHandler((e, command, result) -> {
                    boolean down = e instanceof GatewaySocket.DownException;
                    command.getErr()
                            .println("penstock: " + line(message(e))
                                    + (down ? "; start it with bin/penstock-gateway" : ""));
                    return down ? Running.DOWN : CommandLine.ExitCode.SOFTWARE;
                });
    }

    /** Of file system errors some have nothing but a path for a message. */
    private static String message(Exception e) {
        if (e instanceof NoSuchFileException) {
            return "there is no file " + e.getMessage();
        }
        if (e instanceof AccessDeniedException) {
            return e.getMessage() + ": permission denied";
        }
        return e instanceof FileSystemException || e.getMessage() == null ? e.toString() : e.getMessage();
    }

    /** What others wrote must neither steer the terminal nor look like another line. */
    static String line(String text) {
        return text.replaceAll("\\R", " ").replaceAll("[\\p{Cc}\\p{Cf}]", "?");
    }

    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Penstock.class.getPackage().getImplementationVersion();
            return new String[] {"penstock " + (version == null ? "from unpacked classes" : version)};
        }
    }
}
