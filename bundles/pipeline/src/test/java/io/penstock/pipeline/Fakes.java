// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import static org.junit.jupiter.api.Assertions.fail;

import io.penstock.api.access.Actor;
import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.ConnectionStatus;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.actuation.WriteCounts;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.actuation.WriteReceipt;
import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.preprocessing.FeatureProgram;
import io.penstock.api.publication.CycleResult;
import io.penstock.api.publication.ResultPublisher;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Neighbours of a pipeline, by hand. */
final class Fakes {
    private Fakes() {}

    static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                fail("not within 20 s: " + what);
            }
            LockSupport.parkNanos(200_000);
        }
    }

    static ModelArtifact model(String version, String... inputs) {
        List<ModelContract.InputSpec> specs = new ArrayList<>();
        for (String input : inputs) {
            specs.add(new ModelContract.InputSpec(
                    input, "NTU", true, 0, 1e9, 60_000, ModelContract.MissingPolicy.FAIL, 0, Double.NaN));
        }
        ModelContract contract = new ModelContract(
                "dose",
                version,
                0,
                specs,
                List.of(),
                List.of(),
                List.of(new ModelContract.OutputSpec("out", "y", 0, "", -1e12, 1e12, "", "")),
                new ModelContract.Budget(100, 10));
        return new ModelArtifact(new ModelIdentity("dose", version, 1, "00", "CN=test"), contract, new byte[0]);
    }

    /** A connector with tags in NTU. */
    static final class Source implements TagSource {
        final List<TagDefinition> tags = new ArrayList<>();
        final List<SampleListener> listeners = new CopyOnWriteArrayList<>();

        Source(String unit, String... names) {
            for (String name : names) {
                tags.add(new TagDefinition(
                        new TagId(name), "", name, DataType.REAL, 1, ByteOrder.ABCD, 100, Scaling.NONE, unit, false));
            }
        }

        void emit(String tag, double value, int status, long sourceTimeNs) {
            Sample sample = new Sample(new TagId(tag), value, status, sourceTimeNs, System.nanoTime());
            listeners.forEach(listener -> listener.onSample(sample));
        }

        void emit(String tag, double value, long sourceTimeNs) {
            emit(tag, value, StatusCode.GOOD, sourceTimeNs);
        }

        void batchEnd() {
            listeners.forEach(SampleListener::onBatchEnd);
        }

        @Override
        public String name() {
            return "fake";
        }

        @Override
        public List<TagDefinition> tags() {
            return tags;
        }

        @Override
        public ConnectionStatus connection() {
            return new ConnectionStatus(ConnectionStatus.State.CONNECTED, "", "", null, 0, 0);
        }

        @Override
        public Subscription subscribe(SampleListener listener) {
            listeners.add(listener);
            return () -> listeners.remove(listener);
        }
    }

    /** Counts frames as its state; a feature program with memory. Other inputs are other operators. */
    static final class Engine implements FeatureEngine {
        /** Frames until the operators' window is full. */
        volatile long window;

        volatile boolean breaks;
        /** What a broken operator throws, null for an exception. */
        volatile @Nullable Error error;
        /** Which program breaks in {@link #breaks}; null for all. */
        volatile @Nullable List<String> broken;

        volatile boolean breaksInSave;
        volatile boolean breaksInRestore;
        volatile boolean breaksInCompile;
        /** What it says its programs take. */
        volatile long programBytes = 1024;
        /** Frames that all programs of these inputs have seen. */
        final Map<List<String>, Integer> applied = new ConcurrentHashMap<>();

        @Override
        public ProgramMemory memory(ModelContract contract, long shortestCycleMs) {
            return new ProgramMemory(programBytes, "");
        }

        @Override
        public FeatureProgram compile(ModelContract contract) {
            breakIf(breaksInCompile);
            String key = "seen " + contract.inputNames();
            return new FeatureProgram() {
                private long seen;

                @Override
                public Features newFeatures() {
                    return new Features(List.of("sum", "seen"), List.of());
                }

                @Override
                public void apply(Frame frame, Features features) {
                    List<String> only = broken;
                    breakIf(breaks && (only == null || only.equals(contract.inputNames())));
                    applied.merge(contract.inputNames(), 1, Integer::sum);
                    double sum = 0;
                    int worst = StatusCode.GOOD;
                    for (int i = 0; i < frame.size(); i++) {
                        sum += frame.value(i);
                        worst = StatusCode.worse(worst, frame.status(i));
                    }
                    features.set(0, sum, worst);
                    features.set(1, (double) ++seen, worst);
                    features.setStatus(
                            seen < window && !StatusCode.isBad(worst) ? StatusCode.UNCERTAIN_INITIAL_VALUE : worst);
                }

                @Override
                public Map<String, byte[]> saveState() {
                    breakIf(breaksInSave);
                    return Map.of(key, ByteBuffer.allocate(8).putLong(seen).array());
                }

                @Override
                public Restored restoreState(Map<String, byte[]> state) {
                    breakIf(breaksInRestore);
                    byte[] bytes = state.get(key);
                    seen = bytes == null ? seen : ByteBuffer.wrap(bytes).getLong();
                    return new Restored(bytes == null ? 0 : 1, 1);
                }
            };
        }

        private void breakIf(boolean broken) {
            Error thrown = error;
            if (broken && thrown != null) {
                throw thrown;
            }
            if (broken) {
                throw new IllegalStateException("broken operator");
            }
        }

        @Override
        public Optional<UnitConversion> conversion(String from, String to) {
            return from.equals("KTU") && to.equals("NTU") ? Optional.of(new UnitConversion(1000, 0)) : Optional.empty();
        }
    }

    /** Gives the sum of the inputs; can be made to hang. */
    static final class Engines implements InferenceEngine {
        final AtomicInteger open = new AtomicInteger();
        final Gate opening = new Gate();
        final Gate running = new Gate();
        volatile @Nullable Error error;

        @Override
        public InferenceSession open(ModelArtifact model) {
            opening.pass();
            open.incrementAndGet();
            return new InferenceSession() {
                @Override
                public ModelIdentity model() {
                    return model.identity();
                }

                @Override
                public int run(Features features, Prediction prediction) {
                    running.pass();
                    Error thrown = error;
                    if (thrown != null) {
                        throw thrown;
                    }
                    prediction.set(0, features.value(0), StatusCode.GOOD);
                    return StatusCode.GOOD;
                }

                @Override
                public String lastError() {
                    return "";
                }

                @Override
                public void close() {
                    open.decrementAndGet();
                }
            };
        }

        @Override
        public String runtime() {
            return "fake";
        }
    }

    /** Holds up whoever comes while it is shut. */
    static final class Gate {
        private volatile CountDownLatch latch = new CountDownLatch(0);
        /** Whether somebody stands before it. */
        volatile boolean reached;

        void shut() {
            reached = false;
            latch = new CountDownLatch(1);
        }

        void open() {
            latch.countDown();
        }

        void pass() {
            CountDownLatch now = latch;
            reached = now.getCount() > 0;
            try {
                if (!now.await(30, TimeUnit.SECONDS)) {
                    throw new IllegalStateException("gate stayed shut");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** What one cycle told. */
    record Seen(
            long cycle, long instantNs, String version, double value, int status, double operatorCount, String mode) {}

    /** Keeps results; can be made to block. */
    static final class Publisher implements ResultPublisher {
        final List<Seen> seen = Collections.synchronizedList(new ArrayList<>());
        final Gate gate = new Gate();

        @Override
        public String name() {
            return "test";
        }

        @Override
        public void publish(CycleResult r) {
            gate.pass();
            ModelIdentity model = r.model();
            seen.add(new Seen(
                    r.frame().cycle(),
                    r.frame().instantNs(),
                    model == null ? "" : model.version(),
                    r.prediction().value(0),
                    r.prediction().status(0),
                    r.features().names().isEmpty() ? 0 : r.features().value(1),
                    r.mode().name()));
        }

        List<Seen> copy() {
            synchronized (seen) {
                return List.copyOf(seen);
            }
        }
    }

    /** A loop that takes everything while closed. */
    static final class Loop implements WriteLoop {
        final List<String> models = new CopyOnWriteArrayList<>();
        volatile boolean closed;
        volatile long offered;
        volatile int openings;
        /** Happens while the guards of closing are asked. */
        volatile Runnable onClose = () -> {};

        @Override
        public String name() {
            return "loop";
        }

        @Override
        public String pipeline() {
            return "p";
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
        public void model(ModelArtifact model) {
            models.add(model.identity().version());
        }

        @Override
        @SuppressWarnings("NonAtomicVolatileUpdate") // one caller
        public WriteOutcome offer(Prediction prediction) {
            offered++;
            return closed
                    ? new WriteOutcome(WriteOutcome.Kind.ASKED, prediction.value(0), prediction.value(0), "")
                    : WriteOutcome.NOT_OFFERED;
        }

        @Override
        public boolean closed() {
            return closed;
        }

        @Override
        public List<String> close(Actor actor, String reason) {
            int before = openings;
            onClose.run();
            if (openings != before) {
                return List.of("opened meanwhile");
            }
            closed = true;
            return List.of();
        }

        @Override
        @SuppressWarnings("NonAtomicVolatileUpdate") // one caller
        public void open(Actor actor, String reason) {
            openings++;
            closed = false;
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
}
