// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Actor;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.kit.Disk;
import io.penstock.models.Fakes.FakeFeatures;
import io.penstock.models.Fakes.FakeInference;
import io.penstock.models.Fakes.FakePipeline;
import io.penstock.models.Fakes.FakeStaging;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Going back and cancelling, while the room is busy with whatever can keep it busy. Nothing of what hangs here ends before the
 * act is answered, so an act that waited for it would never be.
 */
class UrgentTest {
    private static final Actor ANNA = new Actor("anna", Set.of(), "test");
    /** A trial may take an hour, a warm-up and a cycle too. */
    private static final Settings PATIENT =
            new Settings(20, 300, 3_600_000, false, 3_600_000, 3_600_000, 0, 1, List.of(), false, 2);

    @TempDir
    Path home;

    private Keys keys;
    private Models models;
    private final FakeInference inference = new FakeInference();
    private final FakePipeline pipeline = new FakePipeline("dosing");
    private final FakePipeline other = new FakePipeline("other");
    private final HungDisk disk = new HungDisk();

    /** A disk that does not answer while it is told so. */
    private static final class HungDisk extends Disk {
        volatile CountDownLatch answers = new CountDownLatch(0);
        volatile boolean full;
        volatile boolean dead;

        private void answer(boolean takesRoom) throws IOException {
            try {
                answers.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            if (dead) {
                throw new IOException("Input/output error");
            }
            if (full && takesRoom) {
                throw new IOException("No space left on device");
            }
        }

        @Override
        public void write(Path file, Access access, byte[]... parts) throws IOException {
            answer(true);
            super.write(file, access, parts);
        }

        @Override
        public void overwrite(Path file, long position, byte[] bytes) throws IOException {
            answer(false);
            super.overwrite(file, position, bytes);
        }

        @Override
        public void force(Path file) throws IOException {
            answer(false);
            super.force(file);
        }

        @Override
        public void rename(Path from, Path to) throws IOException {
            answer(false);
            super.rename(from, to);
        }

        @Override
        public void delete(Path file) throws IOException {
            answer(false);
            super.delete(file);
        }

        @Override
        public void forceFolder(Path folder) throws IOException {
            answer(false);
            super.forceFolder(folder);
        }
    }

    @BeforeEach
    void begin() throws Exception {
        keys = Keys.p256();
        keys.trustIn(home.resolve("etc/trust/models"));
        models = open();
        drop("1.0.0", 1, "ok");
        await("1.0.0 serves", () -> serves("1.0.0"));
        drop("1.1.0", 2, "ok");
        await("1.1.0 serves", () -> serves("1.1.0") && models.receipts().size() == 2 && saved("1.1.0"));
    }

    private Models open() throws IOException {
        Models opened = new Models(home, PATIENT, new FakeStaging(), Clock.systemUTC(), disk);
        opened.setFeatures(new FakeFeatures());
        opened.setAudit(new Fakes.Audit());
        opened.setInference(inference);
        opened.addPipeline(pipeline);
        opened.start();
        return opened;
    }

    @AfterEach
    void end() throws IOException {
        disk.answers.countDown();
        models.stop();
    }

