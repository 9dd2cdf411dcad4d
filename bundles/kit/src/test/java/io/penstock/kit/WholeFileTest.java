// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.kit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.kit.Disk.Access;
import io.penstock.kit.WholeFile.Edits;
import io.penstock.kit.WholeFile.Found;
import io.penstock.kit.faults.Choices;
import io.penstock.kit.faults.FaultyDisk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WholeFileTest {
    private static final int ROOM = 8192;
    private static final WholeFile.Check JSON = bytes -> {
        String text = text(bytes);
        if (!text.startsWith("{") || !text.endsWith("}")) {
            throw new IllegalArgumentException("it is no object");
        }
    };

    @TempDir
    Path folder;

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** Contents that differ in length, one of them too long for the reserve of those before. */
    private static byte[] content(int number) {
        return ("{" + number + "," + "x".repeat(number == 3 ? 20_000 : 50 + 30 * (number % 4)) + "}")
                .getBytes(StandardCharsets.UTF_8);
    }

    private static WholeFile file(Disk disk, Path folder) {
        return file(disk, folder, Edits.REFUSED);
    }

    private static WholeFile file(Disk disk, Path folder, Edits edits) {
        return new WholeFile(
                disk, folder.resolve("state.json"), Access.OWNER, edits, ROOM, "restore both from a backup");
    }

    private Path fresh(int number) throws IOException {
        return Files.createDirectories(folder.resolve("run" + number));
    }

    private static void clear(Path run) throws IOException {
        try (var files = Files.list(run)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
    }

    // A model, a user or a key that was acknowledged would be gone after a power cut, or half of it would be read.
    @Test
    void aPowerCutAtAnyCallLeavesWhatWasAcknowledged() throws IOException {
        int runs = 0;
        for (boolean formerFormat : new boolean[] {false, true}) {
            Path run = fresh(formerFormat ? 1 : 0);
            int calls = Integer.MAX_VALUE;
            for (int cutAt = 0; cutAt < calls; cutAt++) {
                Choices choices = new Choices();
                do {
                    clear(run);
                    if (formerFormat) {
                        Files.write(run.resolve("state.json"), content(0));
                    }
                    FaultyDisk disk = new FaultyDisk();
                    disk.cutAt(cutAt);
                    int acknowledged = formerFormat ? 0 : -1;
                    int tried = acknowledged;
                    WholeFile file = file(disk, run);
                    try {
                        for (int i = 1; i <= 5; i++) {
                            tried = i;
                            file.write(content(i));
                            acknowledged = i;
                        }
                        calls = disk.calls().size();
                    } catch (FaultyDisk.PowerCut e) {
                        // as the process did
                    }
                    if (acknowledged == 5 && disk.calls().size() <= cutAt) {
                        break;
                    }
                    disk.loseThePower(choices);
                    String history = disk.calls() + ", then " + choices;
                    int found = number(file(new Disk(), run).read(JSON).orElse(null));
                    assertTrue(
                            found == acknowledged || found == tried, found + " after " + acknowledged + ": " + history);
                    healsAndGoesOn(run, found, history);
                    runs++;
                } while (choices.next());
            }
        }
        assertTrue(runs > 300, "only " + runs + " ways to lose the power were tried");
    }

    private static int number(Found found) {
        return found == null ? -1 : Integer.parseInt(text(found.bytes()).replaceAll("[{](\\d+),.*", "$1"));
    }

    private static void healsAndGoesOn(Path run, int found, String history) throws IOException {
        WholeFile again = file(new FaultyDisk(), run); // it forces nothing for real: faster
        assertEquals(found, number(again.heal(JSON).orElse(null)), history);
        if (found != -1) {
            assertEquals(List.of(), again.read(JSON).orElseThrow().told(), history);
            assertArrayEquals(content(found), Files.readAllBytes(run.resolve("state.json")), history);
        }
        again.write(content(9));
        assertEquals(9, number(again.read(JSON).orElseThrow()), history);
    }

    // A disk that refuses one call would leave a change that was told as made and is not there, or half of one.
    @Test
    void aRefusalAtAnyCallIsToldOrHarmless() throws IOException {
        Path run = fresh(0);
        int calls = Integer.MAX_VALUE;
        for (int failAt = 0; failAt < calls; failAt++) {
            clear(run);
            FaultyDisk disk = new FaultyDisk();
            disk.failAt(failAt);
            WholeFile file = file(disk, run);
            int acknowledged = -1;
            List<Integer> refused = new ArrayList<>();
            for (int i = 1; i <= 6; i++) {
                try {
                    file.write(content(i));
                    acknowledged = i;
                } catch (IOException e) {
                    refused.add(i);
                }
            }
            calls = disk.calls().size();
            assertTrue(refused.size() <= 1, "refused " + refused + " after one fault at " + failAt);
            assertEquals(6, acknowledged, "it did not go on after a fault at " + failAt);
            disk.loseThePower(bound -> 0); // what was not forced is gone
            assertEquals(
                    6,
                    number(file(new Disk(), run).read(JSON).orElse(null)),
                    disk.calls().toString());
        }
        assertTrue(calls > 20 && calls < Integer.MAX_VALUE);
    }

    // One flipped bit, a lost block or a lost end would leave the gateway without model, users or key.
    @Test
    void anyOneDamageIsHealedToTheNewestAndTold() throws IOException {
        Path run = fresh(0);
        WholeFile file = file(new FaultyDisk(), run);
        for (int i = 4; i <= 6; i++) {
            file.write(content(i));
        }
        byte[] plain = Files.readAllBytes(run.resolve("state.json"));
        byte[] kept = Files.readAllBytes(file.kept());
        for (int at = 0; at < plain.length; at++) {
            int bit = 1 << (at % 8);
            int byteAt = at;
            damaged(run, plain, kept, p -> flipped(p, byteAt, bit), k -> k, true);
            damaged(run, plain, kept, p -> Arrays.copyOf(p, byteAt), k -> k, true);
        }
        for (int at = 0; at < kept.length; at += 2) {
            boolean zeros = kept[at] == 0 && at % 97 != 0;
            if (!zeros) {
                int byteAt = at;
                damaged(run, plain, kept, p -> p, k -> flipped(k, byteAt, 16), false);
            }
        }
        for (int length = 0; length <= kept.length; length += 256) {
            int end = length;
            damaged(run, plain, kept, p -> p, k -> Arrays.copyOf(k, end), end < kept.length);
        }
        for (int block = 0; block < kept.length; block += Kept.BLOCK) {
            int start = block;
            damaged(run, plain, kept, p -> p, k -> zeroed(k, start), false);
        }
        damaged(run, plain, kept, p -> new byte[0], k -> k, true);
        damaged(run, plain, kept, p -> null, k -> k, true);
        damaged(run, plain, kept, p -> p, k -> null, false);
        damaged(run, plain, kept, p -> content(2), k -> k, true); // an older one, put there
    }

    private static byte[] flipped(byte[] bytes, int at, int bit) {
        byte[] copy = bytes.clone();
        copy[at] ^= (byte) bit;
        return copy;
    }

    private static byte[] zeroed(byte[] bytes, int start) {
        byte[] copy = bytes.clone();
        Arrays.fill(copy, start, start + Kept.BLOCK, (byte) 0);
        return copy;
    }

    private static void damaged(
            Path run,
            byte[] plain,
            byte[] kept,
            UnaryOperator<byte[]> ofPlain,
            UnaryOperator<byte[]> ofKept,
            boolean told)
            throws IOException {
        put(run.resolve("state.json"), ofPlain.apply(plain));
        put(run.resolve("state.json.kept"), ofKept.apply(kept));
        WholeFile file = file(new FaultyDisk(), run);
        Found found = file.heal(JSON).orElseThrow();
        assertArrayEquals(plain, found.bytes());
        if (told) {
            assertFalse(found.told().isEmpty());
            assertTrue(found.told().get(0).contains("state.json"), found.told().toString());
        }
        assertArrayEquals(plain, Files.readAllBytes(run.resolve("state.json")));
        assertEquals(List.of(), file.read(JSON).orElseThrow().told());
    }

    private static void put(Path path, byte[] bytes) throws IOException {
        if (bytes == null) {
            Files.deleteIfExists(path);
        } else {
            Files.write(path, bytes);
        }
    }

    // An engineer would search for the reason of a gateway that starts without a model, or a default would be taken.
    @Test
    void whereNothingIsWholeBothAreNamedWithTheWayOut() throws IOException {
        WholeFile file = file(new Disk(), folder);
        assertEquals(java.util.Optional.empty(), file.read(JSON));
        file.write(content(1));
        file.write(content(2));
        Files.writeString(folder.resolve("state.json"), "nonsense");
        byte[] kept = Files.readAllBytes(file.kept());
        Files.write(file.kept(), new byte[kept.length]);
        String message = assertThrows(WholeFile.DamagedException.class, () -> file.heal(JSON))
                .getMessage();
        assertTrue(message.contains(folder.resolve("state.json") + " is damaged (it is no object)"), message);
        assertTrue(message.contains("state.json.kept is damaged; restore both from a backup"), message);
        assertThrows(WholeFile.DamagedException.class, () -> file.read(JSON));

        Files.write(file.kept(), flipped(flipped(kept, 520, 1), kept.length / 2 + 520, 1));
        assertThrows(WholeFile.DamagedException.class, () -> file.heal(JSON));
        assertEquals("nonsense", Files.readString(folder.resolve("state.json")), "what is left is left as it is");
        Files.delete(folder.resolve("state.json"));
        assertThrows(WholeFile.DamagedException.class, () -> file.heal(JSON));
    }

    // What an engineer wrote by hand would be lost without a word, or a tool's wrong edit would count.
    @Test
    void aForeignFileIsPutAsideOrTakenAsAgreed() throws IOException {
        WholeFile refusing = file(new Disk(), folder);
        refusing.write(content(1));
        Files.write(folder.resolve("state.json"), content(7));
        Found found = refusing.heal(JSON).orElseThrow();
        assertArrayEquals(content(1), found.bytes());
        assertTrue(
                found.told().get(0).contains("was changed by hand"),
                found.told().toString());
        assertArrayEquals(content(7), Files.readAllBytes(folder.resolve("state.json.damaged")));

        WholeFile taking = file(new Disk(), folder, Edits.TAKEN);
        Files.write(folder.resolve("state.json"), content(8));
        assertArrayEquals(content(8), taking.heal(JSON).orElseThrow().bytes());
        Files.delete(folder.resolve("state.json"));
        assertArrayEquals(content(8), taking.heal(JSON).orElseThrow().bytes(), "it is kept from now on");
        Files.writeString(folder.resolve("state.json"), "nonsense");
        assertArrayEquals(content(8), taking.heal(JSON).orElseThrow().bytes());
    }

    // A rollback on a full disk would be undone by the next start.
    @Test
    void aFullDiskTakesChangesIntoTheReserve() throws IOException {
        FaultyDisk disk = new FaultyDisk();
        WholeFile file = file(disk, folder);
        file.write(content(1));
        disk.mode(FaultyDisk.Mode.FULL);
        for (int i = 4; i < 40; i++) {
            file.write(content(i));
            assertTrue(file.behind().contains("No space left on device"), file.behind());
        }
        assertThrows(IOException.class, () -> file.write(content(3)), "more than was kept ready");
        disk.loseThePower(bound -> 0);
        assertArrayEquals(content(1), Files.readAllBytes(folder.resolve("state.json")));
        WholeFile after = file(new Disk(), folder);
        Found found = after.heal(JSON).orElseThrow();
        assertArrayEquals(content(39), found.bytes());
        assertTrue(
                found.told().get(0).contains("one change behind"), found.told().toString());
        assertArrayEquals(content(39), Files.readAllBytes(folder.resolve("state.json")));
        assertEquals("", after.behind());

        FaultyDisk dead = new FaultyDisk();
        dead.mode(FaultyDisk.Mode.DEAD);
        WholeFile refused = file(dead, folder);
        assertThrows(IOException.class, () -> refused.write(content(5)));
        assertArrayEquals(content(39), refused.heal(JSON).orElseThrow().bytes());
    }

    // A disk that is full at the start would keep a damaged file from being read.
    @Test
    void whatCannotBeHealedNowIsReadAllTheSame() throws IOException {
        file(new Disk(), folder).write(content(1));
        Files.writeString(folder.resolve("state.json"), "nonsense");
        FaultyDisk disk = new FaultyDisk();
        disk.mode(FaultyDisk.Mode.FULL);
        Found found = file(disk, folder).heal(JSON).orElseThrow();
        assertArrayEquals(content(1), found.bytes());
        assertTrue(
                found.told().toString().contains("could not be made whole on disk"),
                found.told().toString());
        assertEquals("nonsense", Files.readString(folder.resolve("state.json")), "nothing was taken away");
    }

    // Passwords' hashes and keys would be readable by everybody on the gateway in the copy.
    @Test
    void theKeptFileIsAsSecretAsTheOther() throws IOException {
        WholeFile file = file(new Disk(), folder);
        file.write(content(1));
        Files.writeString(folder.resolve("state.json"), "nonsense");
        file.heal(JSON);
        file.write(content(3));
        for (String name : List.of("state.json", "state.json.kept", "state.json.damaged")) {
            Path path = folder.resolve(name);
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)), name);
        }
        assertFalse(Files.exists(folder.resolve("state.json.tmp")));
    }

    // A stop interrupts the thread in the middle of a write; the state would be missing after it.
    @Test
    void anInterruptDoesNotCutAWriteShort() throws IOException {
        WholeFile file = file(new Disk(), folder);
        Thread.currentThread().interrupt();
        file.write(content(1));
        file.write(content(2));
        assertTrue(Thread.interrupted());
        assertArrayEquals(content(2), Files.readAllBytes(folder.resolve("state.json")));
        assertEquals(List.of(), file.read(JSON).orElseThrow().told());
    }

    // Rare sequences of refusals and power cuts would lose an acknowledged change, or show one that never was.
    @Test
    void anyLongHistoryKeepsWhatWasAcknowledged() throws IOException {
        long seed = Long.getLong("penstock.seed", 20_261_130);
        int histories = Integer.getInteger("penstock.histories", 60);
        for (int history = 0; history < histories; history++) {
            longHistory(seed + history);
        }
    }

    private void longHistory(long seed) throws IOException {
        Random random = new Random(seed);
        Path run = fresh(0);
        clear(run);
        List<String> told = new ArrayList<>();
        List<byte[]> possible = new ArrayList<>();
        possible.add(null);
        for (int life = 0; life < 12; life++) {
            FaultyDisk disk = new FaultyDisk();
            disk.cutAt(random.nextInt(60));
            WholeFile file = file(disk, run);
            try {
                byte[] start = file.heal(JSON).map(Found::bytes).orElse(null);
                String words = "seed " + seed + ", life " + life + ": " + told;
                assertTrue(possible.stream().anyMatch(one -> Arrays.equals(one, start)), words);
                possible.clear();
                possible.add(start);
                for (int i = 0; i < 20; i++) {
                    disk.mode(random.nextInt(4) == 0 ? FaultyDisk.Mode.FULL : FaultyDisk.Mode.WORKS);
                    if (random.nextInt(4) == 0) {
                        disk.failAt(disk.calls().size() + random.nextInt(8));
                    }
                    byte[] next = ("{" + life + i + "," + "y".repeat(random.nextInt(3_000)) + "}")
                            .getBytes(StandardCharsets.UTF_8);
                    possible.add(next);
                    try {
                        file.write(next);
                        possible.clear();
                        possible.add(next);
                    } catch (FaultyDisk.PowerCut e) {
                        throw e;
                    } catch (IOException e) {
                        told.add("refused " + e.getMessage());
                    }
                }
            } catch (FaultyDisk.PowerCut e) {
                told.addAll(disk.calls());
                told.add("CUT");
            }
            disk.loseThePower(random::nextInt);
        }
    }
}
