// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.publication.opcua.SessionShares.Place;
import io.penstock.publication.opcua.SessionShares.Taken;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Places for sessions: per user, per address, in reserve, and those of clients that are gone. */
final class SessionSharesTest {
    private static final Shares SHARES = new Shares(150, 40, 20, 6, 8, 4, 120_000, 600_000, 24 << 20, 8 << 20);

    private final SessionShares<Integer> sessions = new SessionShares<>(20, SHARES);
    private final Set<Integer> gone = new HashSet<>();
    private int last;

    private Taken<Integer> take(String user, String origin, boolean operator) {
        int id = ++last;
        return sessions.take(new Place<>(
                id, user, new Origin(origin), operator, origin.startsWith("127."), () -> !gone.contains(id)));
    }

    private int take(int n, String user, String origin, boolean operator) {
        int taken = 0;
        for (int i = 0; i < n; i++) {
            taken += take(user, origin, operator).refusal() == null ? 1 : 0;
        }
        return taken;
    }

    // A reader that dies after each log-in took all 50 sessions, and the engineer was refused for minutes.
    @Test
    void aClientThatKeepsDyingTakesItsOwnPlaceOnly() {
        for (int i = 0; i < 1_000; i++) {
            Taken<Integer> taken = take("observer", "10.0.0.7", false);
            assertNull(taken.refusal());
            assertEquals(i < 6 ? null : last - 6, taken.ended(), "the one longest gone makes room");
            gone.add(last);
            assertTrue(sessions.size() <= 6);
        }
        assertEquals(6, take(6, "engineer", "10.0.0.7", true));
    }

    // Nobody who is connected is thrown out for somebody else.
    @Test
    void sharesOfUserAndAddressAreRefusedInWords() {
        assertEquals(6, take(10, "observer", "10.0.0.7", false));
        assertEquals(
                "user observer has 6 sessions (maxSessionsPerUser), all of them connected",
                take("observer", "10.0.0.8", false).refusal());
        assertEquals(2, take(10, "guest", "10.0.0.7", false));
        assertEquals(
                "10.0.0.7 has 8 sessions (maxSessionsPerAddress), all of them connected",
                take("third", "10.0.0.7", false).refusal());
        assertEquals(6, take(10, "operator", "10.0.0.7", true), "operators are counted apart");
    }

    // Readers from everywhere must leave the places of those who can take the machine back.
    @Test
    void theReserveIsForOperatorsAndHalfOfItForLoopback() {
        int others = 0;
        for (int i = 0; i < 30; i++) {
            others += take(1, "user" + i, "10.0.0." + i, false);
        }
        assertEquals(16, others);
        String refusal = take("one more", "10.0.1.1", false).refusal();
        assertEquals(
                "there are 16 sessions, of 20 (maxSessions), 4 of which are kept for OPERATOR, ENGINEER and SUPERVISOR"
                        + " (reservedSessions)",
                refusal);
        assertEquals(2, take(5, "local", "127.0.0.1", false));
        assertEquals(2, take(5, "operator", "10.0.2.1", true));
        gone.add(1);
        Taken<Integer> taken = take("operator", "10.0.2.1", true);
        assertNull(taken.refusal());
        assertEquals(1, taken.ended());
        assertNotNull(take("operator", "10.0.2.1", true).refusal());
    }

    // However they come and go, an operator with fewer than a share finds a place as long as operators have not filled
    // it all.
    @Test
    void whateverReadersDoAnOperatorFindsAPlace() {
        Random random = new Random(11);
        List<Integer> operators = new ArrayList<>();
        for (int step = 0; step < 20_000; step++) {
            int what = random.nextInt(10);
            if (what < 7) {
                take("u" + random.nextInt(9), "10.0.0." + random.nextInt(9), false);
            } else if (what == 7) {
                gone.add(1 + random.nextInt(last + 1));
            } else if (what == 8 && last > 0) {
                int leaving = 1 + random.nextInt(last);
                sessions.leave(leaving);
                operators.remove(Integer.valueOf(leaving));
            } else if (operators.size() < 4) {
                assertNull(take("operator", "10.0.0.1", true).refusal(), "step " + step);
                operators.add(last);
            } else {
                sessions.leave(operators.remove(0));
            }
            assertTrue(sessions.size() <= 20);
        }
    }
}
