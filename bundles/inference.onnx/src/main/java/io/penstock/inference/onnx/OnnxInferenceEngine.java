// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.penstock.api.data.Features;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.StatusCode;
import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.ModelRejectedException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.osgi.annotation.bundle.Capability;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens models with ONNX Runtime: one session per model, one thread, no spinning, memory allocated once. Works in the gateway
 * and, by its public constructor, on a plain class path.
 */
@Component(service = InferenceEngine.class, configurationPid = OnnxInferenceEngine.PID)
@Designate(ocd = OnnxInferenceEngine.Config.class)
@Capability(
        namespace = "io.penstock.inference",
        attribute = {
            "format=onnx",
            "opset:Long=" + OnnxInferenceEngine.OPSET,
            "aiOnnxMlOpset:Long=" + OnnxInferenceEngine.ML_OPSET
        })
public final class OnnxInferenceEngine implements InferenceEngine, AutoCloseable {
    @ObjectClassDefinition(
            name = "ONNX inference",
            description = "Limits of all models together; changed while they run.")
    @interface Config {
        @AttributeDefinition(description = "Most models open at once, 1 to 1000.")
        int sessionLimit() default 32;

        @AttributeDefinition(description = "Most memory in MiB that the budgets of all open models may add up to.")
        long memoryLimitMiB() default 1_024;

        @AttributeDefinition(description = "Longest deadline in ms a model may ask for, 1 to 600000.")
        long deadlineLimitMs() default 10_000;
    }

    static final String PID = "io.penstock.inference.onnx";
    /** Highest released operator set of the default domain that ONNX Runtime 1.29 takes. */
    static final int OPSET = 26;
    /** The same for {@code ai.onnx.ml}, the domain of tree ensembles. */
    static final int ML_OPSET = 5;

    private static final long MIB = 1_048_576;
    private static final long MEMORY_NOISE_KIB = 16 * 1024; // what the JVM itself may allocate meanwhile
    private static final long OPEN_WAIT_S = 30;
    private static final long WARM_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final int WARM_LIMIT_FACTOR = 20;
    private static final int WARM_RUNS = 1_000;
    private static final int WARM_RUNS_AT_LEAST = 3;
    private static final long WARM_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long STOP_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final Logger LOG = LoggerFactory.getLogger(OnnxInferenceEngine.class);

    private final OrtEnvironment environment;
    private final Watchdog watchdog = new Watchdog();
    private final Map<OnnxSession, Long> sessions = new ConcurrentHashMap<>(); // with its budget in MiB
    /** One model is opened at a time, so that the memory it takes can be told. */
    private final ReentrantLock opening = new ReentrantLock();

    private volatile Settings settings;
    private volatile boolean stopped;

    /** Outside a framework, with the limits' defaults; libraries come out of the jar. Close it. */
    public OnnxInferenceEngine() {
        this(NativeLibrary::fromClassPath, new Settings(32, 1_024, 10_000));
    }

    @Activate
    public OnnxInferenceEngine(Config config) {
        this(NativeLibrary::fromBundle, Settings.of(config));
    }

    OnnxInferenceEngine(Supplier<OrtEnvironment> library, Settings settings) {
        this.settings = settings;
        environment = library.get();
        watchdog.start();
        LOG.info("{} ready: operator sets up to {}, ai.onnx.ml up to {}", runtime(), OPSET, ML_OPSET);
    }

    @Modified
    void modified(Config config) {
        settings = Settings.of(config); // open models stay
    }

    @Override
    public String runtime() {
        return "ONNX Runtime " + environment.getVersion();
    }

