// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Who waits for whom. */
final class ServiceThreadsTest {
    // Whoever asks a hundred things at once must not make the one with a single question wait for all of them.
    @Test
    void everybodyGetsATurnBeforeAnybodyGetsASecond() throws InterruptedException {
        ServiceThreads.Lane lane = new ServiceThreads.Lane(1, Thread::new);
        List<String> done = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch hold = new CountDownLatch(1);
        CountDownLatch all = new CountDownLatch(61);
        lane.execute("first", () -> {
            try {
                assertTrue(hold.await(20, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            all.countDown();
        });
        Fakes.await("it is at work", () -> lane.waiting() == 0);
        for (int i = 0; i < 50; i++) {
            String what = "flood " + i;
            lane.execute("flood", () -> {
                done.add(what);
                all.countDown();
            });
        }
        for (int i = 0; i < 10; i++) {
            String what = "honest " + i;
            lane.execute("honest" + i % 2, () -> {
                done.add(what);
                all.countDown();
            });
        }
        assertEquals(60, lane.waiting());
        hold.countDown();
        assertTrue(all.await(20, TimeUnit.SECONDS));
        assertEquals(
                List.of("flood 0", "honest 0", "honest 1", "flood 1", "honest 2", "honest 3", "flood 2"),
                done.subList(0, 7));
        lane.shutdownNow();
    }

    // The queue of one is bounded; that of others is not touched by it.
    @Test
    void tooManyOfOneAreRefused() {
        ServiceThreads.Lane lane = new ServiceThreads.Lane(1, Thread::new);
        CountDownLatch hold = new CountDownLatch(1);
        Runnable waiting = () -> {
            try {
                assertTrue(hold.await(20, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        };
        assertThrows(RejectedExecutionException.class, () -> {
            for (int i = 0; i < 1_000; i++) {
                lane.execute("flood", waiting);
            }
        });
        assertTrue(lane.waiting() <= Connections.REQUESTS + Connections.PUBLISHES);
        lane.execute("honest", waiting);
        hold.countDown();
        lane.shutdownNow();
    }
}
