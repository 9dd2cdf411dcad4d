// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.actuation.WriteOutcome.Kind;
import io.penstock.api.actuation.WriteReceipt;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.StatusCode;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Decisions of a loop, with the lane's work done by the test's own thread. */
class SetpointLoopTest {
    private final Rig rig = new Rig();

    private static void kind(Kind expected, WriteOutcome outcome) {
        assertEquals(expected, outcome.kind(), outcome.toString());
    }

    private void refused(String guard, WriteOutcome outcome) {
        kind(Kind.REFUSED, outcome);
        assertTrue(outcome.reason().startsWith(guard + ": "), outcome.reason());
        assertEquals(1, rig.loop.counts().refused().get(guard));
        AuditRecord kept = rig.audit.last("WRITE_REFUSED");
        assertTrue(kept.detail().contains(outcome.reason()), kept.detail());
        assertEquals("gateway", kept.actor());
        assertEquals("dose", kept.subject());
        rig.work();
        assertEquals(List.of(), rig.plant.arrivals);
    }

    // The plant's setpoint would move although nobody armed the loop.
    @Test
    void itStartsOpenAndWritesNothing() {
        assertFalse(rig.loop.closed());
        assertSame(WriteOutcome.NOT_OFFERED, rig.offer(4));
        rig.work();
        assertEquals(List.of(), rig.plant.arrivals);
        assertEquals(0, rig.plant.reads);
        assertEquals("", rig.loop.lastOpenReason());
        assertTrue(rig.loop.lastReceipt().isEmpty());
    }

    // The plant would see neither who armed the loop nor what was written.
    @Test
    void aClosedLoopWritesReadsBackAndTellsEverything() {
        rig.close();
        assertTrue(rig.loop.closed());
        AuditRecord closed = rig.audit.last("LOOP_CLOSED");
        assertEquals("anna", closed.actor());
        assertTrue(closed.detail().contains("dose 1.0.0"), closed.detail());

        WriteOutcome outcome = rig.cycle(3.5);
        kind(Kind.ASKED, outcome);
        assertEquals(3.5, outcome.value());
        assertEquals("", outcome.reason());
        assertEquals(3.5, rig.plant.setpoint);
        WriteReceipt receipt = rig.loop.lastReceipt().orElseThrow();
        assertEquals(WriteReceipt.Result.CONFIRMED, receipt.result());
        assertEquals(3.5, receipt.readBack());
        assertEquals(3.5, rig.audit.last("WRITE_ASKED").value());
        assertEquals("dose 1.0.0", rig.audit.last("WRITE_ASKED").detail());
        assertEquals(3.5, rig.audit.last("WRITE_CONFIRMED").value());
        assertEquals(1, rig.loop.counts().asked());
        assertEquals(1, rig.loop.counts().applied());
    }

    // A value from a stalled cycle would move the plant long after it was true.
    @Test
    void validityEndsWhereTheConfigurationSays() {
        rig.close();
        kind(Kind.SUPPRESSED, rig.offer(3, StatusCode.GOOD, 2_000, 100));
        refused("validity", rig.offer(3, StatusCode.GOOD, 2_001, 100));
    }

    // A clock taken for another would make old values look new.
    @Test
    void aPredictionFromTheFutureIsRefused() {
        rig.close();
        refused("validity", rig.offer(3, StatusCode.GOOD, -1, 100));
    }

    // A bad sensor would drive the actuator.
    @Test
    void badAndUncertainAreRefused() {
        rig.close();
        refused("quality", rig.offer(3, StatusCode.BAD_SENSOR_FAILURE));
        kind(Kind.REFUSED, rig.offer(3, StatusCode.UNCERTAIN_SUB_NORMAL));
        assertEquals(2, rig.loop.counts().refused().get("quality"));
        kind(Kind.SUPPRESSED, rig.offer(3, StatusCode.GOOD_CLAMPED));
    }

    // The plant said that it can live with Uncertain and would get nothing.
    @Test
    void uncertainPassesWhereThePlantSaysSo() {
        Rig other = new Rig(Map.of("acceptUncertain", true));
        other.close();
        kind(Kind.SUPPRESSED, other.offer(3, StatusCode.UNCERTAIN_SUB_NORMAL));
        kind(Kind.REFUSED, other.offer(3, StatusCode.BAD));
    }

    // NaN compares to nothing and would slip through every limit.
    @Test
    void whatIsNoNumberIsRefused() {
        rig.close();
        refused("finite", rig.offer(Double.NaN));
        kind(Kind.REFUSED, rig.offer(Double.POSITIVE_INFINITY));
        kind(Kind.REFUSED, rig.offer(Double.NEGATIVE_INFINITY));
        assertEquals(3, rig.loop.counts().refused().get("finite"));
    }

