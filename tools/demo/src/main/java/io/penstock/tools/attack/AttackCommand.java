// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.attack;

import static io.penstock.tools.demo.DemoHome.say;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.tools.demo.DemoCommand;
import io.penstock.tools.demo.DemoHome;
import io.penstock.tools.demo.DemoHome.DemoFailed;
import io.penstock.tools.demo.GatewayClient;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code scripts/attack}. Exit code 0 only if the gateway kept every promise under every attack. */
@Command(
        name = "attack",
        mixinStandardHelpOptions = true,
        description = "Attacks the shipped gateway on loopback in the middle of a closed loop, while an honest operator"
                + " opens it again and again. The last line is JSON.")
public final class AttackCommand implements Callable<Integer> {
    /** An operator who walks up to the screen has opened the loop within this. */
    private static final double OPENED_SECONDS = 2;

    private static final double CYCLE_FACTOR = 1.5;
    private static final long MEMORY_MIB = 48;
    private static final int CALM_SECONDS = 30;

    @Option(
            names = "--short",
            description = "5 s an attack, without a judgement of times, which other work on the machine changes.")
    boolean quick;

    @Option(names = "--seconds", description = "How long each attack lasts; default 25, with --short 5.")
    int seconds;

    @Option(names = "--only", split = ",", description = "Only these: ${COMPLETION-CANDIDATES}.")
    Attacks @Nullable [] only;

    @Option(names = "--root", hidden = true, defaultValue = ".")
    Path root = Path.of(".");

    private final ObjectMapper json = new ObjectMapper();
    private final List<String> broken = new ArrayList<>();

    /** Runs the suite. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new AttackCommand())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((e, line, result) -> {
                    if (e instanceof DemoFailed) {
                        line.getErr().println("attack: " + e.getMessage());
                    } else {
                        e.printStackTrace(line.getErr());
                    }
                    return 1;
                })
                .execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        int each = seconds > 0 ? seconds : quick ? 5 : 25;
        List<Integer> ports = DemoCommand.ports(0, 0, 0);
        DemoHome home = new DemoHome(
                root.toAbsolutePath().normalize(), "attack", 60, 1, ports.get(0), ports.get(1), ports.get(2));
        Runtime.getRuntime().addShutdownHook(new Thread(home::close, "attack-stop"));
        ObjectNode account = json.createObjectNode();
        try (Ground ground = Ground.open(home)) {
            Seen calm = watch(ground, null, quick ? each : Math.max(each, CALM_SECONDS));
            say(
                    "idle: in and opened in %s s, cycle p99 %.0f us, %d MiB",
                    words(calm.opened), calm.cycleP99, calm.residentMiB);
            account.set("idle", figures(calm));
            judge("idle", calm, calm, calm.residentMiB);
            long level = calm.afterwardsMiB;
            ArrayNode rows = account.putArray("attacks");
            for (Attacks attack : only == null ? Attacks.values() : only) {
                Seen seen = watch(ground, attack, each);
                judge(attack.name(), seen, calm, level);
                level = seen.afterwardsMiB;
                say(
                        "%-22s in and opened in %s s (%d openings in %d acts), p99 %.0f us, %d MiB, afterwards %d MiB, missed %d: %s",
                        attack.name().toLowerCase(Locale.ROOT),
                        words(seen.opened),
                        seen.wereClosed,
                        seen.opened.size(),
                        seen.cycleP99,
                        seen.residentMiB,
                        seen.afterwardsMiB,
                        seen.missed,
                        attack.words());
                rows.add(figures(seen).put("attack", attack.name()));
                if (!ground.gatewayAlive()) {
                    break;
                }
            }
            if (level > calm.residentMiB + 2 * MEMORY_MIB) {
                broken.add("at the end the gateway holds " + level + " MiB, at the beginning " + calm.residentMiB
                        + " MiB");
            }
        }
        broken.forEach(line -> say("attack: %s", line));
        account.set("broken", json.valueToTree(broken));
        account.put("ok", broken.isEmpty());
        System.out.println(json.writeValueAsString(account));
        return broken.isEmpty() ? 0 : 1;
    }

    /** What was seen while one attack went on. */
    private static final class Seen {
        List<Double> opened = List.of();
        int wereClosed;
        String fault = "";
        double cycleP99;
        long missed;
        long residentMiB;
        long afterwardsMiB;
        boolean alive;
        boolean cycling;
    }

