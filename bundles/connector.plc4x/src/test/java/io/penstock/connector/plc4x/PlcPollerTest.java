// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import static io.penstock.connector.plc4x.Fixtures.await;
import static io.penstock.connector.plc4x.Fixtures.settings;
import static io.penstock.connector.plc4x.Fixtures.start;
import static io.penstock.connector.plc4x.Fixtures.tag;
import static io.penstock.connector.plc4x.Fixtures.writable;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.ConnectionStatus.State;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import io.penstock.connector.plc4x.Fixtures.Ear;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class PlcPollerTest {
    private final FakeWire wire = new FakeWire();
    private PlcConnector connector;

    @AfterEach
    void stop() {
        if (connector != null) {
            connector.stop();
        }
    }

    private Ear connect(List<TagDefinition> tags) {
        connector = start(settings(1), tags, () -> () -> wire, Clock.systemUTC());
        return new Ear(connector);
    }

    private CompletableFuture<Integer> write(String tag, double value, long deadlineMs) {
        return connector.write(new TagId(tag), value, deadlineMs).toCompletableFuture();
    }

    // The dose correction waits until 40 slow requests are through.
    @Test
    void aWriteGoesBeforeTheRestOfThePoll() throws Exception {
        List<TagDefinition> tags = IntStream.range(0, 5)
                .mapToObj(i -> writable("T" + i, "holding-register:" + (1 + 100 * i), DataType.INT))
                .toList();
        Ear ear = connect(tags);
        ear.awaitGood("T4", 0);
        wire.hold = true;
        await("a read is under way", () -> wire.heldCount() == 1);
        wire.asked.clear();
        CompletableFuture<Integer> written = write("T3", 9, 5000);
        wire.release();
        assertEquals(StatusCode.GOOD, written.get(5, TimeUnit.SECONDS));
        assertEquals("write 301+1", wire.asked.get(0));
        ear.awaitGood("T3", 9);
    }

    // A write whose time is up must be reported, and must not be sent minutes later.
    @Test
    void aWriteWhoseDeadlineIsOverIsNeverSent() throws Exception {
        Ear ear = connect(List.of(writable("x", "holding-register:1", DataType.INT)));
        ear.awaitGood("x", 0);
        wire.hold = true;
        await("a read is under way", () -> wire.heldCount() == 1);
        assertEquals(StatusCode.BAD_TIMEOUT, write("x", 9, 30).get(5, TimeUnit.SECONDS));
        assertEquals(StatusCode.BAD_TIMEOUT, write("x", 9, 0).get(5, TimeUnit.SECONDS));
        wire.release();
        ear.clear();
        ear.awaitGood("x", 0);
        assertTrue(wire.asked.stream().noneMatch(a -> a.startsWith("write")), wire.asked.toString());
    }

    // With a full queue the caller must hear it at once, not wait for ever.
    @Test
    void theQueueOfWritesIsBounded() {
        Ear ear = connect(List.of(writable("x", "holding-register:1", DataType.INT)));
        ear.awaitGood("x", 0);
        wire.hold = true;
        await("a read is under way", () -> wire.heldCount() == 1);
        List<CompletableFuture<Integer>> writes =
                IntStream.range(0, 300).mapToObj(i -> write("x", i, 10_000)).toList();
        assertEquals(44, writes.stream().filter(CompletableFuture::isDone).count());
        assertFalse(writes.get(0).isDone());
        wire.release();
        assertEquals(
                256, writes.stream().filter(w -> w.join() == StatusCode.GOOD).count());
    }

    // The first miss ends the connection: PLC4X never answers on it again.
    @Test
    void theFirstMissRebuildsTheConnection() {
        AtomicInteger opened = new AtomicInteger();
        FakeWire second = new FakeWire();
        second.registers[0] = 2;
        connector = start(
                settings(1),
                List.of(tag("x", "holding-register:1", DataType.INT)),
                () -> () -> opened.getAndIncrement() == 0 ? wire : second,
                Clock.systemUTC());
        Ear ear = new Ear(connector);
        ear.awaitGood("x", 0);
        wire.hold = true;
        ear.awaitGood("x", 2);
        assertTrue(wire.gone().isDone(), "the first was closed");
        assertEquals(2, opened.get());
        assertEquals(1, connector.connection().reconnects());
        wire.release();
        assertEquals(
                1,
                ear.of("x").stream()
                        .filter(s -> s.status() == StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE)
                        .count());
    }

    // Without back-off a PLC that is down is hammered and its log fills.
    @Test
    void attemptsBackOff() {
        AtomicInteger attempts = new AtomicInteger();
        long begin = System.nanoTime();
        connector = start(
                settings(1),
                List.of(tag("x", "holding-register:1", DataType.INT)),
                () -> () -> {
                    attempts.incrementAndGet();
                    throw new IOException("Connection refused");
                },
                Clock.systemUTC());
        Ear ear = new Ear(connector);
        await("eight attempts", () -> attempts.get() >= 8);
        long ms = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
        assertTrue(ms >= 20 + 40 + 80 + 4 * 100, "took only " + ms + " ms");
        assertEquals(State.LOST, connector.connection().state());
        assertTrue(connector.connection().detail().contains("Connection refused"));
        assertEquals(
                1,
                ear.of("x").stream()
                        .filter(s -> s.status() == StatusCode.BAD_WAITING_FOR_INITIAL_DATA)
                        .count());
    }

    // An operator sets the clock an hour ahead and back again: samples neither stop nor keep the wrong time.
    @Test
    void samplesFollowAClockThatIsSet() {
        AtomicInteger aheadSeconds = new AtomicInteger();
        Clock clock = new Clock() {
            @Override
            public Instant instant() {
                return Instant.now().plusSeconds(aheadSeconds.get());
            }

            @Override
            public ZoneId getZone() {
                return ZoneOffset.UTC;
            }

            @Override
            public Clock withZone(ZoneId zone) {
                return this;
            }
        };
        connector = start(settings(1), List.of(tag("x", "holding-register:1", DataType.INT)), () -> () -> wire, clock);
        Ear ear = new Ear(connector);
        await("samples", () -> ear.of("x").size() > 3);
        for (int ahead : new int[] {3600, 0, 120, -3600, 0}) {
            aheadSeconds.set(ahead);
            int seen = ear.of("x").size();
            await("more samples", () -> ear.of("x").size() > seen + 5);
            Sample last = ear.last("x");
            long trueNs = System.currentTimeMillis() * 1_000_000 - (System.nanoTime() - last.arrivalNanos());
            long off = (last.sourceTimeNs() - trueNs) / 1_000_000 - ahead * 1000L;
            assertTrue(Math.abs(off) < 60_000, "off by " + off + " ms after " + ahead + " s");
        }
        List<Sample> samples = ear.of("x");
        for (int i = 1; i < samples.size(); i++) {
            assertTrue(samples.get(i).arrivalNanos() - samples.get(i - 1).arrivalNanos() > 0);
        }
        assertEquals("", connector.connection().warning());
    }

    // A second pipeline that starts later must see the last value, in order, before the next.
    @Test
    void aLateListenerHearsTheLastSampleFirst() {
        Ear ear = connect(
                List.of(tag("x", "holding-register:1", DataType.INT), tag("y", "holding-register:2", DataType.INT)));
        wire.registers[0] = 5;
        ear.awaitGood("x", 5);
        wire.hold = true;
        await("a read is under way", () -> wire.heldCount() == 1);
        Ear late = new Ear(connector);
        late.awaitGood("x", 5);
        assertEquals(ear.last("x"), late.last("x"));
        await("a batch", () -> late.batches() == 1);
        assertEquals(1, late.of("y").size());
        wire.release();
    }

    // One listener with a defect must not silence the others.
    @Test
    void aListenerThatThrowsHarmsNobody() {
        connector = start(
                settings(1),
                List.of(tag("x", "holding-register:1", DataType.INT)),
                () -> () -> wire,
                Clock.systemUTC());
        TagSource.Subscription bad = connector.subscribe(new SampleListener() {
            @Override
            public void onSample(Sample sample) {
                throw new IllegalStateException("defect");
            }
        });
        Ear ear = new Ear(connector);
        await("samples", () -> ear.of("x").size() > 3);
        assertEquals(0, connector.connection().reconnects());
        bad.close();
    }

    // Tags of a slow period must not be read at the pace of the fastest.
    @Test
    void eachPeriodHasItsOwnPace() {
        Ear ear = connect(List.of(
                tag("fast", "holding-register:1", DataType.INT), ofPeriod("slow", "holding-register:500", 200)));
        await("five slow", () -> ear.of("slow").size() >= 5);
        int fast = ear.of("fast").size();
        assertTrue(fast > 10 && fast <= 60, "fast " + fast);
        List<Sample> slows = ear.of("slow");
        long span = slows.get(4).sourceTimeNs() - slows.get(0).sourceTimeNs();
        assertTrue(span > 700_000_000L, "four periods of 200 ms took " + span + " ns");
    }

    private static TagDefinition ofPeriod(String name, String address, long periodMs) {
        return new TagDefinition(
                new TagId(name), "", address, DataType.INT, 1, ByteOrder.ABCD, periodMs, Scaling.NONE, "", false);
    }

    // Each time the thousand counters of a minute are read from a slow PLC, the flow of the loop would stand still.
    @Test
    void aSlowGroupDoesNotMakeAFastOneWait() {
        List<TagDefinition> tags = new ArrayList<>(List.of(tag("fast", "holding-register:1", DataType.INT)));
        for (int i = 1; i <= 5; i++) {
            tags.add(ofPeriod("slow" + i, "holding-register:" + (1 + 100 * i), 60_000));
        }
        FakeWire pausing = new FakeWire() {
            @Override
            public CompletableFuture<Reply> read(Area area, int start, int count) {
                if (start == 100) {
                    hold = true;
                    asked.clear();
                }
                return super.read(area, start, count);
            }
        };
        connector = start(settings(1, 15_000), tags, () -> () -> pausing, Clock.systemUTC());
        Ear ear = new Ear(connector);
        await("the slow group is being read", () -> pausing.heldCount() == 1);
        long begin = System.nanoTime();
        await("the fast one is due", () -> System.nanoTime() - begin > TimeUnit.MILLISECONDS.toNanos(50));
        pausing.release();
        ear.awaitGood("slow5", 0);
        assertEquals(List.of("read 101+1", "read 1+1", "read 201+1"), pausing.asked.subList(0, 3));
    }

    // A function the device does not know is no reason for 500 more questions.
    @Test
    void anUnknownFunctionIsAskedOnce() {
        wire.refuses = Wire.Code.UNSUPPORTED;
        Ear ear = connect(IntStream.range(0, 20)
                .mapToObj(i -> tag("T" + i, "input-register:" + (1 + i), DataType.INT))
                .toList());
        ear.awaitStatus("T19", StatusCode.BAD_NOT_SUPPORTED);
        assertEquals(1, wire.asked.size(), wire.asked.toString());
        wire.refuses = Wire.Code.OK;
        ear.awaitGood("T19", 0);
    }

    // An error no Java program should catch still must not leave a plant's last values on the screen as good for ever.
    @Test
    void anErrorEndsTheConnectionAndNotTheThread() {
        AtomicInteger opened = new AtomicInteger();
        FakeWire failing = new FakeWire() {
            @Override
            public CompletableFuture<Reply> read(Area area, int start, int count) {
                throw new OutOfMemoryError("for a test");
            }
        };
        connector = start(
                settings(1),
                List.of(tag("x", "holding-register:1", DataType.INT)),
                () -> () -> opened.getAndIncrement() == 0 ? failing : wire,
                Clock.systemUTC());
        Ear ear = new Ear(connector);
        ear.awaitGood("x", 0);
        assertEquals(2, opened.get());
        assertTrue(failing.gone().isDone());
    }

    // The driver fails in a way nobody foresaw; the connector must survive it.
    @Test
    void anAnswerThatIsNoneRebuildsTheConnection() {
        AtomicInteger opened = new AtomicInteger();
        connector = start(
                settings(1),
                List.of(tag("x", "holding-register:1", DataType.INT)),
                () -> () -> {
                    if (opened.getAndIncrement() > 0) {
                        return wire;
                    }
                    FakeWire broken = new FakeWire() {
                        @Override
                        public CompletableFuture<Reply> read(Area area, int start, int count) {
                            throw new NullPointerException("defect of the driver");
                        }
                    };
                    return broken;
                },
                Clock.systemUTC());
        Ear ear = new Ear(connector);
        ear.awaitGood("x", 0);
        assertEquals(2, opened.get());
    }
}
