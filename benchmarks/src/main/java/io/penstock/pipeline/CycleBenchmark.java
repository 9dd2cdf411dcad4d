// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.penstock.actuation.QuietLoop;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.publication.CycleResult;
import io.penstock.api.publication.ResultPublisher;
import io.penstock.benchmarks.Mlp;
import io.penstock.inference.onnx.OnnxInferenceEngine;
import io.penstock.preprocessing.FeatureEngines;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.time.Clock;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A whole cycle beside the bare call: eight samples arrive, a frame is frozen, z-scores are made, the model runs, a loop is
 * asked, closed and with all its guards, and a publisher gets the result. Rooms and flags are those of the gateway; what stands in
 * between there, OSGi's services, are plain references in it too.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(
        value = 3,
        jvmArgsAppend = {
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xms40m",
            "-Xmn16m",
            "-Xmx160m",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        })
public class CycleBenchmark {
    private static final long STEP_NS = 1_000_000;
    private static final int WARM = 100;

    private final Neighbours.Source source = new Neighbours.Source();
    private final OnnxInferenceEngine engine = new OnnxInferenceEngine();
    private final OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    private final QuietLoop quiet = new QuietLoop();
    private final Conductor conductor;
    private final Acquisition acquisition;
    private final InferenceSession session;
    private final ResultQueue queue;
    private final OrtSession bare;
    private final FloatBuffer x;
    private final FloatBuffer y;
    private final Map<String, OnnxTensor> in;
    private final Map<String, OnnxTensor> out;
    private volatile double published;
    private long timeNs =
            System.currentTimeMillis() * 1_000_000; // then always ahead: a sample counts from its arrival on
    private long scan;

    @SuppressWarnings("this-escape") // a lint of newer JDKs; the class has no subclass but JMH's, which adds nothing
    public CycleBenchmark() {
        try {
            Settings settings = Neighbours.settings(4_096);
            acquisition = new Acquisition(settings, () -> timeNs, () -> {});
            acquisition.add(source);
            conductor = new Conductor(settings, acquisition, Clock.systemUTC(), System::nanoTime);
            ModelArtifact model = Neighbours.model(1);
            session = engine.open(model);
            queue = new ResultQueue("benchmark", publisher(), settings.resultQueue());
            conductor.setQueues(new ResultQueue[] {queue});
            quiet.loop().model(model);
            conductor.setLoop(quiet.loop());
            serve(model);
            for (int i = 0; i < WARM; i++) {
                penstock(); // until the windows are full
            }
            quiet.engage();

            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            options.addConfigEntry("session.intra_op.allow_spinning", "0");
            options.addConfigEntry("session.inter_op.allow_spinning", "0");
            OrtEnvironment environment = OrtEnvironment.getEnvironment();
            bare = environment.createSession(Mlp.onnx(), options);
            x = direct(Mlp.INPUTS);
            y = direct(1);
            in = Map.of("x", OnnxTensor.createTensor(environment, x, new long[] {1, Mlp.INPUTS}));
            out = Map.of("y", OnnxTensor.createTensor(environment, y, new long[] {1, 1}));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Has the model taken up, standing in for the pipeline's thread. */
    private void serve(ModelArtifact model) throws InterruptedException {
        FeatureEngine features = FeatureEngines.standard();
        ServingModel serving = new ServingModel(model, features.compile(model.contract()), session, acquisition, 1024);
        Conductor.Swap swap = new Conductor.Swap(serving, features::conversion);
        Thread asking = new Thread(() -> {
            try {
                conductor.swap(swap);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        asking.start();
        while (asking.isAlive()) {
            penstock();
            asking.join(1);
        }
    }

    private ResultPublisher publisher() {
        return new ResultPublisher() {
            @Override
            public String name() {
                return "benchmark";
            }

            @Override
            public void publish(CycleResult result) {
                published = result.prediction().value(0);
            }
        };
    }

    private static FloatBuffer direct(int elements) {
        return ByteBuffer.allocateDirect(elements * Float.BYTES)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    @Setup
    public void fill() {
        for (int i = 0; i < Mlp.INPUTS; i++) {
            x.put(i, 0.1f * i);
        }
    }

    /** What {@link #penstock} is compared with: ONNX Runtime with pinned tensors, nothing around it. */
    @Benchmark
    public float bare() throws OrtException {
        for (int i = 0; i < Mlp.INPUTS; i++) {
            x.put(i, 0.1f * i);
        }
        bare.run(in, out).close();
        return y.get(0);
    }

    @Benchmark
    public double penstock() {
        scan++;
        timeNs += STEP_NS;
        source.scan((scan & 63) * 0.1, timeNs);
        conductor.cycle(timeNs);
        return published;
    }

    @TearDown
    public void close() throws OrtException {
        double lost = conductor.statistics(queue.dropped()).droppedResults();
        long cycles = conductor.statistics(0).cycles();
        long failures = conductor.statistics(0).failures();
        if (failures > 0 || lost > 0.5 * cycles) {
            throw new IllegalStateException(
                    failures + " of " + cycles + " cycles failed, " + lost + " results were not taken: no fair figure");
        }
        if (cycles > 2 * WARM && !quiet.loop().closed()) { // beside the bare call nobody offers it anything
            throw new IllegalStateException("the loop opened: " + quiet.loop().lastOpenReason());
        }
        quiet.close();
        queue.close();
        session.close();
        engine.close();
        in.values().forEach(OnnxTensor::close);
        out.values().forEach(OnnxTensor::close);
        bare.close();
        options.close();
    }
}
