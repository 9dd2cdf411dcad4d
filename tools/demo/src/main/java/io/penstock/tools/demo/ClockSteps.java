// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.opcua.stack.ApplicationCertificate;
import io.penstock.tools.demo.DemoHome.DemoFailed;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.milo.opcua.sdk.client.identity.UsernameProvider;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.jspecify.annotations.Nullable;

/**
 * Gives the shipped gateway a clock of its own, steps it in the middle of a closed loop, and compares what the gateway says of the
 * age of its values with what a second client sees at the plant by a clock that never steps. One thread.
 */
final class ClockSteps {
    private static final String INPUT = DemoHome.PIPELINE + "/Inputs/temperature";
    private static final String AGE = INPUT + "/AgeMs";
    private static final String OUTPUT = DemoHome.PIPELINE + "/Outputs/dose";
    private static final String MODE = DemoHome.PIPELINE + "/Mode";
    private static final String AT_THE_PLANT = "TT-1005";
    private static final List<String> SEEN = List.of(INPUT, AGE, OUTPUT, MODE);

    /** The windows of the demo's model are full after 10 s at most. */
    private static final int BACK_WITHIN_S = 25;
    /** The age guard of the demo's loop, a cycle, and what asking takes. */
    private static final double OLDEST_CLOSED_S = 5 + 1 + 0.5;

    /** Of a value that changes ten times a second: a cycle, a publishing interval, and what asking takes. */
    private static final double USUAL_AGE_S = 2.5;

    /** A step is seen in the cycle that follows. */
    private static final double OPENS_WITHIN_S = 3;

    private static final double AGE_ERROR_S = 1.5;
    private static final double VALUES_KEPT_S = 300;

    /** What the gateway's clock does: offsets in seconds against the true time, 3 s each, the last one stays. */
    private record Step(String name, List<Integer> offsets) {}

    private static final List<Step> STEPS = List.of(
            new Step("behind from the start", List.of(-30)),
            new Step("forward 30 s", List.of(0)),
            new Step("ahead 120 s", List.of(120)),
            new Step("back again", List.of(0)),
            new Step("back an hour", List.of(-3600)),
            new Step("to and fro", List.of(30, -30, 30, -30, 30, 0)));

    private final DemoHome demo;
    private final Path library;
    private final Map<Double, Long> lastAtPlant = new HashMap<>();
    private final List<String> wrong = new ArrayList<>();
    private @Nullable GatewayClient gateway;
    private @Nullable GatewayClient plant;

    /** @param library built of {@code src/main/c/clock_offset.c}. */
    ClockSteps(DemoHome demo, Path library) {
        this.demo = demo;
        this.library = library;
    }

    /** @return figures; {@code wrong} in them lists what must not be. */
    ObjectNode run(int eachSeconds) throws Exception {
        ApplicationCertificate own = demo.clientCertificate();
        Files.copy(
                own.file(),
                demo.work().resolve("plant/pki/trusted/certs/demo-client.der"),
                StandardCopyOption.REPLACE_EXISTING);
        demo.startPlant();
        plant = demo.own(new GatewayClient(
                demo.plantUrl(),
                own,
                demo.plantCertificate(),
                new UsernameProvider(
                        "gateway",
                        Files.readString(demo.gateway().resolve("etc/plant.password"))
                                .strip()),
                demo.plantPort()));
        demo.archiveClasses();
        Path clock = demo.work().resolve("clock");
        ObjectNode figures = new ObjectMapper().createObjectNode();
        ArrayNode rows = figures.putArray("steps");
        for (Step step : STEPS) {
            for (int offset : step.offsets()) {
                set(clock, offset);
                if (gateway == null) {
                    demo.startGateway(
                            "", Map.of("LD_PRELOAD", library.toString(), "CLOCK_OFFSET_FILE", clock.toString()));
                    gateway = demo.connect(DemoHome.USER, "password");
                }
                if (step.offsets().size() > 1) {
                    watch(new Seen(), 3, false);
                }
            }
            rows.add(judge(step, eachSeconds));
        }
        ArrayNode list = figures.putArray("wrong");
        wrong.forEach(list::add);
        return figures;
    }

