// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.ConnectionStatus.State;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SubscriptionPeerTest {
    @TempDir
    Path home;

    // A Bad or old value shown as good and new would move the machine on a broken sensor.
    @Test
    void valueStatusAndSourceTimeComeAsTheServerSentThem() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Plant.COUNTER));
            plant.awaitConnected();
            plant.heard.await("C0", "initial value", s -> s.value() == 0 && s.status() == StatusCode.GOOD);
            long base = System.currentTimeMillis() + 1_000;

            plant.server.tell("set C0 21.5 UncertainSensorNotAccurate " + base);
            Sample uncertain = plant.heard.await("C0", "21.5", s -> s.value() == 21.5);
            assertEquals(StatusCode.UNCERTAIN_SENSOR_NOT_ACCURATE, uncertain.status());
            assertEquals(base * 1_000_000, uncertain.sourceTimeNs());

            plant.server.tell("set C0 99 BadSensorFailure " + (base + 500));
            Sample bad = plant.heard.await("C0", "Bad", s -> s.status() == StatusCode.BAD_SENSOR_FAILURE);
            assertTrue(Double.isNaN(bad.value()), bad.toString());
            assertEquals((base + 500) * 1_000_000, bad.sourceTimeNs());
            assertTrue(plant.connector.connection().warning().contains("security is off"));
            assertTrue(plant.connector.connection().warning().contains("anonymous"));
        }
    }

    // One value twice or out of order makes a rate of change, and with it the model, wrong.
    @Test
    void thousandsOfChangesComeOnceAndInOrder() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(
                    Plant.COUNTER,
                    Plant.tag("C1", "ns=1;s=C1", DataType.LREAL, 1),
                    Plant.tag("C2", "ns=1;s=C2", DataType.LREAL, 1)));
            plant.heard.await("C2", "initial value", s -> s.status() == StatusCode.GOOD);
            int count = 3_000;
            for (String tag : List.of("C0", "C1", "C2")) {
                plant.server.tell("burst " + tag + " " + count + " 1");
            }
            for (String tag : List.of("C0", "C1", "C2")) {
                plant.heard.await(tag, "last value", s -> s.value() == count);
                List<Sample> good = plant.heard.of(tag);
                assertEquals(count + 1, good.size(), tag + " incl. the initial value; " + plant.connector.counts());
                for (int i = 1; i < good.size(); i++) {
                    assertEquals(i, good.get(i).value(), tag);
                    assertTrue(good.get(i).sourceTimeNs() > good.get(i - 1).sourceTimeNs(), tag + " at " + i);
                }
            }
            assertEquals(0, plant.connector.counts().repeated());
            assertEquals(0, plant.connector.counts().older());
            assertTrue(plant.heard.batches() < 3 * count / 2, "batches " + plant.heard.batches());
            assertOrderedAcrossTags(plant.heard.samples());
        }
    }

    /** Inside a notification the three tags interleave by source time, though the server groups them by item. */
    private static void assertOrderedAcrossTags(List<Sample> samples) {
        long changes = 0;
        for (int i = 1; i < samples.size(); i++) {
            if (!samples.get(i).tag().equals(samples.get(i - 1).tag())) {
                changes++;
            }
        }
        assertTrue(changes > samples.size() / 3, "tags alternate only " + changes + " times in " + samples.size());
    }

    // Two values within one millisecond are two values of the plant, whatever the server's clock resolves.
    @Test
    void valuesOfOneSourceTimeAreAllKept() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Plant.COUNTER));
            plant.heard.await("C0", "initial value", s -> s.status() == StatusCode.GOOD);
            plant.server.tell("burst C0 500 5");
            plant.heard.await("C0", "last value", s -> s.value() == 500);
            List<Sample> all = plant.heard.of("C0");
            assertEquals(501, all.size());
            for (int i = 1; i < all.size(); i++) {
                assertEquals(i, all.get(i).value());
                assertEquals(0, all.get(i).sourceTimeNs() % 1_000_000, "passed on as it came");
            }
        }
    }

    // A quiet tag whose age grows although its source stands by it would open the loop for nothing; one that is made
    // young by
    // the keep-alives of its subscription alone would hide from the age guard that nobody has read it for an hour.
    @Test
    void aTagThatSaysNothingIsReadAgainAndOnlyThatConfirmsIt() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Plant.COUNTER, Plant.tag("C1", "ns=1;s=C1", DataType.LREAL, 1)));
            plant.awaitConnected();
            plant.server.tell("set C0 4");
            Sample told = plant.heard.await("C0", "4", s -> s.value() == 4);
            plant.heard.await("C1", "initial value", s -> s.status() == StatusCode.GOOD);
            int samples = plant.heard.samples().size();
            for (String tag : List.of("C0", "C1")) {
                Plant.await(tag + " confirmed", () -> plant.heard.confirmed(tag).size() >= 3, plant.heard::samples);
            }
            long nanos = told.arrivalNanos();
            for (Plant.Confirmed confirmed : plant.heard.confirmed("C0")) {
                assertEquals(told.sourceTimeNs(), confirmed.sourceTimeNs());
                assertTrue(confirmed.nanoTime() - nanos > 0, "it gets younger each time");
                nanos = confirmed.nanoTime();
            }
            assertEquals(samples, plant.heard.samples().size(), "a confirmation is no sample");
            assertNotEquals(0, plant.connector.connection().roundTripMicrosP50());

            plant.server.tell("reads refuse");
            plant.server.await("done reads", 5);
            long from = System.nanoTime();
            Plant.await(
                    "keep-alives go on",
                    () -> System.nanoTime() - from > 2_000_000_000L
                            && plant.connector.connection().state() == State.CONNECTED,
                    plant.connector::connection);
            Plant.await(
                    "told",
                    () -> plant.connector
                            .connection()
                            .warning()
                            .contains("values of 2 tags grow old, first C0: no change is told, and a read answers"
                                    + " Bad_UserAccessDenied"),
                    plant.connector::connection);
            assertTrue(
                    plant.heard.confirmed("C0").stream().allMatch(c -> c.nanoTime() - from < 0),
                    "nobody could ask for it since, so nothing made it younger");
        }
    }

    // The last word of the source is the value, whatever its clock does: a tag that was deaf until 2099 moved nothing,
    // and
    // one that fell silent for the hour the clock was put back showed the value of an hour ago.
    @Test
    void aSourceClockThatJumpsMakesNoTagDeaf() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Plant.COUNTER));
            plant.heard.await("C0", "initial value", s -> s.status() == StatusCode.GOOD);
            plant.server.tell("set C0 1 Good 4070908800000");
            Sample far = plant.heard.await("C0", "of 2099", s -> s.value() == 1);
            assertEquals(4_070_908_800_000L * 1_000_000, far.sourceTimeNs(), "passed on unchanged");
            Plant.await(
                    "told",
                    () -> plant.connector.connection().warning().contains("source times of 1 tags are ahead"),
                    plant.connector::connection);
            plant.server.tell("set C0 2");
            assertEquals(
                    StatusCode.GOOD,
                    plant.heard.await("C0", "now again", s -> s.value() == 2).status());
            plant.server.tell("set C0 3 Good " + (System.currentTimeMillis() - 3_600_000));
            assertEquals(
                    StatusCode.GOOD,
                    plant.heard.await("C0", "an hour back", s -> s.value() == 3).status());
            plant.server.tell("set C0 4 Good " + (System.currentTimeMillis() - 3_500_000));
            assertEquals(
                    StatusCode.GOOD,
                    plant.heard.await("C0", "still back", s -> s.value() == 4).status());
            plant.server.tell("set C0 5");
            plant.heard.await("C0", "right again", s -> s.value() == 5);
            Plant.await(
                    "no longer told",
                    () -> !plant.connector.connection().warning().contains("source times"),
                    plant.connector::connection);
            assertEquals(6, plant.heard.of("C0").size());
        }
    }

    // One typing error in a tag list must not cost the other tags, and the engineer must read which it is.
    @Test
    void unknownNodesAndWrongTypesConcernOnlyTheirTags() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(
                    Plant.COUNTER,
                    Plant.tag("MISSING", "ns=1;s=Later", DataType.LREAL, 1),
                    Plant.tag("NOSPACE", "nsu=urn:nobody;s=C0", DataType.LREAL, 1),
                    Plant.tag("TEXT", "ns=1;s=T.String", DataType.LREAL, 1),
                    Plant.tag("NARROW", "ns=1;s=T.Int16", DataType.REAL, 1),
                    Plant.tag("SHORT", "ns=1;s=A.Double", DataType.LREAL, 9)));
            plant.heard.await("C0", "good", s -> s.status() == StatusCode.GOOD);
            plant.heard.await("MISSING", "unknown", s -> s.status() == StatusCode.BAD_NODE_ID_UNKNOWN);
            plant.heard.await("NOSPACE", "unknown", s -> s.status() == StatusCode.BAD_NODE_ID_UNKNOWN);
            for (String tag : List.of("TEXT", "NARROW", "SHORT[0]", "SHORT[8]")) {
                plant.heard.await(tag, "mismatch", s -> s.status() == StatusCode.BAD_TYPE_MISMATCH);
            }
            String detail = plant.connector.connection().detail();
            assertTrue(detail.startsWith("5 of 6 tags unusable: MISSING: the server has no such node"), detail);

            plant.server.tell("add Later Double 7");
            plant.heard.await("MISSING", "found later", s -> s.value() == 7 && s.status() == StatusCode.GOOD);
            assertEquals(1, plant.heard.of("C0").size(), "the good tag was left alone");
        }
    }

    // After a download to the PLC its nodes are new ones; the tag must not stay Bad until somebody restarts the
    // gateway.
    @Test
    void aDeletedNodeIsBadAndAskedForAgain() throws Exception {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Plant.COUNTER, Plant.tag("C1", "ns=1;s=C1", DataType.LREAL, 1)));
            plant.heard.await("C1", "initial value", s -> s.status() == StatusCode.GOOD);
            plant.server.tell("remove C1");
            plant.heard.await("C1", "Bad", s -> s.status() == StatusCode.BAD_NODE_ID_UNKNOWN);
            Plant.await(
                    "detail",
                    () -> plant.connector.connection().detail().contains("C1: the server has no such node"),
                    () -> plant.connector.connection());
            plant.server.tell("add C1 Double 7");
            plant.heard.await("C1", "found again", s -> s.value() == 7 && s.status() == StatusCode.GOOD);
            assertEquals("", plant.connector.connection().detail());
            plant.server.tell("set C1 8");
            plant.heard.await("C1", "followed again", s -> s.value() == 8);
            assertEquals(1, plant.heard.of("C0").size(), "the other tag was left alone");
            assertEquals(0, plant.connector.connection().reconnects());
        }
    }

    // A division by zero in the PLC, shown Good, passes every limit check there is.
    @Test
    void whatIsNoNumberIsBad() throws Exception {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Plant.COUNTER, Plant.tag("REAL", "ns=1;s=T.Float", DataType.REAL, 1)));
            plant.awaitConnected();
            plant.heard.await("REAL", "initial value", s -> s.status() == StatusCode.GOOD);
            plant.server.tell("set C0 NaN");
            plant.server.tell("set T.Float -Infinity");
            for (String tag : List.of("C0", "REAL")) {
                Sample bad = plant.heard.await(tag, "Bad", s -> s.status() == StatusCode.BAD_SENSOR_FAILURE);
                assertTrue(Double.isNaN(bad.value()), bad.toString());
                Sample read = plant.connector
                        .read(new TagId(tag), 3_000)
                        .toCompletableFuture()
                        .get(10, TimeUnit.SECONDS);
                assertEquals(StatusCode.BAD_SENSOR_FAILURE, read.status());
                assertTrue(Double.isNaN(read.value()), read.toString());
            }
            plant.server.tell("set C0 2");
            plant.heard.await("C0", "2", s -> s.value() == 2 && s.status() == StatusCode.GOOD);
        }
    }

    // Every type a PLC has arrives as the number it is.
    @Test
    void allTypesAndArraysBecomeNumbers() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Types.tags()));
            for (Types type : Types.values()) {
                plant.heard.await(type.tag(), "initial value", s -> s.status() == StatusCode.GOOD);
                plant.server.tell("set T." + type.node + " " + type.sample);
            }
            for (Types type : Types.values()) {
                plant.heard.awaitLast(type.tag(), "value " + type.sample, s -> s.value() == type.number());
            }
            plant.server.tell("array A.Int16 -1 2 -3 4");
            plant.heard.awaitLast("A[2]", "-3", s -> s.value() == -3);
            assertEquals(4, plant.heard.last("A[3]").value());
        }
    }

    // A listener that joins late and sees nothing until the next change would run blind on a quiet plant.
    @Test
    void lateListenerBeginsWithTheLastKnownSamples() {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Plant.COUNTER));
            plant.heard.await("C0", "initial value", s -> s.status() == StatusCode.GOOD);
            Plant.Heard late = new Plant.Heard();
            var subscription = plant.connector.subscribe(late);
            late.await("C0", "known value", s -> s.value() == 0 && s.status() == StatusCode.GOOD);
            subscription.close();
            plant.server.tell("set C0 5");
            plant.heard.await("C0", "5", s -> s.value() == 5);
            assertEquals(1, late.of("C0").size(), "a closed listener hears nothing");
        }
    }
}
