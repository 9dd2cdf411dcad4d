// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What items, queues and kept notifications may take, for every size. */
final class ItemSharesTest {
    // 3,000 items with a queue of 10,000 each, inside all limits of the time, ended the gateway in five seconds.
    @ParameterizedTest
    @CsvSource({
        "1,160",
        "10,160",
        "100,160",
        "1000,160",
        "10000,160",
        "65535,160",
        "1,1000",
        "100,5000",
        "10,250000",
        "65535,250000",
        "1,50000000"
    })
    void whatIsHeldIsWithinTheShareForEveryQueueAndValue(long queue, long value) {
        long most = 24 << 20;
        ItemShares shares = new ItemShares(most, 50_000);
        long granted = 0;
        for (int i = 0; i < 60_000; i++) {
            granted = shares.grant("observer", false, queue, value, 1);
            assertTrue(granted <= queue);
            assertTrue(shares.bytes() <= most / 2, "one user holds " + shares.bytes());
            if (granted == 0) {
                break;
            }
        }
        assertEquals(0, granted, "the share of one user has an end");
        for (String user : new String[] {"a", "b", "c"}) {
            while (shares.grant(user, false, queue, value, 1) > 0) {}
        }
        assertTrue(shares.bytes() <= most - most / 4, "readers leave the quarter of operators: " + shares.bytes());
        long before = shares.bytes();
        while (shares.grant("operator", true, queue, value, 1) > 0) {}
        assertTrue(shares.bytes() <= most);
        if (value < most / 8) {
            assertTrue(shares.bytes() > before, "an operator still gets items");
        }
        assertTrue(shares.items() <= 50_000);
    }

    // A queue that does not fit is shortened, and the client is told; an item is refused only where not even one value
    // fits.
    @Test
    void queuesAreShortenedBeforeItemsAreRefused() {
        ItemShares shares = new ItemShares(100_000, 100);
        assertEquals((50_000 - ItemShares.ITEM_BYTES) / 160, shares.grant("observer", false, 10_000, 160, 1));
        assertEquals(0, shares.grant("observer", false, 1, 160, 1));
        assertEquals(1, shares.grant("guest", false, 1, 160, 1));
        shares.hold("observer", 306, 160, -1);
        assertEquals(10, shares.grant("observer", false, 10, 160, 1), "what goes makes room");
    }

    // A trend of a thousand curves with long queues came with a thousandth of its curves.
    @Test
    void theItemsOfOneRequestShareWhatIsLeft() {
        ItemShares shares = new ItemShares(24 << 20, 50_000);
        for (int i = 0; i < 3_000; i++) {
            long granted = shares.grant("observer", false, 10_000, 160, 3_000 - i);
            assertTrue(granted >= 19 && granted <= 20, i + " got " + granted);
        }
        assertTrue(shares.bytes() <= 12 << 20);
        for (int i = 0; i < 10; i++) {
            assertTrue(shares.grant("guest", false, i < 5 ? 1 : 10_000, 160, 10 - i) >= (i < 5 ? 1 : 3_000));
        }
    }

    // A client that acknowledges nothing made the server keep 1024 messages of any size.
    @ParameterizedTest
    @CsvSource({"1,300", "1,60000", "20,60000", "400,60000", "400,1000000"})
    void notificationsKeptForRepublishAreWithinTheirShare(int subscriptions, long bytes) {
        Subscriptions.Retained retained =
                new Subscriptions.Retained(Subscriptions.RETAINED_BYTES, Subscriptions.RETAINED_BYTES_OF_ONE);
        Map<UInteger, Set<UInteger>> there = new java.util.HashMap<>();
        for (int round = 1; round <= 50; round++) {
            for (int i = 0; i < subscriptions; i++) {
                UInteger id = Unsigned.uint(i);
                Set<UInteger> mine = there.computeIfAbsent(id, key -> new TreeSet<>());
                mine.add(Unsigned.uint(round));
                retained.add(id, Unsigned.uint(round), bytes, mine)
                        .forEach((of, numbers) -> there.get(of).removeAll(numbers));
                long held = there.values().stream().mapToLong(Set::size).sum() * bytes;
                assertEquals(retained.bytes(), held);
                assertTrue(held <= Subscriptions.RETAINED_BYTES, "held " + held);
                assertTrue(mine.size() * bytes <= Math.max(bytes, Subscriptions.RETAINED_BYTES_OF_ONE));
            }
        }
        retained.keepOnly(Set.of());
        assertEquals(0, retained.bytes());
    }
}
