// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.tools.demo.DemoHome.DemoFailed;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.jspecify.annotations.Nullable;

/**
 * Kills the shipped gateway again and again while a client closes and opens its loop, rolls back, drops releases and changes
 * users, and compares after each restart what the client was told and the plant has seen with what the gateway knows.
 */
final class Crash {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String OLD = "1.0.0";
    private static final String NEW = "1.1.0";
    private static final int SERVES_WITHIN_S = 90;
    private static final int LONGEST_LIFE_MS = 5_000;
    private static final String MODE = DemoHome.PIPELINE + "/Mode";
    private static final String VERSION = DemoHome.PIPELINE + "/Model/Version";

    private final DemoHome demo;
    private final Child plant;
    private final Random random;
    private final @Nullable String everyWriteOf;
    private final List<String> wrong = new ArrayList<>();

    private final Set<String> acknowledgedModes = new TreeSet<>();
    private final List<Float> written = new ArrayList<>();
    private final Set<String> users = new TreeSet<>();
    private final Set<String> doubtfulUsers = new TreeSet<>();
    private Set<String> mayServe = Set.of(OLD, NEW);
    private final List<Double> restarts = new ArrayList<>();
    private int acts;
    private int reasons;
    private int rollbacks;
    private int drops;
    private int userChanges;
    private int kills;

    /** @param everyWriteOf folder below {@code data/} before whose calls to the disk it dies, null for random instants. */
    Crash(DemoHome demo, Child plant, long seed, @Nullable String everyWriteOf) {
        this.demo = demo;
        this.plant = plant;
        this.everyWriteOf = everyWriteOf;
        random = new Random(seed);
    }

    /** @return figures; {@code wrong} in them lists what must not be. */
    ObjectNode run(int times, long seed) throws Exception {
        plant.tell("tell on");
        Child gateway = demo.startGateway("");
        demo.clientCertificate();
        GatewayClient client = demo.connect(DemoHome.USER, "password");
        serves(client, Set.of(OLD));
        drop();
        serves(client, Set.of(NEW));
        mayServe = Set.of(NEW);
        boolean more = true;
        for (int time = 1; time <= times && more; time++) {
            if (everyWriteOf == null) {
                live(gateway, client);
            } else {
                gateway.kill();
                more = liveUntilCall(time);
            }
            kills++;
            takeWrites();
            long started = System.nanoTime();
            gateway = demo.startGateway("");
            client = demo.connect(DemoHome.USER, "password");
            check(client, time);
            restarts.add((System.nanoTime() - started) / 1e9);
            System.out.printf("crash: %d of %d, %s%n", time, times, wrong.isEmpty() ? "nothing wrong" : wrong);
        }
        gateway.kill();
        return figures(seed);
    }

    /** What is going on when the power goes; one after the other. */
    private enum Life {
        /** The plant has just been written to; the operator opens and closes the loop. */
        WRITTEN,
        /** The operator goes back to the model before. */
        ROLLBACK,
        /** The loop has just closed, the first write is on its way. */
        CLOSED,
        /** A release is on its way. */
        DROP,
        /** The gateway has only just come up. */
        EARLY
    }

    private static final List<Life> LIVES = List.of(Life.values());

    /** Brings it where a life of this kind begins, then acts until the power goes, at an instant of its own. */
    private void live(Child gateway, GatewayClient client) throws Exception {
        Life life = LIVES.get(kills % LIVES.size());
        Process user = changeUser();
        switch (life) {
            case WRITTEN -> {
                closeLoop(client);
                awaitWrite();
            }
            case CLOSED -> closeLoop(client);
            case ROLLBACK -> makeNewServe(client);
            case DROP, EARLY -> {}
        }
        long lifeMs = 1L + random.nextInt(longestMs(life));
        Thread killer = new Thread(
                () -> {
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(lifeMs));
                    try {
                        gateway.kill();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "crash-killer");
        killer.start();
        try {
            while (gateway.isAlive()) {
                act(client, life);
            }
        } catch (UaException e) {
            // the call in hand was not answered
        }
        killer.join();
        settleUser(user);
    }

    /** A write comes once a second, a rollback is answered within about a cycle, a release is taken within a few seconds. */
    private static int longestMs(Life life) {
        return switch (life) {
            case WRITTEN, CLOSED -> 2_000;
            case ROLLBACK -> 1_500;
            case DROP -> LONGEST_LIFE_MS;
            case EARLY -> 1_000;
        };
    }

    /** Returns once the loop is closed; the next cycle writes, so every later instant may lie between two steps of a write. */
    private void closeLoop(GatewayClient client) throws Exception {
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SERVES_WITHIN_S); System.nanoTime() - end < 0; ) {
            if (setMode(client, "CLOSED")) {
                return;
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        }
        throw new DemoFailed("the loop did not close within " + SERVES_WITHIN_S + " s");
    }

