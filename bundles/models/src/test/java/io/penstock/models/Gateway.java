// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.audit.AuditRecord;
import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.model.Receipt;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.kit.Disk;
import io.penstock.models.Fakes.FakeFeatures;
import io.penstock.models.Fakes.FakeInference;
import io.penstock.models.Fakes.FakePipeline;
import io.penstock.models.Fakes.FakeStaging;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One life of a gateway's models room without a thread: tests turn the wheel and the clock. */
final class Gateway implements AutoCloseable {
    static final Settings SETTINGS =
            new Settings(100, 3_000, 2_000, false, 1_000, 7_000, 10_000, 1, List.of(), false, 2);

    final Path home;
    final FakeStaging staging = new FakeStaging();
    final Pipelines pipelines = new Pipelines();
    final List<AuditRecord> audit = new ArrayList<>();
    final ReleaseStore store;
    final Rollouts rollouts;
    final DropFolder dropFolder;
    final Requests requests;

    @Nullable
    FeatureEngine features = new FakeFeatures();

    @Nullable
    InferenceEngine inference = new FakeInference();

    long nanos = 5;

    Gateway(Path home, Disk disk, FakePipeline... there) throws IOException {
        this(home, disk, SETTINGS, there);
    }

    Gateway(Path home, Disk disk, Settings settings, FakePipeline... there) throws IOException {
        this.home = home;
        Files.createDirectories(home.resolve("releases"));
        store = ReleaseStore.open(home.resolve("data/models"), disk);
        Clock clock = Clock.fixed(Keys.NOW, ZoneOffset.UTC);
        rollouts = new Rollouts(
                store,
                () -> new ReleaseVerifier(
                        TrustStore.read(home.resolve("etc/trust/models")),
                        settings.requiredSigners(),
                        settings.revocationListRequired()),
                staging,
                new EngineProbe(() -> features, () -> inference, settings.probeTimeoutMs()),
                pipelines,
                settings,
                clock,
                () -> nanos,
                audit::add);
        dropFolder = new DropFolder(home.resolve("releases"), settings, rollouts, () -> nanos);
        requests = new Requests(home.resolve("data/requests"), disk, clock, rollouts);
        for (FakePipeline pipeline : there) {
            pipelines.add(pipeline);
        }
        try {
            rollouts.start(new CrashReports(List.of(home.resolve("log"))));
        } catch (RuntimeException e) {
            store.close();
            throw e;
        }
    }

    /** Makes a home that trusts these keys. */
    static Path home(Path folder, Keys keys) throws IOException {
        keys.trustIn(folder.resolve("etc/trust/models"));
        return folder;
    }

    void turn() throws InterruptedException {
        do {
            rollouts.tick();
            requests.poll();
        } while (dropFolder.poll());
    }

    /** Lets time pass in which nothing moves. */
    void turnAfter(long ms) throws InterruptedException {
        nanos += ms * 1_000_000;
        turn();
    }

    void drop(String name, byte[] bytes) throws IOException {
        Files.write(home.resolve("releases").resolve(name + ".penstock"), bytes);
    }

    void drop(Keys keys, String version, long sequence, String behaviour)
            throws IOException, ModelRejectedException, GeneralSecurityException {
        drop(
                "coagulant-dose-" + version,
                Samples.release(keys, version, sequence, behaviour).toBytes());
    }

    /** The only receipt since the last time. */
    Receipt last() {
        return store.state().receipts().get(0);
    }

    int receipts() {
        return store.state().receipts().size();
    }

    void stop() throws IOException {
        rollouts.stop();
        store.close();
    }

    /** Ends without a word, as after kill -9. */
    @Override
    public void close() throws IOException {
        store.close();
    }
}