    private boolean serves(String version) {
        return pipeline.label().endsWith(version);
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, what);
            LockSupport.parkNanos(2_000_000);
        }
    }

    private void drop(String version, long sequence, String behaviour) throws Exception {
        Path file = home.resolve("releases/coagulant-dose-" + version + ".penstock");
        Path part = Files.write(
                home.resolve("part"),
                Samples.release(keys, version, sequence, behaviour).toBytes());
        Files.move(part, file);
    }

    /** On a thread of its own: what waits for something that hangs fails by its bound. */
    private static Receipt answered(String under, Act act) throws Exception {
        FutureTask<Receipt> task = new FutureTask<>(act::run);
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        long begun = System.nanoTime();
        thread.start();
        Receipt receipt = task.get(60, TimeUnit.SECONDS);
        System.out.printf(
                "urgent: %s: %s after %d ms%n",
                under, receipt.outcome(), TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
        return receipt;
    }

    private interface Act {
        Receipt run();
    }

    private Receipt rollback(String under) throws Exception {
        Receipt receipt = answered(under, () -> models.rollback("dosing", ANNA, "dose too high"));
        assertEquals(RolloutOutcome.ROLLED_BACK, receipt.outcome(), receipt.reason());
        assertTrue(serves("1.0.0"), pipeline.label());
        return receipt;
    }

    private static boolean tells(Receipt receipt, String word) {
        return receipt.steps().stream().anyMatch(step -> step.startsWith(word));
    }

    private Receipt receiptOf(String version) {
        await("receipt of " + version, () -> models.receipts().stream().anyMatch(one -> isOf(one, version)));
        return models.receipts().stream()
                .filter(one -> isOf(one, version))
                .findFirst()
                .orElseThrow();
    }

    private static boolean isOf(Receipt receipt, String version) {
        return receipt.file().endsWith("-" + version + ".penstock");
    }

    // The operator waited 26 s for the trial of another release before the model that misbehaves was taken away, and
    // then that
    // release took over and undid it.
    @Test
    void rollbackWaitsForNoTrialAndIsNotUndoneByIt() throws Exception {
        drop("1.2.0", 3, "hang");
        assertTrue(inference.hanging.tryAcquire(60, TimeUnit.SECONDS));
        Receipt receipt = rollback("a trial that hangs");
        assertTrue(receipt.steps().contains("CANCELLED coagulant-dose 1.2.0, which was on its way to dosing"));
        Receipt given = receiptOf("1.2.0");
        assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, given.outcome());
        assertTrue(given.reason().startsWith("pipeline dosing: it gave way to the rollback that anna asked for"));
        assertTrue(serves("1.0.0"));
    }

    // A model of one line would keep the operator of another line from going back, or be lost by it.
    @Test
    void trialForAnotherPipelineGoesOn() throws Exception {
        models.addPipeline(other);
        drop("1.2.0", 3, "hang");
        assertTrue(inference.hanging.tryAcquire(60, TimeUnit.SECONDS));
        rollback("a trial for two pipelines");
        inference.never.countDown();
        await("the other one gets it", () -> other.label().endsWith("1.2.0"));
        assertTrue(serves("1.0.0"));
        assertTrue(models.receipts().stream()
                .anyMatch(one -> isOf(one, "1.2.0") && one.pipelines().equals(List.of("dosing"))));
    }

    // Going back from a model took the newcomer away as well, or instead, and nobody could say which.
    @Test
    void warmUpGivesWayToEitherVerbAndOnlyOneMovesWhatServes() throws Exception {
        pipeline.warm = new CountDownLatch(1);
        drop("1.2.0", 3, "ok");
        await("warms up", () -> models.standings().get(0).underWay().contains("1.2.0 is ready"));
        Receipt cancelled = answered("a warm-up", () -> models.cancel("dosing", ANNA, "not now"));
        assertEquals(RolloutOutcome.CANCELLED, cancelled.outcome(), cancelled.reason());
        assertTrue(serves("1.1.0"));
        assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, receiptOf("1.2.0").outcome());
        assertEquals("1.0.0", models.fallback("dosing").orElseThrow().version());

        drop("1.3.0", 4, "ok");
        await("warms up", () -> models.standings().get(0).underWay().contains("1.3.0 is ready"));
        Receipt receipt = rollback("a warm-up");
        assertTrue(receipt.steps().contains("CANCELLED coagulant-dose 1.3.0, which was on its way to dosing"));
        assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, receiptOf("1.3.0").outcome());
    }

    // A hundred files that lie there would take over one after the other, once the operator has gone back; or what the
    // model
    // team drops afterwards would not.
    @Test
    void whatWasDroppedBeforeDoesNotUndoIt() throws Exception {
        drop("1.2.0", 3, "hang");
        assertTrue(inference.hanging.tryAcquire(60, TimeUnit.SECONDS));
        for (int i = 0; i < 100; i++) {
            drop("1.3." + i, 4 + i, "ok"); // while nobody looks into the folder
        }
        rollback("a hundred dropped releases");
        for (int i = 0; i < 100; i++) {
            assertEquals(
                    RolloutOutcome.FAILED_NOTHING_CHANGED, receiptOf("1.3." + i).outcome());
        }
        assertTrue(serves("1.0.0"));
        drop("1.4.0", 200, "ok");
        await("what is dropped later serves", () -> serves("1.4.0"));
    }

    // After a power cut in the moment after the rollback, the releases that it held back would have undone it.
    @Test
    void whatIsHeldBackStaysSoAfterARestart() throws Exception {
        drop("1.2.0", 3, "hang");
        assertTrue(inference.hanging.tryAcquire(60, TimeUnit.SECONDS));
        drop("1.3.0", 4, "ok");
        rollback("a trial that hangs");
        models.stop();
        State state = ReleaseStore.readState(home.resolve("data/models"));
        Files.delete(home.resolve("data/models/desired.json.kept"));
        Files.write( // as if it had not come to the files any more
                home.resolve("data/models/desired.json"),
                state.withHandled(state.handled().stream()
                                .filter(one -> !one.contains("-1.2.0.") && !one.contains("-1.3.0."))
                                .toList())
                        .toBytes());
        int before = models.receipts().size();
        models = open();
        await("both are told", () -> models.receipts().size() >= before + 1);
        receiptOf("1.3.0");
        assertTrue(serves("1.0.0"), pipeline.label());
    }

    // With a full disk the model that misbehaves would stay; with one that hangs, the operator would wait for ever.
    @Test
    void goingBackNeedsNoDisk() throws Exception {
        await("in memory", () -> models.standings().get(0).fallback() != null);
        disk.full = true;
        Receipt full = rollback("a full disk");
        assertTrue(tells(full, "SAVED in the reserve"), full.steps().toString());
        assertTrue(saved("1.0.0"));
        disk.full = false;
        await("the plain file follows", () -> plain().contains("ROLLED_BACK"));

        drop("1.2.0", 3, "ok");
        await("1.2.0 serves", () -> serves("1.2.0") && saved("1.2.0"));
        await("in memory", () -> models.standings().get(0).fallback() != null);
        disk.dead = true;
        Receipt dead = rollback("a dead disk");
        assertTrue(tells(dead, "NOT SAVED"), dead.steps().toString());
        disk.dead = false;
        await("saved later", () -> saved("1.0.0"));

        drop("1.3.0", 4, "ok");
        await("1.3.0 serves", () -> serves("1.3.0") && saved("1.3.0"));
        disk.answers = new CountDownLatch(1);
        Receipt hung = rollback("a disk that hangs");
        assertTrue(tells(hung, "NOT SAVED"), hung.steps().toString());
        disk.answers.countDown();
        await("saved later", () -> saved("1.0.0"));
    }

    private String plain() {
        try {
            return Files.readString(home.resolve("data/models/desired.json"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private boolean saved(String version) {
        try {
            State state = ReleaseStore.readState(home.resolve("data/models"));
            String id = state.pipelines().get("dosing").current();
            return state.releases().get(id).identity().version().equals(version);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    // The fallback's file was gone, so the operator had to keep the model that misbehaves.
    @Test
    void fallbackServesFromMemoryWhereItsFileIsGone() throws Exception {
        String id = ReleaseStore.readState(home.resolve("data/models"))
                .pipelines()
                .get("dosing")
                .history()
                .get(0);
        Files.delete(home.resolve("data/models/" + id + ".penstock"));
        Receipt receipt = rollback("a lost file");
        assertTrue(
                tells(receipt, "NOT READ store: coagulant-dose 1.0.0 was lost"),
                receipt.steps().toString());
    }

    // A signer that was found to be a thief would serve again because memory had not heard of it.
    @Test
    void memoryDoesNotStandInForTrust() throws Exception {
        try (var files = Files.list(home.resolve("etc/trust/models"))) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Receipt receipt = models.rollback("dosing", ANNA, "x");
        assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, receipt.outcome());
        assertTrue(receipt.reason().startsWith("trust: "), receipt.reason());
        assertTrue(serves("1.1.0"));
    }

    // Two operators at two desks would go back two models when both meant one.
    @Test
    void secondRollbackAtTheSameTimeIsRefused() throws Exception {
        pipeline.nextCycle = new CountDownLatch(1);
        FutureTask<Receipt> first = new FutureTask<>(() -> models.rollback("dosing", ANNA, "x"));
        new Thread(first).start();
        await("under way", () -> models.standings().get(0).underWay().contains("being rolled back"));
        Receipt second = answered("another rollback", () -> models.rollback("dosing", ANNA, "x"));
        assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, second.outcome());
        assertTrue(second.reason().contains("is being rolled back already"), second.reason());
        pipeline.nextCycle.countDown();
        assertEquals(RolloutOutcome.ROLLED_BACK, first.get(60, TimeUnit.SECONDS).outcome());
        assertTrue(serves("1.0.0"));
    }
}
