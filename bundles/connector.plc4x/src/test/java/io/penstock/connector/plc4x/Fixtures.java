// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What the tests of this room share. */
final class Fixtures {
    private static final AtomicInteger NAMES = new AtomicInteger();

    private Fixtures() {}

    /** Settings with short times, for a device on this machine. */
    static Settings settings(int port) {
        return settings(port, 500);
    }

    static Settings settings(int port, long requestTimeoutMs) {
        return new Settings(
                "t" + NAMES.incrementAndGet(),
                "127.0.0.1",
                port,
                1,
                "plc1.csv",
                1000,
                requestTimeoutMs,
                600,
                20,
                100,
                125,
                2000,
                8,
                1000);
    }

    static TagDefinition tag(String name, String address, DataType type) {
        return tag(name, address, type, 1, ByteOrder.ABCD, Scaling.NONE, false);
    }

    static TagDefinition writable(String name, String address, DataType type) {
        return tag(name, address, type, 1, ByteOrder.ABCD, Scaling.NONE, true);
    }

    static TagDefinition tag(
            String name,
            String address,
            DataType type,
            int length,
            ByteOrder order,
            Scaling scaling,
            boolean writable) {
        return new TagDefinition(new TagId(name), "", address, type, length, order, 20, scaling, "", writable);
    }

    static PlcConnector start(Settings settings, List<TagDefinition> tags) {
        return start(settings, tags, null, Clock.systemUTC());
    }

    static PlcConnector start(
            Settings settings, List<TagDefinition> tags, @Nullable Supplier<Wire.Opener> openers, Clock clock) {
        PlcConnector connector = new PlcConnector(settings, name -> tags, openers, clock);
        connector.start();
        return connector;
    }

    static void await(String what, BooleanSupplier condition) {
        await(() -> what, condition);
    }

    /** @param what said when the time is over, so that it tells how things stand then. */
    static void await(Supplier<String> what, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("not within 20 s: " + what.get());
            }
            try {
                Thread.sleep(2); // the step of a bounded wait
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    static int write(PlcConnector connector, String tag, double value) {
        try {
            return connector
                    .write(new TagId(tag), value, 3000)
                    .toCompletableFuture()
                    .get(5, TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            throw new AssertionError(e);
        }
    }

    static Sample read(PlcConnector connector, String tag) {
        try {
            return connector.read(new TagId(tag), 3000).toCompletableFuture().get(5, TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            throw new AssertionError(e);
        }
    }

    /** Names of live threads of one connector, and of PLC4X and netty. */
    static List<String> threads(String connector) {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(n -> n.endsWith("-" + connector)
                        || n.contains("-wire-" + connector)
                        || n.startsWith("plc4x")
                        || n.startsWith("pool-"))
                .sorted()
                .toList();
    }

    /** Everything one subscription heard. */
    static final class Ear implements SampleListener, AutoCloseable {
        private final List<Sample> samples = new ArrayList<>();
        private final TagSource.Subscription subscription;
        private int batches;

        Ear(TagSource source) {
            subscription = source.subscribe(this);
        }

        @Override
        public synchronized void onSample(Sample sample) {
            samples.add(sample);
        }

        @Override
        public synchronized void onBatchEnd() {
            batches++;
        }

        synchronized List<Sample> of(String tag) {
            return samples.stream().filter(s -> s.tag().name().equals(tag)).toList();
        }

        synchronized List<Sample> all() {
            return List.copyOf(samples);
        }

        synchronized int batches() {
            return batches;
        }

        synchronized void clear() {
            samples.clear();
        }

        @Nullable
        Sample last(String tag) {
            List<Sample> seen = of(tag);
            return seen.isEmpty() ? null : seen.get(seen.size() - 1);
        }

        Sample await(String tag, Predicate<Sample> condition) {
            Fixtures.await(() -> tag + ", last was " + last(tag), () -> of(tag).stream()
                    .anyMatch(condition));
            return of(tag).stream().filter(condition).findFirst().orElseThrow();
        }

        Sample awaitGood(String tag, double value) {
            return await(tag, s -> s.status() == StatusCode.GOOD && s.value() == value);
        }

        Sample awaitStatus(String tag, int status) {
            return await(tag, s -> s.status() == status);
        }

        @Override
        public void close() {
            subscription.close();
        }
    }
}
