// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.actuation.WriteOutcome.Kind;
import io.penstock.api.actuation.WriteReceipt;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The loop with its own threads, against connectors that are slow or do not answer. */
@Timeout(30)
class LaneTest {
    private final Rig rig = new Rig();
    private final SetpointLoop loop = realTime();

    private SetpointLoop realTime() {
        Map<String, Object> properties = Rig.properties();
        properties.put("watchPeriodMs", 3_000L);
        SetpointLoop real = new SetpointLoop(
                Settings.of(properties),
                new Leases(),
                java.time.Clock.systemUTC(),
                System::nanoTime,
                LockSupport::parkNanos);
        real.addWriter(rig.plant);
        real.setAuditLog(rig.audit);
        real.model(Rig.model("dose 1.0.0", 1, 8));
        real.start();
        return real;
    }

    @AfterEach
    void stop() {
        long before = System.nanoTime();
        loop.stop();
        assertTrue(System.nanoTime() - before < 2_000_000_000L, "stopping took too long");
    }

    private Kind offer(double value) {
        rig.prediction.set(1, value, 0);
        rig.prediction.setTimes(0, System.nanoTime(), 0);
        long before = System.nanoTime();
        Kind kind = loop.offer(rig.prediction).kind();
        assertTrue(System.nanoTime() - before < 400_000_000L, "the cycle was held up");
        return kind;
    }

    private void close() {
        offer(3);
        assertEquals(java.util.List.of(), loop.close(Rig.ANNA, "test"));
    }

    /** It opens first and says why right after. */
    private boolean openedAndSaidWhy() {
        return !loop.closed() && !loop.lastOpenReason().isEmpty();
    }

    /** Offers until the ramp has left the deadband; a second after closing it has arrived. */
    private void move() {
        Set<Kind> asked = Set.of(Kind.LIMITED, Kind.ASKED);
        assertTrue(Rig.within(5_000, () -> asked.contains(offer(4))), "nothing was asked");
    }

    // The plant would wait for a value that the test's thread had to carry itself.
    @Test
    void aValueReachesThePlantByItself() {
        close();
        move();
        assertTrue(Rig.within(5_000, () -> loop.counts().applied() > 0));
        assertTrue(Rig.within(5_000, () -> loop.lastReceipt()
                .filter(r -> r.result() == WriteReceipt.Result.CONFIRMED)
                .isPresent()));
    }

    // A healthy demo showed 23 of 470 writes as superseded: each lay for a cycle, as the lane was reading when it came.
    @Test
    void aValueThatComesWhileThePlantIsReadGoesOutAtOnce() throws InterruptedException {
        close();
        rig.plant.holdsReads = true;
        assertTrue(
                Rig.within(5_000, () -> {
                    offer(3);
                    return rig.plant.heldReads.size() == 1;
                }),
                "the lane never looked");
        move();
        Thread.sleep(20); // the lane wakes, finds no answer to its read yet, and waits on
        rig.plant.answerReads();
        assertTrue(Rig.within(2_000, () -> !rig.plant.arrivals.isEmpty()), "it waited for the next look");
    }

    // The cycle would wait for a PLC that does not answer, and the loop would stay closed on it.
    @Test
    void aWriteWithoutAnswerOpensTheLoopAndHoldsUpNobody() {
        close();
        rig.plant.hangs = true;
        move();
        assertTrue(Rig.within(5_000, () -> {
            offer(4);
            return openedAndSaidWhy();
        }));
        assertTrue(loop.lastOpenReason().startsWith("writer: "), loop.lastOpenReason());
        assertEquals(1, rig.plant.held.size());
        assertTrue(Rig.within(5_000, () -> loop.lastReceipt()
                .filter(r -> r.result() == WriteReceipt.Result.FAILED)
                .isPresent()));
        offer(3);
        assertTrue(loop.close(Rig.ANNA, "again").toString().contains("busy: "));
        rig.plant.answerHeld();
        assertTrue(Rig.within(5_000, () -> {
            offer(3);
            return loop.close(Rig.ANNA, "now").isEmpty();
        }));
    }

    // A driver whose call never returns would take the pipeline with it.
    @Test
    void aConnectorThatBlocksOpensTheLoopAndHoldsUpNobody() {
        close();
        rig.plant.blocks = true;
        move();
        assertTrue(Rig.within(5_000, () -> {
            offer(4);
            return openedAndSaidWhy();
        }));
        assertTrue(loop.lastOpenReason().contains("has not answered"), loop.lastOpenReason());
        long before = System.nanoTime();
        loop.open(Rig.ANNA, "I take over");
        assertTrue(System.nanoTime() - before < 1_000_000_000L, "opening waited for the connector");
        rig.plant.blocks = false;
    }

    // A connector replaced under way owes the old answer to nobody; the new one can be armed at once.
    @Test
    void aConnectorThatGoesInMidWriteFreesTheLoop() {
        close();
        rig.plant.hangs = true;
        move();
        assertTrue(Rig.within(5_000, () -> rig.plant.held.size() == 1));
        loop.removeWriter(rig.plant);
        assertFalse(loop.closed());
        loop.addWriter(new FakePlant(rig.time, Rig.TARGET));
        assertTrue(Rig.within(5_000, () -> {
            offer(3);
            return !loop.closed() && loop.close(Rig.ANNA, "again").isEmpty();
        }));
    }

    // Threads of a loop that is gone would write on.
    @Test
    void stoppingLeavesNoThread() {
        close();
        loop.stop();
        assertTrue(Rig.within(5_000, () -> Thread.getAllStackTraces().keySet().stream()
                .noneMatch(t -> t.getName().startsWith("actuation-"))));
    }
}
