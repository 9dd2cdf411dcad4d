// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.audit.AuditRecord;
import io.penstock.api.audit.AuditTrail;
import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.memory.MemoryBudget;
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
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One life of a gateway's models room without a thread: tests turn the wheel and the clock. */
final class Gateway implements AutoCloseable {
    static final Settings SETTINGS =
            new Settings(100, 3_000, 2_000, false, 1_000, 7_000, 10_000, 1, List.of(), false, 2);

    static final MemoryBudget BUDGET = MemoryBudget.ofGateway(160);

    final Path home;
    final FakeStaging staging = new FakeStaging();
    final Pipelines pipelines = new Pipelines();
    final Fakes.Audit log = new Fakes.Audit();
    final List<AuditRecord> audit = log.records;
    private final AuditTrail trail = new AuditTrail("models", Clock.systemUTC());
    final ReleaseStore store;
    final Rollouts rollouts;
    final DropFolder dropFolder;

    @Nullable
    FeatureEngine features = new FakeFeatures();

    @Nullable
    InferenceEngine inference = new FakeInference();

    long nanos = 5;

    Gateway(Path home, Disk disk, FakePipeline... there) throws IOException {
        this(home, disk, SETTINGS, there);
    }

    Gateway(Path home, Disk disk, Settings settings, FakePipeline... there) throws IOException {
        this(home, disk, settings, Blame.Edit.NONE, there);
    }

    Gateway(Path home, Disk disk, Settings settings, Blame.Edit edit, FakePipeline... there) throws IOException {
        this.home = home;
        trail.set(log);
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
                new EngineProbe(() -> features, () -> inference, settings.probeTimeoutMs(), BUDGET),
                pipelines,
                settings,
                clock,
                () -> nanos,
                trail);
        dropFolder = new DropFolder(home.resolve("releases"), settings, rollouts, () -> nanos);
        for (FakePipeline pipeline : there) {
            pipelines.add(pipeline);
        }
        try {
            rollouts.start(
                    new CrashReports(List.of(home.resolve("log"))),
                    RunFolder.of(home.resolve("run/now").toString()),
                    () -> edit);
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
        } while (dropFolder.poll());
        rollouts.keepFallbacks();
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
