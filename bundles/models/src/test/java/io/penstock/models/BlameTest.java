// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.models.CrashReports.Crash;
import io.penstock.models.CrashReports.Kind;
import io.penstock.models.RunFolder.Life;
import io.penstock.models.RunFolder.Mark;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/**
 * Pipelines a and b serve; b's model came last. With blame by presence, as it was, two crashes put every model of the plant out
 * of service, and pipelines without a fallback served nothing.
 */
class BlameTest {
    private static final Instant CRASHED = Instant.parse("2026-11-23T12:00:00Z");
    private static final String A = "a".repeat(64);
    private static final String B = "b".repeat(64);
    private static final String TRIED = "c".repeat(64);
    private static final String GONE = "d".repeat(64);

    private static final Map<String, String> THREADS = new TreeMap<>(Map.of(
            "in a", "pipeline-cycle-a",
            "in b", "pipeline-cycle-b",
            "opening", "io.penstock.models-swap-a",
            "trial", "io.penstock.models-probe-dose",
            "netty", "nioEventLoopGroup-2-1",
            "native", ""));

    private final Map<String, Mark> marks = new TreeMap<>();
    private final Map<String, String> opening = new TreeMap<>();
    private final Set<String> quarantined = new TreeSet<>();
    private State state = State.EMPTY;
    private Blame.Edit edit = Blame.Edit.NONE;

    private static ModelIdentity identity(String id) {
        return new ModelIdentity("dose-" + id.charAt(0), "1.0.0", 1, bundle(id), "CN=test");
    }

    private static String bundle(String id) {
        return "0" + id.substring(1);
    }

    private void accepted(String pipeline, String id, Instant at) {
        state = state.withAccepted(id, new State.Accepted(identity(id), id + ".penstock", List.of("*"), at))
                .withServing(pipeline, new State.Serving(id, List.of()))
                .withReceipt(new Receipt(
                        id + ".penstock",
                        identity(id),
                        List.of(pipeline),
                        RolloutOutcome.ACTIVATED,
                        "",
                        List.of(),
                        at));
        marks.put(pipeline, new Mark(0, false, bundle(id)));
    }

    private void served(Duration since) {
        accepted("a", A, CRASHED.minus(Duration.ofDays(30)));
        accepted("b", B, CRASHED.minus(since));
    }

    private void inside(String pipeline, int inside, boolean stuck) {
        marks.computeIfPresent(pipeline, (name, mark) -> new Mark(inside, stuck, mark.serving()));
    }

    private String blamed(Kind kind, String thread) {
        Crash crash = new Crash("id", kind, "C  [libonnxruntime.so+0x1]", thread, CRASHED);
        Blame.Verdict verdict =
                Blame.of(crash, new Life(marks, opening, "", Instant.EPOCH), state, edit, quarantined::contains);
        assertTrue(verdict.why().length() > 10, verdict.why());
        return Map.of("", "nobody", A, "a", B, "b", TRIED, "tried").getOrDefault(verdict.id(), verdict.id());
    }

    private String crash(String where) {
        return blamed(Kind.CRASH, THREADS.get(where));
    }

    @Test
    void whereItCrashedAndHowYoungTheNewestChangeIsDecide() {
        for (boolean young : new boolean[] {true, false}) {
            marks.clear();
            state = State.EMPTY;
            served(young ? Duration.ofMinutes(59) : Duration.ofMinutes(61));
            String newest = young ? "b" : "nobody";
            assertEquals(newest, crash("in a"), "in the thread of a, outside of its model");
            assertEquals(newest, crash("netty"));
            assertEquals(newest, crash("native"), "no model ran");
            assertEquals(newest, crash("trial"), "nothing was on trial");
            assertEquals(newest, blamed(Kind.MEMORY, "pipeline-cycle-a"), "who happened to ask for the last byte");
            assertEquals(newest, blamed(Kind.HANG, ""));

            inside("a", 1, true);
            assertEquals("a", crash("in a"));
            assertEquals("a", crash("native"), "no report, or a thread of the runtime: only a ran");
            assertEquals(newest, crash("netty"), "a only ran at the time");
            assertEquals(newest, blamed(Kind.MEMORY, "pipeline-cycle-a"));
            assertEquals("a", blamed(Kind.HANG, ""));
            inside("b", 1, false);
            assertEquals("a", crash("in a"));
            assertEquals("b", crash("in b"));
            assertEquals(newest, crash("native"), "both ran");
            assertEquals("a", blamed(Kind.HANG, ""), "b had just begun");
            opening.put("a", TRIED);
            assertEquals("tried", crash("opening"));
            opening.clear();
        }
    }