    // A frozen input would drive the actuator for hours.
    @Test
    void oldInputsAreRefused() {
        rig.close();
        kind(Kind.SUPPRESSED, rig.offer(3, StatusCode.GOOD, 0, 5_000));
        kind(Kind.SUPPRESSED, rig.offer(3, StatusCode.GOOD, 1_000, 4_000));
        refused("age", rig.offer(3, StatusCode.GOOD, 0, 5_001));
        kind(Kind.REFUSED, rig.offer(3, StatusCode.GOOD, 1_000, 4_001));
        rig.prediction.setTimes(0, rig.time.nanos(), Long.MAX_VALUE);
        kind(Kind.REFUSED, rig.loop.offer(rig.prediction));
    }

    // A little outside is a saturated model; far outside is a broken one.
    @Test
    void aLittleOutsideIsClampedAndMoreIsRefused() {
        Rig near = new Rig(Map.of("rateUpPerMinute", 1e9));
        near.plant.setpoint = 7.5;
        near.close();
        WriteOutcome outcome = near.cycle(8.7); // 10 percent of 7 is 0.7
        kind(Kind.LIMITED, outcome);
        assertEquals(8, outcome.value());
        assertEquals(8.7, outcome.offered());
        assertTrue(outcome.reason().startsWith("envelope: "), outcome.reason());
        assertEquals(8, near.plant.setpoint);
        assertEquals(1, near.loop.counts().limited());
        kind(Kind.REFUSED, near.cycle(8.7001));
        assertEquals(1, near.loop.counts().refused().get("envelope"));
        kind(Kind.REFUSED, near.cycle(0.2999));
        assertEquals(8, near.plant.setpoint);
    }

    // The model would drive the plant to where it never learned to be.
    @Test
    void theModelNarrowsTheEnvelopeAndNeverWidensIt() {
        Rig narrow = new Rig(Map.of("rateUpPerMinute", 1e9, "stepLimit", 7));
        narrow.loop.model(Rig.model("dose 1.1.0", 2, 4));
        narrow.close();
        assertEquals(4, narrow.cycle(4.5).value());
        narrow.loop.model(Rig.model("dose 1.0.0", -100, 100));
        assertEquals(8, narrow.cycle(8.5).value());
    }

    // The pump would jump.
    @Test
    void theRateIsLimitedUpAndDown() {
        rig.close();
        WriteOutcome up = rig.cycle(6);
        kind(Kind.SHED, up); // three away at the entry: not bumpless
        rig.close();
        rig.cycle(3.0);
        kind(Kind.LIMITED, rig.cycle(6));
        assertEquals(4, rig.plant.setpoint, 1e-9);
        assertTrue(rig.audit.last("WRITE_LIMITED").detail().contains("rate: "));
        rig.cycle(6);
        assertEquals(5, rig.plant.setpoint, 1e-9);
        rig.cycle(1);
        assertEquals(4.5, rig.plant.setpoint, 1e-9);
    }

    // After an hour without a change the plant would see an hour's worth of rate at once.
    @Test
    void standingStillSavesUpNoRate() {
        rig.close();
        for (int i = 0; i < 100; i++) {
            kind(Kind.SUPPRESSED, rig.cycle(3));
        }
        rig.cycle(8);
        assertEquals(4, rig.plant.setpoint, 1e-9);
    }

    // After a refusal the limiter would catch up with a jump.
    @Test
    void theLimiterRestartsFromThePlantAfterARefusal() {
        rig.close();
        rig.cycle(3);
        rig.cycle(Double.NaN);
        kind(Kind.SUPPRESSED, rig.cycle(8));
        assertEquals(3, rig.plant.setpoint);
        rig.cycle(8);
        assertEquals(4, rig.plant.setpoint, 1e-9);
    }

    // A valve would be worn out by noise.
    @Test
    void changesInsideTheDeadbandAreSuppressedAndKept() {
        rig.close();
        WriteOutcome outcome = rig.cycle(3.0499);
        kind(Kind.SUPPRESSED, outcome);
        assertTrue(outcome.reason().startsWith("deadband: "), outcome.reason());
        kind(Kind.ASKED, rig.cycle(3.0501));
        assertEquals(1, rig.loop.counts().suppressed());
        assertEquals(3.0499, rig.audit.last("WRITE_SUPPRESSED").offered());
    }

    // N4: the setpoint would stay outside the limits because it is only a little outside.
    @Test
    void theDeadbandNeverHoldsBackAMoveIntoTheLimits() {
        Rig other = new Rig(Map.of("deadband", 0.5, "rateDownPerMinute", 1e9));
        other.plant.setpoint = 4.2;
        other.close();
        kind(Kind.SUPPRESSED, other.cycle(4.2));
        other.loop.model(Rig.model("dose 1.1.0", 2, 4));
        kind(Kind.LIMITED, other.cycle(4.2));
        assertEquals(4, other.plant.setpoint);
        kind(Kind.SUPPRESSED, other.cycle(4.2));
    }

