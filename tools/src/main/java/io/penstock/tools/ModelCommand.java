// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Everything about models. */
@Command(
        name = "model",
        description = "Packs, signs, checks and rolls back models.",
        mixinStandardHelpOptions = true,
        subcommands = {
            ModelInit.class,
            ModelPack.class,
            ModelSign.class,
            ModelVerify.class,
            ModelInspect.class,
            ModelRollback.class,
            ModelCancel.class,
            ModelStatus.class
        })
final class ModelCommand {
    private ModelCommand() {}

    /** Where the gateway is. */
    static final class Home {
        @Option(
                names = "--home",
                paramLabel = "DIR",
                description = "The gateway's folder; without it PENSTOCK_HOME, else the current folder.")
        private Path home;

        Path path() {
            String environment = System.getenv("PENSTOCK_HOME");
            return (home != null ? home : Path.of(environment != null ? environment : "")).toAbsolutePath();
        }
    }
}
