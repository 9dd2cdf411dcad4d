// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/**
 * The command {@code penstock}. Exit codes: 0 done, 1 the thing asked for is refused or faulty (the reason on standard
 * error), 2 wrong usage.
 */
@Command(
        name = "penstock",
        description = "Works with Penstock gateways: models, users, certificates, audit.",
        mixinStandardHelpOptions = true,
        versionProvider = Penstock.Version.class,
        subcommands = {ModelCommand.class, KeysCommand.class, UserCommand.class, ClientCommand.class, AuditCommand.class
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
        return new CommandLine(new Penstock()).setExecutionExceptionHandler((e, commandLine, result) -> {
            commandLine.getErr().println("penstock: " + (e.getMessage() == null ? e.toString() : e.getMessage()));
            return 1;
        });
    }

    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Penstock.class.getPackage().getImplementationVersion();
            return new String[] {"penstock " + (version == null ? "from unpacked classes" : version)};
        }
    }
}
