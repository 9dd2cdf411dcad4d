// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Returns a pipeline to the model before. */
@Command(
        name = "rollback",
        description = {
            "Returns a pipeline of the running gateway from the model that serves to the one before; again, to the one before"
                    + " that. What is on its way there is cancelled, and what was dropped before is held back: drop it again"
                    + " to have it.",
            "Exit code 0: rolled back; 1: refused; 2: no gateway runs."
        },
        mixinStandardHelpOptions = true)
final class ModelRollback implements Callable<Integer> {
    @Mixin
    private Running running;

    @Option(names = "--pipeline", required = true, description = "Name of the pipeline.")
    private String pipeline;

    @Option(names = "--reason", required = true, description = "Why, for the audit.")
    private String reason;

    @Override
    public Integer call() throws IOException {
        print(running, running.done(running.ask(Running.act("rollback", pipeline, reason), 60_000)));
        return 0;
    }

    static void print(Running running, Map<?, ?> answer) {
        Running.texts(answer.get("steps")).forEach(running.out()::println);
        running.out()
                .println(answer.get("outcome") + ": " + answer.get("serves") + " serves on " + answer.get("pipeline"));
    }
}
