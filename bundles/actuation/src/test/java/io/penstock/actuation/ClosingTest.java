// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.ConnectionStatus;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.actuation.WriteOutcome.Kind;
import io.penstock.api.data.StatusCode;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Had one of these failed, a loop would have been armed that should not be, or the plant would not know why it is not. */
class ClosingTest {
    private final Rig rig = new Rig();

    private void only(String start) {
        List<String> failing = rig.loop.close(Rig.ANNA, "test");
        assertEquals(1, failing.size(), failing.toString());
        assertTrue(failing.get(0).startsWith(start), failing.get(0));
        assertFalse(rig.loop.closed());
        assertTrue(rig.audit.last("LOOP_CLOSE_REFUSED").detail().startsWith(start));
    }

    @Test
    void closingTwiceIsOnce() {
        rig.close();
        assertEquals(List.of(), rig.loop.close(Rig.ANNA, "again"));
        assertEquals(1, rig.audit.count("LOOP_CLOSED"));
    }

    @Test
    void everyMissingThingIsToldAtOnce() {
        Rig bare = new Rig();
        bare.loop.removeWriter(bare.plant);
        bare.loop.unsetAuditLog(bare.audit);
        List<String> failing = bare.loop.close(new Actor("eve", Set.of(Role.OBSERVER), "test"), " ");
        assertEquals(
                List.of("role", "role", "audit", "writer", "prediction"),
                failing.stream().map(f -> f.substring(0, f.indexOf(':'))).toList());
    }

    @Test
    void noModelNoClosing() {
        SetpointLoop loop = new SetpointLoop(
                Settings.of(Rig.properties()), new Leases(), rig.time, rig.time::nanos, rig.time::advanceNanos);
        loop.addWriter(rig.plant);
        loop.setAuditLog(rig.audit);
        assertTrue(loop.close(Rig.ANNA, "x").get(0).startsWith("model: no model serves pipeline coagulation"));
    }

    @Test
    void noPredictionNoClosing() {
        only("prediction: there is no prediction yet");
    }

    @Test
    void thePredictionMustBeUsable() {
        rig.offer(3, StatusCode.BAD);
        only("prediction: quality: ");
        rig.offer(Double.NaN);
        only("prediction: finite: ");
        rig.offer(3, StatusCode.GOOD, 0, 5_001);
        only("prediction: age: ");
        rig.offer(9, StatusCode.GOOD);
        only("prediction: envelope: ");
        rig.offer(3);
        rig.time.advanceMs(2_001);
        only("prediction: validity: ");
    }

    @Test
    void aPredictionOfTheModelBeforeDoesNotCount() {
        rig.offer(3);
        rig.loop.model(Rig.model("dose 1.1.0", 1, 8));
        only("prediction: there is no prediction yet since the loop opened or the model came");
    }

    // The operator was told "computed 286745 ms ago" of a model that had just computed: the one from before the closing
    // was judged.
    @Test
    void closingAnewIsJudgedByWhatCameAfterTheOpening() {
        rig.offer(3);
        assertEquals(List.of(), rig.loop.close(Rig.ANNA, "test"));
        rig.offer(3);
        rig.time.advanceMs(100);
        rig.loop.open(Rig.ANNA, "test");
        only("prediction: there is no prediction yet since the loop opened");
        rig.offer(3);
        assertEquals(List.of(), rig.loop.close(Rig.ANNA, "test"));
    }

    @Test
    void theSetpointMustBeReadable() {
        rig.offer(3);
        rig.plant.readStatus = StatusCode.BAD_NOT_CONNECTED;
        only("setpoint: the present setpoint FIC-7.SP could not be read from connector plc1: BadNotConnected");
        rig.plant.readStatus = StatusCode.UNCERTAIN_LAST_USABLE_VALUE;
        only("setpoint: ");
    }

    @Test
    void theSetpointMustBeInsideTheEnvelope() {
        rig.plant.setpoint = 8.02;
        rig.offer(8);
        only("setpoint: the plant's setpoint 8.02 is outside 1.0 to 8.0");
        rig.plant.setpoint = 8.005; // within the tolerance, as a REAL may be
        assertEquals(List.of(), rig.loop.close(Rig.ANNA, "test"));
    }

    @Test
    void predictionAndSetpointMustBeNearEachOther() {
        rig.offer(4.5001);
        only("entry: dose 1.0.0 wants 4.5001, the plant's setpoint is 3.0");
        rig.offer(4.5);
        assertEquals(List.of(), rig.loop.close(Rig.ANNA, "test"));
    }

    @Test
    void twoConnectorsForOneTagAreTooMany() {
        rig.offer(3);
        rig.loop.addWriter(new FakePlant(rig.time, Rig.TARGET));
        only("writer: connectors [plc1, plc1] all write tag FIC-7.SP");
    }

    @Test
    void anAuditThatRefusesForbidsClosing() {
        rig.offer(3);
        rig.audit.writable = false;
        assertTrue(rig.loop.close(Rig.ANNA, "test").get(0).startsWith("audit: "));
        assertFalse(rig.loop.closed());
    }