    // A slow PLC would be flooded.
    @Test
    void writesKeepTheirDistance() {
        Rig other = new Rig(Map.of("periodMinMs", 2_500L));
        other.close();
        kind(Kind.ASKED, other.cycle(3.2));
        WriteOutcome outcome = other.cycle(3.4);
        kind(Kind.SUPPRESSED, outcome);
        assertTrue(outcome.reason().startsWith("period: "), outcome.reason());
        kind(Kind.SUPPRESSED, other.cycle(3.4));
        kind(Kind.ASKED, other.cycle(3.4));
    }

    // The plant would follow a model that has been blind for minutes.
    @Test
    void tooManyRefusalsOpenTheLoopOnce() {
        rig.close();
        for (int i = 0; i < 5; i++) {
            kind(Kind.REFUSED, rig.cycle(Double.NaN));
        }
        WriteOutcome outcome = rig.cycle(Double.NaN);
        kind(Kind.SHED, outcome);
        assertTrue(outcome.reason().contains("6 predictions in a row"), outcome.reason());
        assertFalse(rig.loop.closed());
        assertSame(WriteOutcome.NOT_OFFERED, rig.cycle(3.2));
        assertTrue(rig.loop.lastOpenReason().startsWith("hold: "), rig.loop.lastOpenReason());
        assertEquals("gateway", rig.audit.last("LOOP_OPENED").actor());
        for (int i = 0; i < 100; i++) {
            assertSame(WriteOutcome.NOT_OFFERED, rig.cycle(3.2)); // and it never closes by itself
        }
        assertEquals(List.of(), rig.plant.arrivals);
    }

    // One good value in between starts the count anew, or a noisy input could never be borne.
    @Test
    void aUsablePredictionEndsTheHold() {
        rig.close();
        for (int i = 0; i < 50; i++) {
            kind(i % 5 == 4 ? Kind.SUPPRESSED : Kind.REFUSED, rig.cycle(i % 5 == 4 ? 3 : Double.NaN));
        }
        assertTrue(rig.loop.closed());
    }

    // Found out by the clock between two predictions, the operator was told that values were refused and not by what.
    @Test
    void theHoldTimeTellsWhatRefused() {
        rig.close();
        kind(Kind.REFUSED, rig.cycle(Double.NaN));
        rig.time.advanceMs(10_000);
        kind(Kind.REFUSED, rig.offer(Double.NaN));
        rig.time.advanceMs(1);
        rig.loop.watch();
        assertFalse(rig.loop.closed());
        assertTrue(rig.loop.lastOpenReason().contains("last by finite: "), rig.loop.lastOpenReason());
    }

    // With slow cycles the count alone would hold for hours.
    @Test
    void theHoldTimeOpensTheLoop() {
        rig.close();
        kind(Kind.REFUSED, rig.cycle(Double.NaN));
        rig.time.advanceMs(10_000);
        kind(Kind.REFUSED, rig.offer(Double.NaN));
        rig.time.advanceMs(1);
        kind(Kind.SHED, rig.offer(Double.NaN));
    }

    // A dead pipeline would leave the loop closed for ever.
    @Test
    void silenceOfThePipelineOpensTheLoop() {
        rig.close();
        rig.time.advanceMs(10_000);
        rig.loop.watch();
        assertTrue(rig.loop.closed());
        rig.time.advanceMs(1);
        rig.loop.watch();
        assertFalse(rig.loop.closed());
        assertTrue(rig.loop.lastOpenReason().contains("no prediction was offered"), rig.loop.lastOpenReason());
        kind(Kind.SHED, rig.offer(3));
        assertSame(WriteOutcome.NOT_OFFERED, rig.offer(3));
    }

    // The plant would follow a model it never approved.
    @Test
    void aModelThatIsNotApprovedOpensTheLoop() {
        rig.close();
        rig.loop.model(Rig.model("dose 2.0.0", 1, 8));
        assertFalse(rig.loop.closed());
        WriteOutcome outcome = rig.offer(3);
        kind(Kind.SHED, outcome);
        assertTrue(outcome.reason().contains("dose 2.0.0 is not among approvedReleases"), outcome.reason());
        assertTrue(rig.loop.close(Rig.ANNA, "again").get(0).startsWith("model: "));
    }

    // An approved update would need a new arming every time, or would bump the plant.
    @Test
    void anApprovedModelKeepsTheLoopClosedIfItEntersNearby() {
        rig.close();
        rig.cycle(3.2);
        rig.loop.model(Rig.model("dose 1.1.0", 1, 8));
        assertTrue(rig.loop.closed());
        kind(Kind.LIMITED, rig.cycle(4.7)); // 1.5 away: just near enough
        assertTrue(rig.audit.last("WRITE_LIMITED").detail().startsWith("dose 1.1.0"));
        rig.loop.model(Rig.model("dose 1.0.0", 1, 8));
        WriteOutcome outcome = rig.cycle(rig.plant.setpoint + 1.5001);
        kind(Kind.SHED, outcome);
        assertTrue(outcome.reason().startsWith("entry: "), outcome.reason());
    }