    private void awaitWrite() throws Exception {
        int before = written.size();
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SERVES_WITHIN_S); written.size() == before; ) {
            if (System.nanoTime() - end > 0) {
                throw new DemoFailed("the plant was not written to within " + SERVES_WITHIN_S + " s");
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
            takeWrites();
        }
    }

    /** Dropped once more where somebody went back from it. */
    private void makeNewServe(GatewayClient client) throws Exception {
        if (!version(client).equals(NEW)) {
            drop();
            serves(client, Set.of(NEW));
        }
        mayServe = Set.of(NEW);
    }

    /** Rolls back or forth, and dies at this call to the disk; false where the work is done before that. */
    private boolean liveUntilCall(int call) throws Exception {
        Child gateway = demo.startGateway("-Dpenstock.tests.haltAt=" + everyWriteOf + ":" + call);
        try {
            GatewayClient client = connectUnlessDead(gateway);
            if (client != null) {
                if (mayServe.contains(NEW)) {
                    rollback(client);
                } else {
                    drop();
                    serves(client, Set.of(NEW));
                }
            }
        } catch (UaException | DemoFailed e) {
            // it died
        }
        for (int i = 0; i < 50 && gateway.isAlive(); i++) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100)); // its last writes come after the answer
        }
        boolean died = !gateway.isAlive();
        gateway.kill();
        return died;
    }

    private @Nullable GatewayClient connectUnlessDead(Child gateway) throws Exception {
        return gateway.await("first result", 60) == null ? null : demo.connect(DemoHome.USER, "password");
    }

    private void act(GatewayClient client, Life life) throws Exception {
        acts++;
        switch (life) {
            case ROLLBACK -> {
                if (mayServe.equals(Set.of(NEW))) {
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(500)));
                    rollback(client);
                } else {
                    setMode(client, "ADVISORY");
                }
            }
            case DROP -> {
                if (!mayServe.contains(NEW) || random.nextInt(20) == 0) {
                    drop();
                }
                setMode(client, random.nextBoolean() ? "CLOSED" : "ADVISORY");
            }
            case WRITTEN, CLOSED -> setMode(client, random.nextInt(4) > 0 ? "CLOSED" : "ADVISORY");
            case EARLY -> setMode(client, random.nextBoolean() ? "CLOSED" : "ADVISORY");
        }
        LockSupport.parkNanos(
                TimeUnit.MILLISECONDS.toNanos(life == Life.WRITTEN || life == Life.CLOSED ? 700 : random.nextInt(300)));
    }

    private boolean setMode(GatewayClient client, String mode) throws UaException {
        String reason = "act-" + ++reasons + ".";
        boolean taken = client.setMode(DemoHome.PIPELINE, mode, reason).isEmpty();
        if (taken) {
            acknowledgedModes.add(reason);
        }
        return taken;
    }

    private void rollback(GatewayClient client) throws UaException {
        mayServe = Set.of(OLD, NEW);
        if (client.rollback(DemoHome.PIPELINE, "crash").equals("ROLLED_BACK")) {
            mayServe = Set.of(OLD);
            rollbacks++;
        }
    }

    /** The newest release once more, under a name that was not handled yet. */
    private void drop() throws Exception {
        Set<String> may = new HashSet<>(mayServe);
        may.add(NEW);
        mayServe = may;
        drops++;
        Path release = demo.releases().resolve("releases/coagulant-dose-" + NEW + ".penstock");
        Path part = demo.gateway().resolve("data/again.part");
        Files.copy(release, part, StandardCopyOption.REPLACE_EXISTING);
        Files.move(
                part, demo.gateway().resolve("releases/again-" + drops + ".penstock"), StandardCopyOption.ATOMIC_MOVE);
    }

    private static String text(Map<String, DataValue> values, String id) {
        Object value = values.get(id).value().value();
        return value == null ? "" : value.toString();
    }

    private static String version(GatewayClient client) throws UaException {
        return text(client.read(List.of(VERSION)), VERSION);
    }

    private static void serves(GatewayClient client, Set<String> versions) throws UaException {
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SERVES_WITHIN_S); System.nanoTime() - end < 0; ) {
            if (versions.contains(version(client))) {
                return;
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
        }
        throw new DemoFailed("none of " + versions + " serves within " + SERVES_WITHIN_S + " s");
    }

    private Process changeUser() throws IOException {
        userChanges++;
        String name = "u" + userChanges % 3;
        doubtfulUsers.add(name);
        boolean remove = users.contains(name);
        Process process = remove
                ? cli("user", "remove", name)
                : cli(
                        "user",
                        "add",
                        name,
                        "--role",
                        "OBSERVER",
                        "--password-file",
                        demo.work().resolve("password").toString());
        Thread killer = new Thread(
                () -> {
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(6_000)));
                    process.toHandle().destroyForcibly();
                },
                "crash-user-killer");
        killer.setDaemon(true);
        killer.start();
        return process;
    }

    private void settleUser(Process process) throws InterruptedException {
        String name = "u" + userChanges % 3;
        if (process.waitFor() == 0) {
            doubtfulUsers.remove(name);
            if (!users.remove(name)) {
                users.add(name);
            }
        }
    }

    private Process cli(String... arguments) throws IOException {
        List<String> command =
                new ArrayList<>(List.of(demo.gateway().resolve("bin/penstock").toString()));
        command.addAll(List.of(arguments));
        command.addAll(List.of("--home", demo.gateway().toString()));
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    private void check(GatewayClient client, int time) throws Exception {
        Process verify = cli("audit", "verify");
        Process list = cli("user", "list");
        Map<String, DataValue> now = client.read(List.of(MODE));
        if (text(now, MODE).equals("CLOSED")) {
            wrong.add(time + ": the loop closed by itself");
        }
        List<Float> before = List.copyOf(written);
        takeWrites();
        if (written.size() > before.size()) {
            wrong.add(time + ": the plant was written to before anybody closed the loop");
        }
        try {
            serves(client, mayServe);
        } catch (DemoFailed e) {
            wrong.add(time + ": " + e.getMessage() + ", but '" + version(client) + "'");
        }
        mayServe = Set.of(version(client));
        String said = output(verify);
        if (verify.waitFor() != 0) {
            wrong.add(time + ": audit verify: " + said);
        }
        users(output(list), time);
    }

    private void users(String listed, int time) {
        Set<String> there = new TreeSet<>();
        listed.lines().forEach(line -> there.add(line.strip().split("\\s+", 2)[0]));
        for (String name : List.of("u0", "u1", "u2")) {
            if (doubtfulUsers.remove(name)) {
                users.remove(name);
                if (there.contains(name)) {
                    users.add(name);
                }
            } else if (users.contains(name) != there.contains(name)) {
                wrong.add(time + ": user " + name + (there.contains(name) ? " is back" : " is gone"));
            }
        }
        if (!there.contains("demo")) {
            wrong.add(time + ": user demo is gone: " + listed);
        }
    }

    private static String output(Process process) throws IOException {
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    }

    private void takeWrites() {
        for (String line : plant.drain()) {
            if (line.startsWith("wrote ")) {
                written.add(Float.parseFloat(line.substring("wrote ".length())));
            }
        }
    }

    private ObjectNode figures(long seed) throws IOException {
        Set<Float> audited = new HashSet<>();
        StringBuilder modes = new StringBuilder();
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(demo.gateway().resolve("data/audit"), "audit-*.jsonl")) {
            for (Path file : files) {
                for (String line : Files.readAllLines(file)) {
                    JsonNode entry = JSON.readTree(line);
                    if (entry.path("action").asText().startsWith("WRITE")
                            && entry.path("value").isNumber()) {
                        audited.add((float) entry.path("value").asDouble());
                    }
                    if (entry.path("action").asText().contains("MODE")) {
                        modes.append(entry.path("detail").asText()).append('\n');
                    }
                }
            }
        }
        String recorded = modes.toString();
        ObjectNode figures = JSON.createObjectNode();
        figures.put("kills", kills).put("seed", seed).put("form", everyWriteOf == null ? "instants" : everyWriteOf);
        figures.put("acts", acts)
                .put("rollbacks", rollbacks)
                .put("drops", drops)
                .put("userChanges", userChanges);
        figures.put("modesAcknowledged", acknowledgedModes.size());
        long modesUnknown = acknowledgedModes.stream()
                .filter(reason -> !recorded.contains(reason))
                .count();
        figures.put("modesUnknownToAudit", modesUnknown);
        figures.put("plantWrites", written.size());
        long writesUnknown =
                written.stream().filter(value -> !audited.contains(value)).count();
        figures.put("plantWritesUnknownToAudit", writesUnknown);
        if (modesUnknown > 0) {
            wrong.add("the audit does not know " + modesUnknown + " changes of the mode that were answered");
        }
        if (writesUnknown > 0) {
            wrong.add("the audit does not know " + writesUnknown + " values that the plant has seen");
        }
        Collections.sort(restarts);
        figures.put("restartSecondsMedian", restarts.isEmpty() ? 0 : restarts.get(restarts.size() / 2));
        figures.put("restartSecondsWorst", restarts.isEmpty() ? 0 : restarts.get(restarts.size() - 1));
        var list = figures.putArray("wrong");
        wrong.forEach(list::add);
        return figures;
    }
}
