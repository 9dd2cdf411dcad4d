// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.actuation.WriteOutcome.Kind;
import io.penstock.api.data.StatusCode;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** All orders of what happens to a loop, to the depth below; each is one a plant may see. */
class EveryOrderTest {
    private static final int DEPTH = 4;

    private enum Event {
        OFFER_NEAR,
        OFFER_FAR,
        OFFER_BAD,
        LANE_WORKS,
        CLOSE,
        OPEN,
        SWAP_TO_APPROVED,
        SWAP_TO_UNAPPROVED,
        CONNECTOR_GONE,
        CONNECTOR_BACK,
        CONNECTOR_FAILS,
        AUDIT_GONE_A_MINUTE,
        AUDIT_BACK,
        CLOCK_STEP,
        SILENCE,
        RESTART
    }

    /** After these no loop is closed, whatever came before. */
    private static final Set<Event> OPENS = EnumSet.of(
            Event.OPEN,
            Event.SWAP_TO_UNAPPROVED,
            Event.CONNECTOR_GONE,
            Event.AUDIT_GONE_A_MINUTE,
            Event.CLOCK_STEP,
            Event.SILENCE,
            Event.RESTART);

    private Rig rig = new Rig();
    private boolean approved;
    private boolean connected;
    private int seenArrivals;
    private double lastValue;
    private long lastNanos;
    private final Event[] order = new Event[DEPTH + 2];

    // S5, S6, N1 to N3: somewhere in some order the plant would find a loop closed that nobody closed, or a value
    // written
    // that nobody decided.
    @ParameterizedTest
    @EnumSource(Event.class)
    void noOrderOfEventsClosesALoopOrBreaksALimit(Event first) {
        order[0] = Event.OFFER_NEAR;
        order[1] = Event.CLOSE;
        order[2] = first;
        int all = (int) Math.pow(Event.values().length, DEPTH - 1);
        for (int number = 0; number < all; number++) {
            int rest = number;
            for (int i = 3; i < order.length; i++) {
                order[i] = Event.values()[rest % Event.values().length];
                rest /= Event.values().length;
            }
            begin();
            for (Event event : order) {
                happens(event);
            }
        }
    }

    private void begin() {
        rig = new Rig();
        approved = true;
        connected = true;
        seenArrivals = 0;
        lastValue = rig.plant.setpoint;
        lastNanos = rig.time.nanos();
    }

    private void happens(Event event) {
        boolean before = rig.loop.closed();
        boolean closedNow = false;
        rig.time.advanceMs(300);
        switch (event) {
            case OFFER_NEAR -> offer(rig.plant.setpoint + 0.4, StatusCode.GOOD);
            case OFFER_FAR -> offer(rig.plant.setpoint + 1.6, StatusCode.GOOD);
            case OFFER_BAD -> {
                Kind kind =
                        offer(rig.plant.setpoint, StatusCode.BAD_SENSOR_FAILURE).kind();
                assertTrue(kind == Kind.REFUSED || kind == Kind.NOT_OFFERED || kind == Kind.SHED, this::told);
            }
            case LANE_WORKS -> rig.work();
            case CLOSE -> closedNow = rig.loop.close(Rig.ANNA, "test").isEmpty();
            case OPEN -> rig.loop.open(Rig.ANNA, "test");
            case SWAP_TO_APPROVED -> swap("dose 1.1.0", true);
            case SWAP_TO_UNAPPROVED -> swap("dose 6.6.6", false);
            case CONNECTOR_GONE -> {
                rig.loop.removeWriter(rig.plant);
                connected = false;
            }
            case CONNECTOR_BACK -> {
                if (!connected) {
                    rig.loop.addWriter(rig.plant);
                    connected = true;
                }
            }
            case CONNECTOR_FAILS -> rig.plant.writeStatus = StatusCode.BAD_TIMEOUT;
            case AUDIT_GONE_A_MINUTE -> {
                rig.audit.writable = false;
                rig.loop.watch();
                rig.time.advanceMs(60_001);
                rig.loop.watch();
            }
            case AUDIT_BACK -> {
                rig.audit.writable = true;
                rig.loop.watch();
            }
            case CLOCK_STEP -> {
                rig.time.stepWallMs(3_600_000);
                rig.loop.watch();
            }
            case SILENCE -> {
                rig.time.advanceMs(10_001);
                rig.loop.watch();
            }
            case RESTART -> {
                rig.loop.stop();
                assertFalse(rig.loop.closed(), this::told);
                begin();
            }
        }
        if (rig.loop.closed()) {
            assertTrue(before || closedNow, () -> "closed by itself: " + told());
            assertTrue(approved, () -> "closed with an unapproved release: " + told());
            assertTrue(connected, () -> "closed without a connector: " + told());
            assertFalse(OPENS.contains(event), () -> "still closed: " + told());
        }
        written(event, before);
    }

    private WriteOutcome offer(double value, int status) {
        WriteOutcome outcome = rig.offer(value, status);
        if (!rig.loop.closed()) {
            assertTrue(outcome.kind() == Kind.NOT_OFFERED || outcome.kind() == Kind.SHED, this::told);
        }
        return outcome;
    }

    private void swap(String release, boolean isApproved) {
        rig.loop.model(Rig.model(release, 1, 8));
        approved = isApproved;
    }

    private void written(Event event, boolean before) {
        for (; seenArrivals < rig.plant.arrivals.size(); seenArrivals++) {
            FakePlant.Arrival arrival = rig.plant.arrivals.get(seenArrivals);
            assertEquals(Event.LANE_WORKS, event, this::told);
            assertTrue(before, () -> "written while open: " + told());
            assertTrue(arrival.value() >= 1 && arrival.value() <= 8, this::told);
            double minutes = (arrival.nanos() - lastNanos) / 60e9;
            double change = arrival.value() - lastValue;
            assertTrue(change <= 60 * minutes + 1e-9 && change >= -30 * minutes - 1e-9, this::told);
            lastValue = arrival.value();
            lastNanos = arrival.nanos();
        }
    }

    private String told() {
        return Arrays.toString(order) + ", opened because: " + rig.loop.lastOpenReason();
    }
}