    // Told the same model twice, a loop would ask for its entry again and might open.
    @Test
    void theSameModelAgainChangesNothing() {
        rig.close();
        rig.cycle(3);
        rig.loop.model(Rig.model("dose 1.0.0", 1, 8));
        kind(Kind.LIMITED, rig.cycle(7));
        assertTrue(rig.loop.closed());
    }

    // A model whose range does not meet the plant's would be clamped to a limit for ever.
    @Test
    void aModelWithoutTheOutputOrRangeOrWithASlowCycleCannotBeArmed() {
        rig.loop.model(Rig.model("dose 1.1.0", 9, 12));
        assertTrue(rig.loop.close(Rig.ANNA, "x").toString().contains("nothing in common"));
        rig.loop.model(Rig.model("dose 1.1.0", Double.NaN, 12));
        assertTrue(rig.loop.close(Rig.ANNA, "x").toString().contains("nothing in common"));
        rig.loop.model(Rig.model("dose 1.1.0", 1, 8, 1_001));
        assertTrue(rig.loop.close(Rig.ANNA, "x").toString().contains("less than two cycles"));
        Rig other = new Rig(Map.of("output", "flow"));
        assertTrue(other.loop.close(Rig.ANNA, "x").toString().contains("no output 'flow'"));
    }

    // Values of another model's outputs would be taken for ours.
    @Test
    void aPredictionWithOtherOutputsIsRefused() {
        rig.close();
        Prediction other = new Prediction(List.of("dose", "doseLow"));
        other.set(0, 3.3, StatusCode.GOOD);
        other.set(1, 3.3, StatusCode.GOOD);
        other.setTimes(0, rig.time.nanos(), 0);
        refused("output", rig.loop.offer(other));
    }

    // The operator would take the machine back and it would move once more.
    @Test
    void openingStopsWhatWasDecidedButNotSent() {
        rig.close();
        rig.time.advanceMs(1_000);
        kind(Kind.ASKED, rig.offer(3.5));
        rig.loop.open(Rig.ANNA, "I take over");
        rig.work();
        assertEquals(List.of(), rig.plant.arrivals);
        assertEquals("I take over", rig.loop.lastOpenReason());
        assertEquals("anna", rig.audit.last("LOOP_OPENED").actor());
        assertSame(WriteOutcome.NOT_OFFERED, rig.offer(3.5));
        assertEquals(1, rig.audit.count("WRITE_SUPERSEDED"));
    }

    // The plant would get values in an order that nobody decided, or old ones after new ones.
    @Test
    void theNewestOfTheWaitingValuesWins() {
        rig.close();
        rig.time.advanceMs(300);
        kind(Kind.ASKED, rig.offer(3.1));
        rig.time.advanceMs(300);
        kind(Kind.ASKED, rig.offer(3.4));
        rig.work();
        assertEquals(1, rig.plant.arrivals.size());
        assertEquals(3.4, rig.plant.setpoint);
        assertEquals(1, rig.loop.counts().refused().get("superseded"));
        assertEquals(3.1, rig.audit.last("WRITE_SUPERSEDED").value());
    }

    // A value that waited too long would move the plant after its time.
    @Test
    void validityIsAskedAgainBeforeTheWrite() {
        rig.close();
        rig.time.advanceMs(1_000);
        kind(Kind.ASKED, rig.offer(3.5, StatusCode.GOOD, 1_000, 100));
        rig.time.advanceMs(1_001);
        rig.work();
        assertEquals(List.of(), rig.plant.arrivals);
        assertEquals(1, rig.loop.counts().refused().get("validity"));
        assertTrue(rig.audit.last("WRITE_REFUSED").detail().contains("validity"));
    }

    // The loop would go on although the plant does not do what it is told.
    @Test
    void readBackMismatchesOpenTheLoop() {
        rig.close();
        rig.plant.ignoresWrites = true;
        rig.cycle(3.5);
        WriteReceipt receipt = rig.loop.lastReceipt().orElseThrow();
        assertEquals(WriteReceipt.Result.MISMATCH, receipt.result());
        assertEquals(3, receipt.readBack());
        assertTrue(rig.loop.closed());
        assertEquals(1, rig.audit.count("WRITE_MISMATCH"));
        rig.cycle(3.5); // the limiter restarts from what the plant shows
        rig.cycle(3.5);
        assertFalse(rig.loop.closed());
        assertEquals(2, rig.loop.counts().readBackMismatches());
        assertTrue(rig.loop.lastOpenReason().startsWith("readBack: "), rig.loop.lastOpenReason());
        kind(Kind.SHED, rig.cycle(3.5));
    }

