// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.access.Users;
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
import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.audit.AuditTrail;
import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.Sample;
import io.penstock.api.data.TagId;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.MissingPolicy;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelStanding;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.api.pipeline.PipelineStatistics;
import io.penstock.api.publication.CycleResult;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** A gateway by hand: everything the results server shows, moved by the test. */
final class Fakes implements Gateway {
    static final String PASSWORD = "a long password";
    static final long INSTANT_NS = 1_700_000_000_123_456_700L;

    final List<Pipeline> pipelines = new CopyOnWriteArrayList<>();
    final List<TagSource> sources = new CopyOnWriteArrayList<>();
    final List<AuditRecord> audited = new CopyOnWriteArrayList<>();
    final List<String> logins = new CopyOnWriteArrayList<>();
    final Map<String, Long> revisions = new ConcurrentHashMap<>();
    final FakeCatalog catalog = new FakeCatalog();
    volatile boolean usersThere = true;

    @Override
    public List<Pipeline> pipelines() {
        return pipelines;
    }

    @Override
    public List<TagSource> sources() {
        return sources;
    }

    @Override
    public Optional<ModelCatalog> catalog() {
        return Optional.of(catalog);
    }

    /** Users named after their role; all have one password. */
    @Override
    public Optional<Users> users() {
        return usersThere
                ? Optional.of(new Users() {
                    @Override
                    public Optional<Actor> authenticate(String name, char[] password, String origin) {
                        logins.add(name + " " + origin);
                        return Arrays.stream(Role.values())
                                .filter(role -> role.name().equals(name) && PASSWORD.equals(new String(password)))
                                .map(role -> new Actor(name, Set.of(role), origin))
                                .findFirst();
                    }

                    @Override
                    public long revision(String name) {
                        return revisions.getOrDefault(name, 1L);
                    }
                })
                : Optional.empty();
    }

    private final AuditTrail trail = new AuditTrail("opc.ua", Clock.systemUTC());

    {
        trail.set(new AuditLog() {
            @Override
            public boolean append(AuditRecord entry) {
                return audited.add(entry);
            }

            @Override
            public boolean commit(AuditRecord entry, long timeoutMs) {
                return audited.add(entry);
            }

            @Override
            public Kept insist(AuditRecord entry, long timeoutMs) {
                audited.add(entry);
                return Kept.ON_DISK;
            }

            @Override
            public void tally(AuditRecord entry) {
                audited.add(entry);
            }

            @Override
            public boolean writable() {
                return true;
            }

            @Override
            public boolean flush(long timeoutMs) {
                return true;
            }
        });
    }

    @Override
    public AuditTrail audit() {
        return trail;
    }

    static ModelArtifact model(String version, List<String> features, List<OutputSpec> outputs, InputSpec... inputs) {
        return new ModelArtifact(
                new ModelIdentity("coagulant-dose", version, 7, "ab".repeat(32), "CN=Central team"),
                new ModelContract(
                        "coagulant-dose",
                        version,
                        1_000,
                        List.of(inputs),
                        features.stream()
                                .map(name -> new ModelContract.FeatureSpec(name, inputs[0].name(), List.of()))
                                .toList(),
                        List.of(),
                        outputs,
                        new ModelContract.Budget(50, 64)),
                new byte[0]);
    }

    static InputSpec input(String name, String unit, double low, double high) {
        return new InputSpec(name, unit, true, low, high, 5_000, MissingPolicy.FAIL, 0, Double.NaN);
    }

    static OutputSpec output(String name, String unit, double low, double high) {
        return new OutputSpec(name, "y", 0, unit, low, high, "", "");
    }

    static ModelArtifact doseModel() {
        return model(
                "1.0.0",
                List.of("turbidityLog"),
                List.of(output("dose", "M1", 1, 8), output("doseLow", "M1", 1, 8)),
                input("turbidity", "NTU", 0.5, 400),
                input("ph", "", 6, 9));
    }

