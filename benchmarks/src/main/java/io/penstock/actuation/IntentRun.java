// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.actuation.TagWriter;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelIdentity;
import io.penstock.audit.DiskLog;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * What it costs that the record of a write is on disk before the write leaves: from the decision to the connector, and the decision
 * itself, over the audit log of the product on the disk of a folder. Arguments: folder, writes a row, milliseconds between them.
 */
public final class IntentRun {
    private static final TagId TARGET = new TagId("SP");

    private IntentRun() {}

    public static void main(String[] arguments) throws IOException {
        Path folder = Files.createTempDirectory(Path.of(arguments.length > 0 ? arguments[0] : "."), "intent");
        int writes = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 1_000;
        long periodMs = arguments.length > 2 ? Long.parseLong(arguments[2]) : 10;
        force(folder, writes, periodMs);
        System.out.println("| intent | decision to connector p50 ms | p99 ms | decision p50 us | p99 us | written |");
        System.out.println("|---|---|---|---|---|---|");
        for (String intent : List.of("queued", "durable", "queued", "durable")) {
            row(folder.resolve(intent + System.nanoTime()), intent, writes, periodMs);
        }
    }

    /** What the disk itself takes, beside which the rows are read. */
    private static void force(Path folder, int times, long periodMs) throws IOException {
        long[] nanos = new long[times];
        try (FileChannel file =
                FileChannel.open(folder.resolve("force"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            for (int i = 0; i < times; i++) {
                long began = System.nanoTime();
                file.write(ByteBuffer.allocate(700), 700L * i);
                file.force(false);
                nanos[i] = System.nanoTime() - began;
                LockSupport.parkNanos(periodMs * 1_000_000);
            }
        }
        Arrays.sort(nanos);
        System.out.printf(
                Locale.ROOT,
                "bare write of 700 bytes and force: p50 %.2f ms, p99 %.2f ms%n%n",
                nanos[times / 2] / 1e6,
                nanos[times * 99 / 100] / 1e6);
    }

    private static void row(Path folder, String intent, int writes, long periodMs) {
        Plant plant = new Plant();
        long[] toConnector = new long[writes];
        long[] decision = new long[writes];
        int written = 0;
        try (DiskLog log = new DiskLog(folder)) {
            SetpointLoop loop = loop(intent);
            loop.addWriter(plant);
            loop.setAuditLog(log.log());
            loop.start();
            loop.model(model());
            Prediction prediction = new Prediction(List.of("y"));
            long end = System.nanoTime() + 10_000_000_000L;
            do {
                offer(loop, prediction, 0);
                LockSupport.parkNanos(1_000_000);
            } while (!loop.close(new Actor("benchmark", Set.of(Role.OPERATOR), "benchmark"), "measuring")
                            .isEmpty()
                    && System.nanoTime() < end);
            for (int i = 0; i < writes; i++) {
                long before = plant.writes.get();
                long began = System.nanoTime();
                offer(loop, prediction, i % 2 + 1);
                decision[i] = System.nanoTime() - began;
                long next = began + periodMs * 1_000_000;
                while (System.nanoTime() - next < 0) {
                    LockSupport.parkNanos(200_000);
                }
                long until = System.nanoTime() + 1_000_000_000L;
                while (plant.writes.get() == before && System.nanoTime() - until < 0) {
                    LockSupport.parkNanos(200_000); // a slow force: the next value would overtake this one
                }
                if (plant.writes.get() > before) {
                    toConnector[written++] = plant.wroteNanos - began;
                }
            }
            loop.stop();
        }
        long[] got = Arrays.copyOf(toConnector, Math.max(written, 1));
        Arrays.sort(got);
        Arrays.sort(decision);
        System.out.printf(
                Locale.ROOT,
                "| %s | %.2f | %.2f | %.1f | %.1f | %d of %d |%n",
                intent,
                got[got.length / 2] / 1e6,
                got[got.length * 99 / 100] / 1e6,
                decision[writes / 2] / 1e3,
                decision[writes * 99 / 100] / 1e3,
                written,
                writes);
    }

    private static void offer(SetpointLoop loop, Prediction prediction, double value) {
        prediction.set(0, value, StatusCode.GOOD);
        prediction.setTimes(0, System.nanoTime(), 1);
        loop.offer(prediction);
    }

    private static SetpointLoop loop(String intent) {
        Map<String, Object> properties = new HashMap<>();
        properties.put("name", "benchmark");
        properties.put("pipeline", "benchmark");
        properties.put("output", "y");
        properties.put("target", TARGET.name());
        properties.put("low", -1e6);
        properties.put("high", 1e6);
        properties.put("maximumExcessPercent", 0);
        properties.put("rateUpPerMinute", 1e9);
        properties.put("rateDownPerMinute", 1e9);
        properties.put("deadband", 0.5);
        properties.put("stepLimit", 1e6);
        properties.put("maximumInputAgeMs", 5_000L);
        properties.put("validityMs", 2_000L);
        properties.put("readBackTolerance", 0.1);
        properties.put("readBackTimeMs", 500L);
        properties.put("maximumReadBackMismatches", 1L);
        properties.put("writeDeadlineMs", 500L);
        properties.put("maximumWriteFailures", 1L);
        properties.put("maximumConsecutiveRefusals", 5L);
        properties.put("holdMs", 10_000L);
        properties.put("approvedReleases", new String[] {"mlp 1.0.1"});
        properties.put("intent", intent);
        return new SetpointLoop(
                Settings.of(properties), new Leases(), Clock.systemUTC(), System::nanoTime, LockSupport::parkNanos);
    }

    private static ModelArtifact model() {
        return new ModelArtifact(
                new ModelIdentity("mlp", "1.0.1", 1, "ab".repeat(32), "CN=benchmark"),
                new ModelContract(
                        "mlp",
                        "1.0.1",
                        1,
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of(new ModelContract.OutputSpec("y", "y", 0, "", -1e6, 1e6, "", "")),
                        new ModelContract.Budget(50, 64)),
                new byte[0]);
    }

    private static final class Plant implements TagWriter {
        private volatile double setpoint;
        private volatile long wroteNanos;
        private final AtomicLong writes = new AtomicLong();

        @Override
        public String name() {
            return "memory";
        }

        @Override
        public boolean writes(TagId tag) {
            return tag.equals(TARGET);
        }

        @Override
        public CompletionStage<Integer> write(TagId tag, double value, long deadlineMs) {
            wroteNanos = System.nanoTime();
            setpoint = value;
            writes.incrementAndGet();
            return CompletableFuture.completedFuture(StatusCode.GOOD);
        }

        @Override
        public CompletionStage<Sample> read(TagId tag, long deadlineMs) {
            return CompletableFuture.completedFuture(new Sample(
                    tag, setpoint, StatusCode.GOOD, System.currentTimeMillis() * 1_000_000, System.nanoTime()));
        }
    }
}
