// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.access.Actor;
import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.ConnectionStatus;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteCounts;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.actuation.WriteReceipt;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.Budget;
import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelContract.FeatureSpec;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.MissingPolicy;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.OperatorSpec;
import io.penstock.api.pipeline.Pipeline.Binding;
import io.penstock.benchmarks.Mlp;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/** What stands around a pipeline in a gateway, without wires. */
final class Neighbours {
    private Neighbours() {}

    /** Settings of a pipeline that runs on every change of the last tag. */
    static Settings settings(int resultQueue) {
        List<Binding> bindings = new ArrayList<>();
        for (int i = 0; i < Mlp.INPUTS; i++) {
            bindings.add(new Binding("i" + i, "T" + i));
        }
        return new Settings(
                "benchmark",
                "mlp",
                "[1.0,2.0)",
                Settings.Trigger.CHANGE,
                1,
                Set.of("T" + (Mlp.INPUTS - 1)),
                bindings,
                Mode.ADVISORY,
                1024,
                resultQueue,
                1000);
    }

    /** Eight tags, z-scores over 32 cycles, 8 to 16 to 1. */
    static ModelArtifact model(long sequence) throws IOException {
        List<InputSpec> inputs = new ArrayList<>();
        List<FeatureSpec> features = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (int i = 0; i < Mlp.INPUTS; i++) {
            inputs.add(new InputSpec("i" + i, "", true, -1e9, 1e9, 5_000, MissingPolicy.FAIL, 0, Double.NaN));
            OperatorSpec score = new OperatorSpec("zScore", Map.of("window", 32.0, "ddof", 0.0, "minStd", 1e-9));
            features.add(new FeatureSpec("f" + i, "i" + i, List.of(score)));
            names.add("f" + i);
        }
        ModelContract contract = new ModelContract(
                "mlp",
                "1.0." + sequence,
                0,
                inputs,
                features,
                List.of(new TensorSpec("x", ElementType.FLOAT32, List.of(1L, (long) Mlp.INPUTS), 1, names)),
                List.of(new OutputSpec("y", "y", 0, "", -1e9, 1e9, "", "")),
                new Budget(50, 64));
        return new ModelArtifact(
                new ModelIdentity("mlp", "1.0." + sequence, sequence, "", "CN=benchmark"), contract, Mlp.onnx());
    }

    /** A connector that is told what to deliver. */
    static final class Source implements TagSource {
        private final List<TagDefinition> tags = new ArrayList<>();
        private final List<SampleListener> listeners = new CopyOnWriteArrayList<>();

        Source() {
            for (int i = 0; i < Mlp.INPUTS; i++) {
                TagId id = new TagId("T" + i);
                tags.add(new TagDefinition(
                        id, "", id.name(), DataType.LREAL, 1, ByteOrder.ABCD, 1, Scaling.NONE, "", false));
            }
        }

        /** One scan of the plant, as a connector delivers it: a new sample per tag. */
        void scan(double value, long timeNs) {
            long arrival = System.nanoTime();
            for (SampleListener listener : listeners) {
                for (int i = 0; i < tags.size(); i++) {
                    listener.onSample(new Sample(tags.get(i).id(), value + i, StatusCode.GOOD, timeNs, arrival));
                }
                listener.onBatchEnd();
            }
        }

        @Override
        public String name() {
            return "benchmark";
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

    /** A loop that is open: asked in every cycle, writes nothing. */
    abstract static class OpenLoop implements WriteLoop {
        @Override
        public String name() {
            return "benchmark";
        }

        @Override
        public String pipeline() {
            return "benchmark";
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
            return false;
        }

        @Override
        public List<String> close(Actor actor, String reason) {
            return List.of("benchmark");
        }

        @Override
        public void open(Actor actor, String reason) {}

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
