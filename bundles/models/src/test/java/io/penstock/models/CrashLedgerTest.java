// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.kit.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model that crashed once in January would be taken out of service by one crash in December. */
class CrashLedgerTest {
    private static final String ID = "a".repeat(64);
    private static final Set<String> ONE = Set.of(ID);

    @TempDir
    Path folder;

    private long seconds;

    /** Good hours as the room's thread sees them, a look every half minute. */
    private int forgiven(CrashLedger ledger, int hours, Set<String> serving) {
        int forgiven = 0;
        for (long end = seconds + hours * 3600L; seconds < end; seconds += 30) {
            forgiven += ledger.pass(seconds * 1_000_000_000L, ONE, serving).size();
        }
        return forgiven;
    }

    @Test
    void oneCrashIsForgottenForADayOfServiceAcrossRestarts() {
        CrashLedger ledger = CrashLedger.open(folder, new Disk());
        assertEquals(0, forgiven(ledger, 23, ONE));
        assertEquals(0, forgiven(ledger, 100, Set.of()), "it does not serve");
        ledger = CrashLedger.open(folder, new Disk()); // as after a kill: at most ten minutes are lost
        assertEquals(1, forgiven(ledger, 2, ONE));
        assertEquals(0, forgiven(ledger, 23, ONE));
        assertEquals(2, forgiven(ledger, 48, ONE));
    }

    @Test
    void aCrashTakesTheGoodHoursAndAPauseIsNotGood() {
        CrashLedger ledger = CrashLedger.open(folder, new Disk());
        assertEquals(0, forgiven(ledger, 23, ONE));
        ledger.died(new CrashLedger.Death(Instant.EPOCH, "CRASH", "charged"), ID);
        assertEquals(0, forgiven(ledger, 23, ONE));
        seconds += 10 * 3600; // the thread was held up
        assertEquals(0, ledger.pass(seconds * 1_000_000_000L, ONE, ONE).size());
    }

    // The good hours of a model were lost where the store tidied its folder while the ledger was being written.
    @Test
    void tidyingTheStoreLeavesALedgerOnItsWayAlone() throws IOException {
        Path onItsWay = folder.resolve(CrashLedger.FILE + ".tmp");
        Path halfRelease = folder.resolve(ID + ".penstock.tmp");
        Files.writeString(onItsWay, "{}");
        Files.writeString(halfRelease, "half");
        try (ReleaseStore store = ReleaseStore.open(folder, new Disk())) {
            store.keepOnly(Set.of());
        }
        assertTrue(Files.exists(onItsWay));
        assertFalse(Files.exists(halfRelease), "what a crash left half-written goes");
    }

    @Test
    void aDamagedOrFullFileStopsNothing() throws IOException {
        for (String damage : List.of("", "{", "[]", "{\"goodSeconds\":{\"x\":-1},\"deaths\":[]}", "\u0000")) {
            Files.writeString(folder.resolve(CrashLedger.FILE), damage);
            assertTrue(CrashLedger.open(folder, new Disk()).deaths().isEmpty());
        }
        CrashLedger ledger = CrashLedger.open(folder, new Disk());
        for (int i = 0; i < 50; i++) {
            ledger.died(new CrashLedger.Death(Instant.EPOCH.plusSeconds(i), "x".repeat(10_000), "y"), "");
        }
        List<CrashLedger.Death> deaths = CrashLedger.open(folder, new Disk()).deaths();
        assertEquals(20, deaths.size());
        assertEquals(Instant.EPOCH.plusSeconds(49), deaths.get(0).time());
    }
}