    // A plant that shows its setpoint a little later would count as one that ignores it.
    @Test
    void theReadBackHasItsTime() {
        rig.close();
        rig.plant.latencyNanos = 120_000_000;
        rig.plant.readLatencyNanos = 120_000_000;
        rig.plant.setpoint = 3;
        rig.time.advanceMs(1_000);
        rig.offer(3.5);
        rig.work();
        assertEquals(
                WriteReceipt.Result.CONFIRMED,
                rig.loop.lastReceipt().orElseThrow().result());
        assertTrue(rig.loop.lastReceipt().orElseThrow().writeMicros() >= 120_000);
    }

    // The tolerance of the plant's REAL would look like a fault.
    @Test
    void readingBackWithinToleranceConfirms() {
        Rig other = new Rig(Map.of("readBackTolerance", 0.01));
        other.close();
        other.plant.offset = 0.0099;
        other.cycle(3.5);
        assertEquals(
                WriteReceipt.Result.CONFIRMED,
                other.loop.lastReceipt().orElseThrow().result());
        other.plant.offset = 0.0101;
        other.cycle(3.9);
        assertEquals(
                WriteReceipt.Result.MISMATCH,
                other.loop.lastReceipt().orElseThrow().result());
    }

    // Between the operator's closing and the first write the PLC's own control goes on; its move would be taken for a
    // stranger's.
    @Test
    void untilTheFirstWriteTheSetpointIsFollowed() {
        rig.close();
        rig.plant.setpoint = 3.2;
        rig.time.advanceMs(1_100);
        rig.work();
        assertEquals(0, rig.loop.counts().readBackMismatches());
        rig.cycle(3.2);
        rig.plant.setpoint = 3.4;
        rig.time.advanceMs(1_100);
        rig.work();
        assertEquals(0, rig.loop.counts().readBackMismatches(), "nothing was written yet: inside the deadband");
        rig.cycle(3.6);
        assertEquals(3.6, rig.plant.setpoint, 1e-9, "limited from where the plant is, not from where it was");
        rig.plant.setpoint = 3.2;
        rig.time.advanceMs(1_100);
        rig.work();
        assertEquals(1, rig.loop.counts().readBackMismatches(), "now the setpoint is ours");
    }

    // Armed at 3 with nothing to write yet, the loop would ramp an operator's 6 back to 3, and no guard would say a
    // word.
    @Test
    void theStepLimitIsAskedAgainWhereThePlantMovesBeforeTheFirstWrite() {
        rig.close();
        kind(Kind.SUPPRESSED, rig.cycle(3));
        rig.plant.setpoint = 6;
        kind(Kind.SUPPRESSED, rig.cycle(3)); // then the lane sees it
        WriteOutcome outcome = rig.cycle(3);
        kind(Kind.SHED, outcome);
        assertTrue(
                outcome.reason().startsWith("entry: dose 1.0.0 wants 3.0, the plant's setpoint is 6.0"),
                outcome.reason());
        assertEquals(List.of(), rig.plant.arrivals);

        Rig near = new Rig();
        near.close();
        near.cycle(3);
        near.plant.setpoint = 4.5;
        near.cycle(3);
        kind(Kind.LIMITED, near.cycle(3));
        assertTrue(near.loop.closed(), near.loop.lastOpenReason());
    }

    // The first write met a PLC that was starting anew and came back with another setpoint: it would be ramped away.
    @Test
    void theStepLimitIsAskedAgainAfterAFirstWriteThatFailed() {
        rig.close();
        rig.plant.writeStatus = StatusCode.BAD_COMMUNICATION_ERROR;
        rig.plant.ignoresWrites = true;
        rig.plant.onWrite = () -> rig.plant.setpoint = 6;
        rig.cycle(3.5);
        kind(Kind.SHED, rig.cycle(3.5));
        assertTrue(rig.loop.lastOpenReason().startsWith("entry: "), rig.loop.lastOpenReason());
    }

    // The operator's move and the first value met in the lane: it was written, and with that counted as the loop's own.
    @Test
    void theStepLimitIsAskedAgainOfAFirstValueThatMeetsTheMove() {
        Rig eager = new Rig(Map.of("deadband", 0));
        eager.close();
        eager.time.advanceMs(1_000);
        eager.plant.onRead = () -> {
            eager.plant.onRead = () -> {};
            eager.plant.setpoint = 6;
            kind(Kind.ASKED, eager.offer(3.2));
        };
        eager.work(); // sees the move
        eager.time.advanceMs(1);
        eager.work(); // comes to the value
        assertEquals(List.of(), eager.plant.arrivals);
        assertEquals(1, eager.loop.counts().refused().get("entry"));
        kind(Kind.SHED, eager.cycle(3.2));
    }

    // A first write that takes several cycles to the plant would open the loop, because the model meanwhile went on.
    @Test
    void theStepLimitIsNotAskedAgainWhileTheFirstWriteIsOnItsWay() {
        rig.close();
        rig.time.advanceMs(1_000);
        kind(Kind.LIMITED, rig.offer(4.4));
        rig.time.advanceMs(300);
        kind(Kind.LIMITED, rig.offer(4.6)); // 1.6 from what the plant still has
        rig.work();
        assertEquals(4.3, rig.plant.setpoint, 1e-9);
        assertTrue(rig.loop.closed(), rig.loop.lastOpenReason());
    }

