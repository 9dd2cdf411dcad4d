// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.command;

import io.penstock.api.access.Actor;
import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteCounts;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.actuation.WriteReceipt;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.TagId;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelStanding;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.api.pipeline.PipelineStatistics;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/** The other rooms, made by hand. */
final class Fakes {
    static final ModelIdentity V1 = new ModelIdentity("dose", "1.0.0", 1, "a".repeat(64), "CN=x");
    static final ModelIdentity V2 = new ModelIdentity("dose", "1.1.0", 2, "b".repeat(64), "CN=x");

    private Fakes() {}

    /** A pipeline with a loop. */
    static final class FakePipeline implements Pipeline, WriteLoop {
        private final String name;
        final List<String> asked = new CopyOnWriteArrayList<>();
        volatile Mode ceiling = Mode.ADVISORY;
        volatile boolean closed;
        volatile List<String> refusals = List.of();
        /** A closing hangs here, as one does that asks a PLC that is silent. */
        volatile @Nullable CountDownLatch closing;
        /** Counts closings that hang. */
        final CountDownLatch begun = new CountDownLatch(1);

        volatile @Nullable Actor actor;
        volatile boolean faulty;

        FakePipeline(String name) {
            this.name = name;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public List<Binding> bindings() {
            return List.of();
        }

        @Override
        public ModelRequirement requirement() {
            return new ModelRequirement("dose", "[1.0,2.0)");
        }

        @Override
        public Optional<ModelArtifact> model() {
            return Optional.empty();
        }

        @Override
        public Optional<WriteLoop> loop() {
            return Optional.of(this);
        }

        @Override
        public Mode mode() {
            return closed ? Mode.CLOSED : ceiling;
        }

        @Override
        public ModeAnswer setMode(Mode mode, Actor who, String reason) {
            return ModeAnswer.refused(set(mode, who, reason));
        }

        private List<String> set(Mode mode, Actor who, String reason) {
            asked.add(mode + " " + reason);
            actor = who;
            if (faulty) {
                throw new IllegalStateException("not foreseen");
            }
            if (mode == Mode.CLOSED) {
                CountDownLatch hang = closing;
                if (hang != null) {
                    begun.countDown();
                    try {
                        hang.await();
                    } catch (InterruptedException e) {
                        return List.of("interrupted");
                    }
                }
                if (refusals.isEmpty()) {
                    closed = true;
                }
                return refusals;
            }
            closed = false;
            ceiling = mode;
            return List.of();
        }

        @Override
        public SwapReport swap(ModelArtifact model, Duration warmUp) {
            throw new UnsupportedOperationException();
        }

        @Override
        public PipelineStatistics statistics() {
            return new PipelineStatistics(7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "");
        }

        @Override
        public String pipeline() {
            return name;
        }

        @Override
        public TagId target() {
            return new TagId("SP");
        }

        @Override
        public String profile() {
            return "setpoint";
        }

        @Override
        public void model(ModelArtifact model) {}

        @Override
        public WriteOutcome offer(Prediction prediction) {
            return WriteOutcome.NOT_OFFERED;
        }

        @Override
        public boolean closed() {
            return closed;
        }

        @Override
        public List<String> close(Actor who, String reason) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void open(Actor who, String reason) {
            throw new UnsupportedOperationException();
        }

        @Override
        public String lastOpenReason() {
            return "";
        }

        @Override
        public Optional<WriteReceipt> lastReceipt() {
            return Optional.empty();
        }

        @Override
        public WriteCounts counts() {
            return new WriteCounts(0, 0, 0, 0, Map.of(), 0, 0);
        }
    }

    /** A catalog whose rollbacks hang until told. */
    static final class FakeCatalog implements ModelCatalog {
        final List<String> asked = new CopyOnWriteArrayList<>();
        volatile @Nullable CountDownLatch hang;
        final CountDownLatch begun = new CountDownLatch(1);

        @Override
        public List<Receipt> receipts() {
            return List.of(receipt(RolloutOutcome.REJECTED, "signer unknown\u001b[2J"));
        }

        private static Receipt receipt(RolloutOutcome outcome, String reason) {
            return new Receipt("x.penstock", V1, List.of("dosing"), outcome, reason, List.of("ACTIVE"), Instant.EPOCH);
        }

        @Override
        public Optional<ModelIdentity> fallback(String pipeline) {
            return Optional.of(V1);
        }

        @Override
        public List<ModelStanding> standings() {
            return List.of(
                    new ModelStanding("dosing", V2, Instant.EPOCH, V1, "dose 1.2.0 warms up"),
                    new ModelStanding("gone", V1, null, null, ""));
        }

        @Override
        public List<String> quarantined() {
            return List.of("dose 0.9.0 (sequence 1): 2 crashes");
        }

        @Override
        public List<String> crashes() {
            return List.of("dose 0.9.0: 2");
        }

        @Override
        public List<String> deaths() {
            return List.of("2026-11-30T10:00:00Z CRASH libfoo.so\n; charged to dose 0.9.0 (2 of 2)");
        }

        @Override
        public Receipt rollback(String pipeline, Actor actor, String reason) {
            asked.add(pipeline + " " + actor.name());
            CountDownLatch wait = hang;
            if (wait != null) {
                begun.countDown();
                try {
                    wait.await();
                } catch (InterruptedException e) {
                    return receipt(RolloutOutcome.FAILED_NOTHING_CHANGED, "interrupted");
                }
            }
            return receipt(RolloutOutcome.ROLLED_BACK, "");
        }

        @Override
        public Receipt cancel(String pipeline, Actor actor, String reason) {
            return receipt(RolloutOutcome.CANCELLED, "");
        }
    }
}
