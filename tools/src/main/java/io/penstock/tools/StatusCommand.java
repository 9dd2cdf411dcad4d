// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.command.GatewaySocket;
import io.penstock.command.Json;
import io.penstock.models.GatewayHome;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What a gateway does. */
@Command(
        name = "status",
        description = {
            "Shows what the running gateway does: which model serves where since when, mode and loop, why not, what is waited"
                    + " for, and what became of the last releases. Where no gateway runs, what was last known, said so.",
            "Exit code 0: all is well; 1: something needs a human; 2: no gateway runs."
        },
        mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {
    private static final int NEEDS_A_HUMAN = 1;

    @Mixin
    private Asking asking;

    @Override
    public Integer call() throws IOException {
        return asking.call();
    }

    /** The options, and what is done with them. */
    static final class Asking {
        @Mixin
        private Running running;

        @Option(names = "--pipeline", description = "Only this one.")
        private String pipeline;

        @Option(names = "--receipts", defaultValue = "10", description = "How many receipts to show, newest first.")
        private int receipts;

        @Option(names = "--json", description = "For programs; the shape is in docs/command-line.md.")
        private boolean json;

        int call() throws IOException {
            if (receipts < 0 || receipts > 20) {
                throw new IOException("--receipts: 0 to 20, was " + receipts);
            }
            Map<String, Object> request = new LinkedHashMap<>();
            request.put("command", "status");
            if (pipeline != null) {
                request.put("pipeline", pipeline);
            }
            GatewayHome home = new GatewayHome(running.home());
            PrintWriter out = running.out();
            try {
                Map<?, ?> answer = running.done(running.ask(request, 10_000));
                print(
                        out,
                        answer,
                        "gateway     runs since " + answer.get("since") + " as process " + answer.get("pid"));
                return Boolean.TRUE.equals(answer.get("well")) ? 0 : NEEDS_A_HUMAN;
            } catch (GatewaySocket.DownException e) {
                if (home.isRunning()) {
                    throw new IOException("a gateway runs, but " + e.getMessage()
                            + "; its log/penstock.log tells why the command line cannot reach it");
                }
                Object known = Json.parse(home.lastKnownJson(receipts));
                if (known instanceof Map<?, ?> map) {
                    print(
                            out,
                            map,
                            "gateway     DOWN; what follows is what was last known"
                                    + (map.get("asOf") == null ? ", nothing" : " at " + map.get("asOf")));
                }
                return Running.DOWN;
            }
        }

        private void print(PrintWriter out, Map<?, ?> answer, String first) {
            if (json) {
                out.println(Json.write(answer));
                return;
            }
            out.println(first);
            Running.texts(answer.get("attention")).forEach(reason -> line(out, "attention", reason));
            List<?> pipelines = list(answer.get("pipelines"));
            if (pipelines.isEmpty()) {
                line(out, "pipelines", "none; configure one in etc/, then drop a release into releases/");
            }
            pipelines.forEach(one -> pipeline(out, (Map<?, ?>) one));
            Running.texts(answer.get("quarantined")).forEach(reason -> line(out, "quarantine", reason));
            Running.texts(answer.get("crashes")).forEach(count -> line(out, "crashes", count));
            Running.texts(answer.get("deaths")).forEach(death -> line(out, "death", death));
            list(answer.get("receipts")).stream().limit(receipts).forEach(one -> receipt(out, (Map<?, ?>) one));
        }

        private static void line(PrintWriter out, String head, String text) {
            out.println(String.format("%-11s ", head) + Penstock.line(text));
        }

        private static List<?> list(Object value) {
            return value instanceof List<?> list ? list : List.of();
        }

        private static String model(Object value) {
            return value instanceof Map<?, ?> model
                    ? model.get("name") + " " + model.get("version") + " (sequence " + model.get("sequence") + ")"
                    : "none";
        }

        private static void pipeline(PrintWriter out, Map<?, ?> pipeline) {
            String state = String.valueOf(pipeline.get("state"));
            StringBuilder text = new StringBuilder(String.valueOf(pipeline.get("name"))).append(": ");
            switch (state) {
                case "serving" -> {
                    text.append(model(pipeline.get("model"))).append(" serves");
                    if (pipeline.get("modelSince") != null) {
                        text.append(" since ").append(pipeline.get("modelSince"));
                    }
                }
                case "without-model" ->
                    text.append("NO MODEL serves, meant is ").append(model(pipeline.get("meant")));
                case "removed" ->
                    text.append("REMOVED, not configured any more; its last model was ")
                            .append(model(pipeline.get("meant")));
                default -> text.append("does not run; last was ").append(model(pipeline.get("meant")));
            }
            text.append(", fallback ").append(model(pipeline.get("fallback")));
            if (pipeline.get("mode") != null) {
                text.append("; mode ").append(pipeline.get("mode"));
            }
            if (pipeline.get("loop") instanceof Map<?, ?> loop) {
                text.append("; loop ").append(loop.get("name"));
                if (Boolean.TRUE.equals(loop.get("closed"))) {
                    text.append(" CLOSED on ").append(loop.get("target"));
                } else {
                    String why = String.valueOf(loop.get("lastOpenReason"));
                    text.append(" open").append(why.isEmpty() ? "" : " (" + why + ")");
                }
            }
            line(out, "pipeline", text.toString());
            if (pipeline.get("underWay") instanceof String underWay && !underWay.isEmpty()) {
                line(out, "", "waits: " + underWay);
            }
            Running.texts(pipeline.get("why")).forEach(why -> line(out, "", "why not: " + why));
        }

        private static void receipt(PrintWriter out, Map<?, ?> receipt) {
            String reason = String.valueOf(receipt.get("reason"));
            line(
                    out,
                    "receipt",
                    receipt.get("time") + " " + receipt.get("outcome") + " " + receipt.get("file")
                            + (receipt.get("model") == null ? "" : " (" + receipt.get("model") + ")") + " on "
                            + receipt.get("pipelines") + (reason.isEmpty() ? "" : ": " + reason));
        }
    }
}
