// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.embedded.EmbeddedChannel;
import io.penstock.publication.opcua.Connection.Stage;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Places at the port: per address, in reserve, and who loses one. */
final class ConnectionsTest {
    private static final Shares SHARES = new Shares(20, 8, 5, 3, 3, 0, 120_000, 600_000, 24 << 20, 8 << 20);

    private final List<String> log = new ArrayList<>();
    private final long[] now = {0};
    private final Limited limited = new Limited(() -> now[0], log::add);
    private final Connections connections =
            new Connections(SHARES, InetAddress::isLoopbackAddress, () -> now[0], limited);
    private final List<EmbeddedChannel> opened = new ArrayList<>();

    private EmbeddedChannel from(String address) {
        EmbeddedChannel channel = new EmbeddedChannel() {
            @Override
            protected SocketAddress remoteAddress0() {
                try {
                    return new InetSocketAddress(InetAddress.getByName(address), 50_000);
                } catch (UnknownHostException e) {
                    throw new IllegalArgumentException(e);
                }
            }
        };
        connections.admit(channel);
        opened.add(channel);
        opened.forEach(EmbeddedChannel::runPendingTasks);
        return channel;
    }

    private static Connection of(EmbeddedChannel channel) {
        return Connection.of(channel);
    }

    @AfterEach
    void nothingIsLeft() {
        opened.forEach(EmbeddedChannel::finishAndReleaseAll);
        assertEquals(0, connections.held().connections());
    }