    /** One result as the pipeline would hand it over, in a slot of its own. */
    static CycleResult result(
            String pipeline,
            ModelArtifact model,
            Mode mode,
            long instantNs,
            double value,
            int status,
            WriteOutcome written) {
        ModelContract contract = model.contract();
        Frame frame = new Frame(contract.inputNames());
        frame.begin(1, instantNs);
        for (int i = 0; i < frame.size(); i++) {
            frame.set(i, value + i, status, instantNs - 1_000_000L, 250_000_000L);
        }
        Features features = new Features(
                contract.features().stream()
                        .map(ModelContract.FeatureSpec::name)
                        .toList(),
                List.of());
        for (int i = 0; i < features.names().size(); i++) {
            features.set(i, value * 10 + i, status);
        }
        Prediction prediction = new Prediction(contract.outputNames());
        for (int i = 0; i < prediction.size(); i++) {
            prediction.set(i, value * 100 + i, status);
        }
        prediction.setTimes(instantNs, 0, 0);
        CycleResult result = new CycleResult();
        result.set(pipeline, model.identity(), contract, mode, frame, features, prediction, written, 10_000, 3_000);
        return result;
    }

    static class FakePipeline implements Pipeline {
        private final String name;
        volatile @Nullable ModelArtifact model;
        volatile @Nullable WriteLoop loop;
        volatile Mode mode = Mode.ADVISORY;
        volatile String remark = "";
        volatile List<String> refusals = List.of();
        volatile long cycles;
        volatile List<Binding> bindings = List.of(new Binding("turbidity", "AT-1002A"), new Binding("ph", "AT-1004"));
        final List<String> calls = new CopyOnWriteArrayList<>();

        FakePipeline(String name, @Nullable ModelArtifact model) {
            this.name = name;
            this.model = model;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public List<Binding> bindings() {
            return bindings;
        }

        @Override
        public ModelRequirement requirement() {
            return new ModelRequirement("coagulant-dose", "[1,2)");
        }

        @Override
        public Optional<ModelArtifact> model() {
            return Optional.ofNullable(model);
        }

        @Override
        public Optional<WriteLoop> loop() {
            return Optional.ofNullable(loop);
        }

        @Override
        public Mode mode() {
            return mode;
        }

        @Override
        public ModeAnswer setMode(Mode wanted, Actor actor, String reason) {
            calls.add(wanted + " by " + actor.name() + " " + actor.roles() + " " + actor.origin() + ": " + reason);
            if (refusals.isEmpty()) {
                mode = wanted;
            }
            return new ModeAnswer(refusals, remark);
        }

        @Override
        public SwapReport swap(ModelArtifact swapped, Duration warmUp) {
            throw new AssertionError("publication swaps nothing");
        }

        @Override
        public PipelineStatistics statistics() {
            return new PipelineStatistics(cycles, 2, 3, 4, 5, 6, 7.5, 8.5, 3.25, Double.NaN, 900, "all is well");
        }
    }

    static final class FakeLoop implements WriteLoop {
        @Override
        public String name() {
            return "dosing";
        }

        @Override
        public String pipeline() {
            return "dosing";
        }

        @Override
        public TagId target() {
            return new TagId("AIC-2001.SP");
        }

        @Override
        public String profile() {
            return "setpoint";
        }

        @Override
        public void model(ModelArtifact model) {}

        @Override
        public WriteOutcome offer(Prediction prediction) {
            throw new AssertionError("publication offers nothing");
        }

        @Override
        public boolean closed() {
            return true;
        }

        @Override
        public List<String> close(Actor actor, String reason) {
            throw new AssertionError("the pipeline does that");
        }

        @Override
        public void open(Actor actor, String reason) {
            throw new AssertionError("the pipeline does that");
        }

        @Override
        public String lastOpenReason() {
            return "quality \"Bad\"";
        }

        @Override
        public Optional<WriteReceipt> lastReceipt() {
            return Optional.of(new WriteReceipt(
                    target(), 2.5, WriteReceipt.Result.CONFIRMED, 2.5, "", Instant.ofEpochSecond(1_700_000_000), 420));
        }

        @Override
        public WriteCounts counts() {
            return new WriteCounts(10, 9, 3, 2, Map.of("quality", 4L, "age", 1L), 1, 1);
        }
    }

    static final class FakeCatalog implements ModelCatalog {
        final List<Receipt> receipts = new CopyOnWriteArrayList<>();
        final List<String> calls = new CopyOnWriteArrayList<>();

        @Override
        public List<Receipt> receipts() {
            return receipts;
        }

