// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Sets a mode. */
@Command(
        name = "mode",
        description = {
            "Sets the mode of a pipeline of the running gateway; CLOSED closes its write loop where the guards allow it.",
            "Exit code 0: it is as asked; 1: refused, with the guards; 2: no gateway runs."
        },
        mixinStandardHelpOptions = true)
final class ModeCommand implements Callable<Integer> {
    @Mixin
    private Running running;

    @Parameters(index = "0", paramLabel = "PIPELINE", description = "Name of the pipeline.")
    private String pipeline;

    @Parameters(index = "1", paramLabel = "MODE", description = "OFF, SHADOW, ADVISORY or CLOSED.")
    private String mode;

    @Option(names = "--reason", required = true, description = "Why, for the audit.")
    private String reason;

    @Override
    public Integer call() throws IOException {
        Map<String, Object> request = new LinkedHashMap<>(Running.act("mode", pipeline, reason));
        request.put("mode", mode.toUpperCase(Locale.ROOT));
        running.out().println(told(running.done(running.ask(request, 10_000))));
        return 0;
    }

    static String told(Map<?, ?> answer) {
        Object loop = answer.get("loop");
        Object remark = answer.get("remark");
        return "pipeline " + answer.get("pipeline") + ": " + answer.get("mode") + ", was " + answer.get("was")
                + (loop == null
                        ? "; it has no write loop"
                        : "; loop " + loop + (Boolean.TRUE.equals(answer.get("closed")) ? " is closed" : " is open"))
                + "; by " + answer.get("by")
                + (remark == null || remark.toString().isEmpty() ? "" : "; " + remark);
    }
}
