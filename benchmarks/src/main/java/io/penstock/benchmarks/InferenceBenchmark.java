// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.penstock.api.data.Features;
import io.penstock.api.data.Prediction;
import io.penstock.api.inference.InferenceSession;
import io.penstock.inference.onnx.OnnxInferenceEngine;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
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

/** One run of a small model: ours, with deadline and checks, beside the bare call with pinned tensors. With the gateway's flags. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(
        value = 2,
        jvmArgsAppend = {
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xms40m",
            "-Xmn16m",
            "-Xmx160m",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        })
public class InferenceBenchmark {
    private final double[] row = new double[Mlp.INPUTS];
    private final OnnxInferenceEngine engine = new OnnxInferenceEngine();
    private final InferenceSession session;
    private final Features features;
    private final Prediction prediction = new Prediction(List.of("y"));
    private final OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    private final OrtSession bare;
    private final FloatBuffer x;
    private final FloatBuffer y;
    private final Map<String, OnnxTensor> in;
    private final Map<String, OnnxTensor> out;

    public InferenceBenchmark() {
        try {
            session = engine.open(Mlp.artifact());
            List<Integer> columns = IntStream.range(0, Mlp.INPUTS).boxed().toList();
            features = new Features(List.of(), List.of(new Features.Layout("x", 1, columns)));
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

    private static FloatBuffer direct(int elements) {
        return ByteBuffer.allocateDirect(elements * Float.BYTES)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    @Setup
    public void fill() {
        for (int i = 0; i < row.length; i++) {
            row[i] = 0.1 * i;
        }
    }

    /** What {@link #penstock} is compared with. */
    @Benchmark
    public float bare() throws OrtException {
        for (int i = 0; i < row.length; i++) {
            x.put(i, (float) row[i]);
        }
        bare.run(in, out).close();
        return y.get(0);
    }

    @Benchmark
    public double penstock() {
        System.arraycopy(row, 0, features.tensor(0), 0, row.length);
        session.run(features, prediction);
        return prediction.value(0);
    }

    @TearDown
    public void close() throws OrtException {
        session.close();
        engine.close();
        in.values().forEach(OnnxTensor::close);
        out.values().forEach(OnnxTensor::close);
        bare.close();
        options.close();
    }
}