    private static void set(Path clock, int offset) throws IOException {
        ByteBuffer nanos = ByteBuffer.allocate(Long.BYTES)
                .order(ByteOrder.nativeOrder())
                .putLong(0, TimeUnit.SECONDS.toNanos(offset));
        try (FileChannel file = FileChannel.open(
                clock, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) { // in place, it is mapped
            file.write(nanos, 0);
        }
    }

    private static final class Seen {
        double oldestClosed;
        double oldestUsual;
        double worstAgeError;
        int asked;
        int known;
        double backAfter = Double.NaN;
        boolean closed;
        String lastRefusal = "";
    }

    private ObjectNode judge(Step step, int eachSeconds) throws Exception {
        Seen seen = new Seen();
        long began = System.nanoTime();
        boolean first = step == STEPS.get(0);
        while (!first && closed() && secondsSince(began) < OPENS_WITHIN_S) {
            watch(seen, 0.05, false);
        }
        if (!first && closed()) {
            wrong.add(step.name() + ": the loop did not open within " + OPENS_WITHIN_S + " s of the step");
        }
        while (Double.isNaN(seen.backAfter) && secondsSince(began) < BACK_WITHIN_S + 20) {
            watch(seen, 0.5, false);
            seen.closed = close(seen);
            if (seen.closed) {
                seen.backAfter = secondsSince(began);
            }
        }
        watch(seen, eachSeconds, true);
        seen.closed &= closed();
        String name = step.name();
        if (!seen.closed) {
            wrong.add(name + ": the loop could not be closed, or did not stay so: " + seen.lastRefusal);
        } else if (seen.backAfter > BACK_WITHIN_S && !first) {
            wrong.add(name + ": the loop closed after " + seen.backAfter + " s only");
        }
        if (seen.known == 0 || seen.known * 2 < seen.asked) {
            wrong.add(name + ": of " + seen.asked + " values that the gateway used the plant had " + seen.known
                    + " only");
        }
        if (seen.oldestClosed > OLDEST_CLOSED_S) {
            wrong.add(name + ": a value " + seen.oldestClosed + " s old was used while the loop was closed");
        }
        if (seen.oldestUsual > USUAL_AGE_S) {
            wrong.add(name + ": long after the step values were " + seen.oldestUsual + " s old");
        }
        if (seen.worstAgeError > AGE_ERROR_S) {
            wrong.add(name + ": AgeMs was wrong by " + seen.worstAgeError + " s");
        }
        DemoHome.say(
                "%-22s loop closed after %.1f s; values at most %.2f s old, while closed %.2f s; AgeMs wrong by at most %.2f s",
                name, seen.backAfter, seen.oldestUsual, seen.oldestClosed, seen.worstAgeError);
        ObjectNode row = new ObjectMapper().createObjectNode();
        row.put("step", name)
                .put("closedAfterSeconds", seen.backAfter)
                .put("oldestSeconds", seen.oldestUsual)
                .put("oldestWhileClosedSeconds", seen.oldestClosed)
                .put("ageErrorSeconds", seen.worstAgeError)
                .put("valuesCompared", seen.known);
        return row;
    }

    private boolean closed() throws UaException {
        return "CLOSED"
                .equals(there(gateway).read(List.of(MODE)).get(MODE).value().value());
    }

    private boolean close(Seen seen) throws UaException {
        List<String> refusals = there(gateway).setMode(DemoHome.PIPELINE, "CLOSED", "clock suite");
        seen.lastRefusal = refusals.isEmpty() ? "" : refusals.get(0);
        return refusals.isEmpty();
    }

    private static GatewayClient there(@Nullable GatewayClient client) {
        if (client == null) {
            throw new DemoFailed("not connected");
        }
        return client;
    }

    private void watch(Seen seen, double seconds, boolean calm) throws UaException {
        for (long began = System.nanoTime(); secondsSince(began) < seconds; ) {
            if (there(plant)
                            .read(List.of(AT_THE_PLANT))
                            .get(AT_THE_PLANT)
                            .value()
                            .value()
                    instanceof Double value) {
                lastAtPlant.put(value, System.nanoTime());
                lastAtPlant.values().removeIf(at -> secondsSince(at) > VALUES_KEPT_S);
            }
            look(seen, calm);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
    }

    private void look(Seen seen, boolean calm) throws UaException {
        Map<String, DataValue> now = there(gateway).read(SEEN);
        DataValue used = now.get(INPUT);
        if (!(used.value().value() instanceof Double value)
                || !used.statusCode().isGood()
                || now.get(OUTPUT).statusCode().isBad()) {
            return; // nobody is told that it is worth anything
        }
        seen.asked++;
        Long at = lastAtPlant.get(value);
        if (at == null) {
            return; // the plant changed twice between two looks
        }
        seen.known++;
        double age = secondsSince(at);
        if ("CLOSED".equals(now.get(MODE).value().value())) {
            seen.oldestClosed = Math.max(seen.oldestClosed, age);
        }
        if (calm) {
            seen.oldestUsual = Math.max(seen.oldestUsual, age);
        }
        if (now.get(AGE).value().value() instanceof Number told) {
            // the value shown is that of the last cycle, so up to a cycle older than at the cycle itself
            seen.worstAgeError = Math.max(seen.worstAgeError, Math.abs(age - told.doubleValue() / 1_000));
        }
    }

    private static double secondsSince(long nanos) {
        return (System.nanoTime() - nanos) / 1e9;
    }
}
