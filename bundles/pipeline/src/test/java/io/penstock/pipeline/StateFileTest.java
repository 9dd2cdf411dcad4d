// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.memory.MemoryBudget;
import io.penstock.kit.faults.Choices;
import io.penstock.kit.faults.FaultyDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateFileTest {
    private static final long NOW_NS = 1_700_000_000_000_000_000L;

    @TempDir
    Path home;

    // A model with a large tensor would have warmed up for hours after every restart, its small windows too: the
    // tensor's
    // past, or its key that names every column, was too long for the file.
    @Test
    void theStateOfTheLargestTensorAndAllOtherComeBack() {
        byte[] rows = new byte[33 << 20];
        Arrays.fill(rows, (byte) 7);
        String key = "tensor of 256 rows @1000 of" + " {turbidity[NTU]}".repeat(1 << 14);
        file().save(Map.of(key, rows, "small", new byte[] {1, 2, 3}), NOW_NS);
        Map<String, byte[]> state = file().load(NOW_NS);
        assertEquals(2, state.size());
        assertArrayEquals(rows, state.get(key));
        assertArrayEquals(new byte[] {1, 2, 3}, state.get("small"));
    }

    // A file that lost its end or a bit would have given operators half a state, a wrong value to the model, or kept
    // the
    // pipeline from starting.
    @Test
    void aDamagedFileIsLeftAlone() throws IOException {
        file().save(Map.of("key", new byte[100]), NOW_NS);
        Path path = home.resolve("data").resolve("pipeline").resolve("p.state");
        Path kept = path.resolveSibling("p.state.kept");
        byte[] whole = Files.readAllBytes(path);
        byte[] wholeKept = Files.readAllBytes(kept);
        for (int at = 0; at < whole.length; at++) {
            byte[] flipped = whole.clone();
            flipped[at] ^= 4;
            for (byte[] damaged : List.of(Arrays.copyOf(whole, at), flipped)) {
                Files.write(path, damaged);
                assertEquals(Set.of("key"), file().load(NOW_NS).keySet(), "byte " + at);
                Files.delete(kept);
                assertEquals(Map.of(), file().load(NOW_NS), "byte " + at + ", nothing kept");
                Files.write(kept, wholeKept);
            }
        }
        Files.write(path, whole);
        assertEquals(Set.of("key"), file().load(NOW_NS).keySet());
    }

    // After a large state the small one before it would come back, with windows of another time.
    @Test
    void whatIsKeptIsNeverOlderThanTheFile() throws IOException {
        file().save(Map.of("old", new byte[100]), NOW_NS);
        file().save(Map.of("new", new byte[5 << 20]), NOW_NS);
        Path path = home.resolve("data").resolve("pipeline").resolve("p.state");
        assertEquals(Set.of("new"), file().load(NOW_NS).keySet());
        byte[] large = Files.readAllBytes(path);
        large[1 << 20] ^= 1;
        Files.write(path, large);
        assertEquals(Map.of(), file().load(NOW_NS));
    }

    // A power cut while the state is written would give the operators a mixture of two.
    @Test
    void aPowerCutLeavesOneStateWhole() throws IOException {
        int calls = Integer.MAX_VALUE;
        for (int cutAt = 0; cutAt < calls; cutAt++) {
            Choices choices = new Choices();
            do {
                file().save(Map.of("old", new byte[3_000]), NOW_NS);
                FaultyDisk disk = new FaultyDisk();
                disk.cutAt(cutAt);
                new StateFile(disk, home, "p", MemoryBudget.ofGateway(512))
                        .save(Map.of("new", new byte[4_000]), NOW_NS);
                calls = disk.calls().size() <= cutAt ? cutAt : calls;
                disk.loseThePower(choices);
                Map<String, byte[]> found = file().load(NOW_NS);
                assertEquals(1, found.size(), disk.calls() + " " + choices);
                found.forEach((key, value) -> assertEquals(key.equals("old") ? 3_000 : 4_000, value.length));
            } while (choices.next());
        }
        assertTrue(calls > 5 && calls < Integer.MAX_VALUE);
    }

    // Windows from before a long stop would have been taken for the plant of now.
    @Test
    void stateOfLongAgoIsLeftAlone() {
        file().save(Map.of("key", new byte[] {1}), NOW_NS);
        assertEquals(1, file().load(NOW_NS + TimeUnit.MINUTES.toNanos(10)).size());
        assertEquals(0, file().load(NOW_NS + TimeUnit.MINUTES.toNanos(11)).size());
    }

    // The state of a model that a larger gateway had ended the smaller one at every start.
    @Test
    void stateThatNoModelHereCanHaveIsLeftAlone() {
        file().save(Map.of("key", new byte[20 << 20]), NOW_NS);
        assertEquals(1, file().load(NOW_NS).size());
        assertEquals(
                0,
                new StateFile(home, "p", MemoryBudget.ofGateway(160))
                        .load(NOW_NS)
                        .size());
    }

    private StateFile file() {
        return new StateFile(home, "p", MemoryBudget.ofGateway(512));
    }
}
