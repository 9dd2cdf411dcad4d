// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.actuation.Mode;
import io.penstock.api.audit.AuditLog.Kept;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.pipeline.Pipeline.Binding;
import io.penstock.api.pipeline.Pipeline.ModeAnswer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Had one of these failed, a mode would have been answered that a restart undoes, or the disk would keep it from being lowered. */
@Timeout(60)
class ModeTest {
    private static final Actor ANNA = new Actor("anna", Set.of(Role.OPERATOR), "opc.ua 10.0.0.7");

    @TempDir
    Path home;

    private final FakeAudit audit = new FakeAudit();
    private final List<PipelineComponent> started = new ArrayList<>();
    private final CountDownLatch hung = new CountDownLatch(1);
    private volatile boolean full;
    private volatile boolean dead;
    private volatile boolean hangs;

    private PipelineComponent start(Mode configured) {
        Settings settings = new Settings(
                "p",
                "dose",
                "[1.0,2.0)",
                Settings.Trigger.GRID,
                10,
                Set.of(),
                List.of(new Binding("a", "A")),
                configured,
                64,
                64,
                1000);
        PipelineComponent pipeline = new PipelineComponent(
                settings, home, Clock.systemUTC(), new ContractShares(), RunMark.none(), (file, bytes, position) -> {
                    if (dead || (full && position + bytes.remaining() > file.size())) {
                        throw new IOException("No space left on device");
                    }
                    if (hangs) {
                        try {
                            hung.await();
                        } catch (InterruptedException e) {
                            throw new IOException(e);
                        }
                    }
                    Slots.Writer.REAL.write(file, bytes, position);
                });
        pipeline.bindAuditLog(audit);
        pipeline.start();
        started.add(pipeline);
        return pipeline;
    }

    private PipelineComponent restart(Mode configured) {
        stop();
        return start(configured);
    }

    @AfterEach
    void stop() {
        started.forEach(PipelineComponent::stop);
        started.clear();
    }

    @ParameterizedTest
    @EnumSource(
            value = Mode.class,
            names = {"OFF", "SHADOW"})
    void aLoweredModeStaysLoweredOverARestartOnAFullDiskToo(Mode lowered) {
        PipelineComponent pipeline = start(Mode.ADVISORY);
        full = true;
        audit.kept = Kept.RESERVED;
        ModeAnswer answer = pipeline.setMode(lowered, ANNA, "storm");
        assertEquals(List.of(), answer.refusals());
        assertEquals(Kept.RESERVED.remark(), answer.remark(), "the mode itself had its space");
        assertEquals(lowered, pipeline.mode());

        PipelineComponent again = restart(Mode.ADVISORY);
        assertEquals(lowered, again.mode());
        AuditRecord told = audit.records.get(audit.records.size() - 1);
        assertTrue(told.detail().startsWith("stays in " + lowered), told.toString());

        full = false;
        audit.kept = Kept.ON_DISK;
        assertEquals(List.of(), again.setMode(Mode.ADVISORY, ANNA, "over").refusals());
        assertEquals(Mode.ADVISORY, restart(Mode.ADVISORY).mode(), "raised again for good");
    }

    // On a disk that hangs or refuses, the operator would have waited, or not been told that a restart undoes it.
    @Test
    void onADeadOrHungDiskItIsLoweredAtOnceAndSaysWhatIsMissing() {
        PipelineComponent pipeline = start(Mode.ADVISORY);
        Fakes.Loop loop = new Fakes.Loop();
        pipeline.bindWriteLoop(loop);
        loop.closed = true;
        audit.kept = Kept.IN_MEMORY;
        dead = true;
        ModeAnswer answer = pipeline.setMode(Mode.SHADOW, ANNA, "storm");
        assertEquals(List.of(), answer.refusals());
        assertEquals(Mode.SHADOW, pipeline.mode());
        assertFalse(loop.closed);
        assertTrue(answer.remark().startsWith(Kept.IN_MEMORY.remark()), answer.remark());
        assertTrue(answer.remark().contains("a restart before it is brings back the mode before"), answer.remark());
        dead = false;
        hangs = true;
        answer = pipeline.setMode(Mode.OFF, ANNA, "storm");
        assertEquals(Mode.OFF, pipeline.mode());
        assertTrue(answer.remark().contains("a restart before it is brings back the mode before"), answer.remark());
        hangs = false;
        hung.countDown();
        Fakes.await("the disk is back and has it", () -> read().equals("OFF ADVISORY"));
        assertEquals(Mode.OFF, restart(Mode.ADVISORY).mode());
    }