    private Seen watch(Ground ground, @Nullable Attacks attack, int each) throws Exception {
        Seen seen = new Seen();
        long before = count(ground, "Cycle/Missed");
        long cycles = count(ground, "Cycle/Count");
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(each);
        Operator operator = new Operator(ground);
        Thread acting = new Thread(operator, "attack-operator");
        acting.start();
        Thread attacking = new Thread(
                () -> {
                    try {
                        if (attack != null) {
                            attack.run(ground, end);
                        }
                    } catch (Exception e) {
                        say("%s ended early: %s", attack, e);
                    }
                },
                "attack-attacker");
        attacking.setDaemon(true);
        attacking.start();
        while (System.nanoTime() - end < 0) {
            seen.residentMiB = Math.max(seen.residentMiB, ground.residentMiB());
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
        }
        operator.stop();
        acting.join();
        seen.alive = ground.gatewayAlive();
        if (seen.alive) {
            seen.cycleP99 = figure(ground, Ground.PACE, "Cycle/CycleMicrosP99");
            seen.cycling = count(ground, "Cycle/Count") > cycles;
            seen.missed = count(ground, "Cycle/Missed") - before;
        }
        attacking.join(TimeUnit.SECONDS.toMillis(15));
        seen.opened = operator.seconds();
        seen.wereClosed = operator.opened();
        seen.fault = operator.lastFault();
        seen.afterwardsMiB = settled(ground);
        return seen;
    }

    /** Memory once it no longer falls, after at most 15 s. */
    private static long settled(Ground ground) {
        long least = ground.residentMiB();
        for (int i = 0; i < 15; i++) {
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
            long now = ground.residentMiB();
            if (now >= least && i > 2) {
                break;
            }
            least = Math.min(least, now);
        }
        return least;
    }

    private void judge(String name, Seen seen, Seen calm, long level) {
        if (!seen.alive) {
            broken.add(name + ": the gateway ended");
            return;
        }
        if (!seen.cycling) {
            broken.add(name + ": no cycle ran");
        }
        if (seen.missed > 0) {
            broken.add(name + ": " + seen.missed + " cycles were missed");
        }
        if (seen.opened.isEmpty() || seen.wereClosed == 0) {
            broken.add(name + ": the operator never opened a closed loop; last fault: " + seen.fault);
        }
        if (seen.afterwardsMiB > level + MEMORY_MIB) {
            broken.add(name + ": " + seen.afterwardsMiB + " MiB afterwards, " + level + " MiB before");
        }
        double longest = seen.opened.stream().mapToDouble(s -> s).max().orElse(0);
        double limit = quick ? 10 * OPENED_SECONDS : OPENED_SECONDS;
        if (longest > limit) {
            broken.add(String.format(
                    Locale.ROOT,
                    "%s: the operator opened the loop after %.1f s, at most %.0f s are promised; last fault: %s",
                    name,
                    longest,
                    limit,
                    seen.fault));
        }
        if (!quick && seen.cycleP99 > CYCLE_FACTOR * calm.cycleP99) {
            broken.add(String.format(
                    Locale.ROOT,
                    "%s: the 99th percentile of a cycle was %.0f us, idle %.0f us",
                    name,
                    seen.cycleP99,
                    calm.cycleP99));
        }
    }

    private ObjectNode figures(Seen seen) {
        double[] opened = seen.opened.stream().mapToDouble(s -> s).sorted().toArray();
        ObjectNode row = json.createObjectNode();
        row.put("acts", opened.length);
        row.put("openings", seen.wereClosed);
        row.put("secondsMedian", opened.length == 0 ? -1 : opened[opened.length / 2]);
        row.put("secondsMaximum", opened.length == 0 ? -1 : opened[opened.length - 1]);
        row.put("cycleMicrosP99", seen.cycleP99);
        row.put("missedCycles", seen.missed);
        row.put("residentMiB", seen.residentMiB);
        row.put("residentMiBAfterwards", seen.afterwardsMiB);
        row.put("alive", seen.alive);
        return row;
    }

    private static String words(List<Double> seconds) {
        double[] sorted = seconds.stream().mapToDouble(s -> s).sorted().toArray();
        return sorted.length == 0
                ? "no"
                : String.format(
                        Locale.ROOT, "%.2f (at most %.2f)", sorted[sorted.length / 2], sorted[sorted.length - 1]);
    }

    private static long count(Ground ground, String node) throws Exception {
        return (long) figure(ground, DemoHome.PIPELINE, node);
    }

    private static double figure(Ground ground, String pipeline, String node) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            try {
                GatewayClient client = ground.operator();
                try {
                    String id = pipeline + "/" + node;
                    Map<String, DataValue> values = client.read(List.of(id));
                    return values.get(id).value().value() instanceof Number number ? number.doubleValue() : -1;
                } finally {
                    Attacks.quietly(client);
                }
            } catch (Exception e) {
                if (System.nanoTime() - end > 0 || !ground.gatewayAlive()) {
                    throw e;
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
            }
        }
    }
}
