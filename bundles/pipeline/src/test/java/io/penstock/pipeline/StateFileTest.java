// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.penstock.api.memory.MemoryBudget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
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

    // A file that lost its end would have given operators half a state, or kept the pipeline from starting.
    @Test
    void aDamagedFileIsLeftAlone() throws IOException {
        file().save(Map.of("key", new byte[100]), NOW_NS);
        Path path = home.resolve("data").resolve("pipeline").resolve("p.state");
        byte[] whole = Files.readAllBytes(path);
        for (int length = 0; length < whole.length; length++) {
            Files.write(path, Arrays.copyOf(whole, length));
            assertEquals(Map.of(), file().load(NOW_NS), "cut to " + length);
        }
        byte[] endless = whole.clone();
        endless[16] = 0x7F; // the length of the key
        Files.write(path, endless);
        assertEquals(Map.of(), file().load(NOW_NS));
        endless[16] = -1;
        Files.write(path, endless);
        assertEquals(Map.of(), file().load(NOW_NS));
        Files.write(path, whole);
        assertEquals(Set.of("key"), file().load(NOW_NS).keySet());
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
