// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.audit.AuditRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Had one of these failed, the plant would have seen a write that nobody can account for, or the disk would hold the loop. */
class IntentTest {
    private final Rig rig = new Rig();

    private List<String> actions() {
        return rig.audit.records.stream()
                .map(AuditRecord::action)
                .filter(action -> action.startsWith("WRITE_") || action.startsWith("LOOP_"))
                .toList();
    }

    @Test
    void theIntentIsOnDiskBeforeTheWriteLeavesAndTheClosingBeforeThat() {
        List<String> order = new ArrayList<>();
        rig.audit.beforeCommit =
                entry -> order.add(entry.action() + " with " + rig.plant.arrivals.size() + " at the plant");
        rig.close();
        rig.cycle(3.5);
        rig.cycle(4);
        assertEquals(
                List.of(
                        "LOOP_CLOSED with 0 at the plant",
                        "WRITE_INTENT with 0 at the plant",
                        "WRITE_INTENT with 1 at the plant"),
                order);
        assertEquals(
                List.of(
                        "LOOP_CLOSED",
                        "WRITE_ASKED",
                        "WRITE_INTENT",
                        "WRITE_CONFIRMED",
                        "WRITE_ASKED",
                        "WRITE_INTENT",
                        "WRITE_CONFIRMED"),
                actions());
        AuditRecord intent = rig.audit.last("WRITE_INTENT");
        assertEquals(4, intent.value());
        assertEquals("gateway", intent.actor());
    }

    // A dead disk: nothing leaves any more, and after the hold time the plant is told that nobody steers.
    @Test
    void withoutADiskNothingLeavesAndTheLoopOpensAfterTheHoldTime() {
        rig.close();
        rig.audit.writable = false;
        rig.cycle(3.5);
        assertEquals(0, rig.plant.arrivals.size());
        assertEquals(1, rig.loop.counts().refused().get("audit"));
        for (int i = 0; i < 9; i++) {
            rig.cycle(3.5);
        }
        assertTrue(rig.loop.closed(), "holdMs is 10 s");
        rig.cycle(3.5);
        rig.cycle(3.5);
        assertFalse(rig.loop.closed());
        assertEquals(0, rig.plant.arrivals.size());
        assertTrue(
                rig.loop.lastOpenReason().startsWith("audit: no write could be recorded"), rig.loop.lastOpenReason());
        assertEquals(1, rig.audit.count("LOOP_OPENED"), "insisted on");
    }

    @Test
    void aDiskThatIsBackInTimeLetsTheLoopGoOn() {
        rig.close();
        rig.audit.writable = false;
        rig.cycle(3.5);
        rig.audit.writable = true;
        for (int i = 0; i < 15; i++) {
            rig.cycle(3.5 + i % 2);
        }
        assertTrue(rig.loop.closed());
        assertTrue(rig.plant.arrivals.size() > 1);
    }

    // A slow disk held a value until it was old; the plant got it all the same.
    @Test
    void aValueThatAgesWhileItsRecordIsWrittenDoesNotLeave() {
        rig.close();
        rig.audit.beforeCommit = entry -> rig.time.advanceMs(2_500);
        rig.cycle(3.5);
        assertEquals(0, rig.plant.arrivals.size());
        AuditRecord withdrawn = rig.audit.last("WRITE_WITHDRAWN");
        assertTrue(withdrawn.detail().contains("validity: "), withdrawn.detail());
        assertEquals(3.5, withdrawn.value());
    }

    // The operator opened while the disk was slow: the write went out behind his back, or he waited for the disk.
    @Test
    void anOpeningWhileTheRecordIsWrittenWinsAtOnce() {
        rig.close();
        rig.audit.beforeCommit = entry -> rig.loop.open(Rig.ANNA, "mine");
        rig.cycle(3.5);
        assertEquals(0, rig.plant.arrivals.size());
        assertFalse(rig.loop.closed());
        assertTrue(rig.audit.last("WRITE_WITHDRAWN").detail().contains("opened before it could go out"));
        AuditRecord opened = rig.audit.last("LOOP_OPENED");
        assertEquals("anna", opened.actor());
        assertEquals("test", opened.origin());
    }

    // The record of the closing is not on disk: the loop must stay open, and say why.
    @Test
    void noRecordNoClosing() {
        rig.offer(3);
        rig.audit.beforeCommit = entry -> rig.audit.writable = false; // the guards found it well a moment ago
        List<String> failing = rig.loop.close(Rig.ANNA, "test");
        assertTrue(failing.toString().contains("audit: the record of closing was not on disk"), failing.toString());
        assertFalse(rig.loop.closed());
    }

    // Every way an intent can end is on record, so that one without an end means a process without one.
    @Test
    void everyIntentEnds() {
        for (Runnable fault : List.<Runnable>of(
                () -> {},
                () -> rig.plant.writeStatus = io.penstock.api.data.StatusCode.BAD_TIMEOUT,
                () -> rig.plant.ignoresWrites = true,
                () -> rig.audit.beforeCommit = entry -> rig.loop.open(Rig.ANNA, "mine"),
                () -> rig.plant.throwsUp = true)) {
            rig.plant.setpoint = 3;
            rig.close();
            fault.run();
            rig.cycle(3.5);
            rig.plant.writeStatus = io.penstock.api.data.StatusCode.GOOD;
            rig.plant.ignoresWrites = false;
            rig.plant.throwsUp = false;
            rig.audit.beforeCommit = entry -> {};
            rig.loop.open(Rig.ANNA, "next");
            long ends = rig.audit.records.stream()
                    .filter(r -> List.of("WRITE_CONFIRMED", "WRITE_MISMATCH", "WRITE_FAILED", "WRITE_WITHDRAWN")
                            .contains(r.action()))
                    .count();
            assertEquals(rig.audit.count("WRITE_INTENT"), ends, actions().toString());
        }
        assertEquals(5, rig.audit.count("WRITE_INTENT"));
    }

    // A loop of which the plant says that the disk need not be waited for; but a write that is not taken at all stays
    // here.
    @Test
    void aQueuedIntentWaitsForNoDisk() {
        Rig queued = new Rig(Map.of("intent", "queued"));
        queued.close();
        queued.audit.beforeCommit = entry -> {
            throw new AssertionError("waits for the disk: " + entry);
        };
        queued.cycle(3.5);
        assertEquals(1, queued.plant.arrivals.size());
        queued.audit.writable = false;
        queued.cycle(4);
        assertEquals(1, queued.plant.arrivals.size());
    }

    @Test
    void anotherPolicyIsRefused() {
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> new Rig(Map.of("intent", "never")));
        assertEquals("intent: durable or queued, was 'never'", e.getMessage());
    }

    // The audit bundle was being updated when the operator opened: the opening was never on record.
    @Test
    void anOpeningWhileThereIsNoLogIsRecordedWhenItIsBack() {
        rig.close();
        rig.loop.unsetAuditLog(rig.audit);
        rig.cycle(3.5);
        assertEquals(0, rig.plant.arrivals.size(), "nothing leaves without a log");
        rig.loop.open(Rig.ANNA, "mine");
        assertEquals(0, rig.audit.count("LOOP_OPENED"));
        rig.loop.setAuditLog(rig.audit);
        assertEquals(1, rig.audit.count("LOOP_OPENED"));
        assertTrue(rig.audit.last("AUDIT_MISSED").value() >= 2, "the value that was asked, its intent and its end");
        rig.close();
        assertTrue(rig.loop.closed());
    }
}
