// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.penstock.api.acquisition.DataType;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class BlockTest {
    private static final Settings SETTINGS = Fixtures.settings(1);

    private static Item item(String address, DataType type) {
        return new Item(Fixtures.tag("x", address, type), ModbusAddress.parse(address), 0);
    }

    private static List<String> plan(List<Item> items, List<Item> barriers) {
        return Block.plan(items, barriers, Set.of(), SETTINGS).stream()
                .map(Block::toString)
                .toList();
    }

    // One request per tag would make a poll of 54 tags last 54 round trips.
    @Test
    void neighboursShareARequestOverABoundedGap() {
        assertEquals(
                List.of("holding-register:1..12", "holding-register:22"),
                plan(
                        List.of(
                                item("holding-register:22", DataType.INT),
                                item("holding-register:11", DataType.REAL),
                                item("holding-register:1", DataType.REAL)),
                        List.of()));
    }

    // Two areas, or more than the device takes at once, must not be asked in one request.
    @Test
    void areasAndLimitsSeparate() {
        List<Item> many = IntStream.rangeClosed(1, 130)
                .mapToObj(i -> item("holding-register:" + i, DataType.INT))
                .toList();
        assertEquals(List.of("holding-register:1..125", "holding-register:126..130"), plan(many, List.of()));
        List<Item> inputs = IntStream.rangeClosed(1, 130)
                .mapToObj(i -> item("discrete-input:" + i, DataType.BOOL))
                .toList();
        assertEquals(List.of("discrete-input:1..125", "discrete-input:126..130"), plan(inputs, List.of()));
        assertEquals(
                List.of("coil:1", "input-register:1", "holding-register:1"),
                plan(
                        List.of(
                                item("holding-register:1", DataType.INT),
                                item("coil:1", DataType.BOOL),
                                item("input-register:1", DataType.INT)),
                        List.of()));
    }

    // A long value that covers a short one must not cut the range of the block.
    @Test
    void overlappingItemsKeepTheLongestEnd() {
        assertEquals(
                List.of("holding-register:1..4"),
                plan(
                        List.of(item("holding-register:1", DataType.LREAL), item("holding-register:2", DataType.INT)),
                        List.of()));
    }

    // A refused address inside a block would make the device refuse the block again and again.
    @Test
    void noBlockReachesOverARefusedAddress() {
        assertEquals(
                List.of("holding-register:1", "holding-register:3"),
                plan(
                        List.of(item("holding-register:1", DataType.INT), item("holding-register:3", DataType.INT)),
                        List.of(item("holding-register:2", DataType.INT))));
    }
}
