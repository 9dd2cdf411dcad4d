// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Gives up what is on its way to a pipeline. */
@Command(
        name = "cancel",
        description = {
            "Cancels the release that is on trial for a pipeline of the running gateway or warms up on it, and holds back what"
                    + " was dropped before; the model that serves stays.",
            "Exit code 0: cancelled, or nothing was on its way; 1: refused; 2: no gateway runs."
        },
        mixinStandardHelpOptions = true)
final class ModelCancel implements Callable<Integer> {
    @Mixin
    private Running running;

    @Option(names = "--pipeline", required = true, description = "Name of the pipeline.")
    private String pipeline;

    @Option(names = "--reason", required = true, description = "Why, for the audit.")
    private String reason;

    @Override
    public Integer call() throws IOException {
        ModelRollback.print(running, running.done(running.ask(Running.act("cancel", pipeline, reason), 10_000)));
        return 0;
    }
}
