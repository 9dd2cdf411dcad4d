// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The last sample of every element, and who wants to hear the next. The connector's thread alone calls it. */
final class SampleHub {
    private static final Logger LOG = LoggerFactory.getLogger(SampleHub.class);

    private final TagTable table;
    private final @Nullable Sample[] last;
    private final List<Listening> listeners = new CopyOnWriteArrayList<>();

    SampleHub(TagTable table) {
        this.table = table;
        last = new @Nullable Sample[table.size()];
    }

    /** Tells everyone: what was read last is the newest, whatever the wall clock did meanwhile. */
    void publish(int element, double value, int status, long sourceTimeNs, long arrivalNanos) {
        Sample sample = new Sample(
                table.element(element),
                StatusCode.isBad(status) ? Double.NaN : value,
                status,
                sourceTimeNs,
                arrivalNanos);
        last[element] = sample;
        for (Listening listener : listeners) {
            listener.deliver(sample);
        }
    }

    void batchEnd() {
        for (Listening listener : listeners) {
            listener.batchEnd();
        }
    }

    /** The connection is lost: last values are uncertain from now on; what was Bad stays Bad for its own reason. */
    void lost(long sourceTimeNs, long nanos) {
        for (int i = 0; i < last.length; i++) {
            Sample before = last[i];
            if (before == null) {
                publish(i, Double.NaN, StatusCode.BAD_WAITING_FOR_INITIAL_DATA, sourceTimeNs, nanos);
            } else if (StatusCode.isBad(before.status())) {
                publish(i, Double.NaN, before.status(), sourceTimeNs, before.arrivalNanos());
            } else {
                publish(
                        i,
                        before.value(),
                        StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE,
                        sourceTimeNs,
                        before.arrivalNanos());
            }
        }
        batchEnd();
    }

    /** The connection was lost for too long. */
    void silent(long sourceTimeNs, long nanos) {
        for (int i = 0; i < last.length; i++) {
            Sample before = last[i];
            publish(
                    i,
                    Double.NaN,
                    StatusCode.BAD_NO_COMMUNICATION,
                    sourceTimeNs,
                    before == null ? nanos : before.arrivalNanos());
        }
        batchEnd();
    }

    void add(Listening listening) {
        for (Sample sample : last) {
            if (sample != null) {
                listening.deliver(sample);
            }
        }
        listening.batchEnd();
        listeners.add(listening);
    }

    void remove(Listening listening) {
        listeners.remove(listening);
    }

    /** One subscription. {@link #close} waits for a call in progress, unless it comes from that call. */
    static final class Listening implements TagSource.Subscription {
        private final ReentrantLock lock = new ReentrantLock();
        private final SampleListener listener;
        private final Runnable onClose;
        private boolean closed;
        private boolean complained;

        Listening(SampleListener listener, Consumer<Listening> onClose) {
            this.listener = listener;
            this.onClose = () -> onClose.accept(this);
        }

        private void deliver(Sample sample) {
            call(() -> listener.onSample(sample));
        }

        private void batchEnd() {
            call(listener::onBatchEnd);
        }

        private void call(Runnable call) {
            lock.lock();
            try {
                if (!closed) {
                    call.run();
                }
            } catch (RuntimeException | Error e) { // e.g. NoClassDefFoundError: the listener's bundle is being replaced
                if (!complained) {
                    complained = true;
                    LOG.error("A sample listener threw, which its contract forbids; it goes on being called", e);
                }
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void close() {
            lock.lock();
            try {
                closed = true;
            } finally {
                lock.unlock();
            }
            onClose.run();
        }
    }
}
