// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.ConnectionStatus;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.actuation.TagWriter;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import java.time.Instant;
import java.util.Hashtable;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongToDoubleFunction;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;

/** A plant with one instrument, tag X, and one setpoint, tag SP, in place of a connector. */
final class Plant implements TagSource, TagWriter, AutoCloseable {
    static final TagId X = new TagId("X");
    static final TagId SETPOINT = new TagId("SP");

    record Write(double value, long nanos) {}

    private final List<SampleListener> listeners = new CopyOnWriteArrayList<>();
    private final List<Write> writes = new CopyOnWriteArrayList<>();
    private final ServiceRegistration<?> registration;
    private final long periodNanos;
    private final Thread thread;
    private volatile LongToDoubleFunction instrument;
    private volatile double setpoint;
    private volatile boolean stopped;

    Plant(BundleContext context, long periodNanos, double setpoint, LongToDoubleFunction instrument) {
        this.periodNanos = periodNanos;
        this.setpoint = setpoint;
        this.instrument = instrument;
        registration = context.registerService(
                new String[] {TagSource.class.getName(), TagWriter.class.getName()}, this, new Hashtable<>());
        thread = new Thread(this::run, "itest-plant");
        thread.setDaemon(true);
        thread.start();
    }

    /** Square numbers: the model's root of each is exact. */
    static double square(long k) {
        return k % 100 * (k % 100);
    }

    void instrument(LongToDoubleFunction next) {
        instrument = next;
    }

    List<Write> writes() {
        return List.copyOf(writes);
    }

    double setpoint() {
        return setpoint;
    }

    private void run() {
        long next = System.nanoTime();
        for (long k = 0; !stopped; k++) {
            next += periodNanos;
            long left = next - System.nanoTime();
            if (left > 0) {
                LockSupport.parkNanos(left);
            }
            long nanos = System.nanoTime();
            Sample sample = new Sample(X, instrument.applyAsDouble(k), StatusCode.GOOD, wallNs(), nanos);
            for (SampleListener listener : listeners) {
                listener.onSample(sample);
                listener.onBatchEnd();
            }
        }
    }

    private static long wallNs() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }

    @Override
    public String name() {
        return "itest";
    }

    @Override
    public List<TagDefinition> tags() {
        return List.of(tag(X, "NTU", false), tag(SETPOINT, "M1", true));
    }

    private static TagDefinition tag(TagId id, String unit, boolean writable) {
        return new TagDefinition(
                id, "", "itest", DataType.LREAL, 1, ByteOrder.ABCD, 1000, Scaling.NONE, unit, writable);
    }

    @Override
    public ConnectionStatus connection() {
        return new ConnectionStatus(ConnectionStatus.State.CONNECTED, "", "", Instant.now(), 0, 1);
    }

    @Override
    public Subscription subscribe(SampleListener listener) {
        listeners.add(listener);
        return () -> listeners.remove(listener);
    }

    @Override
    public boolean writes(TagId tag) {
        return tag.equals(SETPOINT);
    }

    @Override
    public CompletionStage<Integer> write(TagId tag, double value, long deadlineMs) {
        writes.add(new Write(value, System.nanoTime()));
        setpoint = value;
        return CompletableFuture.completedFuture(StatusCode.GOOD);
    }

    @Override
    public CompletionStage<Sample> read(TagId tag, long deadlineMs) {
        return CompletableFuture.completedFuture(
                new Sample(tag, setpoint, StatusCode.GOOD, wallNs(), System.nanoTime()));
    }

    @Override
    public void close() {
        registration.unregister();
        stopped = true;
        try {
            thread.join(2000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
