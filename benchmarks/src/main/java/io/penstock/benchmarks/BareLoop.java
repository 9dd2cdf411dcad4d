// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.penstock.inference.onnx.OnnxInferenceEngine;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.eclipse.milo.opcua.sdk.client.OpcUaClient;
import org.eclipse.milo.opcua.sdk.client.subscriptions.OpcUaMonitoredItem;
import org.eclipse.milo.opcua.sdk.client.subscriptions.OpcUaSubscription;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.enumerated.TimestampsToReturn;

/**
 * What the gateway is compared with in the closed loop: Milo and ONNX Runtime as a good engineer would join them by hand, with
 * no safety at all. Samples of one notification are grouped by source time; each new sequence number is answered at once, no
 * write waits for the one before it. With {@code read-back} it does the one thing of the gateway's that costs a round trip: it
 * reads what it wrote before it writes again, and keeps only the newest number meanwhile.
 */
public final class BareLoop implements OpcUaSubscription.SubscriptionListener {
    static final String READ_BACK = "read-back";

    private static final int WINDOW = 32;

    private final OpcUaClient client;
    private final NodeId setpoint = new NodeId(ClosedLoopRun.NAMESPACE, "SP");
    private final OrtSession session;
    private final FloatBuffer x = direct(Mlp.INPUTS);
    private final Map<String, OnnxTensor> in;
    private final Map<String, OnnxTensor> out;
    /** The tags, then the sequence number; not a number until the first value. */
    private final double[] values = new double[Mlp.INPUTS + 1];

    private final double[][] windows = new double[Mlp.INPUTS][WINDOW];
    private int cycles;

    private final boolean readBack;
    /** Guarded by this: the number to write next, not a number if there is none. */
    private double newest = Double.NaN;
    /** Guarded by this: a write or its read-back is under way. */
    private boolean writing;

    private BareLoop(OpcUaClient client, boolean readBack) throws OrtException, IOException {
        this.client = client;
        this.readBack = readBack;
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            options.addConfigEntry("session.intra_op.allow_spinning", "0");
            options.addConfigEntry("session.inter_op.allow_spinning", "0");
            session = environment.createSession(Mlp.onnx(), options);
        }
        in = Map.of("x", OnnxTensor.createTensor(environment, x, new long[] {1, Mlp.INPUTS}));
        out = Map.of("y", OnnxTensor.createTensor(environment, direct(1), new long[] {1, 1}));
        Arrays.fill(values, Double.NaN);
    }

    private static FloatBuffer direct(int elements) {
        return ByteBuffer.allocateDirect(elements * Float.BYTES)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    /** @param arguments address of the plant, publishing interval in ms, perhaps {@code read-back}. Ends with its input. */
    public static void main(String[] arguments) throws Exception {
        double interval = Double.parseDouble(arguments[1]);
        new OnnxInferenceEngine().close(); // unpacks the library that is shipped; nothing else of ours is used
        OpcUaClient client = OpcUaClient.create(
                arguments[0],
                endpoints -> endpoints.stream().findFirst(),
                transport -> {},
                config -> config.setMaxPendingPublishRequests(uint(1)));
        client.connect();
        OpcUaSubscription subscription = new OpcUaSubscription(client, interval);
        subscription.setMaxNotificationsPerPublish(uint(0));
        subscription.setSubscriptionListener(
                new BareLoop(client, arguments.length > 2 && arguments[2].equals(READ_BACK)));
        subscription.create();
        for (int i = 0; i <= Mlp.INPUTS; i++) {
            OpcUaMonitoredItem item = OpcUaMonitoredItem.newDataItem(
                    new NodeId(ClosedLoopRun.NAMESPACE, i < Mlp.INPUTS ? "T" + i : "SEQ"));
            item.setSamplingInterval(interval);
            item.setQueueSize(uint(ClosedLoopRun.QUEUE));
            item.setUserObject(i);
            subscription.addMonitoredItem(item);
        }
        subscription.createMonitoredItems();
        System.out.println("ready");
        while (System.in.read() >= 0) {
            // nothing is said to it
        }
        System.exit(0); // Milo's threads are not worth waiting for
    }

    /** One at a time and in order: Milo delivers the notifications of a subscription so. */
    @Override
    public void onDataReceived(OpcUaSubscription from, List<OpcUaMonitoredItem> items, List<DataValue> samples) {
        SortedMap<Long, double[]> scans = new TreeMap<>();
        for (int i = 0; i < items.size(); i++) {
            if (samples.get(i).sourceTime() != null && samples.get(i).value().value() instanceof Double number) {
                int place = (Integer) items.get(i).getUserObject().orElseThrow();
                scans.computeIfAbsent(samples.get(i).sourceTime().getUtcTime(), time -> noValues())[place] = number;
            }
        }
        for (double[] scan : scans.values()) {
            for (int i = 0; i < scan.length; i++) {
                values[i] = Double.isNaN(scan[i]) ? values[i] : scan[i];
            }
            if (!Double.isNaN(scan[Mlp.INPUTS])) {
                answer();
            }
        }
    }

    private static double[] noValues() {
        double[] values = new double[Mlp.INPUTS + 1];
        Arrays.fill(values, Double.NaN);
        return values;
    }

    private void answer() {
        for (int i = 0; i < Mlp.INPUTS; i++) {
            windows[i][cycles % WINDOW] = values[i];
            x.put(i, (float) zScore(windows[i], values[i]));
        }
        cycles++;
        if (cycles < WINDOW) {
            return; // no prediction before the windows are full
        }
        try {
            session.run(in, out).close();
        } catch (OrtException e) {
            throw new IllegalStateException(e);
        }
        double number = values[Mlp.INPUTS];
        if (readBack) {
            offer(number);
        } else {
            CompletableFuture<?> unused = write(number);
        }
    }

    private CompletableFuture<List<StatusCode>> write(double number) {
        return client.writeValuesAsync(List.of(setpoint), List.of(DataValue.valueOnly(Variant.ofDouble(number))));
    }

    private synchronized void offer(double number) {
        newest = number;
        if (!writing) {
            next();
        }
    }

    private synchronized void next() {
        double number = newest;
        newest = Double.NaN;
        writing = !Double.isNaN(number);
        if (writing) {
            CompletableFuture<?> unused = write(number)
                    .thenCompose(status -> client.readValuesAsync(0, TimestampsToReturn.Neither, List.of(setpoint)))
                    .whenComplete((value, failure) -> next());
        }
    }

    private static double zScore(double[] window, double value) {
        double sum = 0;
        for (double each : window) {
            sum += each;
        }
        double mean = sum / WINDOW;
        double squares = 0;
        for (double each : window) {
            squares += (each - mean) * (each - mean);
        }
        double deviation = Math.sqrt(squares / WINDOW);
        return deviation == 0 ? 0 : (value - mean) / deviation;
    }
}
