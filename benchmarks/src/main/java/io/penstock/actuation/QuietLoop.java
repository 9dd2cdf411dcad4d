// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.actuation.TagWriter;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.LockSupport;

/** The write loop of the product over a plant in memory, within whose deadband every value lies: all guards, no write. */
public final class QuietLoop implements AutoCloseable {
    private static final String TARGET = "SP";

    private final SetpointLoop loop;

    /** Open; of the pipeline {@code benchmark}, for its output {@code y} of mlp 1.0.1. */
    public QuietLoop() {
        Map<String, Object> properties = new HashMap<>();
        properties.put("name", "benchmark");
        properties.put("pipeline", "benchmark");
        properties.put("output", "y");
        properties.put("target", TARGET);
        properties.put("low", -1e6);
        properties.put("high", 1e6);
        properties.put("maximumExcessPercent", 0);
        properties.put("rateUpPerMinute", 1e9);
        properties.put("rateDownPerMinute", 1e9);
        properties.put("deadband", 1e5);
        properties.put("stepLimit", 1e6);
        properties.put("maximumInputAgeMs", 5_000L);
        properties.put("validityMs", 1_000L);
        properties.put("readBackTolerance", 1.0);
        properties.put("readBackTimeMs", 500L);
        properties.put("maximumReadBackMismatches", 1L);
        properties.put("writeDeadlineMs", 500L);
        properties.put("maximumWriteFailures", 1L);
        properties.put("maximumConsecutiveRefusals", 5L);
        properties.put("holdMs", 10_000L);
        properties.put("approvedReleases", new String[] {"mlp 1.0.1"});
        loop = new SetpointLoop(
                Settings.of(properties), new Leases(), Clock.systemUTC(), System::nanoTime, LockSupport::parkNanos);
        loop.addWriter(new Memory());
        loop.setAuditLog(new Nowhere());
        loop.start();
    }

    public WriteLoop loop() {
        return loop;
    }

    /** After the first prediction. */
    public void engage() {
        List<String> refusals = loop.close(new Actor("benchmark", Set.of(Role.OPERATOR), "benchmark"), "measuring");
        if (!refusals.isEmpty()) {
            throw new IllegalStateException("the loop does not close: " + refusals);
        }
    }

    @Override
    public void close() {
        loop.stop();
    }

    private static final class Memory implements TagWriter {
        @Override
        public String name() {
            return "memory";
        }

        @Override
        public boolean writes(TagId tag) {
            return tag.name().equals(TARGET);
        }

        @Override
        public CompletionStage<Integer> write(TagId tag, double value, long deadlineMs) {
            throw new IllegalStateException("a value left the deadband: " + value);
        }

        @Override
        public CompletionStage<Sample> read(TagId tag, long deadlineMs) {
            return CompletableFuture.completedFuture(
                    new Sample(tag, 0, StatusCode.GOOD, System.currentTimeMillis() * 1_000_000, System.nanoTime()));
        }
    }

    private static final class Nowhere implements AuditLog {
        @Override
        public boolean append(AuditRecord entry) {
            return true;
        }

        @Override
        public boolean commit(AuditRecord entry, long timeoutMs) {
            return true;
        }

        @Override
        public Kept insist(AuditRecord entry, long timeoutMs) {
            return Kept.ON_DISK;
        }

        @Override
        public void tally(AuditRecord entry) {}

        @Override
        public boolean writable() {
            return true;
        }

        @Override
        public boolean flush(long timeoutMs) {
            return true;
        }
    }
}