    // One laptop took all places; and when only its own count, the operator beside it must still come in.
    @Test
    void anAddressHasAShareAndItsNewestComesInForItsWeakest() {
        EmbeddedChannel working = from("10.0.0.7");
        of(working).sessionActivated(false);
        EmbeddedChannel greeted = from("10.0.0.7");
        of(greeted).reach(Stage.SECURED);
        List<EmbeddedChannel> silent = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            silent.add(from("10.0.0.7"));
            assertTrue(connections.held().connections() <= 8);
        }
        assertTrue(working.isOpen() && greeted.isOpen(), "who came further stays");
        assertTrue(silent.get(99).isOpen(), "the newest has its chance");
        assertEquals(6, silent.stream().filter(EmbeddedChannel::isOpen).count());
        assertTrue(from("10.0.0.8").isOpen());
        assertTrue(log.get(0).contains("more than 8 connections from 10.0.0.7"), log.toString());
        assertEquals(1, log.size(), "told once");
        assertEquals("Limited, see the log: connections of 10.0.0.7.", limited.now());
        now[0] += 61_000_000_000L;
        assertEquals("", limited.now());
    }

    // Connections that held places with a hello were kept before the operator's, which had only just come: it was
    // closed each
    // time before it could say who it was.
    @Test
    void whoTakesTheNextStepIsKeptBeforeWhoStandsStill() {
        for (Stage held : List.of(Stage.CONNECTED, Stage.GREETED, Stage.DISCOVERY)) {
            for (boolean sameAddress : new boolean[] {true, false}) {
                int attackers = 0;
                for (int i = 0; i < 60; i++) {
                    attack(sameAddress, attackers++, held);
                }
                EmbeddedChannel honest = from("10.0.0.7");
                for (Stage step : List.of(Stage.GREETED, Stage.SECURED)) {
                    for (int i = 0; i < 6; i++) { // of the 8 places of an address, or 15 of all
                        attack(sameAddress, attackers++, held);
                    }
                    assertTrue(honest.isOpen(), "before " + step + " among those who " + held);
                    of(honest).reach(step);
                }
                for (int i = 0; i < 200; i++) { // to check a password takes long
                    attack(sameAddress, attackers++, held);
                }
                assertTrue(honest.isOpen(), "with a certificate that is trusted, among those who " + held);
                opened.forEach(EmbeddedChannel::finishAndReleaseAll);
                opened.clear();
            }
        }
    }

    // Those who held all memory were being disconnected; until they were gone, whoever sent a few bytes was, too: the
    // operator.
    @Test
    void whoHoldsNextToNothingIsNotChargedForThoseWhoTakeTheirTimeToGo() {
        List<EmbeddedChannel> attackers = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            EmbeddedChannel attacker = from("10.0.0." + i);
            of(attacker).sessionActivated(false);
            attackers.add(attacker);
        }
        EmbeddedChannel honest = from("10.0.1.1");
        for (EmbeddedChannel attacker : attackers) {
            connections.holdPartial(of(attacker), Connections.PARTIAL_BYTES / 2); // more than twice the share together
            connections.holdUnread(of(attacker), SHARES.answerBytes() / 2);
        }
        for (int size = 1; size <= Connections.SMALL_REQUEST; size *= 2) {
            assertTrue(connections.holdPartial(of(honest), size), size + " bytes of a message");
            assertTrue(connections.holdUnread(of(honest), size), size + " bytes of an answer");
            connections.holdPartial(of(honest), -size);
            connections.holdUnread(of(honest), -size);
        }
        assertTrue(honest.isOpen());
        assertFalse(connections.holdPartial(of(honest), 2 * Connections.SMALL_REQUEST), "much is not to be had now");
        assertFalse(honest.isOpen());
    }

    private void attack(boolean sameAddress, int number, Stage held) {
        EmbeddedChannel channel = from(sameAddress ? "10.0.0.7" : "10.0." + (1 + number % 200) + ".1");
        if (channel.isOpen() && held != Stage.CONNECTED) {
            of(channel).reach(held);
        }
    }

    // Where all places of an address have sessions, one more is one too many; nobody who works is thrown out.
    @Test
    void sessionsAreNeverEndedForANewConnection() {
        for (int i = 0; i < 8; i++) {
            of(from("10.0.0.7")).sessionActivated(false);
        }
        assertFalse(from("10.0.0.7").isOpen());
        assertEquals(8, opened.stream().filter(EmbeddedChannel::isOpen).count());
    }

    // Several machines that fill the port: whoever comes from another gets in, at the expense of the one that has the
    // most.
    @Test
    void whereAllPlacesAreTakenTheAddressWithTheMostPays() {
        for (int i = 0; i < 7; i++) {
            from("10.0.0.1");
        }
        for (int i = 0; i < 5; i++) {
            from("10.0.0.2");
        }
        for (int i = 0; i < 3; i++) {
            from("10.0.0.3");
        }
        assertEquals(15, connections.held().connections(), "20 less the reserve");
        for (int i = 4; i < 10; i++) {
            assertTrue(from("10.0.0." + i).isOpen());
            assertEquals(15, connections.held().connections());
        }
        assertEquals(
                3,
                opened.subList(12, 15).stream().filter(EmbeddedChannel::isOpen).count(),
                "three were not most");
        assertTrue(log.toString().contains("more than 20 connections at the results port, 5 of them in reserve"));
    }

    // One connection from each of two hundred addresses: who comes further than Hello must not be the one that gives
    // way.
    @Test
    void whereAllHaveAsManyTheOneThatCameLeastFarGoes() {
        EmbeddedChannel honest = from("10.2.0.1");
        of(honest).reach(Stage.GREETED);
        for (int i = 0; i < 200; i++) {
            assertTrue(from("10.3.0." + i).isOpen());
            assertTrue(honest.isOpen(), "after " + i);
            assertTrue(connections.held().connections() <= 15);
        }
    }

    // The operator's panel and the gateway itself come in whatever goes on elsewhere.
    @Test
    void theReserveIsForLoopbackAndForAddressesOfOperators() {
        EmbeddedChannel panel = from("10.0.0.99");
        of(panel).sessionActivated(true);
        connections.refresh();
        panel.finishAndReleaseAll();
        for (int i = 0; i < 15; i++) {
            of(from("10.0.1." + i)).sessionActivated(false);
        }
        assertFalse(from("10.0.2.1").isOpen(), "all others have sessions");
        EmbeddedChannel again = from("10.0.0.99");
        assertTrue(again.isOpen(), "an operator was there a moment ago");
        EmbeddedChannel local = from("127.0.0.1");
        assertFalse(from("10.0.2.1").isOpen());
        assertTrue(again.isOpen() && local.isOpen(), "they do not make room for others");
        assertEquals(17, connections.held().connections());
        again.finishAndReleaseAll();
        now[0] += 601_000_000_000L;
        assertFalse(from("10.0.0.99").isOpen(), "ten minutes later it is an address like others");
    }

    // One machine has 2^64 addresses in IPv6.
    @Test
    void anIpv6SubnetIsOneAddress() throws Exception {
        for (int i = 1; i < 30; i++) {
            from("2001:db8:1:2::" + i);
        }
        assertEquals(8, connections.held().connections());
        assertTrue(log.get(0).contains("from 2001:db8:1:2:0:0:0:0/64"), log.get(0));
        assertEquals("127.0.0.1", Origin.of(InetAddress.getLoopbackAddress()).name());
    }

    // A flood of connections left the threads that read no time for the operator's messages.
    @Test
    void connectionsAreTakenAtAPace() {
        AcceptPace pace = new AcceptPace(() -> now[0]);
        EmbeddedChannel listening = new EmbeddedChannel();
        for (int i = 0; i < AcceptPace.AT_ONCE; i++) {
            assertTrue(listening.config().isAutoRead());
            pace.taken(listening);
        }
        assertFalse(listening.config().isAutoRead());
        listening.advanceTimeBy(AcceptPace.PAUSE_MS, TimeUnit.MILLISECONDS);
        listening.runScheduledPendingTasks();
        assertTrue(listening.config().isAutoRead());
        for (int i = 0; i < 100; i++) {
            now[0] += 2_000_000L;
            pace.taken(listening);
            assertTrue(listening.config().isAutoRead(), "500 a second are no flood");
        }
        listening.finishAndReleaseAll();
    }

    // A thousand addresses must not fill the disk with lines.
    @Test
    void theLogDoesNotGrowWithTheNumberOfThoseWhoTry() {
        for (int i = 0; i < 1_000; i++) {
            limited.tell("connections", "10.1." + i / 250 + "." + i % 250, "line " + i);
        }
        assertEquals(10, log.size());
        assertTrue(limited.now().endsWith(" and 59 more."), limited.now());
        now[0] += 61_000_000_000L;
        limited.tell("connections", "10.1.3.249", "again");
        assertEquals("again (and 1 times before, untold)", log.get(10));
    }
}
