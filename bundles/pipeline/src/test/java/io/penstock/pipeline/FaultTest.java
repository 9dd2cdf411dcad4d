// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.actuation.Mode;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.pipeline.Pipeline.Binding;
import io.penstock.pipeline.Fakes.Seen;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Errors of Java in a model or an operator, what the next start can read of a crash, and what the supervisor is told. */
class FaultTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    @TempDir
    Path home;

    private final Fakes.Source source = new Fakes.Source("NTU", "A", "B");
    private final Fakes.Publisher publisher = new Fakes.Publisher();
    private final Fakes.Engines runtime = new Fakes.Engines();
    private final Fakes.Engine engine = new Fakes.Engine();
    private PipelineComponent pipeline;

    private static List<Error> errors() {
        return List.of(
                new StackOverflowError(),
                new InternalError("a fault occurred in an unsafe memory access operation"),
                new OutOfMemoryError("Cannot reserve 1048576 bytes of direct buffer memory"),
                new NoClassDefFoundError("a/b/C"),
                new AssertionError());
    }

    @BeforeEach
    void start() {
        Settings settings = new Settings(
                "p",
                "dose",
                "[1.0,2.0)",
                Settings.Trigger.GRID,
                2,
                Set.of(),
                List.of(new Binding("a", "A"), new Binding("b", "B")),
                Mode.ADVISORY,
                64,
                8192,
                1000);
        pipeline = new PipelineComponent(
                settings,
                home,
                Clock.systemUTC(),
                new ContractShares(),
                RunMark.in(home.resolve("run").toString(), "p"));
        pipeline.bindTagSource(source);
        pipeline.bindPublisher(publisher);
        pipeline.bindFeatureEngine(engine);
        pipeline.bindInferenceEngine(runtime);
        pipeline.start();
        source.emit("A", 1, System.currentTimeMillis() * 1_000_000);
        source.emit("B", 2, System.currentTimeMillis() * 1_000_000);
    }

    @AfterEach
    void stop() {
        runtime.error = null;
        engine.breaks = false;
        runtime.opening.open();
        runtime.running.open();
        pipeline.stop();
    }

    private void awaitGood(String when) {
        int from = publisher.copy().size();
        Fakes.await("Good results " + when, () -> {
            List<Seen> seen = publisher.copy();
            return seen.size() > from + 3
                    && seen.subList(seen.size() - 3, seen.size()).stream()
                            .allMatch(result -> StatusCode.isGood(result.status()));
        });
    }

    // One model's endless recursion would end the only thread of its pipeline, and its loop would hold the last value.
    @Test
    void anErrorCostsOneResultNotThePipeline() throws Exception {
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        awaitGood("at first");
        for (Error error : errors()) {
            for (boolean inOperators : new boolean[] {true, false}) {
                long failures = pipeline.statistics().failures();
                engine.error = error;
                engine.breaks = inOperators;
                runtime.error = inOperators ? null : error;
                Fakes.await("failures by " + error, () -> pipeline.statistics().failures() > failures + 2);
                Seen last = publisher.copy().get(publisher.copy().size() - 1);
                assertEquals(StatusCode.BAD_INTERNAL_ERROR, last.status(), error.toString());
                assertTrue(
                        pipeline.statistics().detail().contains(error.toString()),
                        pipeline.statistics().detail());
                assertEquals(0, inside(), "it came back");
                engine.breaks = false;
                runtime.error = null;
                awaitGood("after " + error);
            }
        }
    }

    // A release on its way in would make the outputs of the model that serves Bad, and open its loop.
    @Test
    void aCandidateThatFailsIsRefusedAndTheServingModelDoesNotNotice() throws Exception {
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        awaitGood("at first");
        for (Error error : errors()) {
            for (String where : List.of("warm-up", "restore", "compile")) {
                engine.error = error;
                engine.broken = List.of("a");
                engine.breaks = where.equals("warm-up");
                engine.breaksInRestore = where.equals("restore");
                engine.breaksInCompile = where.equals("compile");
                long failures = pipeline.statistics().failures();
                int from = publisher.copy().size();
                ModelRejectedException refused = assertThrows(
                        ModelRejectedException.class,
                        () -> pipeline.swap(
                                Fakes.model("1.1.0", "a"),
                                where.equals("warm-up") ? Duration.ofSeconds(20) : Duration.ZERO));
                assertTrue(refused.getMessage().contains(error.toString()), where + ": " + refused.getMessage());
                engine.breaks = false;
                engine.breaksInRestore = false;
                engine.breaksInCompile = false;
                awaitGood("after " + where);
                assertEquals(failures, pipeline.statistics().failures(), where);
                List<Seen> seen = publisher.copy();
                assertTrue(
                        seen.subList(from, seen.size()).stream().noneMatch(result -> StatusCode.isBad(result.status())),
                        where);
                assertEquals(1, runtime.open.get(), "what was opened is closed: " + where);
                assertEquals("1.0.0", pipeline.model().orElseThrow().identity().version());
            }
        }
    }

    private long word(int at) throws IOException {
        return ByteBuffer.wrap(Files.readAllBytes(home.resolve("run/cycle-p")))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong(at);
    }

    private long inside() throws IOException {
        return word(16);
    }

    // A native crash leaves no chance to write down whose it was; what stands in the page then is all there is.
    @Test
    void whereTheThreadIsCanBeReadFromOutside() throws Exception {
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        awaitGood("at first");
        assertEquals(ProcessHandle.current().pid(), word(8));
        runtime.running.shut();
        Fakes.await("the model runs", () -> runtime.running.reached);
        assertEquals(1, inside());
        assertEquals('0', Files.readAllBytes(home.resolve("run/cycle-p"))[32], "the model's digest");
        assertEquals(0, word(24));
        assertFalse(pipeline.stuck(System.nanoTime() + 60 * SECOND, 0).isEmpty());
        assertEquals(1, word(24), "stuck");
        assertEquals("", pipeline.stuck(System.nanoTime(), 60 * SECOND));
        assertEquals(0, word(24));
        runtime.running.open();
        Fakes.await(
                "the model came back",
                () -> pipeline.statistics().failures() == 0 && publisher.copy().size() > 10);
    }

    // No room in memory, or a folder of somebody else: the line must run all the same.
    @Test
    void withoutAPlaceForTheMarkThePipelineRuns() throws Exception {
        Path file = Files.createFile(home.resolve("no folder"));
        RunMark mark = RunMark.in(file.toString(), "q");
        mark.enterServing();
        mark.serving(Fakes.model("1.0.0", "a").identity());
        mark.leave();
        RunMark.in(null, "q").stuck(true);
    }

    // A line that stands still would count as alive, and one with a dead PLC would be killed again and again.
    @Test
    void theSupervisorHearsWhileTheThreadsGoRound() throws Exception {
        boolean[] up = {false};
        long[] collected = {0};
        long now = System.nanoTime();
        Pulse pulse = new Pulse(List.of(pipeline), () -> up[0], () -> collected[0], 2 * SECOND);
        assertEquals("", pulse.look(now), "the framework still starts");
        up[0] = true;
        assertEquals("STATUS=0 of 1 pipelines have a model", pulse.look(now));
        assertEquals("", pulse.look(now + SECOND));
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        assertEquals("READY=1\tWATCHDOG=1\tSTATUS=1 of 1 pipelines have a model", pulse.look(now + 2 * SECOND));
        List<String> told = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            told.add(pulse.look(now + 2 * SECOND + (i + 1) * SECOND / 2)); // the plant is dead: no sample comes
        }
        assertEquals(List.of("", "", "", "WATCHDOG=1", "", "", "", "WATCHDOG=1"), told);

        runtime.running.shut();
        Fakes.await("the model runs", () -> runtime.running.reached);
        now = System.nanoTime();
        long late = now + 11 * SECOND;
        String line = pulse.look(late);
        assertTrue(line.startsWith("STATUS=pipeline p: its thread has not gone round for "), line);
        assertFalse(pulse.look(late + 5 * SECOND).contains("WATCHDOG"));
        runtime.running.open();
        Fakes.await(
                "it goes round", () -> pipeline.stuck(System.nanoTime(), SECOND).isEmpty());
    }

    // With a full heap the process would live and do nothing for hours.
    @Test
    void aHeapThatIsOnlyCollectedIsNoLife() throws Exception {
        pipeline.swap(Fakes.model("1.0.0", "a", "b"));
        long[] collected = {0};
        Pulse pulse = new Pulse(List.of(pipeline), () -> true, () -> collected[0], SECOND);
        long now = System.nanoTime();
        pulse.look(now);
        assertTrue(pulse.look(now + 2 * SECOND).contains("WATCHDOG=1"));
        collected[0] += 8_500;
        assertFalse(pulse.look(now + 10 * SECOND).contains("WATCHDOG=1"));
        collected[0] += 100;
        assertTrue(new Pulse(List.of(), () -> true, () -> 0, SECOND).look(now).startsWith("STATUS=0 of 0"));
    }

    // A gateway without a model would be killed by its supervisor before anybody could drop one.
    @Test
    void withoutAModelItIsReadyAllTheSame() {
        Pulse pulse = new Pulse(List.of(pipeline), () -> true, () -> 0, Long.MAX_VALUE);
        pulse.look(1);
        assertEquals("", pulse.look(19 * SECOND));
        assertEquals("READY=1", pulse.look(21 * SECOND), "no watchdog was asked for");
    }
}