    // The gateway would fight an operator who changes the setpoint by hand.
    @Test
    void anotherWriterIsSeenAndOpensTheLoop() {
        rig.close();
        rig.cycle(3.5);
        rig.plant.setpoint = 4.5;
        rig.cycle(3.5);
        assertTrue(rig.loop.lastReceipt().orElseThrow().reason().contains("another writer"));
        assertTrue(rig.loop.closed());
        rig.plant.setpoint = 5.5;
        rig.cycle(3.5);
        rig.cycle(3.5);
        assertFalse(rig.loop.closed());
    }

    // A setpoint outside the limits would be pulled in by a jump, or followed outside.
    @Test
    void aSetpointOutsideTheEnvelopeIsNotTouched() {
        rig.close();
        rig.plant.setpoint = 9;
        rig.time.advanceMs(1_000);
        rig.offer(3);
        rig.work(); // sees it
        refused("setpoint", rig.offer(3.2));
    }

    // A failed write leaves open what the plant has; guessing it would break the rate limit.
    @Test
    void afterAFailedWriteTheSetpointIsReadBeforeTheNext() {
        rig.close();
        rig.plant.writeStatus = StatusCode.BAD_TIMEOUT; // but it was applied
        rig.cycle(3.5);
        WriteReceipt receipt = rig.loop.lastReceipt().orElseThrow();
        assertEquals(WriteReceipt.Result.FAILED, receipt.result());
        assertEquals("the connector reports BadTimeout", receipt.reason());
        assertEquals(1, rig.loop.counts().failed());
        rig.plant.writeStatus = StatusCode.GOOD;
        rig.cycle(4.9);
        assertEquals(4.5, rig.plant.setpoint, 1e-9);
    }

    // Without the plant's answer nothing may be written at all.
    @Test
    void anUnreadableSetpointRefuses() {
        rig.close();
        rig.plant.writeStatus = StatusCode.BAD_COMMUNICATION_ERROR;
        rig.plant.readStatus = StatusCode.BAD_NOT_CONNECTED;
        rig.plant.ignoresWrites = true;
        rig.cycle(3.5);
        refused("setpoint", rig.offer(3.5));
        rig.plant.readStatus = StatusCode.GOOD;
        rig.plant.writeStatus = StatusCode.GOOD;
        rig.plant.ignoresWrites = false;
        rig.cycle(3.5); // refused still, but the lane reads the setpoint
        rig.cycle(3.5); // the limiter restarts there
        rig.cycle(3.5);
        assertEquals(3.5, rig.plant.setpoint);
    }

    // The loop would write for ever into a wire that is cut.
    @Test
    void failedWritesOpenTheLoop() {
        rig.close();
        rig.plant.throwsUp = true;
        rig.cycle(3.5);
        rig.cycle(3.5);
        rig.cycle(3.5);
        assertFalse(rig.loop.closed());
        assertTrue(rig.loop.lastOpenReason().startsWith("write: 2 writes failed"), rig.loop.lastOpenReason());
        assertTrue(rig.loop.lastOpenReason().contains("broken connector"), rig.loop.lastOpenReason());

        // and a new closing starts with a clean count
        rig.plant.throwsUp = false;
        rig.close();
        rig.plant.writeStatus = StatusCode.BAD_TIMEOUT;
        rig.cycle(3.2);
        assertTrue(rig.loop.closed());
    }

    // The loop would stay closed on a connector that is not there.
    @Test
    void aConnectorThatGoesOpensTheLoop() {
        rig.close();
        rig.time.advanceMs(1_000);
        rig.offer(3.5);
        rig.loop.removeWriter(rig.plant);
        assertFalse(rig.loop.closed());
        rig.work();
        assertEquals(List.of(), rig.plant.arrivals);
        assertEquals("writer: connector plc1 is gone", rig.loop.lastOpenReason());
        assertTrue(rig.loop.close(Rig.ANNA, "x").get(0).startsWith("writer: no connector writes tag FIC-7.SP"));
    }

    // Times of records, ages and validity would be wrong by hours.
    @Test
    void aClockStepOpensTheLoop() {
        rig.close();
        rig.time.advanceMs(250);
        rig.time.stepWallMs(2_000);
        rig.loop.watch();
        assertTrue(rig.loop.closed());
        rig.time.stepWallMs(-2_001);
        rig.loop.watch();
        assertFalse(rig.loop.closed());
        assertTrue(rig.loop.lastOpenReason().contains("stepped by -2001 ms"), rig.loop.lastOpenReason());
    }

