// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.pipeline.Pipeline;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.startlevel.FrameworkStartLevel;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the supervisor of the process that the gateway serves, by a pipe that the start script has laid; without one it does
 * nothing. {@link Pulse} decides what is told.
 */
@Component(
        service = {},
        immediate = true)
public final class Heartbeat {
    private static final Logger LOG = LoggerFactory.getLogger(Heartbeat.class);
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final long STOP_MS = 500;

    private final List<PipelineComponent> pipelines = new CopyOnWriteArrayList<>();
    private final @Nullable String pipe;
    private final Pulse pulse;
    private final Thread thread = new Thread(this::run, "pipeline-heartbeat");
    private volatile boolean stopped;

    @Activate
    public Heartbeat(BundleContext context) {
        pipe = context.getProperty("penstock.notify");
        Bundle framework = context.getBundle(Constants.SYSTEM_BUNDLE_LOCATION);
        String last = context.getProperty(Constants.FRAMEWORK_BEGINNING_STARTLEVEL);
        int level = last == null ? 1 : Integer.parseInt(last);
        pulse = new Pulse(
                pipelines,
                () -> framework.getState() == Bundle.ACTIVE
                        && framework.adapt(FrameworkStartLevel.class).getStartLevel() >= level,
                Heartbeat::collectionMs,
                period(System.getenv("WATCHDOG_USEC")));
        thread.setDaemon(true);
    }

    /** Three times in what the supervisor waits; for ever where it does not ask. */
    private static long period(@Nullable String watchdogMicros) {
        try {
            return watchdogMicros == null
                    ? Long.MAX_VALUE
                    : TimeUnit.MICROSECONDS.toNanos(Long.parseLong(watchdogMicros)) / 3;
        } catch (NumberFormatException e) {
            LOG.error(
                    "WATCHDOG_USEC: a number of microseconds, was '{}'; the supervisor is told nothing",
                    watchdogMicros);
            return Long.MAX_VALUE;
        }
    }

    private static long collectionMs() {
        long ms = 0;
        for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            ms += collector.getCollectionTime();
        }
        return ms;
    }

    @Activate
    void start() {
        if (pipe != null) {
            thread.start();
        }
    }

    @Deactivate
    void stop() {
        stopped = true;
        LockSupport.unpark(thread);
        try {
            thread.join(STOP_MS); // it may stand before a full pipe
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Reference(policy = ReferencePolicy.DYNAMIC, cardinality = ReferenceCardinality.MULTIPLE)
    void addPipeline(Pipeline pipeline) {
        if (pipeline instanceof PipelineComponent ours) {
            pipelines.add(ours);
            pulse.came();
        }
    }

    void removePipeline(Pipeline pipeline) {
        pipelines.remove(pipeline);
    }

    private void run() {
        try (OutputStream out = new FileOutputStream(pipe)) {
            while (!stopped) {
                String line = pulse.look(System.nanoTime());
                if (!line.isEmpty()) {
                    out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
                }
                LockSupport.parkNanos(this, LOOK_NANOS);
            }
        } catch (IOException e) {
            LOG.error("The supervisor cannot be told that the gateway serves: {}; it will start it anew", e.toString());
        }
    }
}
