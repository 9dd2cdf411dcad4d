// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Role;
import io.penstock.kit.faults.Choices;
import io.penstock.kit.faults.FaultyDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class UserFileTest {
    private static final char[] PASSWORD = "correct horse battery".toCharArray();

    @TempDir
    Path home;

    private UserFile file;

    @BeforeEach
    void open() {
        file = new UserFile(UserFile.in(home), new SecureRandom());
    }

    // Whoever may read the gateway's disk would otherwise have everybody's password at the other systems of the plant.
    @Test
    void theFileHoldsNoPasswordAndIsItsOwnersAlone() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD);

        assertFalse(Files.readString(file.path()).contains("correct horse"));
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file.path())));
        assertEquals(
                "rwx------",
                PosixFilePermissions.toString(
                        Files.getPosixFilePermissions(file.path().getParent())));
    }

    // Two users with one password would be seen as such in a stolen file.
    @Test
    void everyUserHasASaltOfTheirOwn() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD);
        file.add("bert", Set.of(Role.OPERATOR), PASSWORD);

        var entries = file.read();
        assertFalse(java.util.Arrays.equals(
                entries.get("anna").password().hash(),
                entries.get("bert").password().hash()));
    }

    // A user removed after leaving the company must be gone from the file.
    @Test
    void usersAreAddedListedChangedAndRemoved() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR, Role.ENGINEER), PASSWORD);
        assertEquals(List.of(new UserFile.User("anna", Set.of(Role.ENGINEER, Role.OPERATOR))), file.users());

        file.password("anna", "another long one".toCharArray());
        assertTrue(file.read().get("anna").password().matches("another long one".toCharArray()));
        assertFalse(file.read().get("anna").password().matches(PASSWORD));
        assertEquals(Set.of(Role.ENGINEER, Role.OPERATOR), file.users().get(0).roles());

        file.remove("anna");
        assertEquals(List.of(), file.users());
    }

    // A slip of the keyboard must not replace a colleague's password or make a user nobody can name.
    @Test
    void whatMakesNoSenseIsRefusedAndChangesNothing() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD);
        byte[] before = Files.readAllBytes(file.path());

        assertMessage("user anna exists", () -> file.add("anna", Set.of(Role.ENGINEER), PASSWORD));
        assertMessage(
                "10 to 256 characters, had 5", () -> file.add("bert", Set.of(Role.OPERATOR), "short".toCharArray()));
        assertMessage("at least one role", () -> file.add("bert", Set.of(), PASSWORD));
        assertMessage("user name: 1 to 64", () -> file.add("b/rt", Set.of(Role.OPERATOR), PASSWORD));
        assertMessage("no user carl", () -> file.remove("carl"));
        assertMessage("no user carl", () -> file.password("carl", PASSWORD));

        assertTrue(java.util.Arrays.equals(before, Files.readAllBytes(file.path())));
    }

    // Two engineers adding users at the same time must not lose one of them.
    @Test
    void changesAtTheSameTimeAreBothKept() throws Exception {
        var errors = new ConcurrentLinkedQueue<Exception>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            String name = "user" + i;
            UserFile own = new UserFile(file.path(), new SecureRandom());
            Thread thread = new Thread(() -> {
                try {
                    inOneProcessTakeTurns(() -> own.add(name, Set.of(Role.OBSERVER), PASSWORD));
                } catch (IOException e) {
                    errors.add(e);
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join(30_000);
        }
        assertEquals(List.of(), List.copyOf(errors));
        assertEquals(2, file.users().size());
        try (var left = Files.list(file.path().getParent())) {
            assertEquals(
                    0, left.filter(path -> path.toString().endsWith(".tmp")).count());
        }
    }

    // A file damaged by hand must say so with its name, not be taken for "no users".
    @Test
    void aDamagedFileIsNamed() throws IOException {
        Files.createDirectories(file.path().getParent());
        Files.writeString(file.path(), "{\"schema\":1,\"users\":[{\"name\":\"anna\",\"roles\":[\"BOSS\"]}]}");
        IOException unknownRole = assertThrows(IOException.class, file::users);
        assertTrue(unknownRole.getMessage().contains("users.json")
                && unknownRole.getMessage().contains("BOSS"));

        Files.writeString(file.path(), "{\"schema\":1,");
        IOException cut = assertThrows(IOException.class, file::users);
        assertTrue(cut.getMessage().contains("users.json is damaged (it is no JSON"), cut.getMessage());
        assertTrue(cut.getMessage().contains("delete both and add the users again"), cut.getMessage());

        Files.writeString(
                file.path(),
                "{\"schema\":1,\"users\":[{\"name\":\"anna\",\"roles\":[\"OPERATOR\"],\"argon2id\":{\"memoryKiB\":99999999,"
                        + "\"iterations\":3,\"parallelism\":1,\"salt\":\"AAAAAAAAAAAAAAAAAAAAAA==\",\"hash\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}}]}");
        IOException greedy = assertThrows(IOException.class, file::users);
        assertTrue(greedy.getMessage().contains("memoryKiB: 8 to"), greedy.getMessage());
    }

    // One flipped bit would lock every operator out, or let somebody in again who had left.
    @Test
    void anyFlippedBitLeavesTheUsersAsTheyAre() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD);
        file.add("gone", Set.of(Role.OPERATOR), PASSWORD);
        file.remove("gone");
        byte[] plain = Files.readAllBytes(file.path());
        byte[] kept = Files.readAllBytes(file.kept());
        for (int at = 0; at < plain.length; at += 3) {
            onlyAnna(file.path(), plain, at);
        }
        for (int at = 0; at < kept.length; at += kept[at] == 0 ? 500 : 7) {
            onlyAnna(file.kept(), kept, at);
        }
        Files.delete(file.path());
        assertEquals(Set.of("anna"), file.read().keySet(), "a lost file is no gateway without users");
        Files.write(file.path(), plain);
        Files.delete(file.kept());
        assertEquals(Set.of("anna"), file.read().keySet());
    }

    private void onlyAnna(Path path, byte[] whole, int at) throws IOException {
        byte[] flipped = whole.clone();
        flipped[at] ^= (byte) (1 << (at % 8));
        Files.write(path, flipped);
        assertEquals(Set.of("anna"), file.read().keySet(), path + " at " + at);
        assertEquals(Set.of("anna"), file.heal().keySet(), path + " at " + at);
        Files.write(path, whole);
    }

    // With both damaged the gateway would let nobody in without a word, or begin anew with whoever asks first.
    @Test
    void whereBothAreDamagedTheErrorNamesThemAndTheWayOut() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD);
        Files.write(file.path(), new byte[100]);
        Files.write(file.kept(), new byte[8192]);
        String message = assertThrows(IOException.class, file::heal).getMessage();
        assertTrue(message.contains("users.json is damaged"), message);
        assertTrue(message.contains("users.json.kept is damaged"), message);
        assertTrue(message.contains("penstock user add"), message);
        assertThrows(IOException.class, () -> file.add("mallory", Set.of(Role.ENGINEER), PASSWORD));
    }

    // Who left would log in again after a power cut, or who was added would not.
    @Test
    void whatWasAnsweredIsThereAfterAPowerCutAtAnyCall() throws IOException {
        int ways = 0;
        int calls = Integer.MAX_VALUE;
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD);
        byte[] plain = Files.readAllBytes(file.path());
        byte[] kept = Files.readAllBytes(file.kept());
        for (int cutAt = 0; cutAt < calls; cutAt++) {
            Choices choices = new Choices();
            do {
                Files.write(file.path(), plain);
                Files.write(file.kept(), kept);
                FaultyDisk disk = new FaultyDisk();
                disk.cutAt(cutAt);
                boolean answered = false;
                try {
                    new UserFile(disk, file.path(), new SecureRandom()).remove("anna");
                    answered = true;
                } catch (FaultyDisk.PowerCut e) {
                    // as the command did
                }
                if (disk.calls().size() <= cutAt) {
                    calls = disk.calls().size();
                }
                disk.loseThePower(choices);
                Set<String> left = file.heal().keySet();
                assertTrue(
                        left.equals(Set.of()) || (left.equals(Set.of("anna")) && !answered),
                        disk.calls() + " " + choices);
                assertEquals(left, file.read().keySet());
                ways++;
            } while (choices.next());
        }
        assertTrue(ways > 20, "only " + ways);
    }

    // On a full disk who left would stay a user.
    @Test
    void aFullDiskTakesAChangeAndKeepsIt() throws IOException {
        file.add("anna", Set.of(Role.OPERATOR), PASSWORD);
        FaultyDisk disk = new FaultyDisk();
        disk.mode(FaultyDisk.Mode.FULL);
        new UserFile(disk, file.path(), new SecureRandom()).remove("anna");
        disk.loseThePower(bound -> 0);
        assertEquals(List.of(), file.users());
        disk = new FaultyDisk();
        disk.mode(FaultyDisk.Mode.DEAD);
        UserFile dead = new UserFile(disk, file.path(), new SecureRandom());
        assertThrows(IOException.class, () -> dead.add("ben", Set.of(Role.OPERATOR), PASSWORD));
    }

    private interface Change {
        void run() throws IOException;
    }

    /** A file lock works between processes; inside one JVM the second asker gets an exception and asks again. */
    private static void inOneProcessTakeTurns(Change change) throws IOException {
        for (long end = System.nanoTime() + 20_000_000_000L; ; Thread.onSpinWait()) {
            try {
                change.run();
                return;
            } catch (java.nio.channels.OverlappingFileLockException e) {
                if (System.nanoTime() > end) {
                    throw e;
                }
            }
        }
    }

    private static void assertMessage(String part, Change change) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, change::run);
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }
}
