// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.audit.AuditRecord;
import io.penstock.kit.faults.FaultyDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FileUsersTest {
    private static final String PASSWORD = "correct horse battery";
    private static final String HERE = "opc.ua 10.0.0.7";

    @TempDir
    Path home;

    private final AtomicLong nanos = new AtomicLong();
    private final List<AuditRecord> audited = new ArrayList<>();
    private UserFile file;

    @BeforeEach
    void open() {
        file = new UserFile(UserFile.in(home), new SecureRandom());
    }

    private FileUsers users() {
        FileUsers users = new FileUsers(
                file, new SecureRandom(), Clock.fixed(Instant.ofEpochSecond(1_000), ZoneOffset.UTC), nanos::get);
        users.bindAuditLog(new FakeAudit(audited));
        return users;
    }

    private static Optional<Actor> login(FileUsers users, String name, String password, String origin) {
        return users.authenticate(name, password.toCharArray(), origin);
    }

    // An operator gets exactly the roles the site gave, with the address the request came from.
    @Test
    void theRightPasswordGivesTheActorWithRolesAndOrigin() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD.toCharArray());

        assertEquals(
                Optional.of(new Actor("anna", Set.of(Role.OPERATOR), HERE)), login(users(), "anna", PASSWORD, HERE));
        assertEquals(
                List.of("LOGIN anna " + HERE),
                audited.stream()
                        .map(r -> r.action() + " " + r.actor() + " " + r.origin())
                        .toList());
    }

    // A wrong password that nobody hears of can be tried for ever.
    @Test
    void everyFailureIsAuditedWithOriginAndWithoutThePassword() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD.toCharArray());
        FileUsers users = users();

        assertTrue(login(users, "anna", "wrong wrong wrong", HERE).isEmpty());
        assertTrue(login(users, "eve\n{}", PASSWORD, HERE).isEmpty());

        assertEquals(2, audited.size());
        assertEquals("LOGIN_FAILED", audited.get(0).action());
        assertEquals("anna", audited.get(0).actor());
        assertEquals(HERE, audited.get(0).origin());
        assertEquals("eve?{}", audited.get(1).actor());
        assertFalse(audited.toString().contains("wrong wrong"));
        assertFalse(audited.toString().contains(PASSWORD));
    }

    // A gateway fresh from the box must let nobody in, whatever name they try.
    @Test
    void withoutUsersNobodyLogsIn() {
        FileUsers users = users();
        for (String name : List.of("admin", "root", "penstock", "")) {
            assertTrue(login(users, name, "", "opc.ua " + name).isEmpty());
            assertTrue(login(users, name, name, "opc.ua " + name).isEmpty());
        }
    }

    // A user added or removed on the command line counts at the next log-in, without a restart of the gateway.
    @Test
    void changesOfTheFileCountAtOnce() throws IOException {
        FileUsers users = users();
        assertTrue(login(users, "anna", PASSWORD, HERE).isEmpty());

        file.add("anna", Set.of(Role.OPERATOR), PASSWORD.toCharArray());
        assertTrue(login(users, "anna", PASSWORD, HERE).isPresent());

        file.remove("anna");
        assertTrue(login(users, "anna", PASSWORD, HERE).isEmpty());
    }

    // Who was removed, or whose password leaked, would go on with the session that is open.
    @Test
    void theRevisionTellsSessionsThatTheirUserWasChanged() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD.toCharArray());
        file.add("ben", Set.of(Role.OPERATOR), PASSWORD.toCharArray());
        FileUsers users = users();
        long anna = users.revision("anna");
        long ben = users.revision("ben");
        assertEquals(anna, users().revision("anna"), "an update of the bundle changes nobody");

        file.password("anna", "another long password".toCharArray());
        long changed = users.revision("anna");
        assertNotEquals(anna, changed);
        assertEquals(ben, users.revision("ben"));

        file.remove("anna");
        assertNotEquals(changed, users.revision("anna"));
        file.remove("ben");
        file.add("ben", Set.of(Role.OBSERVER), PASSWORD.toCharArray());
        assertNotEquals(ben, users.revision("ben"));
    }

    // A half-edited file must not lock out the operators on shift.
    @Test
    void aBrokenFileLeavesTheUsersBeforeItInForce() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD.toCharArray());
        FileUsers users = users();
        Files.writeString(file.path(), "{ half");

        assertTrue(login(users, "anna", PASSWORD, HERE).isPresent());
        assertEquals(1, file.users().size(), "it is put right as well");

        Files.writeString(file.path(), "{ half");
        Files.writeString(file.kept(), "{ half");
        assertTrue(login(users, "anna", PASSWORD, HERE).isPresent());
        assertTrue(login(users(), "anna", PASSWORD, HERE).isEmpty(), "nobody, not a default");
    }

    // A user removed while the disk is full would log in until somebody makes room.
    @Test
    void aChangeInTheReserveCountsAtOnce() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD.toCharArray());
        FileUsers users = users();
        FaultyDisk disk = new FaultyDisk();
        disk.mode(FaultyDisk.Mode.FULL);
        new UserFile(disk, file.path(), new SecureRandom()).remove("anna");
        assertTrue(login(users, "anna", PASSWORD, HERE).isEmpty());
    }

    // A machine that guesses passwords is slowed down; the control room next to it is not.
    @Test
    void anOriginThatKeepsFailingWaitsLongerAndLongerAndOthersDoNot() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD.toCharArray());
        FileUsers users = users();
        for (int i = 0; i < FileUsers.FREE; i++) {
            assertTrue(login(users, "anna", "wrong wrong wrong", HERE).isEmpty());
        }

        assertTrue(
                login(users, "anna", PASSWORD, HERE).isEmpty(),
                "within the wait even the right one is refused unheard");
        assertTrue(login(users, "anna", PASSWORD, "opc.ua 10.0.0.8").isPresent());
        assertEquals(
                List.of("LOGIN_FAILED", "LOGIN_FAILED", "LOGIN_FAILED", "LOGIN_REFUSED", "LOGIN"),
                audited.stream().map(AuditRecord::action).toList());

        nanos.addAndGet(1_000_000_001L);
        assertTrue(login(users, "anna", "wrong wrong wrong", HERE).isEmpty());
        assertEquals(
                "wrong name or password, after 1 attempts refused unheard",
                audited.get(5).detail());
        nanos.addAndGet(1_000_000_001L);
        assertTrue(login(users, "anna", PASSWORD, HERE).isEmpty(), "the second wait is two seconds");
        nanos.addAndGet(1_000_000_001L);
        assertTrue(login(users, "anna", PASSWORD, HERE).isPresent());
        assertTrue(login(users, "anna", "wrong wrong wrong", HERE).isEmpty());
        assertTrue(login(users, "anna", PASSWORD, HERE).isPresent(), "a success forgives");
    }

    // The historian's old password would keep the operator station beside it out, and a spy with an account of their
    // own
    // could guess at the supervisor's for ever by logging in between.
    @Test
    void oneNameNeitherHindersNorHelpsAnotherOnTheSameAddress() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD.toCharArray());
        file.add("spy", Set.of(Role.OBSERVER), PASSWORD.toCharArray());
        FileUsers users = users();
        for (int i = 0; i < FileUsers.FREE; i++) {
            assertTrue(login(users, "historian", "old password", HERE).isEmpty());
            assertTrue(login(users, "anna", "wrong wrong wrong", HERE).isEmpty());
            assertTrue(login(users, "spy", PASSWORD, HERE).isPresent());
        }
        assertTrue(login(users, "anna", PASSWORD, HERE).isEmpty(), "guessed at, and slowed all the same");
        assertTrue(login(users, "spy", PASSWORD, HERE).isPresent());
    }

    // Somebody guesses at the operator's password from the address of the control room, behind one firewall, without
    // end: the
    // operator's own station must still get in, at once and each time.
    @Test
    void whoGuessesOnOneDeviceKeepsNobodyOutOnAnotherOfTheSameAddress() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD.toCharArray());
        FileUsers users = users();
        for (int i = 0; i < 200; i++) {
            String name = i % 2 == 0 ? "anna" : "guess" + i;
            assertTrue(users.authenticate(name, "wrong".toCharArray(), HERE, "laptop")
                    .isEmpty());
            if (i % 20 == 0) {
                assertTrue(users.authenticate("anna", PASSWORD.toCharArray(), HERE, "station")
                        .isPresent());
            }
            nanos.addAndGet(50_000_000L);
        }
        assertTrue(
                users.authenticate("anna", PASSWORD.toCharArray(), HERE, "laptop")
                        .isEmpty(),
                "there even the right one waits");
        assertTrue(audited.stream().allMatch(entry -> entry.origin().equals(HERE)));
    }

    // Whoever tries one password with every name must be slowed as well as who tries every password with one.
    @Test
    void anAddressThatTriesManyNamesIsSlowedUntilItRests() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD.toCharArray());
        FileUsers users = users();
        for (int i = 0; i < FileUsers.FREE_OF_ADDRESS; i++) {
            assertTrue(login(users, "name" + i, "Winter2026!", HERE).isEmpty());
        }
        assertTrue(login(users, "anna", PASSWORD, HERE).isEmpty());
        assertTrue(login(users, "anna", PASSWORD, "opc.ua 10.0.0.8").isPresent());

        nanos.addAndGet(60_000_000_000L);
        assertTrue(login(users, "other", "Winter2026!", HERE).isEmpty());
        assertTrue(login(users, "anna", PASSWORD, HERE).isPresent(), "rested, so one failure is one failure");
    }

    // A scan from a million addresses must not eat the gateway's memory.
    @Test
    void theTableOfFailingOriginsIsBounded() {
        FailingOrigins failing = new FailingOrigins(3, 0);
        for (int i = 0; i < 3 * FailingOrigins.LIMIT; i++) {
            failing.failed("10.0." + i, 0);
        }
        assertEquals(FailingOrigins.LIMIT, failing.size());
    }

    // By the time of the answer a stranger could find out who works here.
    @Test
    void anUnknownNameTakesAsLongAsAWrongPassword() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD.toCharArray());
        FileUsers users = users();
        login(users, "anna", PASSWORD, HERE);
        long known = Long.MAX_VALUE;
        long unknown = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            known = Math.min(known, duration(users, "anna", i));
            unknown = Math.min(unknown, duration(users, "nobody", i));
        }
        assertTrue(unknown > known / 2 && unknown < known * 2, "known " + known + " ns, unknown " + unknown + " ns");
    }

    private static long duration(FileUsers users, String name, int i) {
        long start = System.nanoTime();
        assertTrue(login(users, name, "wrong wrong wrong", name + i).isEmpty());
        return System.nanoTime() - start;
    }
}
