// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import static io.penstock.tools.demo.DemoHome.PIPELINE;
import static io.penstock.tools.demo.DemoHome.USER;
import static io.penstock.tools.demo.DemoHome.say;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.jspecify.annotations.Nullable;

/**
 * One run of the demo: plant and gateway as processes of their own, this one as the OT system that watches, closes the loop and
 * drops releases.
 */
final class Demo implements AutoCloseable {
    /** How much longer than asked it runs where a rollout is still under way. */
    private static final int PATIENCE_SECONDS = 60;

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> SHOWN = List.of(
            "Tags/AT-1002A",
            "Tags/AT-1003",
            "Tags/FT-1001",
            "Tags/AIC-2001.SP_used",
            PIPELINE + "/Outputs/dose",
            PIPELINE + "/Outputs/doseLow",
            PIPELINE + "/Outputs/doseHigh",
            PIPELINE + "/Mode",
            PIPELINE + "/Model/Version",
            PIPELINE + "/Write/LastOutcome",
            PIPELINE + "/Write/LastReason",
            PIPELINE + "/Write/LastValue",
            PIPELINE + "/Cycle/Count",
            PIPELINE + "/Cycle/Missed");

    /** What a stranger needs to read the table. */
    private static final String LEGEND = """
            plant     hours of the water works since the first line; NTU, UV254 and m3/h are its raw water as the gateway reads it
            dose      what the model wants, mg/l of aluminium, with its interval; ? is not Good, - is no value
            outcome   what became of it: NOT_OFFERED (loop open), ASKED (to be written), LIMITED, SUPPRESSED, REFUSED, SHED (opens the loop)
            write     the value sent to the plant; in use: the setpoint that the plant shows
            mode      ADVISORY shows only, CLOSED writes; missed: cycles that did not run
            Below a line stands why a value was limited or refused; "--" marks what people do and what becomes of a release.""";

    private final Options options;
    private final DemoHome home;
    private final Report report = new Report();
    private @Nullable Child plant;
    private @Nullable Child gateway;
    private String lastReason = "";

    /**
     * What a run is asked to do.
     *
     * @param root folder of the checkout.
     * @param seconds how long it runs once the first result is there.
     * @param speed plant seconds per second.
     * @param seed of the plant's noise.
     * @param resultsPort port of the gateway's OPC UA server.
     * @param plantPort port of the plant's OPC UA server.
     * @param modbusPort port of the PLC.
     */
    record Options(Path root, int seconds, double speed, long seed, int resultsPort, int plantPort, int modbusPort) {}

    Demo(Options options) {
        this.options = options;
        home = new DemoHome(
                options.root(),
                "demo",
                options.speed(),
                options.seed(),
                options.resultsPort(),
                options.plantPort(),
                options.modbusPort());
    }

    Report run() throws Exception {
        home.checkPorts();
        home.prepare();
        plant = home.startPlant();
        home.archiveClasses();
        long started = System.nanoTime();
        gateway = home.startGateway();
        awaitFirstResult(started);
        GatewayClient ot = home.connect(USER, "password");
        say("");
        say(
                "  results  opc.tcp://127.0.0.1:%d/penstock   user %s   password in %s",
                options.resultsPort(), USER, home.work().resolve("password"));
        say(
                "  plant    opc.tcp://127.0.0.1:%d/wtp1       Modbus TCP 127.0.0.1:%d",
                options.plantPort(), options.modbusPort());
        say(
                "  Another client: connect once, then approve it by  %s client list  and  client trust",
                home.gateway().resolve("bin/penstock"));
        say("");
        LEGEND.lines().forEach(line -> say("  %s", line));
        say("");
        watch(ot);
        finish(ot);
        return report;
    }

    private void awaitFirstResult(long started) throws InterruptedException {
        Child child = Objects.requireNonNull(gateway);
        String line = child.await("first result", 60);
        if (line == null) {
            throw new DemoHome.DemoFailed(
                    "no first result within 60 s; see " + home.work().resolve("gateway.log"));
        }
        report.firstResultSeconds = (System.nanoTime() - started) / 1e9;
        say("First result %.1f s after the start of the process", report.firstResultSeconds);
    }

