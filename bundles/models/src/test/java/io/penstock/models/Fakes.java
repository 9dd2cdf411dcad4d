// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.access.Actor;
import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.StatusCode;
import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.api.pipeline.PipelineStatistics;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.preprocessing.FeatureProgram;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/** The other rooms, made by hand. */
final class Fakes {
    private Fakes() {}

    /** A pipeline whose swaps succeed at once unless told otherwise. */
    static final class FakePipeline implements Pipeline {
        private final String name;
        private final String range;
        volatile @Nullable ModelArtifact model;
        volatile @Nullable String refusal;
        volatile @Nullable CountDownLatch nextCycle;
        volatile @Nullable CountDownLatch warm;
        /** Whether who interrupts a swap comes at the moment of the exchange, which is too late. */
        volatile boolean exchanging;

        final List<String> swaps = new ArrayList<>();
        final List<Duration> warmUps = new ArrayList<>();

        FakePipeline(String name, String range) {
            this.name = name;
            this.range = range;
        }

        FakePipeline(String name) {
            this(name, "[1.0.0,2.0.0)");
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public List<Binding> bindings() {
            return List.of(new Binding("turbidity", "AT-1001.PV"));
        }

        @Override
        public ModelRequirement requirement() {
            return new ModelRequirement("coagulant-dose", range);
        }

        @Override
        public Optional<ModelArtifact> model() {
            return Optional.ofNullable(model);
        }

        String label() {
            ModelArtifact now = model;
            return now == null ? "" : now.identity().label();
        }

        @Override
        public Optional<WriteLoop> loop() {
            return Optional.empty();
        }

        @Override
        public Mode mode() {
            return Mode.ADVISORY;
        }

        @Override
        public ModeAnswer setMode(Mode mode, Actor actor, String reason) {
            return ModeAnswer.refused(List.of());
        }

        @Override
        public SwapReport swap(ModelArtifact artifact, Duration warmUp) throws ModelRejectedException {
            await(nextCycle);
            if (!warmUp.isZero()) {
                await(warm);
            }
            String why = refusal;
            if (why != null) {
                throw new ModelRejectedException(why);
            }
            String from = label();
            model = artifact;
            swaps.add(artifact.identity().label());
            warmUps.add(warmUp);
            return new SwapReport(from, label(), 0, 0, 1, 1, 0);
        }

        private void await(@Nullable CountDownLatch latch) throws ModelRejectedException {
            if (latch != null) {
                try {
                    latch.await();
                } catch (InterruptedException e) {
                    if (!exchanging) {
                        throw new ModelRejectedException("interrupted", e);
                    }
                }
            }
        }

        @Override
        public PipelineStatistics statistics() {
            return new PipelineStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "");
        }
    }

    /** Each feature is its input's value. */
    static final class FakeFeatures implements FeatureEngine {
        /** What it says its programs take. */
        volatile long programBytes = 1024;

        @Override
        public ProgramMemory memory(ModelContract contract, long shortestCycleMs) {
            return new ProgramMemory(programBytes, "");
        }

        @Override
        public FeatureProgram compile(ModelContract contract) {
            return new FeatureProgram() {
                @Override
                public Features newFeatures() {
                    return new Features(
                            contract.features().stream().map(f -> f.name()).toList(), List.of());
                }

                @Override
                public void apply(Frame frame, Features features) {
                    int status = StatusCode.GOOD;
                    for (int i = 0; i < contract.features().size(); i++) {
                        int input = contract.inputNames()
                                .indexOf(contract.features().get(i).input());
                        features.set(i, frame.value(input), frame.status(input));
                        status = StatusCode.worse(status, frame.status(input));
                    }
                    features.setStatus(status);
                }

                @Override
                public Map<String, byte[]> saveState() {
                    return Map.of();
                }

                @Override
                public Restored restoreState(Map<String, byte[]> state) {
                    return new Restored(0, 0);
                }
            };
        }

        @Override
        public Optional<UnitConversion> conversion(String fromUnit, String toUnit) {
            return Optional.empty();
        }
    }

    /** Twice the first feature; what the payload of {@link Samples#onnx} says beyond that. */
    static final class FakeInference implements InferenceEngine {
        final CountDownLatch never = new CountDownLatch(1);
        final Semaphore hanging = new Semaphore(0);

        @Override
        public InferenceSession open(ModelArtifact model) throws ModelRejectedException {
            String onnx = new String(model.onnx(), StandardCharsets.ISO_8859_1);
            if (onnx.contains("unloadable")) {
                throw new ModelRejectedException("model.onnx: does not load");
            }
            if (onnx.contains("hang")) {
                hanging.release();
                try {
                    never.await();
                } catch (InterruptedException e) {
                    throw new ModelRejectedException("interrupted", e);
                }
            }
            double factor = onnx.contains("wrong") ? 2.1 : 2;
            boolean slow = onnx.contains("slow");
            boolean busy = onnx.contains("busy");
            return new InferenceSession() {
                private int runs;

                @Override
                public ModelIdentity model() {
                    return model.identity();
                }

                @Override
                public int run(Features features, Prediction prediction) {
                    if (slow || (busy && runs++ % 3 < 2)) {
                        return StatusCode.BAD_TIMEOUT;
                    }
                    prediction.set(0, factor * features.value(0), StatusCode.GOOD);
                    return StatusCode.GOOD;
                }

                @Override
                public String lastError() {
                    return slow ? "no answer within 100 ms" : "";
                }

                @Override
                public void close() {}
            };
        }

        @Override
        public String runtime() {
            return "fake runtime";
        }
    }

    /** A framework that offers certain operators. */
    static final class FakeStaging implements Staging {
        final Set<String> installed = new TreeSet<>();
        boolean lacksOperator;
        boolean fault;
        boolean full;

        @Override
        public String stage(String sha256, byte[] bundle) throws ModelRejectedException {
            if (fault) {
                throw new IllegalStateException("not foreseen");
            }
            if (full) {
                throw new ModelRejectedException(
                        "bundle: the framework does not install it: no cache",
                        new IllegalStateException(new IOException("No space left on device")));
            }
            if (lacksOperator) {
                throw new ModelRejectedException(
                        "bundle: this gateway lacks what the model needs: io.penstock.operator (operator=hampel)");
            }
            installed.add(sha256);
            return "resolved";
        }

        @Override
        public void unstage(String sha256) {
            installed.remove(sha256);
        }
    }

    /** An audit in memory, whose disk takes everything or nothing. */
    static final class Audit implements AuditLog {
        final List<AuditRecord> records = new CopyOnWriteArrayList<>();
        volatile Kept kept = Kept.ON_DISK;

        @Override
        public boolean append(AuditRecord entry) {
            return records.add(entry);
        }

        @Override
        public boolean commit(AuditRecord entry, long timeoutMs) {
            return records.add(entry) && kept == Kept.ON_DISK;
        }

        @Override
        public Kept insist(AuditRecord entry, long timeoutMs) {
            records.add(entry);
            return kept;
        }

        @Override
        public void tally(AuditRecord entry) {
            records.add(entry);
        }

        @Override
        public boolean writable() {
            return kept == Kept.ON_DISK;
        }

        @Override
        public boolean flush(long timeoutMs) {
            return writable();
        }
    }
}