    @Override
    public InferenceSession open(ModelArtifact model) throws ModelRejectedException {
        Wiring wiring = new Wiring(model.identity().label(), model.contract());
        try {
            if (!opening.tryLock(OPEN_WAIT_S, TimeUnit.SECONDS)) {
                throw wiring.rejected("another model has been opening for " + OPEN_WAIT_S + " s; try again later");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw wiring.rejected("opening was interrupted");
        }
        try {
            checkLimits(model, wiring);
            GraphScan scan = checkFile(model.onnx(), wiring);
            wiring.checkLayouts(scan);
            return load(model, wiring);
        } finally {
            opening.unlock();
        }
    }

    private void checkLimits(ModelArtifact model, Wiring wiring) throws ModelRejectedException {
        Settings limits = settings;
        ModelContract.Budget budget = model.contract().budget();
        if (stopped) {
            throw wiring.rejected("the inference engine is stopped; start io.penstock.inference.onnx");
        }
        if (budget.deadlineMs() < 1 || budget.deadlineMs() > limits.deadlineLimitMs()) {
            throw wiring.rejected("budget.deadlineMs " + budget.deadlineMs() + " is not within 1 to "
                    + limits.deadlineLimitMs() + " (deadlineLimitMs of " + PID + ")");
        }
        long taken = sessions.values().stream().mapToLong(Long::longValue).sum();
        if (budget.memoryMiB() < 1 || taken + budget.memoryMiB() > limits.memoryLimitMiB()) {
            throw wiring.rejected(
                    "budget.memoryMiB " + budget.memoryMiB() + " with " + taken + " MiB of other open models is"
                            + " not within 1 to " + limits.memoryLimitMiB() + " (memoryLimitMiB of " + PID + ")");
        }
        if (sessions.size() >= limits.sessionLimit()) {
            throw wiring.rejected(sessions.size() + " models are open, the limit is " + limits.sessionLimit()
                    + " (sessionLimit of " + PID + ")");
        }
    }

    private static GraphScan checkFile(byte[] onnx, Wiring wiring) throws ModelRejectedException {
        GraphScan scan;
        try {
            scan = GraphScan.of(onnx);
        } catch (IllegalArgumentException e) {
            throw new ModelRejectedException(
                    wiring.rejected("model.onnx is " + e.getMessage()).getMessage(), e);
        }
        if (scan.external() != null) {
            throw wiring.rejected("tensor " + scan.external()
                    + " lies in another file; save the model with all data in one" + " file");
        }
        if (scan.opset() > OPSET || scan.mlOpset() > ML_OPSET) {
            throw wiring.rejected("the graph needs operator set " + scan.opset() + " (ai.onnx.ml " + scan.mlOpset()
                    + "), this runtime has " + OPSET + " (ai.onnx.ml " + ML_OPSET
                    + "); export it for those or update the"
                    + " gateway");
        }
        return scan;
    }

    private InferenceSession load(ModelArtifact model, Wiring wiring) throws ModelRejectedException {
        ModelContract contract = model.contract();
        checkSize(model.onnx().length, "model.onnx", wiring, contract);
        OptionalLong before = NativeMemory.anonymousKiB();
        OrtSession.SessionOptions options = null;
        OnnxSession session = null;
        boolean opened = false;
        try {
            options = options();
            OrtSession graph = environment.createSession(model.onnx(), options);
            session = wrap(model, graph, options);
            options = null; // belongs to the session now
            if (stopped) {
                throw wiring.rejected("the inference engine was stopped meanwhile");
            }
            wiring.checkInputs(graph.getInputInfo());
            Map<String, ElementType> types = wiring.checkOutputs(graph.getOutputInfo());
            warm(session, contract, types, wiring);
            checkMemory(before, wiring, contract);
            if (stopped || session.guard().closed()) {
                throw wiring.rejected("the inference engine was stopped meanwhile");
            }
            opened = true;
            return session;
        } catch (OrtException e) {
            throw new ModelRejectedException(wiring.rejected(Text.of(e)).getMessage(), e);
        } catch (OutOfMemoryError e) {
            String reason = "there is no memory for its tensors (" + Text.of(e)
                    + "); use a smaller model or raise -XX:MaxDirectMemorySize";
            throw new ModelRejectedException(wiring.rejected(reason).getMessage(), e);
        } finally {
            if (!opened && session != null) {
                session.close();
            }
            if (options != null) {
                options.close();
            }
        }
    }

    private static OrtSession.SessionOptions options() throws OrtException {
        var options = new OrtSession.SessionOptions();
        options.setIntraOpNumThreads(1); // the caller's own thread, none besides
        options.setInterOpNumThreads(1);
        options.addConfigEntry("session.intra_op.allow_spinning", "0");
        options.addConfigEntry("session.inter_op.allow_spinning", "0");
        options.addConfigEntry("session.load_model_format", "ONNX"); // the only one that is scanned
        return options;
    }

    private OnnxSession wrap(ModelArtifact model, OrtSession graph, OrtSession.SessionOptions options)
            throws OrtException {
        ModelContract.Budget budget = model.contract().budget();
        long warmLimit =
                Math.max(WARM_LIMIT_NANOS, TimeUnit.MILLISECONDS.toNanos(budget.deadlineMs()) * WARM_LIMIT_FACTOR);
        OnnxSession[] self = new OnnxSession[1];
        try {
            self[0] = new OnnxSession(model.identity(), model.contract(), environment, graph, warmLimit, () -> {
                options.close(); // ONNX Runtime wants them to outlive the session
                watchdog.remove(self[0].guard());
                sessions.remove(self[0]);
            });
        } catch (OrtException e) {
            graph.close();
            throw e;
        }
        sessions.put(self[0], budget.memoryMiB());
        watchdog.add(self[0].guard());
        return self[0];
    }

    private void warm(OnnxSession session, ModelContract contract, Map<String, ElementType> types, Wiring wiring)
            throws ModelRejectedException, OrtException {
        long bytes = 0;
        for (TensorSpec spec : contract.tensors()) {
            bytes += (long) spec.rows() * spec.features().size() * TensorBuffer.bytes(spec.type());
        }
        checkSize(bytes, "the input tensors", wiring, contract);
        session.allocateInputs(wiring);
        Features neutral = neutral(contract);
        Map<String, long[]> shapes = session.probe(neutral, types.keySet());
        if (shapes == null) {
            throw wiring.rejected("no answer to neutral input within "
                    + TimeUnit.NANOSECONDS.toMillis(session.guard().limit()) + " ms; budget.deadlineMs is "
                    + contract.budget().deadlineMs());
        }
        wiring.checkIndices(shapes);
        for (Map.Entry<String, ElementType> type : types.entrySet()) {
            bytes += (long) wiring.elements("output", type.getKey(), shapes.getOrDefault(type.getKey(), new long[0]))
                    * TensorBuffer.bytes(type.getValue());
        }
        checkSize(bytes, "the input and output tensors", wiring, contract);
        session.pin(types, shapes, wiring);
        long best = repeat(session, neutral, contract, wiring);
        long deadline = TimeUnit.MILLISECONDS.toNanos(contract.budget().deadlineMs());
        if (best > deadline) {
            throw wiring.rejected("the fastest answer took " + TimeUnit.NANOSECONDS.toMillis(best)
                    + " ms, budget.deadlineMs is " + contract.budget().deadlineMs());
        }
        session.guard().setLimit(deadline);
        watchdog.wake();
    }

    /** @return the shortest run in nanoseconds. */
    private static long repeat(OnnxSession session, Features neutral, ModelContract contract, Wiring wiring)
            throws ModelRejectedException {
        Prediction ignored = new Prediction(contract.outputNames());
        long begin = System.nanoTime();
        long best = Long.MAX_VALUE;
        for (int i = 0; i < WARM_RUNS; i++) {
            long started = System.nanoTime();
            if (i >= WARM_RUNS_AT_LEAST && started - begin > WARM_NANOS) {
                break;
            }
            if (session.run(neutral, ignored) == StatusCode.BAD_TIMEOUT) {
                throw wiring.rejected("no answer to neutral input within "
                        + TimeUnit.NANOSECONDS.toMillis(session.guard().limit()) + " ms");
            }
            best = Math.min(best, System.nanoTime() - started);
        }
        return best;
    }

    /** All ones: a divisor, an index and a logarithm can live with it. */
    private static Features neutral(ModelContract contract) {
        List<Features.Layout> layouts = contract.tensors().stream()
                .map(spec -> new Features.Layout(
                        spec.name(),
                        spec.rows(),
                        spec.features().stream().map(f -> 0).toList()))
                .toList();
        Features neutral = new Features(List.of(), layouts);
        for (int i = 0; i < layouts.size(); i++) {
            Arrays.fill(neutral.tensor(i), 1);
        }
        return neutral;
    }

    private static void checkSize(long bytes, String what, Wiring wiring, ModelContract contract)
            throws ModelRejectedException {
        if (bytes > contract.budget().memoryMiB() * MIB) {
            throw wiring.rejected(what + " take " + (bytes + MIB - 1) / MIB + " MiB, budget.memoryMiB is "
                    + contract.budget().memoryMiB());
        }
    }

    private static void checkMemory(OptionalLong before, Wiring wiring, ModelContract contract)
            throws ModelRejectedException {
        OptionalLong after = NativeMemory.anonymousKiB();
        if (before.isEmpty() || after.isEmpty()) {
            return;
        }
        long grown = after.getAsLong() - before.getAsLong();
        if (grown - MEMORY_NOISE_KIB > contract.budget().memoryMiB() * 1024) {
            throw wiring.rejected("the process grew by " + grown / 1024 + " MiB while it was opened and warmed up,"
                    + " budget.memoryMiB is " + contract.budget().memoryMiB());
        }
    }

    /** Models open now. */
    Set<OnnxSession> sessions() {
        return new HashMap<>(sessions).keySet();
    }

    @Deactivate
    @Override
    public void close() {
        stopped = true;
        long end = System.nanoTime() + STOP_NANOS;
        sessions().forEach(session -> session.guard().shut());
        for (OnnxSession session : sessions()) {
            if (!session.guard().close(Math.max(0, end - System.nanoTime()))) {
                LOG.warn(
                        "Model {} still runs; its memory is freed when that run ends",
                        session.model().label());
            }
        }
        watchdog.stop();
    }
}
