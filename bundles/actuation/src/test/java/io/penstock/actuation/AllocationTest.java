// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.penstock.api.actuation.WriteOutcome.Kind;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

class AllocationTest {
    private static final int ROUNDS = 20_000;

    private static double bytesPerOffer(Rig rig, double value) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (int i = 0; i < 5 * ROUNDS; i++) {
            rig.offer(value);
        }
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < ROUNDS; i++) {
            rig.offer(value);
        }
        return (threads.getCurrentThreadAllocatedBytes() - before) / (double) ROUNDS;
    }

    // At 1 kHz the plant's cycles would stop for the garbage collector.
    @Test
    void steadyOffersLeaveNextToNoGarbage() {
        Rig rig = new Rig();
        rig.audit.forgetful = true;
        double open = bytesPerOffer(rig, 3.01);
        rig.close();
        assertEquals(Kind.SUPPRESSED, rig.offer(3.01).kind());
        double closed = bytesPerOffer(rig, 3.01);
        assertEquals(Kind.SUPPRESSED, rig.offer(3.01).kind());
        assertTrue(open <= 96, "open: " + open + " bytes per offer");
        assertTrue(closed <= 256, "closed and suppressed: " + closed + " bytes per offer");
    }
}