    /** The run: one line a second, and what the central team and the plant do in between. */
    private void watch(GatewayClient ot) throws Exception {
        Path built = home.releases();
        Script script = new Script(options.seconds());
        say(
                "%8s %6s %6s %6s | %5s  %-13s | %-8s %6s %6s | %-9s %-7s %7s %6s",
                "plant",
                "NTU",
                "UV254",
                "m3/h",
                "dose",
                "interval",
                "outcome",
                "write",
                "in use",
                "mode",
                "model",
                "cycles",
                "missed");
        long start = System.nanoTime();
        int latest = options.seconds() + PATIENCE_SECONDS;
        for (int second = 1; second <= options.seconds() || (second <= latest && !report.settled()); second++) {
            LockSupport.parkNanos(start + TimeUnit.SECONDS.toNanos(second) - System.nanoTime());
            Map<String, DataValue> now = ot.read(SHOWN);
            show(second, now);
            if (!"CLOSED".equals(text(now, PIPELINE + "/Mode")) && second >= 3 && second % 2 == 1) {
                close(ot);
            }
            switch (script.at(second)) {
                case STORM -> {
                    say("  -- storm: the plant's raw water rises");
                    Objects.requireNonNull(plant).tell("storm");
                }
                case SECOND_RELEASE -> {
                    say("  -- central team drops coagulant-dose-1.1.0.penstock");
                    home.drop(built.resolve("releases/coagulant-dose-1.1.0.penstock"));
                }
                case TAMPERED_RELEASE -> {
                    say("  -- somebody drops a tampered coagulant-dose-1.2.0.penstock");
                    home.drop(built.resolve("tampered/coagulant-dose-1.2.0.penstock"));
                }
                case NOTHING -> {}
            }
            tellReceipts(ot);
        }
    }

    private void close(GatewayClient ot) throws UaException {
        List<String> refusals = ot.setMode(PIPELINE, "CLOSED", "demo: the operator closes the loop");
        if (refusals.isEmpty()) {
            report.closed = true;
            say("  -- loop dose is closed by %s", USER);
        } else {
            say("  -- loop dose stays open: %s", refusals.get(0));
        }
    }

    private void show(int second, Map<String, DataValue> now) {
        double plantHours = second * options.speed() / 3600;
        say(
                "%7.2fh %6s %6s %6s | %5s  %-13s | %-8s %6s %6s | %-9s %-7s %7s %6s",
                plantHours,
                number(now, "Tags/AT-1002A", 1),
                number(now, "Tags/AT-1003", 1),
                number(now, "Tags/FT-1001", 0),
                number(now, PIPELINE + "/Outputs/dose", 2),
                "[" + number(now, PIPELINE + "/Outputs/doseLow", 2) + ","
                        + number(now, PIPELINE + "/Outputs/doseHigh", 2) + "]",
                text(now, PIPELINE + "/Write/LastOutcome"),
                number(now, PIPELINE + "/Write/LastValue", 2),
                number(now, "Tags/AIC-2001.SP_used", 2),
                text(now, PIPELINE + "/Mode"),
                text(now, PIPELINE + "/Model/Version"),
                text(now, PIPELINE + "/Cycle/Count"),
                text(now, PIPELINE + "/Cycle/Missed"));
        String reason = text(now, PIPELINE + "/Write/LastReason");
        if (!reason.isEmpty() && !reason.equals(lastReason)) {
            say("           %s", reason);
        }
        lastReason = reason;
    }

    private void tellReceipts(GatewayClient ot) throws Exception {
        for (Map<String, Object> receipt : receipts(ot)) {
            if (report.take(receipt)) {
                say("  -- %s: %s %s", receipt.get("file"), receipt.get("outcome"), receipt.get("reason"));
                ((List<?>) receipt.getOrDefault("steps", List.of())).forEach(step -> say("       %s", step));
            }
        }
    }

    private static List<Map<String, Object>> receipts(GatewayClient ot) throws Exception {
        Object value = ot.read(List.of("Rollouts/Receipts"))
                .get("Rollouts/Receipts")
                .value()
                .value();
        List<Map<String, Object>> receipts = new ArrayList<>();
        if (value instanceof String[] lines) {
            for (int i = lines.length - 1; i >= 0; i--) {
                receipts.add(JSON.readValue(lines[i], new TypeReference<Map<String, Object>>() {}));
            }
        }
        return receipts;
    }

    private void finish(GatewayClient ot) throws Exception {
        Map<String, DataValue> figures =
                ot.read(Report.NODES.stream().map(node -> PIPELINE + "/" + node).toList());
        report.take(PIPELINE, figures, JSON);
        report.rssMiB = Objects.requireNonNull(gateway).residentMiB();
        ot.setMode(PIPELINE, "ADVISORY", "demo: end");
    }

    @Override
    public void close() {
        home.close();
    }

    private static String number(Map<String, DataValue> values, String id, int decimals) {
        Object value = values.get(id).value().value();
        if (!(value instanceof Number number)) {
            return "-";
        }
        String mark = values.get(id).statusCode().isGood() ? "" : "?";
        return String.format(Locale.ROOT, "%." + decimals + "f%s", number.doubleValue(), mark);
    }

    private static String text(Map<String, DataValue> values, String id) {
        Object value = values.get(id).value().value();
        return value == null ? "" : value.toString();
    }
}