    @Test
    void connectionAndUnitAreAskedWhereTheyAreKnown() {
        FakeSource source = new FakeSource();
        rig.loop.addSource(source);
        rig.offer(3);
        source.state = ConnectionStatus.State.LOST;
        only("connection: connector plc1 is LOST");
        source.state = ConnectionStatus.State.CONNECTED;
        source.unit = "MQH";
        only("unit: tag FIC-7.SP has unit MQH, output dose of dose 1.0.0 has M1");
        source.unit = "M1";
        source.type = DataType.INT; // a setpoint of 7.6 would leave as 8, above a limit of 7.6
        only("resolution: tag FIC-7.SP is INT in steps of 1, readBackTolerance 0.01 is less than half of one");
        source.scaling = new Scaling(0, 500, 0, 10.5); // steps of 0.021
        only("resolution: tag FIC-7.SP is INT in steps of 0.021");
        source.scaling = new Scaling(0, 1000, 10, -10); // steps of 0.02
        assertEquals(List.of(), rig.loop.close(Rig.ANNA, "test"));
        rig.loop.removeSource(source);
    }

    @Test
    void openingWhileTheGuardsAreAskedWins() {
        rig.offer(3);
        rig.loop.removeWriter(rig.plant);
        FakePlant slow = new FakePlant(rig.time, Rig.TARGET);
        slow.onRead = () -> rig.loop.open(Rig.ANNA, "no, wait");
        rig.loop.addWriter(slow);
        assertTrue(rig.loop.close(Rig.ANNA, "test").get(0).contains("was opened while"));
        assertFalse(rig.loop.closed());
    }

    @Test
    void aModelThatArrivesWhileTheGuardsAreAskedIsSeen() {
        rig.offer(3);
        rig.plant.onRead = () -> rig.loop.model(Rig.model("dose 9.0.0", 1, 8));
        assertTrue(rig.loop.close(Rig.ANNA, "test").get(0).contains("dose 9.0.0 is not among approvedReleases"));
        assertFalse(rig.loop.closed());
    }

    // An INT of 0 to 1000 for 20 to 120 steps by 0.1, and the loop refused a tolerance of 0.05 as less than half of
    // that.
    @Test
    void aToleranceOfExactlyHalfAStepIsEnough() {
        for (Scaling tenths : List.of(new Scaling(0, 1000, 20, 120), new Scaling(0, 1000, -199.8, -99.8))) {
            Rig half = new Rig(Map.of("deadband", 0.1, "readBackTolerance", 0.05));
            FakeSource source = new FakeSource();
            source.type = DataType.INT;
            source.scaling = tenths;
            half.loop.addSource(source);
            half.close();
        }
    }

    // Ben took back while Anna's closing asked its guards, was told that the loop is open, and then saw the pump move:
    // a
    // cycle had come at the very moment of closing.
    @Test
    void nothingIsWrittenForAClosingThatGivesWay() {
        rig.offer(3);
        rig.plant.onRead = () -> rig.loop.open(Rig.ANNA, "no, wait");
        aCycleAtTheMomentOfClosing();
        assertTrue(rig.loop.close(Rig.ANNA, "test").get(0).contains("was opened while"));
        assertEquals(List.of(), rig.plant.arrivals);
    }

    // The plant would follow a release that it never approved, for one write.
    @Test
    void nothingIsWrittenForAModelThatArrivesWhileTheGuardsAreAsked() {
        rig.offer(3);
        rig.plant.onRead = () -> rig.loop.model(Rig.model("dose 9.0.0", 1, 8));
        aCycleAtTheMomentOfClosing();
        assertTrue(rig.loop.close(Rig.ANNA, "test").get(0).contains("dose 9.0.0 is not among approvedReleases"));
        assertEquals(List.of(), rig.plant.arrivals);
    }

    private void aCycleAtTheMomentOfClosing() {
        rig.plant.onLookedUp = () -> {
            rig.plant.onRead = () -> {};
            assertFalse(rig.loop.closed(), "shown as closed before it was");
            assertEquals(Kind.NOT_OFFERED, rig.cycle(3.5).kind());
        };
    }

    @Test
    void anotherReadBackTagIsRead() {
        Rig other = new Rig(Map.of("readBackTag", "FIC-7.SPUSED"));
        other.close();
        assertEquals("FIC-7.SPUSED", other.plant.lastRead);
    }

    private static final class FakeSource implements TagSource {
        private ConnectionStatus.State state = ConnectionStatus.State.CONNECTED;
        private String unit = "";
        private DataType type = DataType.REAL;
        private Scaling scaling = Scaling.NONE;

        @Override
        public String name() {
            return "plc1";
        }

        @Override
        public List<TagDefinition> tags() {
            return List.of(new TagDefinition(
                    Rig.TARGET, "", "holding-register:1", type, 1, ByteOrder.ABCD, 1_000, scaling, unit, true));
        }

        @Override
        public ConnectionStatus connection() {
            return new ConnectionStatus(state, "", "", null, 0, 0);
        }

        @Override
        public Subscription subscribe(SampleListener listener) {
            return () -> {};
        }
    }
}