    // Nobody could say afterwards what the gateway did.
    @Test
    void withoutAuditTheLoopOpensAfterAMinute() {
        rig.close();
        rig.audit.writable = false;
        rig.loop.watch();
        for (int i = 0; i < 60; i++) {
            rig.cycle(3);
            rig.loop.watch();
            assertTrue(rig.loop.closed());
        }
        rig.cycle(3);
        rig.loop.watch();
        assertFalse(rig.loop.closed());
        assertTrue(rig.loop.lastOpenReason().startsWith("audit: "), rig.loop.lastOpenReason());
        rig.offer(3);
        assertTrue(rig.loop.close(Rig.ANNA, "x").get(0).startsWith("audit: "));
    }

    // An update of the audit bundle would open every loop, or lose records unseen.
    @Test
    void aShortAbsenceOfTheAuditIsBorneAndRecorded() {
        rig.close();
        rig.loop.unsetAuditLog(rig.audit);
        rig.cycle(3);
        rig.loop.watch();
        rig.loop.setAuditLog(rig.audit);
        rig.loop.watch();
        assertTrue(rig.loop.closed());
        assertEquals(1, rig.audit.last("AUDIT_MISSED").value());
    }

    // The second loop would push the tag to and fro.
    @Test
    void twoLoopsOnOneTagAreRefusedByName() {
        IllegalStateException e =
                assertThrows(IllegalStateException.class, () -> new Rig(Map.of("name", "second"), rig.leases));
        assertTrue(e.getMessage().contains("'dose' already writes tag FIC-7.SP"), e.getMessage());
        assertTrue(e.getMessage().contains("loop 'second'"), e.getMessage());
        e = assertThrows(IllegalStateException.class, () -> new Rig(Map.of("target", "OTHER"), rig.leases));
        assertTrue(e.getMessage().contains("'dose' is configured already"), e.getMessage());
        e = assertThrows(
                IllegalStateException.class, () -> new Rig(Map.of("name", "second", "target", "OTHER"), rig.leases));
        assertTrue(e.getMessage().contains("'dose' already takes the predictions of 'coagulation'"), e.getMessage());
        new Rig(Map.of("name", "second", "target", "OTHER", "pipeline", "other"), rig.leases).loop.stop();
        rig.loop.stop();
        assertFalse(new Rig(Map.of("name", "second"), rig.leases).loop.closed());
    }

    // After a change of limits the plant would be driven by a loop that nobody armed.
    @Test
    void stoppingOpensAndSaysSo() {
        rig.close();
        rig.loop.stop();
        assertFalse(rig.loop.closed());
        assertTrue(rig.audit.last("LOOP_OPENED").detail().contains("configuration changed"));
    }

    // The wire to the PLC is cut while the prediction stands still: nobody would notice, and the loop would still be
    // closed
    // when a restarted PLC comes back with another setpoint.
    @Test
    void aSetpointThatCannotBeReadOpensTheLoop() {
        rig.close();
        rig.cycle(3.5);
        rig.plant.readStatus = StatusCode.BAD_NOT_CONNECTED;
        for (int i = 0; i < 11; i++) { // watchPeriodMs + holdMs = 11 s
            kind(Kind.SUPPRESSED, rig.cycle(3.5));
            rig.loop.watch();
            assertTrue(rig.loop.closed(), "after " + i);
        }
        kind(Kind.SUPPRESSED, rig.cycle(3.5));
        rig.loop.watch();
        assertFalse(rig.loop.closed());
        assertTrue(
                rig.loop
                        .lastOpenReason()
                        .startsWith("setpoint: FIC-7.SP could not be read for 12000 ms, limit 11000 ms"),
                rig.loop.lastOpenReason());
        rig.plant.readStatus = StatusCode.GOOD;
        for (int i = 0; i < 20; i++) {
            rig.cycle(3.5);
            rig.loop.watch();
            assertFalse(rig.loop.closed(), "the connection came back, and the loop closed by itself");
        }
        rig.close();
        rig.loop.watch();
        assertTrue(rig.loop.closed());
    }

    // A healthy loop with nothing to write opened with "could not be read": the lane woke at whole seconds, found 1000
    // ms too
    // early for a look every 1200 ms, and came at 2000, after the limit of 1800.
    @Test
    void aQuietLoopIsLookedAtInTime() {
        Rig quiet =
                new Rig(Map.of("watchPeriodMs", 1_200L, "validityMs", 200L, "readBackTimeMs", 300L, "holdMs", 600L));
        quiet.loop.model(Rig.model("dose 1.1.0", 1, 8, 100));
        quiet.close();
        quietFor(quiet, 20_000);
        assertTrue(quiet.loop.closed(), quiet.loop.lastOpenReason());
        assertEquals(1 + 1 + 20_000 / 1_200, quiet.plant.reads, "closing, the first look and those that followed");
    }