    private String read() {
        try {
            return new Slots(home.resolve("data/pipeline/p.mode"), ModeFile.SLOT, Slots.Writer.REAL).load();
        } catch (IOException e) {
            return e.toString();
        }
    }

    // Up without a record: nobody could say later who armed the plant.
    @Test
    void nothingIsRaisedWithoutItsRecordOnDisk() {
        PipelineComponent pipeline = start(Mode.OFF);
        Fakes.Loop loop = new Fakes.Loop();
        pipeline.bindWriteLoop(loop);
        audit.kept = Kept.RESERVED;
        for (Mode mode : List.of(Mode.SHADOW, Mode.ADVISORY)) {
            ModeAnswer answer = pipeline.setMode(mode, ANNA, "go");
            assertTrue(answer.refusals().toString().contains("not on the audit's disk"), answer.toString());
            assertEquals(Mode.OFF, pipeline.mode());
        }
        audit.kept = Kept.ON_DISK;
        assertEquals(List.of(), pipeline.setMode(Mode.ADVISORY, ANNA, "go").refusals());
        audit.kept = Kept.IN_MEMORY;
        assertFalse(pipeline.setMode(Mode.CLOSED, ANNA, "go").refusals().isEmpty());
        assertFalse(loop.closed, "it was closed and is open again");
        audit.kept = Kept.ON_DISK;
        assertEquals(List.of(), pipeline.setMode(Mode.CLOSED, ANNA, "go").refusals());
        assertEquals(Mode.CLOSED, pipeline.mode());
        AuditRecord last = audit.records.get(audit.records.size() - 1);
        assertEquals("anna", last.actor());
        assertEquals("opc.ua 10.0.0.7", last.origin());
        assertEquals(Mode.OFF, restart(Mode.OFF).mode(), "a restart raises nothing");
    }

    // One lowered it while another's raising waited for the disk: the later word must not be undone by the earlier one.
    @Test
    void whoLowersMeanwhileHasTheLastWord() {
        PipelineComponent pipeline = start(Mode.ADVISORY);
        pipeline.setMode(Mode.SHADOW, ANNA, "doubt");
        audit.beforeCommit = () -> {
            audit.beforeCommit = () -> {};
            pipeline.setMode(Mode.OFF, ANNA, "stop");
        };
        assertTrue(pipeline.setMode(Mode.ADVISORY, ANNA, "go")
                .refusals()
                .toString()
                .contains("mode was set to OFF"));
        assertEquals(Mode.OFF, pipeline.mode());
    }

    // An engineer who configures another mode means it.
    @Test
    void anotherConfiguredModeDecidesAnew() {
        PipelineComponent pipeline = start(Mode.ADVISORY);
        pipeline.setMode(Mode.OFF, ANNA, "storm");
        assertEquals(Mode.SHADOW, restart(Mode.SHADOW).mode());
        assertEquals(Mode.ADVISORY, restart(Mode.ADVISORY).mode());
    }

    // The power went while it was written, at whatever byte: one of the two slots always counts.
    @Test
    void aTornSlotLeavesTheOtherOne() throws IOException {
        Path file = home.resolve("slots");
        Slots slots = new Slots(file, 256, Slots.Writer.REAL);
        slots.load();
        slots.save("OFF ADVISORY");
        byte[] before = Files.readAllBytes(file);
        slots.save("SHADOW ADVISORY");
        byte[] after = Files.readAllBytes(file);
        for (int cut = 0; cut <= after.length; cut++) {
            byte[] torn = after.clone();
            System.arraycopy(before, cut, torn, cut, before.length - cut);
            Files.write(file, torn);
            String found = new Slots(file, 256, Slots.Writer.REAL).load();
            assertTrue(found.equals("OFF ADVISORY") || found.equals("SHADOW ADVISORY"), "cut at " + cut + ": " + found);
        }
        for (int at = 0; at < after.length; at++) {
            byte[] flipped = after.clone();
            flipped[at] ^= 1;
            Files.write(file, flipped);
            Slots damaged = new Slots(file, 256, Slots.Writer.REAL);
            String found = damaged.load();
            assertTrue(found.equals("OFF ADVISORY") || found.equals("SHADOW ADVISORY"), "byte " + at + ": " + found);
        }
    }
}
