// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Actor;
import io.penstock.api.memory.ContractMemory;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.kit.Disk;
import io.penstock.kit.faults.FaultyDisk;
import io.penstock.models.Fakes.FakeFeatures;
import io.penstock.models.Fakes.FakeInference;
import io.penstock.models.Fakes.FakePipeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of releases, and that nothing but a good one changes what serves. */
class RolloutsTest {
    private static final Actor ENGINEER = new Actor("anna", Set.of(), "test");

    @TempDir
    Path folder;

    private Keys keys;
    private Path home;

    @BeforeEach
    void trust() throws Exception {
        keys = Keys.p256();
        home = Gateway.home(folder, keys);
    }

    // A good model would not come into service, or without evidence.
    @Test
    void goodReleaseServesWithEvidence() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.turn();
            assertEquals("", pipeline.label());
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();

            assertEquals("coagulant-dose 1.0.0", pipeline.label());
            Receipt receipt = gateway.last();
            assertEquals(RolloutOutcome.ACTIVATED, receipt.outcome());
            assertEquals(List.of("dosing"), receipt.pipelines());
            assertEquals("", receipt.reason());
            assertEquals(
                    List.of("RECEIVED", "VERIFIED", "STAGED", "PROBED", "ACTIVE"),
                    receipt.steps().stream()
                            .map(step -> step.substring(0, step.indexOf(' ')))
                            .toList());
            assertTrue(receipt.steps().get(3).contains("2 golden cycles on fake runtime"));
            assertEquals("RELEASE", gateway.audit.get(0).action());
            assertEquals(1, gateway.staging.installed.size());
        }
    }

    // One contract with huge windows ended the gateway, and again after each restart, with all other pipelines on it.
    @Test
    void contractThatTheGatewayCannotHoldIsRejectedWithItsFigures() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            int staged = gateway.staging.installed.size();
            FakeFeatures large = new FakeFeatures();
            gateway.features = large;
            long most = Gateway.BUDGET.comingBytes();
            for (long bytes : new long[] {most + 1, 1L << 40, Long.MAX_VALUE}) {
                large.programBytes = bytes;
                gateway.drop(keys, "1.1.0", 2, "ok");
                gateway.turn();

                Receipt receipt = gateway.last();
                assertEquals(RolloutOutcome.REJECTED, receipt.outcome());
                ModelContract contract = ContractReader.read(Samples.bytes(Samples.contractJson("1.1.0", "hampel")));
                String refusal = ContractMemory.of(
                                contract, Samples.onnx("ok").length, large, ContractMemory.Surroundings.usual(contract))
                        .refusal(Gateway.BUDGET)
                        .orElseThrow();
                assertEquals(refusal, receipt.reason());
                assertTrue(refusal.startsWith("model.json: the contract needs "), refusal);
                assertEquals("coagulant-dose 1.0.0", pipeline.label());
                assertEquals(staged, gateway.staging.installed.size());
                Files.delete(home.resolve("releases/coagulant-dose-1.1.0.penstock"));
                gateway.turn();
            }
            large.programBytes = 1024;
            gateway.drop(keys, "1.1.0", 2, "ok");
            gateway.turn();
            assertEquals("coagulant-dose 1.1.0", pipeline.label()); // the same release, where there is room
        }
    }

    // A bad model would replace a good one.
    @Test
    void anythingWrongLeavesTheOldModelAlone() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            ModelArtifact old = pipeline.model().orElseThrow();
            Set<String> installed = Set.copyOf(gateway.staging.installed);

            gateway.drop(keys, "1.1.0", 2, "wrong");
            gateway.turn();
            assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, gateway.last().outcome());
            assertTrue(gateway.last().reason().contains("cycle 1: output dose is 7.35"));

            gateway.drop(keys, "1.2.0", 3, "unloadable");
            gateway.turn();
            assertTrue(gateway.last().reason().contains("does not load"));

            gateway.drop(keys, "1.3.0", 4, "hang");
            gateway.turn();
            assertTrue(
                    gateway.last().reason().contains("probeTimeoutMs"),
                    gateway.last().reason());

            gateway.staging.lacksOperator = true;
            gateway.drop(keys, "1.4.0", 5, "ok");
            gateway.turn();
            assertTrue(gateway.last().reason().contains("(operator=hampel)"));
            gateway.staging.lacksOperator = false;

            pipeline.refusal = "input turbidity is not bound";
            gateway.drop(keys, "1.5.0", 6, "ok");
            gateway.turn();
            assertEquals(
                    "pipeline dosing: input turbidity is not bound",
                    gateway.last().reason());

            gateway.drop(keys, "2.0.0", 7, "ok");
            gateway.turn();
            gateway.turnAfter(20_000);
            assertTrue(
                    gateway.last().reason().contains("fits no pipeline"),
                    gateway.last().reason());
            // Who copied the file over itself, as the message had it, saw nothing happen: a file is handled once.
            assertTrue(
                    gateway.last().reason().endsWith("then remove the file and drop it again"),
                    gateway.last().reason());

            gateway.drop(Keys.p256(), "1.6.0", 8, "ok");
            gateway.turn();
            gateway.turnAfter(5_000);
            assertEquals(RolloutOutcome.REJECTED, gateway.last().outcome());

            assertEquals(8, gateway.receipts());
            assertEquals(old, pipeline.model().orElseThrow());
            assertEquals(List.of("coagulant-dose 1.0.0"), pipeline.swaps);
            assertEquals(installed, gateway.staging.installed);
            assertEquals(1, gateway.store.state().releases().size());
            assertEquals(1L, gateway.store.state().highestSequence().get("coagulant-dose"));
            try (var stored = Files.list(home.resolve("data/models"))) {
                assertEquals(
                        1,
                        stored.filter(f -> f.toString().endsWith(".penstock")).count());
            }
        }
    }

    // An old model with a known fault could be brought back by anyone who kept the file.
    @Test
    void lowerSequenceIsRefused() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.drop(keys, "1.1.0", 5, "ok");
            gateway.turn();
            for (long sequence : new long[] {4, 5}) {
                gateway.drop(keys, "1.0." + sequence, sequence, "ok");
                gateway.turn();
                assertEquals(RolloutOutcome.REJECTED, gateway.last().outcome());
                assertTrue(
                        gateway.last().reason().contains("sequence " + sequence),
                        gateway.last().reason());
                assertTrue(gateway.last().reason().contains("must be above 5"));
            }
            gateway.drop("again", Samples.release(keys, "1.1.0", 6, "other").toBytes());
            gateway.turn();
            assertTrue(gateway.last().reason().contains("give the new one a new version"));
            assertEquals("coagulant-dose 1.1.0", pipeline.label());
        }
    }

    // A release would be announced again with every restart.
    @Test
    void eachFileIsHandledOnceAlsoAfterARestart() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.drop("broken", Samples.bytes("hello"));
            gateway.turn();
            gateway.turnAfter(5_000);
            gateway.turnAfter(5_000);
            assertEquals(2, gateway.receipts());
            gateway.stop();
        }
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.turn();
            gateway.turnAfter(5_000);
            assertEquals(2, gateway.receipts());
        }
    }

    // A release would be refused while it is still being copied, or half of it taken in.
    @Test
    void halfCopiedFileIsWaitedForAndThenRefused() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        byte[] whole = Samples.release(keys, "1.0.0", 1, "ok").toBytes();
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            for (int length : new int[] {0, 5, 200, whole.length / 2, whole.length - 1}) {
                gateway.drop("copy", Arrays.copyOf(whole, length));
                gateway.turnAfter(2_000);
                gateway.turnAfter(2_000);
                assertEquals(0, gateway.receipts(), "at " + length);
            }
            gateway.drop("copy", whole);
            gateway.turn();
            assertEquals(RolloutOutcome.ACTIVATED, gateway.last().outcome());

            gateway.drop("half", Arrays.copyOf(whole, whole.length - 7));
            gateway.turn();
            assertEquals(1, gateway.receipts());
            gateway.turnAfter(3_000);
            assertEquals(RolloutOutcome.REJECTED, gateway.last().outcome());
            assertTrue(
                    gateway.last().reason().contains("cut off: "),
                    gateway.last().reason());
        }
    }

    // A copy that reserves its room first would be refused before its content has come.
    @Test
    void fileOfFullLengthWithUnfinishedContentIsWaitedFor() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        byte[] whole = Samples.release(keys, "1.0.0", 1, "ok").toBytes();
        byte[] unfinished = whole.clone();
        Arrays.fill(unfinished, whole.length - 300, whole.length, (byte) 0);
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.drop("copy", unfinished);
            gateway.turn();
            gateway.turnAfter(2_000);
            assertEquals(0, gateway.receipts());
            gateway.drop("copy", whole);
            Files.setLastModifiedTime(
                    home.resolve("releases/copy.penstock"), FileTime.from(Instant.parse("2026-11-23T13:00:00Z")));
            gateway.turn();
            assertEquals(RolloutOutcome.ACTIVATED, gateway.last().outcome());
        }
    }

    // A file of many gigabytes would end the gateway.
    @Test
    void tooLargeFileIsRefusedUnread() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            gateway.drop("large", new byte[(1 << 20) + 1]);
            gateway.turn();
            gateway.turnAfter(3_000);
            assertTrue(gateway.last().reason().contains("at most 1048576 are allowed (maximumReleaseMiB 1)"));
            gateway.turnAfter(3_000);
            assertEquals(1, gateway.receipts());
        }
    }

    // A pipe in the drop folder would stop the room for ever; a folder or a broken link would be passed over in
    // silence.
    @Test
    void whatIsNoPlainFileIsRefusedUnread() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            Path releases = home.resolve("releases");
            String pipe = releases.resolve("a.penstock").toString();
            assertTrue(new ProcessBuilder("mkfifo", pipe).start().waitFor(10, TimeUnit.SECONDS));
            Files.createDirectory(releases.resolve("b.penstock"));
            Files.createSymbolicLink(releases.resolve("c.penstock"), Path.of("/dev/zero"));
            Files.createSymbolicLink(releases.resolve("d.penstock"), releases.resolve("nothing"));
            gateway.drop(keys, "1.0.0", 1, "ok");
            assertTimeoutPreemptively(Duration.ofSeconds(20), gateway::turn);
            assertEquals("coagulant-dose 1.0.0", pipeline.label());
            assertEquals(4, gateway.receipts());
            for (Receipt receipt : gateway.store.state().receipts().subList(1, 4)) {
                assertEquals(RolloutOutcome.REJECTED, receipt.outcome());
                assertTrue(receipt.reason().contains("is no plain file"), receipt.reason());
            }
        }
    }

    // The name of a dropped file could forge lines in the log and steer the engineer's terminal.
    @Test
    void namesAreShownPrintable() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            gateway.drop("x\n2026-11-23 INFO Release serves\u001b[2J\u009b\u202e", Samples.bytes("hello"));
            gateway.turn();
            gateway.turnAfter(3_000);
            assertEquals(
                    "x{000a}2026-11-23 INFO Release serves{001b}[2J{009b}{202e}.penstock",
                    gateway.last().file());
            gateway.turnAfter(3_000);
            assertEquals(1, gateway.receipts());
        }
    }

    // Ten thousand files would keep the room busy at each start, and push what was decided out of its memory.
    @Test
    void crowdedFolderIsBounded() throws Exception {
        String first;
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            first = gateway.store.state().handled().get(0);
            for (int i = 0; i < 1_100; i++) {
                gateway.drop("a" + i, new byte[] {1});
            }
            gateway.turn();
            gateway.turnAfter(3_000);
            assertEquals(1_000, gateway.store.state().handled().size());
            assertTrue(gateway.store.state().handled().contains(first), "the one that serves is still done with");
        }
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            gateway.turn();
            gateway.turnAfter(3_000);
            assertTrue(gateway.store.state().handled().contains(first));
        }
    }

    // One pipeline's fault would keep a model from another, or be hidden behind its success.
    @Test
    void twoPipelinesAreReportedApart() throws Exception {
        FakePipeline first = new FakePipeline("dosing-1");
        FakePipeline second = new FakePipeline("dosing-2");
        FakePipeline other = new FakePipeline("old", "[0.1.0,0.2.0)");
        second.refusal = "unit of turbidity is FNU";
        try (Gateway gateway = new Gateway(home, new Disk(), first, second, other)) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            List<Receipt> receipts = gateway.store.state().receipts();
            assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, receipts.get(0).outcome());
            assertEquals(List.of("dosing-2"), receipts.get(0).pipelines());
            assertEquals(
                    "pipeline dosing-2: unit of turbidity is FNU",
                    receipts.get(0).reason());
            assertEquals(RolloutOutcome.ACTIVATED, receipts.get(1).outcome());
            assertEquals(List.of("dosing-1"), receipts.get(1).pipelines());
            assertEquals("", other.label());
        }
    }

    // A model for one line of the plant would be taken by another.
    @Test
    void targetPipelinesAreKept() throws Exception {
        FakePipeline first = new FakePipeline("dosing-1");
        FakePipeline second = new FakePipeline("dosing-2");
        try (Gateway gateway = new Gateway(home, new Disk(), first, second)) {
            gateway.drop(
                    "one",
                    ReleaseSigner.sign(
                                    Samples.bundle("1.0.0", "ok"),
                                    1,
                                    List.of("dosing-2"),
                                    Instant.EPOCH,
                                    null,
                                    List.of(keys.signer()))
                            .toBytes());
            gateway.turn();
            assertEquals("", first.label());
            assertEquals("coagulant-dose 1.0.0", second.label());
            FakePipeline late = new FakePipeline("dosing-3");
            gateway.pipelines.add(late);
            gateway.turn();
            assertEquals("", late.label());
            assertEquals(1, gateway.receipts());
        }
    }

    // After a restart the plant would run without a model, or with yesterday's.
    @Test
    void restartAndReturningPipelinesGetTheirModelBack() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            gateway.drop(keys, "1.1.0", 2, "ok");
            gateway.turn();
        }
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.inference = null;
            gateway.turn();
            assertEquals("", pipeline.label());
            gateway.inference = new FakeInference();
            gateway.turn();
            assertEquals("coagulant-dose 1.1.0", pipeline.label());
            assertEquals(1, gateway.staging.installed.size());
            assertEquals(2, gateway.receipts());

            FakePipeline again = new FakePipeline("dosing");
            gateway.pipelines.remove(pipeline);
            gateway.pipelines.add(again);
            FakePipeline additional = new FakePipeline("second");
            gateway.pipelines.add(additional);
            gateway.turn();
            assertEquals("coagulant-dose 1.1.0", again.label());
            assertEquals("coagulant-dose 1.1.0", additional.label());
            assertEquals(List.of("second"), gateway.last().pipelines());
        }
    }

    // A release would be lost, or a model half activated, by pulling the plug.
    @Test
    void aPowerCutAtAnyCallOfTheDiskLeavesAWholeState() throws Exception {
        byte[] before = Samples.release(keys, "1.0.0", 1, "ok").toBytes();
        byte[] next = Samples.release(keys, "1.1.0", 2, "ok").toBytes();
        int calls = Integer.MAX_VALUE;
        Random random = new Random(20_261_130);
        for (int cutAt = 0; cutAt < calls; cutAt++) {
            for (String lost : List.of("all that was not forced", "nothing", "some")) {
                Path plant = Files.createDirectories(folder.resolve("plant" + cutAt + "-" + random.nextInt()));
                keys.trustIn(plant.resolve("etc/trust/models"));
                try (Gateway gateway = new Gateway(plant, new FaultyDisk(), new FakePipeline("dosing"))) {
                    gateway.drop("old", before);
                    gateway.turn();
                }
                FaultyDisk disk = new FaultyDisk();
                disk.cutAt(cutAt);
                Files.write(plant.resolve("releases/new.penstock"), next);
                boolean recorded = false;
                try (Gateway gateway = new Gateway(plant, disk, new FakePipeline("dosing"))) {
                    gateway.turn();
                    recorded = gateway.store.saved() && gateway.receipts() == 2;
                } catch (FaultyDisk.PowerCut e) {
                    // before it came up
                }
                int done = disk.calls().size();
                calls = done <= cutAt ? cutAt : calls;
                disk.loseThePower(bound -> switch (lost) {
                    case "nothing" -> bound - 1;
                    case "some" -> random.nextInt(bound);
                    default -> 0;
                });
                String history = "lost " + lost + " after " + disk.calls();
                // as found on disk: the old or the new, never a mixture, and its file is there
                State state = ReleaseStore.readState(plant.resolve("data/models"));
                State.Serving serving = state.pipelines().get("dosing");
                assertTrue(Files.exists(plant.resolve("data/models/" + serving.current() + ".penstock")), history);
                String found =
                        state.releases().get(serving.current()).identity().version();
                assertEquals(found.equals("1.1.0") ? 2 : 1, state.receipts().size(), history);
                assertTrue(!recorded || found.equals("1.1.0"), history);

                FakePipeline after = new FakePipeline("dosing");
                try (Gateway gateway = new Gateway(plant, new FaultyDisk(), after)) {
                    gateway.turn();
                    assertEquals("coagulant-dose 1.1.0", after.label(), history);
                    assertEquals(2, gateway.receipts(), history);
                    assertEquals("1.0.0", gateway.rollouts.fallback("dosing").version(), history);
                    try (var files = Files.list(plant.resolve("data/models"))) {
                        assertFalse(files.anyMatch(file -> file.toString().endsWith(".tmp")), history);
                    }
                }
            }
        }
        assertTrue(calls > 15 && calls < Integer.MAX_VALUE, "only " + calls + " calls were tried");
    }

    // With a full disk a model would serve that nobody has recorded.
    @Test
    void fullDiskChangesNothingAndIsRecordedLater() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        FaultyDisk disk = new FaultyDisk();
        try (Gateway gateway = new Gateway(home, disk, pipeline)) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            disk.mode(FaultyDisk.Mode.FULL);
            gateway.drop(keys, "1.1.0", 2, "ok");
            gateway.turn();
            assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, gateway.last().outcome());
            assertTrue(
                    gateway.last().reason().contains("No space left on device; make room"),
                    gateway.last().reason());
            assertEquals("coagulant-dose 1.0.0", pipeline.label());
            Path desired = home.resolve("data/models/desired.json");
            assertEquals(
                    1,
                    State.parse("desired.json", Files.readAllBytes(desired))
                            .receipts()
                            .size());
            assertEquals(
                    2,
                    ReleaseStore.readState(home.resolve("data/models"))
                            .receipts()
                            .size(),
                    "kept in the reserve");
            disk.mode(FaultyDisk.Mode.WORKS);
            gateway.turn();
            assertEquals(
                    2,
                    State.parse("desired.json", Files.readAllBytes(desired))
                            .receipts()
                            .size());
        }
    }

    // One file that meets a fault of ours would be tried four times a second for ever, and no other would have its
    // turn.
    @Test
    void faultWithOneFileLeavesTheOthersTheirTurn() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.drop("a", Samples.release(keys, "1.0.0", 1, "ok").toBytes());
            gateway.staging.fault = true;
            gateway.turn();
            assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, gateway.last().outcome());
            assertTrue(gateway.last().reason().contains("a fault of the gateway"));
            assertEquals("", gateway.store.state().trying());
            gateway.staging.fault = false;
            gateway.drop("b", Samples.release(keys, "1.1.0", 2, "ok").toBytes());
            gateway.turn();
            assertEquals("coagulant-dose 1.1.0", pipeline.label());
            assertEquals(2, gateway.receipts());
        }
    }

    // With a full disk the operator would take a rollback for done that the next restart undoes: the model that dosed
    // wrongly would dose again.
    @Test
    void rollbackOnAFullDiskOutlivesAPowerCut() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        FaultyDisk disk = new FaultyDisk();
        try (Gateway gateway = new Gateway(home, disk, pipeline)) {
            for (int version = 0; version < 5; version++) {
                gateway.drop(keys, "1." + version + ".0", version + 1, "ok");
                gateway.turn();
            }
            disk.mode(FaultyDisk.Mode.FULL);
            gateway.staging.full = true;
            for (int version = 3; version >= 1; version--) {
                Receipt receipt = gateway.rollouts.rollback("dosing", ENGINEER, "x".repeat(3_000));
                assertEquals(RolloutOutcome.ROLLED_BACK, receipt.outcome(), receipt.reason());
                assertEquals("coagulant-dose 1." + version + ".0", pipeline.label());
                String last = receipt.steps().get(receipt.steps().size() - 1);
                assertTrue(last.startsWith("SAVED in the reserve, a restart keeps it"), last);
                assertTrue(last.contains("No space left on device"), last);
            }
        }
        disk.loseThePower(bound -> 0);
        FakePipeline after = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), after)) {
            gateway.turn();
            assertEquals("coagulant-dose 1.1.0", after.label());
            assertEquals("1.0.0", gateway.rollouts.fallback("dosing").version());
        }
    }

    // On a disk that is dead, who asked would take a rollback for kept that is not.
    @Test
    void rollbackThatIsNotOnDiskSaysSo() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        FaultyDisk disk = new FaultyDisk();
        try (Gateway gateway = new Gateway(home, disk, pipeline)) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            gateway.drop(keys, "1.1.0", 2, "ok");
            gateway.turn();
            disk.mode(FaultyDisk.Mode.DEAD);
            Receipt receipt = gateway.rollouts.rollback("dosing", ENGINEER, "x");
            assertEquals(RolloutOutcome.ROLLED_BACK, receipt.outcome());
            assertEquals("coagulant-dose 1.0.0", pipeline.label());
            String last = receipt.steps().get(receipt.steps().size() - 1);
            assertTrue(last.startsWith("NOT SAVED"), last);
            disk.mode(FaultyDisk.Mode.WORKS);
            gateway.turn();
        }
        FakePipeline after = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), after)) {
            gateway.turn();
            assertEquals("coagulant-dose 1.0.0", after.label());
        }
    }

    // One flipped bit would leave the plant without any model, and the gateway with no word about it.
    @Test
    void anyFlippedBitOfTheStateIsHealedAndSeen() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
        }
        Path desired = home.resolve("data/models/desired.json");
        byte[] whole = Files.readAllBytes(desired);
        State state = State.parse("desired.json", whole);
        Files.createDirectories(home.resolve("etc"));
        assertFalse(new GatewayHome(home).lastKnownJson(5).contains("damaged"));
        for (int bit = 0; bit < whole.length * 8; bit += 61) {
            byte[] flipped = whole.clone();
            flipped[bit / 8] ^= (byte) (1 << (bit % 8));
            Files.write(desired, flipped);
            assertEquals(state, ReleaseStore.readState(home.resolve("data/models")), "bit " + bit);
        }
        FakePipeline after = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), after)) {
            gateway.turn();
            assertEquals("coagulant-dose 1.0.0", after.label());
        }
        assertArrayEquals(whole, Files.readAllBytes(desired));
        String status = new GatewayHome(home).lastKnownJson(5);
        assertTrue(status.contains("desired.json.damaged"), status);
    }

    // A pipeline with an hourly cycle would stop all other rollouts, or be reported wrongly.
    @Test
    void distantCycleIsWaitedForInTheBackground() throws Exception {
        FakePipeline slow = new FakePipeline("hourly");
        FakePipeline fast = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), slow, fast)) {
            slow.nextCycle = new CountDownLatch(1);
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            assertEquals(List.of("dosing"), gateway.last().pipelines());
            assertEquals(1, gateway.receipts());
            gateway.drop(keys, "1.1.0", 2, "ok");
            gateway.turn();
            assertEquals(1, gateway.receipts());

            slow.nextCycle.countDown();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
            while (gateway.receipts() < 3 && System.nanoTime() < end) {
                Thread.onSpinWait();
                gateway.turnAfter(1_000);
            }
            List<Receipt> receipts = gateway.store.state().receipts();
            assertEquals(List.of("hourly"), receipts.get(1).pipelines());
            assertEquals(RolloutOutcome.ACTIVATED, receipts.get(1).outcome());
            assertEquals(List.of("dosing", "hourly"), receipts.get(0).pipelines());
            assertEquals("coagulant-dose 1.1.0", slow.label());
        }
    }

    /** 1.0.0 and 1.1.0 have served on it, and nothing that comes will be warm before an hour is over. */
    private static FakePipeline warmingUp(Gateway gateway, Keys keys) throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        gateway.pipelines.add(pipeline);
        gateway.drop(keys, "1.0.0", 1, "ok");
        gateway.turn();
        gateway.drop(keys, "1.1.0", 2, "ok");
        gateway.turn();
        pipeline.warm = new CountDownLatch(1);
        return pipeline;
    }

    private static final Settings HOUR =
            new Settings(100, 3_000, 2_000, false, 30_000, 3_600_000, 0, 1, List.of(), false, 2);

    // While a release with windows of an hour warmed up, the operator could not take back the model that misbehaves:
    // the
    // room was deaf for swapTimeoutMs, and then told for an hour to try again in a moment.
    @Test
    void rollbackDoesNotWaitForAWarmUp() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk(), HOUR)) {
            FakePipeline pipeline = warmingUp(gateway, keys);
            gateway.drop(keys, "1.2.0", 3, "ok");
            assertTimeoutPreemptively(Duration.ofSeconds(20), gateway::turn);
            assertFalse(gateway.store.state().trying().isEmpty(), "under way");
            assertEquals(2, gateway.receipts());

            Receipt receipt = assertTimeoutPreemptively(
                    Duration.ofSeconds(20), () -> gateway.rollouts.rollback("dosing", ENGINEER, "dose too high"));
            assertEquals(RolloutOutcome.ROLLED_BACK, receipt.outcome(), receipt.reason());
            assertEquals("coagulant-dose 1.0.0", pipeline.label());
            Receipt givenUp = gateway.store.state().receipts().get(1);
            assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, givenUp.outcome());
            assertEquals("coagulant-dose 1.2.0", givenUp.model().label());
            assertEquals(
                    "pipeline dosing: it gave way to the rollback that anna asked for;"
                            + " remove its file and drop it again to try it once more",
                    givenUp.reason());
            assertEquals("", gateway.store.state().trying());
            gateway.turn();
            assertEquals(4, gateway.receipts());
        }
    }

    // A rollback that comes in the very moment of the exchange would be told as done while the newest model serves, or
    // go
    // back to the model that it was to take away.
    @Test
    void rollbackAtTheMomentOfTheExchangeStillGoesWhereItWasMeant() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk(), HOUR)) {
            FakePipeline pipeline = warmingUp(gateway, keys);
            pipeline.exchanging = true;
            gateway.drop(keys, "1.2.0", 3, "ok");
            gateway.turn();
            Receipt receipt = gateway.rollouts.rollback("dosing", ENGINEER, "dose too high");
            assertEquals(RolloutOutcome.ROLLED_BACK, receipt.outcome(), receipt.reason());
            assertEquals("coagulant-dose 1.0.0", pipeline.label());
            assertEquals(
                    RolloutOutcome.ACTIVATED,
                    gateway.store.state().receipts().get(1).outcome());
            assertNull(gateway.rollouts.fallback("dosing"));
        }
        FakePipeline after = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), after)) {
            gateway.turn();
            assertEquals("coagulant-dose 1.0.0", after.label());
        }
    }

    // The corrected release would wait for the end of the faulty one's warm-up, and take over after two hours.
    @Test
    void newerReleaseTakesThePlaceOfOneThatWarmsUp() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk(), HOUR)) {
            FakePipeline pipeline = warmingUp(gateway, keys);
            gateway.drop(keys, "1.2.0", 4, "ok");
            gateway.turn();
            gateway.drop("older", Samples.release(keys, "1.1.9", 3, "ok").toBytes());
            gateway.turn();
            gateway.drop(keys, "1.3.0", 5, "wrong");
            gateway.turn();
            assertEquals("coagulant-dose 1.3.0", gateway.last().model().label());
            assertEquals(3, gateway.receipts(), "one that fails its trial takes nobody's place");

            pipeline.warm = null;
            gateway.drop(keys, "1.4.0", 6, "ok");
            gateway.turnAfter(1_000);
            assertEquals("coagulant-dose 1.4.0", pipeline.label());
            assertEquals("1.1.0", gateway.rollouts.fallback("dosing").version());
            List<Receipt> receipts = gateway.store.state().receipts();
            Receipt givenUp = receipts.stream()
                    .filter(receipt -> receipt.model().version().equals("1.2.0"))
                    .findFirst()
                    .orElseThrow();
            assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, givenUp.outcome());
            assertEquals(
                    "pipeline dosing: it gave way to coagulant-dose 1.4.0, which is newer; it is not tried again",
                    givenUp.reason());
            gateway.turnAfter(1_000);
            assertTrue(gateway.last().reason().contains("sequence 3 of coagulant-dose must be above 6"));
            assertEquals("", gateway.store.state().trying());
        }
    }

    // A crash while the newer one is exchanged would be blamed on the model that served before, and not counted for it.
    @Test
    void crashIsBlamedOnTheOneThatTookThePlace() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk(), HOUR)) {
            warmingUp(gateway, keys);
            gateway.drop(keys, "1.2.0", 3, "ok");
            gateway.turn();
            gateway.drop(keys, "1.3.0", 4, "ok");
            gateway.turn();
            assertEquals("coagulant-dose 1.2.0", gateway.last().model().label());
            byte[] tried = Files.readAllBytes(home.resolve("releases/coagulant-dose-1.3.0.penstock"));
            assertEquals(Names.sha256(tried), gateway.store.state().trying());
            assertTrue(gateway.store.contains(Names.sha256(tried)));
        }
    }

    // A good release would be refused for ever because the gateway was busy while it was tried.
    @Test
    void anAnswerThatComesLateOnceIsAskedForAgainAndASlowModelIsRefused() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.drop(keys, "1.0.0", 1, "busy");
            gateway.turn();
            assertEquals(
                    RolloutOutcome.ACTIVATED,
                    gateway.last().outcome(),
                    gateway.last().reason());
            gateway.drop(keys, "1.1.0", 2, "slow");
            gateway.turn();
            assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, gateway.last().outcome());
            assertTrue(
                    gateway.last().reason().contains("no answer within"),
                    gateway.last().reason());
        }
    }

    // The operator could not get rid of a model that misbehaves.
    @Test
    void rollbackGoesBackAlongHistoryAndIsRemembered() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            for (int i = 0; i < 3; i++) {
                gateway.drop(keys, "1." + i + ".0", i + 1, "ok");
                gateway.turn();
            }
            assertEquals("1.1.0", gateway.rollouts.fallback("dosing").version());
            Receipt receipt = gateway.rollouts.rollback("dosing", ENGINEER, "dose too high");
            assertEquals(RolloutOutcome.ROLLED_BACK, receipt.outcome());
            assertEquals("rolled back by anna (test): dose too high", receipt.reason());
            assertEquals("coagulant-dose 1.1.0", pipeline.label());
            assertEquals("ROLLBACK", gateway.audit.get(3).action());
            assertEquals("anna", gateway.audit.get(3).actor());
            assertEquals(Duration.ofMillis(Gateway.SETTINGS.maximumWarmUpMs()), pipeline.warmUps.get(0));
            assertEquals(Duration.ZERO, pipeline.warmUps.get(3), "nobody waits for a model that is needed now");
        }
        FakePipeline after = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), after)) {
            gateway.turn();
            assertEquals("coagulant-dose 1.1.0", after.label());
            gateway.rollouts.rollback("dosing", ENGINEER, "still");
            assertEquals("coagulant-dose 1.0.0", after.label());
            assertNull(gateway.rollouts.fallback("dosing"));
            Receipt none = gateway.rollouts.rollback("dosing", ENGINEER, "once more");
            assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, none.outcome());
            assertTrue(none.reason().contains("no model to return to"));
            assertEquals(
                    RolloutOutcome.FAILED_NOTHING_CHANGED,
                    gateway.rollouts.rollback("nothing", ENGINEER, "x").outcome());

            Files.delete(home.resolve("releases/coagulant-dose-1.2.0.penstock"));
            gateway.turn();
            gateway.drop(keys, "1.2.0", 3, "ok");
            gateway.turn();
            assertEquals("coagulant-dose 1.2.0", after.label(), "an accepted release dropped anew is meant");
        }
    }

    // A rollback that the old model does not survive would be reported as done.
    @Test
    void failedRollbackSaysSo() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            gateway.drop(keys, "1.1.0", 2, "ok");
            gateway.turn();
            pipeline.refusal = "input flow is not bound";
            Receipt receipt = gateway.rollouts.rollback("dosing", ENGINEER, "x");
            assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, receipt.outcome());
            assertTrue(receipt.reason().contains("input flow is not bound"));
            assertEquals("1.0.0", gateway.rollouts.fallback("dosing").version());
        }
    }

    // A model that crashes the gateway would do so for ever; a power cut would count as one.
    @Test
    void twoCrashesQuarantineButKillsDoNot() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            gateway.drop(keys, "1.1.0", 2, "ok");
            gateway.turn();
        }
        for (int kill = 0; kill < 4; kill++) {
            FakePipeline pipeline = new FakePipeline("dosing");
            try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
                gateway.turn();
                assertEquals("coagulant-dose 1.1.0", pipeline.label());
            }
        }
        Path report = home.resolve("log/hs_err_pid" + ProcessHandle.current().pid() + ".log");
        Files.createDirectories(report.getParent());
        for (int crash = 1; crash <= 2; crash++) {
            Files.writeString(report, """
                    #
                    # SIGFPE
                    # Problematic frame:
                    # C  [libonnxruntime.so+0x84bdca]
                    #
                    Current thread (0x7f):  JavaThread "pipeline-cycle-dosing" daemon [_thread_in_native]
                    """);
            Files.setLastModifiedTime(report, FileTime.from(Instant.parse("2026-11-23T13:0" + crash + ":00Z")));
            FakePipeline pipeline = new FakePipeline("dosing");
            try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
                gateway.turn();
                assertEquals("coagulant-dose 1." + (crash == 1 ? 1 : 0) + ".0", pipeline.label());
                if (crash == 2) {
                    assertEquals(RolloutOutcome.ROLLED_BACK, gateway.last().outcome());
                    assertTrue(gateway.last().reason().contains("quarantine after 2 crashes"));
                }
            }
        }
    }

    // A release that was changed in the store would serve after a restart.
    @Test
    void changedStoreIsNoticedAndTheFallbackServes() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            gateway.drop(keys, "1.1.0", 2, "ok");
            gateway.turn();
        }
        State state = ReleaseStore.readState(home.resolve("data/models"));
        for (int broken = 0; broken < 2; broken++) {
            State.Serving serving = state.pipelines().get("dosing");
            String id = broken == 0 ? serving.current() : serving.history().get(0);
            Path file = home.resolve("data/models/" + id + ".penstock");
            byte[] bytes = Files.readAllBytes(file);
            bytes[bytes.length - 100] ^= 1;
            Files.write(file, bytes);
            FakePipeline pipeline = new FakePipeline("dosing");
            try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
                gateway.turn();
                assertEquals(broken == 0 ? "coagulant-dose 1.0.0" : "", pipeline.label());
                assertEquals(
                        broken == 0 ? RolloutOutcome.ROLLED_BACK : RolloutOutcome.ROLLBACK_FAILED,
                        gateway.last().outcome());
                int receipts = gateway.receipts();
                gateway.turnAfter(120_000);
                assertEquals(receipts, gateway.receipts(), "said once, tried again");
            }
        }
    }

    // The disk of a gateway would fill up with old models.
    @Test
    void storeIsBounded() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            for (int i = 1; i <= 12; i++) {
                gateway.drop(keys, "1.0." + i, i, "ok");
                gateway.turn();
            }
            assertEquals("coagulant-dose 1.0.12", pipeline.label());
            try (var stored = Files.list(home.resolve("data/models"))) {
                assertEquals(
                        6,
                        stored.filter(f -> f.toString().endsWith(".penstock")).count());
            }
            assertEquals(2, gateway.staging.installed.size(), "current and fallback");
        }
    }

    // The message tells to drop the release again, and then it was refused for its sequence, or left damaged.
    @Test
    void releaseLostOrDamagedInTheStoreIsHealedByDroppingItAgain() throws Exception {
        byte[] file = Samples.release(keys, "1.0.0", 1, "ok").toBytes();
        Path stored = home.resolve("data/models/" + Names.sha256(file) + ".penstock");
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            gateway.drop("first", file);
            gateway.turn();
        }
        for (boolean lost : new boolean[] {true, false}) {
            damage(stored, lost);
            FakePipeline pipeline = new FakePipeline("dosing");
            try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
                gateway.turn();
                assertEquals("", pipeline.label());
                gateway.drop("again-" + lost, file);
                gateway.turn();
                assertEquals("coagulant-dose 1.0.0", pipeline.label());
            }
            assertArrayEquals(file, Files.readAllBytes(stored));
        }
    }

    // A fallback that the disk had lost or changed could never be healed: the rollback told to drop it again, the drop
    // was
    // refused for its sequence and told to roll back. A lost one was said not to be what the pipeline wants.
    @Test
    void fallbackLostOrDamagedInTheStoreIsHealedByDroppingItAgain() throws Exception {
        byte[] file = Samples.release(keys, "1.0.0", 1, "ok").toBytes();
        Path stored = home.resolve("data/models/" + Names.sha256(file) + ".penstock");
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            gateway.drop("first", file);
            gateway.turn();
            gateway.drop(keys, "1.1.0", 2, "ok");
            gateway.turn();
        }
        for (boolean lost : new boolean[] {true, false}) {
            damage(stored, lost);
            FakePipeline pipeline = new FakePipeline("dosing");
            try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) { // has it not in memory any more
                gateway.turn();
                Receipt refused = gateway.rollouts.rollback("dosing", ENGINEER, "dose too high");
                assertEquals(RolloutOutcome.FAILED_NOTHING_CHANGED, refused.outcome());
                assertTrue(
                        refused.reason().startsWith("store: coagulant-dose 1.0.0 was lost or changed on disk"),
                        refused.reason());
                assertTrue(refused.reason().contains("drop that release again"), refused.reason());

                gateway.drop("again-" + lost, file);
                gateway.turn();
                assertEquals("coagulant-dose 1.1.0", pipeline.label(), "to drop a file is not to roll back");
                assertEquals(
                        "store: coagulant-dose 1.0.0 was lost or changed on disk and is whole again;"
                                + " use 'penstock model rollback' to return to it on dosing",
                        gateway.last().reason());
                assertArrayEquals(file, Files.readAllBytes(stored));
                if (!lost) {
                    assertEquals(
                            RolloutOutcome.ROLLED_BACK,
                            gateway.rollouts
                                    .rollback("dosing", ENGINEER, "dose too high")
                                    .outcome());
                    assertEquals("coagulant-dose 1.0.0", pipeline.label());
                }
            }
        }
    }

    private static void damage(Path stored, boolean lost) throws IOException {
        if (lost) {
            Files.delete(stored);
        } else {
            byte[] damaged = Files.readAllBytes(stored);
            damaged[damaged.length - 100] ^= 1;
            Files.write(stored, damaged);
        }
    }

    // The old model would be said not to be what the pipeline wants only where that is so.
    @Test
    void rollbackToAModelThatThePipelineNoLongerWantsTellsSo() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            gateway.drop(keys, "1.1.0", 2, "ok");
            gateway.turn();
            gateway.pipelines.add(new FakePipeline("dosing", "[1.1.0,2.0.0)"));
            gateway.turn();
            String reason = gateway.rollouts.rollback("dosing", ENGINEER, "x").reason();
            assertTrue(
                    reason.contains("coagulant-dose 1.0.0 is not what pipeline dosing wants"
                            + " (coagulant-dose [1.1.0,2.0.0))"),
                    reason);
        }
    }

    // Who may only drop files could bring back the model with the known fault; returning takes a role and a reason.
    @Test
    void olderReleaseIsNotTakenInAgain() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            byte[] old = Samples.release(keys, "1.0.0", 1, "ok").toBytes();
            gateway.drop("old", old);
            gateway.turn();
            gateway.drop(keys, "1.1.0", 2, "ok");
            gateway.turn();
            gateway.drop("replayed", old);
            gateway.turn();
            assertEquals("coagulant-dose 1.1.0", pipeline.label());
            assertEquals(RolloutOutcome.REJECTED, gateway.last().outcome());
            assertTrue(gateway.last().reason().contains("must be above 2"));
        }
    }

    // Two gateways on one home would overwrite each other's state.
    @Test
    void secondGatewayOnOneHomeIsRefused() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk())) {
            gateway.turn();
            assertThrows(IOException.class, () -> new Gateway(home, new Disk()));
        }
    }

    // A gateway would come up without any model because a reason it wrote itself was too long to be read back.
    @Test
    void whateverIsWrittenCanBeReadAtTheNextStart() throws Exception {
        String longest = "\ud800".repeat(200_000);
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            gateway.rollouts.rollback("dosing", ENGINEER, longest);
            gateway.rollouts.refuse("n".repeat(2_000), Names.sha256(new byte[0]), longest);
        }
        State state = ReleaseStore.readState(home.resolve("data/models"));
        assertEquals(3, state.receipts().size());
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.turn();
            assertEquals("coagulant-dose 1.0.0", pipeline.label());
        }
    }

    // A copy of the newest release under a name of control characters served until the restart; then no pipeline had a
    // model, and the way out that the message told forgot which sequences were accepted.
    @Test
    void longestFileNameCanBeReadAtTheNextStart() throws Exception {
        try (Gateway gateway = new Gateway(home, new Disk(), new FakePipeline("dosing"))) {
            byte[] file = Samples.release(keys, "1.0.0", 1, "ok").toBytes();
            gateway.drop("first", file);
            gateway.turn();
            gateway.drop("\u0001".repeat(246), file);
            gateway.turn();
            assertEquals(RolloutOutcome.ACTIVATED, gateway.last().outcome());
            assertEquals(1_485, gateway.last().file().length());
        }
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.turn();
            assertEquals("coagulant-dose 1.0.0", pipeline.label());
            assertEquals(2, gateway.receipts());
        }
    }

    // One long text, from wherever it comes, would make all that was decided unreadable.
    @Test
    void everyTextOfTheStateCanBeReadBack() {
        String id = "a".repeat(64);
        for (String longest : List.of("", "x".repeat(1_001), "\u0001\ud800".repeat(3_000))) {
            ModelIdentity identity = new ModelIdentity("m", "1.0.0", 1, id, "CN=" + longest);
            State state = State.EMPTY
                    .withServing("p".repeat(64), new State.Serving(id, List.of(id)))
                    .withAccepted(id, new State.Accepted(identity, longest, List.of("*"), Keys.NOW))
                    .withCrashes(id, 1, "hs_err_pid1.log " + Keys.NOW)
                    .withTrying(id)
                    .withHandled(List.of(longest + " " + id))
                    .withReceipt(new Receipt(
                            longest,
                            identity,
                            List.of(longest),
                            RolloutOutcome.ACTIVATED,
                            longest,
                            Collections.nCopies(1_001, longest),
                            Keys.NOW));
            byte[] written = state.toBytes();
            // half a surrogate pair is written as a question mark: what counts is that the file can be read, and stays
            State read = State.parse("desired.json", written);
            assertArrayEquals(written, read.toBytes());
            assertEquals(1, read.releases().size());
        }
    }

    // A state file that cannot be read would count as none, and old releases as new ones.
    @Test
    void unreadableStateIsNotTakenForNone() throws Exception {
        Files.createDirectories(home.resolve("data/models/desired.json"));
        assertThrows(IOException.class, () -> new Gateway(home, new Disk()));
    }

    // A damaged state file would silently forget which sequences were accepted.
    @Test
    void damagedStateIsNotIgnored() throws Exception {
        Files.createDirectories(home.resolve("data/models"));
        Files.writeString(home.resolve("data/models/desired.json"), "{\"schema\":1");
        String message = assertThrows(IOException.class, () -> new Gateway(home, new Disk()))
                .getMessage();
        assertTrue(message.contains("desired.json is damaged"), message);
        assertTrue(message.contains("delete both to start without models"), message);
    }
}
