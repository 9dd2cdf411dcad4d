// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.publication.CycleResult;
import io.penstock.api.publication.ResultPublisher;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;

/** Keeps every result of a pipeline. */
final class Recorder implements ResultPublisher, AutoCloseable {
    record Result(
            long instantNs,
            int version,
            double x,
            int featureStatus,
            double y,
            int status,
            WriteOutcome written,
            long nanos) {}

    private final ServiceRegistration<ResultPublisher> registration;
    private final List<Result> results = new ArrayList<>();

    Recorder(BundleContext context) {
        registration = context.registerService(ResultPublisher.class, this, null);
    }

    @Override
    public String name() {
        return "itest";
    }

    @Override
    public synchronized void publish(CycleResult result) {
        ModelIdentity model = Objects.requireNonNull(result.model());
        results.add(new Result(
                result.prediction().instantNs(),
                (int) model.sequence(),
                result.frame().value(0),
                result.features().status(0),
                result.prediction().value(0),
                result.prediction().status(0),
                result.written(),
                System.nanoTime()));
    }

    synchronized List<Result> results() {
        return List.copyOf(results);
    }

    synchronized int size() {
        return results.size();
    }

    synchronized Result last() {
        return results.get(results.size() - 1);
    }

    synchronized void clear() {
        results.clear();
    }

    @Override
    public void close() {
        registration.unregister();
    }
}
