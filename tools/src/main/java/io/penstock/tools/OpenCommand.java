// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Takes the machine back. */
@Command(
        name = "open",
        description = {
            "Takes the machine back: opens the write loop of a pipeline of the running gateway, from any state.",
            "Needs neither OPC UA server nor disk nor audit. Exit code 0: it is open; 1: refused; 2: no gateway runs."
        },
        mixinStandardHelpOptions = true)
final class OpenCommand implements Callable<Integer> {
    @Mixin
    private Running running;

    @Parameters(paramLabel = "PIPELINE", description = "Name of the pipeline.")
    private String pipeline;

    @Option(names = "--reason", required = true, description = "Why, for the audit.")
    private String reason;

    @Override
    public Integer call() throws IOException {
        Map<?, ?> answer = running.done(running.ask(Running.act("open", pipeline, reason), 10_000));
        running.out().println(ModeCommand.told(answer));
        if (Boolean.TRUE.equals(answer.get("closed"))) {
            throw new IOException("the loop " + answer.get("loop") + " is closed again: somebody closed it meanwhile");
        }
        return 0;
    }
}
