// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.api.model.ModelRejectedException;
import io.penstock.models.GatewayHome;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Returns a pipeline to the model before. */
@Command(
        name = "rollback",
        description = "Returns a pipeline of the running gateway to the model before; again, to the one before that.",
        mixinStandardHelpOptions = true)
final class ModelRollback implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelCommand.Home home;

    @Option(names = "--pipeline", required = true, description = "Name of the pipeline.")
    private String pipeline;

    @Option(names = "--reason", required = true, description = "Why, for the audit.")
    private String reason;

    @Option(names = "--timeout-ms", defaultValue = "60000", description = "How long to wait for the gateway's answer.")
    private long timeoutMs;

    @Override
    public Integer call() throws IOException, ModelRejectedException, InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        new GatewayHome(home.path())
                .rollback(pipeline, System.getProperty("user.name", "unknown"), reason, timeoutMs)
                .forEach(out::println);
        return 0;
    }
}
