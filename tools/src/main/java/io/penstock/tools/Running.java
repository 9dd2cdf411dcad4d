// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.command.GatewaySocket;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Asks the running gateway for something, and tells what is waited for. */
final class Running {
    /** Exit code where no gateway runs. */
    static final int DOWN = 2;

    private static final long QUIET_MS = 1_000;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Mixin
    private ModelCommand.Home home;

    @Option(
            names = "--timeout-ms",
            paramLabel = "MS",
            defaultValue = "0",
            description =
                    "How long to wait, 100 to 300000; what has not begun by then is withdrawn. Without it 10000, for a"
                            + " rollback 60000.")
    private long timeoutMs;

    Path home() {
        return home.path();
    }

    PrintWriter out() {
        return spec.commandLine().getOut();
    }

    private PrintWriter err() {
        return spec.commandLine().getErr();
    }

    /** What is asked for, as the socket wants it; acts carry who asked where that is known better than by the system. */
    static Map<String, Object> act(String command, String pipeline, String reason) {
        Map<String, Object> request = new LinkedHashMap<>();
        request.put("command", command);
        request.put("pipeline", pipeline);
        request.put("reason", reason);
        String caller = System.getenv("SUDO_USER");
        if (caller != null && !caller.isBlank() && caller.length() <= 64) {
            request.put("for", caller);
        }
        return request;
    }

    /** @param usualMs how long to wait where nobody says. */
    Map<?, ?> ask(Map<String, Object> request, long usualMs) throws IOException {
        long withinMs = timeoutMs == 0 ? usualMs : timeoutMs;
        if (withinMs < 100 || withinMs > 300_000) {
            throw new IOException("--timeout-ms: 100 to 300000, was " + timeoutMs);
        }
        String what =
                request.get("command") + (request.get("pipeline") == null ? "" : " of " + request.get("pipeline"));
        CountDownLatch answered = new CountDownLatch(1);
        Thread telling = new Thread(() -> tell(what, withinMs, answered), "penstock-waiting");
        telling.setDaemon(true);
        telling.start();
        Thread interrupted = new Thread(() -> {
            if (answered.getCount() > 0) {
                err().println("penstock: " + Penstock.line(what)
                        + ": interrupted; it is withdrawn unless it had begun, see: penstock status");
                err().flush();
            }
        });
        Runtime.getRuntime().addShutdownHook(interrupted);
        try {
            return new GatewaySocket(home()).ask(request, withinMs);
        } finally {
            answered.countDown();
            Runtime.getRuntime().removeShutdownHook(interrupted);
        }
    }

    private void tell(String what, long withinMs, CountDownLatch answered) {
        try {
            if (!answered.await(QUIET_MS, TimeUnit.MILLISECONDS)) {
                err().println("penstock: waiting for the gateway to answer to " + Penstock.line(what) + ", at most "
                        + withinMs / 1_000.0 + " s; Ctrl-C withdraws it unless it has begun");
                err().flush();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** @throws IOException with the gateway's reasons where it did not do as asked. */
    Map<?, ?> done(Map<?, ?> answer) throws IOException {
        if (!Boolean.TRUE.equals(answer.get("done"))) {
            throw new IOException(answer.get("error") + ": " + String.join("; ", texts(answer.get("reasons"))));
        }
        return answer;
    }

    static List<String> texts(Object list) {
        return list instanceof List<?> texts
                ? texts.stream().map(String::valueOf).toList()
                : List.of();
    }
}
