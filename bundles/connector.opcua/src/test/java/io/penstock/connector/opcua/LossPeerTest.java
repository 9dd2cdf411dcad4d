// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.ConnectionStatus.State;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LossPeerTest {
    @TempDir
    Path home;

    private static void assertEachIsNews(List<Sample> samples) {
        for (int i = 1; i < samples.size(); i++) {
            Sample before = samples.get(i - 1);
            Sample sample = samples.get(i);
            assertTrue(
                    sample.status() != before.status()
                            || Double.compare(sample.value(), before.value()) != 0
                            || sample.sourceTimeNs() != before.sourceTimeNs(),
                    sample + " twice");
        }
    }

    // A plant that is switched on after its gateway must be found without anyone's help.
    @Test
    void serverThatIsNotThereAtStartIsFoundLater() {
        try (Plant plant = Plant.withoutServer(home)) {
            plant.start(plant.settings(Plant.COUNTER));
            Sample first = plant.heard.await("C0", "first word", s -> true);
            assertEquals(StatusCode.BAD_WAITING_FOR_INITIAL_DATA, first.status());
            assertTrue(plant.connector.connection().detail().contains("refuses the connection"));
            plant.heard.await("C0", "Bad", s -> s.status() == StatusCode.BAD_NO_COMMUNICATION);
            assertEquals(State.LOST, plant.connector.connection().state());
            plant.serve();
            plant.heard.await("C0", "value", s -> s.status() == StatusCode.GOOD);
            assertEachIsNews(plant.heard.of("C0"));
            assertEquals(0, plant.connector.connection().reconnects());
        }
    }

    // After a power cut of the server the values must flow again by themselves, and the gap must show.
    @Test
    void killedAndRestartedServerDeliversAgain() throws Exception {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Plant.COUNTER));
            plant.server.tell("set C0 8");
            Sample good = plant.heard.await("C0", "8", s -> s.value() == 8 && s.status() == StatusCode.GOOD);
            plant.server.close();
            Sample uncertain = plant.heard.await(
                    "C0", "Uncertain", s -> s.status() == StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE);
            assertEquals(8, uncertain.value());
            assertTrue(
                    uncertain.arrivalNanos() - good.arrivalNanos() >= 0
                            && System.nanoTime() - uncertain.arrivalNanos() > 0,
                    "its age goes on growing");
            assertTrue(
                    uncertain.sourceTimeNs() > good.sourceTimeNs(),
                    "the time at which it was recognised, or a historian would put it in the place of the Good one");
            assertEquals(
                    StatusCode.BAD_NOT_CONNECTED,
                    plant.connector
                            .write(new TagId("C0"), 1, 1_000)
                            .toCompletableFuture()
                            .get(5, TimeUnit.SECONDS));
            plant.heard.await("C0", "Bad", s -> s.status() == StatusCode.BAD_NO_COMMUNICATION);

            plant.serve();
            plant.heard.awaitLast("C0", "0 of the new server", s -> s.value() == 0 && s.status() == StatusCode.GOOD);
            plant.server.tell("set C0 9");
            plant.heard.await("C0", "9", s -> s.value() == 9 && s.status() == StatusCode.GOOD);
            assertEachIsNews(plant.heard.of("C0"));
            assertEquals(1, plant.connector.connection().reconnects());
            assertEquals(
                    5,
                    plant.heard.of("C0").size() - (plant.heard.of("C0").get(0).value() == 0 ? 1 : 0));
        }
    }

    // A hung server keeps its sockets open; a frozen value taken for a steady one is the most dangerous of all.
    @Test
    void hungServerIsFoundWithinTheBoundAndFollowedWhenItWakes() {
        try (Plant plant = Plant.serving(home)) {
            Settings settings = plant.settings(Plant.COUNTER);
            plant.start(settings);
            plant.server.tell("set C0 8");
            plant.heard.await("C0", "8", s -> s.value() == 8 && s.status() == StatusCode.GOOD);
            plant.server.pause();
            long begin = System.nanoTime();
            plant.heard.await(
                    "C0", "Uncertain", s -> s.status() == StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE);
            long found = (System.nanoTime() - begin) / 1_000_000;
            assertTrue(
                    found <= settings.keepAliveMs() + settings.requestTimeoutMs() + 1_000,
                    "found after " + found + " ms");
            plant.heard.await("C0", "Bad", s -> s.status() == StatusCode.BAD_NO_COMMUNICATION);
            assertEquals(State.LOST, plant.connector.connection().state());
            plant.server.resume();
            plant.heard.awaitLast("C0", "8 again", s -> s.value() == 8 && s.status() == StatusCode.GOOD);
            plant.server.tell("set C0 10");
            plant.heard.await("C0", "10", s -> s.value() == 10 && s.status() == StatusCode.GOOD);
            assertEachIsNews(plant.heard.of("C0"));
        }
    }

    // A subscription that died alone, with the session alive, would look like a plant where nothing happens.
    @Test
    void silentSubscriptionIsReplaced() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Plant.COUNTER));
            plant.heard.await("C0", "initial value", s -> s.status() == StatusCode.GOOD);
            plant.server.tell("silent");
            plant.server.await("done silent", 5);
            plant.heard.await(
                    "C0", "Uncertain", s -> s.status() == StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE);
            plant.heard.awaitLast("C0", "good again", s -> s.status() == StatusCode.GOOD);
            plant.server.tell("set C0 3");
            plant.heard.await("C0", "3", s -> s.value() == 3);
            assertEquals(1, plant.connector.connection().reconnects());
        }
    }

    // A static tag on a network that drops every minute was UncertainLastUsableValue for ever from the fiftieth drop
    // on: each
    // loss had moved its source time, until the server's own looked older.
    @Test
    void aStaticTagIsGoodAgainAfterEveryLoss() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(Plant.impatient(plant.settings(Plant.COUNTER)));
            Sample first = plant.heard.await("C0", "initial value", s -> s.status() == StatusCode.GOOD);
            for (int i = 1; i <= 5; i++) {
                int drops = i;
                plant.server.tell("drop all");
                Plant.await(
                        "drop " + drops,
                        () -> plant.connector.connection().reconnects() == drops
                                && plant.heard.last("C0").status() == StatusCode.GOOD,
                        plant.connector::connection);
                assertEquals(first.sourceTimeNs(), plant.heard.last("C0").sourceTimeNs());
            }
            assertEachIsNews(plant.heard.of("C0"));
            assertEquals(0, plant.connector.counts().older());
        }
    }

    // A notification that is lost for good may have held a tag's last change: the old value would look true for ever.
    @Test
    void aNotificationThatIsLostForGoodBringsEverythingAnew() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Plant.COUNTER, Plant.tag("C1", "ns=1;s=C1", DataType.LREAL, 1)));
            plant.heard.await("C1", "initial value", s -> s.status() == StatusCode.GOOD);
            plant.server.tell("skip all");
            plant.server.await("done skip", 5);
            plant.server.tell("set C0 4");
            plant.heard.await("C0", "4", s -> s.value() == 4);
            plant.heard.await(
                    "C1", "Uncertain", s -> s.status() == StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE);
            plant.heard.awaitLast("C1", "good again", s -> s.status() == StatusCode.GOOD);
            assertEquals(1, plant.connector.connection().reconnects());
        }
    }

    // A PLC has ten sessions; those that the gateway forgot there lock out everyone, the gateway included.
    @Test
    void formerSessionsDoNotPileUpAtTheServer() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(Plant.impatient(plant.settings(Plant.COUNTER)));
            plant.heard.await("C0", "initial value", s -> s.status() == StatusCode.GOOD);
            for (int i = 0; i < 3; i++) {
                int before = plant.heard.of("C0").size();
                plant.server.pause();
                Plant.await(
                        "loss",
                        () -> plant.connector.connection().state() == State.LOST,
                        () -> plant.connector.connection());
                plant.server.resume();
                Plant.await(
                        "good again",
                        () -> plant.heard.of("C0").size() > before
                                && plant.heard.last("C0").status() == StatusCode.GOOD,
                        () -> plant.heard.of("C0"));
            }
            Plant.await(
                    "one session",
                    () -> count(plant).equals("sessions 1 subscriptions 1 channels 1"),
                    () -> count(plant));
        }
    }

    private static String count(Plant plant) {
        plant.server.tell("count all");
        return plant.server.await("sessions", 5);
    }

    // Threads that stay after each update of a connector bring the gateway down after a year.
    @Test
    void stopLeavesNoThread() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Plant.COUNTER));
            plant.awaitConnected();
            assertTrue(threads().contains("connector.opcua-connection-plant"), threads());
            plant.server.pause();
            plant.connector.stop();
            plant.connector = null;
            Plant.await("no thread of the connector", () -> threads().isEmpty(), LossPeerTest::threads);
            plant.server.resume();
        }
    }

    private static String threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(Thread::isAlive)
                .map(Thread::getName)
                .filter(n -> n.startsWith("connector.opcua") || n.startsWith("milo"))
                .sorted()
                .collect(Collectors.joining(", "));
    }
}