        @Override
        public Optional<ModelIdentity> fallback(String pipeline) {
            return Optional.of(new ModelIdentity("coagulant-dose", "0.9.0", 6, "cd".repeat(32), "CN=Central team"));
        }

        @Override
        public Receipt rollback(String pipeline, Actor actor, String reason) {
            calls.add(pipeline + " by " + actor.name() + " " + actor.origin() + ": " + reason);
            Receipt receipt = new Receipt(
                    "rollback",
                    fallback(pipeline).orElseThrow(),
                    List.of(pipeline),
                    RolloutOutcome.ROLLED_BACK,
                    "operator \"asked\"",
                    List.of("VERIFIED signer CN=Central team"),
                    Instant.ofEpochSecond(1_700_000_100));
            receipts.add(0, receipt);
            return receipt;
        }

        @Override
        public List<ModelStanding> standings() {
            return List.of();
        }

        @Override
        public List<String> quarantined() {
            return List.of();
        }

        @Override
        public List<String> crashes() {
            return List.of();
        }

        @Override
        public List<String> deaths() {
            return List.of();
        }

        @Override
        public Receipt cancel(String pipeline, Actor actor, String reason) {
            throw new UnsupportedOperationException();
        }
    }

    static final class FakeSource implements TagSource {
        private final String name;
        private final List<TagDefinition> tags;
        private final List<SampleListener> listeners = new CopyOnWriteArrayList<>();
        volatile ConnectionStatus connection = new ConnectionStatus(
                ConnectionStatus.State.CONNECTED, "", "security is off", Instant.ofEpochSecond(1_700_000_000), 3, 250);

        FakeSource(String name, TagDefinition... tags) {
            this.name = name;
            this.tags = List.of(tags);
        }

        static TagDefinition tag(String id, DataType type, int length, String unit, Scaling scaling) {
            return new TagDefinition(
                    new TagId(id),
                    id + " of the plant",
                    "1",
                    type,
                    length,
                    ByteOrder.ABCD,
                    1_000,
                    scaling,
                    unit,
                    false);
        }

        void deliver(String tag, double value, int status, long sourceTimeNs) {
            listeners.forEach(listener ->
                    listener.onSample(new Sample(new TagId(tag), value, status, sourceTimeNs, System.nanoTime())));
        }

        int listeners() {
            return listeners.size();
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public List<TagDefinition> tags() {
            return tags;
        }

        @Override
        public ConnectionStatus connection() {
            return connection;
        }

        @Override
        public Subscription subscribe(SampleListener listener) {
            listeners.add(listener);
            return () -> listeners.remove(listener);
        }
    }

    static Settings settings(int port, boolean anonymous, boolean noSecurity, int maxSessions) {
        return new Settings(
                port,
                "127.0.0.1",
                "",
                "Penstock test",
                "urn:penstock:test:server",
                "/penstock",
                List.of(
                        org.eclipse.milo.opcua.stack.core.security.SecurityPolicy.Basic256Sha256,
                        org.eclipse.milo.opcua.stack.core.security.SecurityPolicy.Aes128_Sha256_RsaOaep,
                        org.eclipse.milo.opcua.stack.core.security.SecurityPolicy.Aes256_Sha256_RsaPss),
                anonymous,
                noSecurity,
                maxSessions,
                5,
                1_000,
                100,
                10,
                shares(maxSessions),
                io.penstock.opcua.stack.CertificatePolicy.of(
                        io.penstock.opcua.stack.CertificatePolicy.Peer.CLIENT, 2048, "required"));
    }

    /** Roomy, and nothing in reserve: what a test is about it sets itself. */
    static Shares shares(int maxSessions) {
        return new Shares(150, 40, 20, maxSessions, maxSessions, 0, 120_000, 600_000, 24 << 20, 8 << 20);
    }

    /** Waits, with a bound, for what another thread or process brings about. */
    static void await(String what, java.util.function.BooleanSupplier condition) {
        long end = System.nanoTime() + 20_000_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not within 20 s: " + what);
            }
            java.util.concurrent.locks.LockSupport.parkNanos(5_000_000L);
        }
    }

    static List<String> threads(String prefix) {
        List<String> names = new ArrayList<>();
        Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith(prefix))
                .forEach(names::add);
        return names;
    }
}