    // One answer lost on the wire opened a loop that is looked at less often than every holdMs: nobody asked again.
    @Test
    void aReadThatFailsIsTriedAgainBeforeTheLoopOpens() {
        for (Map<String, ?> times : List.of(
                Map.of("watchPeriodMs", 10_000L, "holdMs", 5_000L),
                Map.of("watchPeriodMs", 1_200L, "validityMs", 300L, "readBackTimeMs", 300L, "holdMs", 600L))) {
            Rig lossy = new Rig(times);
            lossy.loop.model(Rig.model("dose 1.1.0", 1, 8, 100));
            lossy.close();
            lossy.plant.onRead = () ->
                    lossy.plant.readStatus = lossy.plant.reads % 2 == 0 ? StatusCode.BAD_TIMEOUT : StatusCode.GOOD;
            quietFor(lossy, 60_000);
            assertTrue(lossy.loop.closed(), lossy.loop.lastOpenReason());
            lossy.plant.onRead = () -> lossy.plant.readStatus = StatusCode.BAD_TIMEOUT;
            quietFor(lossy, 16_000);
            assertFalse(lossy.loop.closed(), "and an answer that never comes is still noticed");
        }
    }

    /** The pipeline offers every 100 ms what the plant has, and the lane wakes when its rest is over. */
    private static void quietFor(Rig rig, long ms) {
        long wake = rig.time.nanos();
        for (long passed = 0; passed < ms; passed += 100) {
            rig.offer(3);
            if (rig.time.nanos() >= wake) {
                rig.work();
                wake = rig.time.nanos() + rig.loop.restNanos();
            }
            rig.loop.watch();
            rig.time.advanceMs(100);
        }
    }

    // An operator opens a loop that just opened by itself: SCADA would never see why it did.
    @Test
    void openingAnOpenLoopKeepsTheReason() {
        rig.close();
        rig.loop.model(Rig.model("dose 2.0.0", 1, 8));
        rig.loop.open(Rig.ANNA, "just to be sure");
        assertTrue(rig.loop.lastOpenReason().startsWith("model: "), rig.loop.lastOpenReason());
        WriteOutcome outcome = rig.offer(3);
        kind(Kind.SHED, outcome);
        assertTrue(outcome.reason().startsWith("model: "), outcome.reason());
        assertEquals(1, rig.audit.count("LOOP_OPENED"));
    }

    // The wall clock stepped by an hour would let the setpoint jump by an hour's worth, or stand still for one.
    @Test
    void ratesAndAgesComeFromTheMonotonicClock() {
        for (long step : new long[] {3_600_000, -3_600_000}) {
            Rig other = new Rig();
            other.close();
            other.cycle(3);
            other.cycle(4.5);
            assertEquals(4, other.plant.setpoint, 1e-9);
            other.time.stepWallMs(step); // the watch has not seen it yet
            kind(Kind.LIMITED, other.cycle(8));
            assertEquals(5, other.plant.setpoint, 1e-9);
            kind(Kind.LIMITED, other.cycle(1));
            assertEquals(4.5, other.plant.setpoint, 1e-9);
            other.loop.watch();
            assertFalse(other.loop.closed());
            assertTrue(other.loop.lastOpenReason().contains("stepped by " + step + " ms"), other.loop.lastOpenReason());
        }
    }

    // After cycles that failed to come, the plant would see the rate of all of them at once.
    @Test
    void aGapCountsAsItsValidityAtMost() {
        rig.close();
        rig.cycle(3);
        rig.time.advanceMs(9_000);
        kind(Kind.LIMITED, rig.offer(8));
        rig.work();
        assertEquals(5, rig.plant.setpoint, 1e-9, "two seconds' worth, validityMs, not nine");
        rig.time.advanceMs(9_000);
        kind(Kind.LIMITED, rig.offer(1));
        rig.work();
        assertEquals(4, rig.plant.setpoint, 1e-9);
    }

    // Rate 2 a minute, deadband 0.1, a look every second: each look started the ramp anew, and the loop stood closed
    // without
    // ever writing.
    @Test
    void aSlowRampLeavesTheDeadbandAlthoughThePlantIsLookedAt() {
        for (double drift :
                new double[] {0, 0.015}) { // the PLC's own control stands, or moves by more than the tolerance
            Rig slow = new Rig(Map.of("rateUpPerMinute", 2, "rateDownPerMinute", 2, "deadband", 0.1));
            slow.close();
            for (int i = 0; i < 5 && slow.plant.arrivals.isEmpty(); i++) {
                slow.plant.setpoint = 3 + (i + 1) * drift;
                slow.time.advanceMs(900);
                slow.work();
                slow.time.advanceMs(100);
                slow.offer(4);
                slow.work();
            }
            assertFalse(slow.plant.arrivals.isEmpty(), "nothing was written, drift " + drift);
            for (int i = 0; i < 20; i++) {
                slow.cycle(4);
            }
            double moved = slow.plant.setpoint - slow.plant.arrivals.get(0).value();
            assertTrue(moved > 0.5 && moved < 20 * 2 / 60.0 + 0.1, "moved by " + moved + ", drift " + drift);
            assertTrue(slow.loop.closed(), slow.loop.lastOpenReason());
        }
    }
}
