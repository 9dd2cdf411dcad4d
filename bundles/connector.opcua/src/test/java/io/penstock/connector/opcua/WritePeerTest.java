// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import java.nio.file.Path;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WritePeerTest {
    @TempDir
    Path home;

    private static <T> T get(CompletionStage<T> stage) throws Exception {
        return stage.toCompletableFuture().get(10, TimeUnit.SECONDS);
    }

    // A write in the wrong type is refused by the PLC, or worse, taken as another number.
    @Test
    void everyTypeIsWrittenAsItselfAndReadBack() throws Exception {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Types.tags()));
            plant.awaitConnected();
            for (Types type : Types.values()) {
                TagId tag = new TagId(type.tag());
                assertTrue(plant.connector.writes(tag));
                assertEquals(StatusCode.GOOD, get(plant.connector.write(tag, type.number(), 3_000)), type.name());
                plant.server.await("write ns=1;s=T." + type.node + " " + type.node + " ", 5);
                Sample back = get(plant.connector.read(tag, 3_000));
                assertEquals(StatusCode.GOOD, back.status(), type.name());
                assertEquals(type.number(), back.value(), type.name());
                assertTrue(back.sourceTimeNs() > 1_600_000_000_000_000_000L, back.toString());
            }
        }
    }

    // The neighbours of a written array element belong to somebody else.
    @Test
    void oneElementOfAnArrayIsWrittenAlone() throws Exception {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Types.tags()));
            plant.awaitConnected();
            plant.server.tell("array A.Int16 1 2 3 4");
            plant.heard.awaitLast("A[3]", "4", s -> s.value() == 4);
            assertEquals(StatusCode.GOOD, get(plant.connector.write(new TagId("A[2]"), -30, 3_000)));
            assertEquals("write ns=1;s=A.Int16 Int16 -30 2", plant.server.await("write", 5));
            assertEquals(
                    -30, get(plant.connector.read(new TagId("A[2]"), 3_000)).value());
            assertEquals(2, get(plant.connector.read(new TagId("A[1]"), 3_000)).value());
            plant.heard.awaitLast("A[2]", "-30", s -> s.value() == -30);
            assertEquals(4, plant.heard.last("A[3]").value());
        }
    }

    // A refusal that looks like a success leaves the pump where it was and the model believing otherwise.
    @Test
    void refusalsAreTheServersOwnOrNamedHere() throws Exception {
        try (Plant plant = Plant.serving(home)) {
            TagDefinition scaled = new TagDefinition(
                    new TagId("VALVE"),
                    "",
                    "ns=1;s=T.Int16",
                    DataType.INT,
                    1,
                    ByteOrder.ABCD,
                    0,
                    new Scaling(0, 27648, 0, 100),
                    "P1",
                    true);
            TagDefinition readOnly = new TagDefinition(
                    new TagId("PV"), "", "ns=1;s=C1", DataType.LREAL, 1, ByteOrder.ABCD, 0, Scaling.NONE, "", false);
            plant.start(plant.settings(
                    scaled,
                    readOnly,
                    Plant.tag("WRONG", "ns=1;s=T.Int32", DataType.REAL, 1),
                    Plant.tag("GONE", "ns=1;s=Gone", DataType.REAL, 1)));
            plant.awaitConnected();
            assertEquals(StatusCode.GOOD, get(plant.connector.write(new TagId("VALVE"), 50, 3_000)));
            assertEquals("write ns=1;s=T.Int16 Int16 13824 -", plant.server.await("write", 5));
            assertEquals(
                    50, get(plant.connector.read(new TagId("VALVE"), 3_000)).value());

            assertEquals(StatusCode.BAD_OUT_OF_RANGE, get(plant.connector.write(new TagId("VALVE"), 200, 3_000)));
            assertEquals(
                    StatusCode.BAD_OUT_OF_RANGE, get(plant.connector.write(new TagId("VALVE"), Double.NaN, 3_000)));
            assertFalse(plant.connector.writes(new TagId("PV")));
            assertEquals(StatusCode.BAD_NOT_WRITABLE, get(plant.connector.write(new TagId("PV"), 1, 3_000)));
            assertEquals(StatusCode.BAD_TYPE_MISMATCH, get(plant.connector.write(new TagId("WRONG"), 1, 3_000)));
            assertEquals(
                    StatusCode.BAD_TYPE_MISMATCH,
                    get(plant.connector.read(new TagId("WRONG"), 3_000)).status());
            assertEquals(StatusCode.BAD_NODE_ID_UNKNOWN, get(plant.connector.write(new TagId("GONE"), 1, 3_000)));
            assertEquals(StatusCode.BAD_NODE_ID_UNKNOWN, get(plant.connector.write(new TagId("NEVER"), 1, 3_000)));
        }
    }

    // Without a bound the write loop would wait for a dead server with its output half applied.
    @Test
    void frozenServerEndsWritesAndReadsAtTheirDeadline() throws Exception {
        try (Plant plant = Plant.serving(home)) {
            plant.start(plant.settings(Plant.COUNTER));
            plant.awaitConnected();
            plant.server.pause();
            long begin = System.nanoTime();
            assertEquals(StatusCode.BAD_TIMEOUT, get(plant.connector.write(new TagId("C0"), 1, 150)));
            assertEquals(
                    StatusCode.BAD_TIMEOUT,
                    get(plant.connector.read(new TagId("C0"), 150)).status());
            assertEquals(StatusCode.BAD_TIMEOUT, get(plant.connector.write(new TagId("C0"), 1, -1)));
            assertEquals(
                    StatusCode.BAD_TIMEOUT,
                    get(plant.connector.read(new TagId("C0"), 0)).status());
            long ms = (System.nanoTime() - begin) / 1_000_000;
            assertTrue(ms >= 290 && ms < 5_000, ms + " ms");
            plant.server.resume();
        }
    }
}