    @Test
    void whatIsOnTrialIsTheNewest() {
        served(Duration.ofMinutes(1));
        state = state.withTrying(TRIED);
        for (String where : List.of("opening", "trial", "netty", "native", "in b")) {
            assertEquals("tried", crash(where), where);
        }
        assertEquals("tried", blamed(Kind.MEMORY, ""));
        inside("a", 1, false);
        assertEquals("a", crash("in a"), "not the one that was tried beside it");
        inside("a", 2, false);
        assertEquals("tried", crash("in a"), "its operators warmed up in that thread");
        marks.put("a", new Mark(1, false, bundle(TRIED)));
        assertEquals("tried", crash("in a"), "it had just taken over, which was not written down yet");
    }

    // A fault of the gateway itself would put one model after the other out of service, until none is left.
    @Test
    void oneChangeIsChargedAtMostUntilItIsOutOfService() {
        served(Duration.ofMinutes(5));
        assertEquals("b", crash("netty"));
        quarantined.add(B);
        assertEquals("nobody", crash("netty"));
        quarantined.clear();
        state = state.withServing("b", new State.Serving(A, List.of())); // rolled back
        assertEquals("nobody", crash("netty"));
        state = state.withReceipt(
                new Receipt("rollback", identity(A), List.of("b"), RolloutOutcome.ROLLED_BACK, "", List.of(), CRASHED));
        assertEquals("nobody", crash("netty"), "to go back is no change to blame");
    }

    @Test
    void aConfigurationThatCameLaterIsTheNewest() {
        served(Duration.ofMinutes(5));
        edit = new Blame.Edit("etc/x.cfg.json", CRASHED.minusSeconds(600));
        assertEquals("b", crash("netty"));
        edit = new Blame.Edit("etc/x.cfg.json", CRASHED.minusSeconds(60));
        assertEquals("nobody", crash("netty"));
        assertEquals("nobody", blamed(Kind.MEMORY, ""));
        inside("a", 1, false);
        assertEquals("a", crash("in a"));
    }

    // The clock was set back between the activation and the crash: the change counts as young, not as none.
    @Test
    void aChangeInTheFutureIsYoung() {
        served(Duration.ofDays(-2));
        assertEquals("b", crash("netty"));
    }

    // Without the folder in memory the report alone must do.
    @Test
    void withoutMarksTheThreadAndTheLibraryDecide() {
        served(Duration.ofDays(2));
        marks.clear();
        assertEquals("a", crash("in a"));
        assertEquals("b", crash("in b"));
        assertEquals("nobody", crash("native"));
        assertEquals("nobody", blamed(Kind.CRASH, "pipeline-cycle-removed"));
    }

    // What lies in the folder may be of another life, cut off, or of a pipeline that is gone.
    @Test
    void marksOfModelsThatAreGoneBlameNobody() {
        served(Duration.ofDays(2));
        marks.put("old", new Mark(1, true, bundle(GONE)));
        opening.put("a", "../../etc/passwd");
        assertEquals("nobody", blamed(Kind.CRASH, "pipeline-cycle-old"));
        assertEquals("nobody", crash("native"));
        assertEquals("nobody", blamed(Kind.HANG, ""));
        assertEquals("nobody", crash("opening"));
    }
}
