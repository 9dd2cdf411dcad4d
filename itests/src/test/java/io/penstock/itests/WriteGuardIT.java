// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.actuation.WriteOutcome.Kind;
import io.penstock.api.data.StatusCode;
import io.penstock.api.pipeline.Pipeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import javax.inject.Inject;
import org.junit.After;
import org.junit.Before;
import org.junit.FixMethodOrder;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.junit.runners.MethodSorters;
import org.ops4j.pax.exam.Configuration;
import org.ops4j.pax.exam.Option;
import org.ops4j.pax.exam.junit.PaxExam;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.BundleContext;

/** What reaches a plant's setpoint through pipeline, model and loop as shipped. */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
@FixMethodOrder(MethodSorters.NAME_ASCENDING)
public class WriteGuardIT {
    private static final Actor OPERATOR = new Actor("olga", Set.of(Role.OPERATOR), "itest");
    private static final double LOW = 2;
    private static final double HIGH = 8;
    private static final double UP_PER_SECOND = 4;
    private static final double DOWN_PER_SECOND = 2;
    private static final String LOOP = """
            { "name": "%s", "pipeline": "%s", "output": "y", "target": "SP", "low": 2, "high": 8,
              "maximumExcessPercent": 10, "rateUpPerMinute": 240, "rateDownPerMinute": 120, "deadband": 0,
              "stepLimit": 2.5, "maximumInputAgeMs": 1000, "validityMs": 500, "readBackTolerance": 0.001,
              "readBackTimeMs": 500, "maximumReadBackMismatches": 5, "writeDeadlineMs": 400, "maximumWriteFailures": 2,
              "maximumConsecutiveRefusals": 100000, "holdMs": 20000, "approvedReleases": ["line 1.0.0"] }
            """;

    @Inject
    private BundleContext context;

    private Path home;
    private Plant plant;
    private Recorder recorder;
    private Pipeline pipeline;
    private WriteLoop loop;

    @Configuration
    public Option[] gateway() {
        Path made = Shipped.newHome("write-guard");
        new Releases().trustedBy(made).write(made.resolve("made"), 2, new Releases.Model(20, "NTU", 0));
        return new Option[] {Shipped.gateway(made)};
    }

    @Before
    public void start() throws IOException {
        home = Framework.home(context);
        plant = new Plant(context, 10_000_000, 4, k -> 9); // the model asks for 4
        recorder = new Recorder(context);
        pipeline = Framework.pipeline(context, 20);
        Framework.drop(home.resolve("etc/io.penstock.actuation~loop.cfg.json"), LOOP.formatted("loop", "line"));
        loop = Framework.service(context, WriteLoop.class);
        if (Framework.served(pipeline) == 0) {
            Framework.deploy(context, pipeline, 1);
        }
        awaitOutput(3.0 + (double) Framework.served(pipeline));
    }

    @After
    public void stop() {
        loop.open(OPERATOR, "end of the test");
        recorder.close();
        plant.close();
    }

    // A gateway that nobody closed would move the machine.
    @Test
    public void a_nothingIsWrittenBeforeAPersonCloses() {
        assertEquals(Mode.ADVISORY, pipeline.mode());
        plant.instrument(k -> k % 50);
        int before = recorder.size();
        Framework.await("40 cycles", 10, () -> recorder.size() > before + 40);
        assertTrue(recorder.results().stream().allMatch(r -> r.written().kind() == Kind.NOT_OFFERED));
        assertEquals(List.of(), plant.writes());
        Actor observer = new Actor("otto", Set.of(Role.OBSERVER), "itest");
        assertTrue(pipeline.setMode(Mode.CLOSED, observer, "try").toString().contains("OPERATOR"));
        assertEquals(Mode.ADVISORY, pipeline.mode());
        assertEquals(List.of(), plant.writes());
    }

    // The actuator would be driven outside the plant's limits, or faster than it bears.
    @Test
    public void b_writesStayInsideLimitsAndRates() {
        close();
        plant.instrument(k -> 7.3 * 7.3); // asks for 8.3
        Framework.await("highest", 20, () -> plant.setpoint() == HIGH, plant::setpoint);
        plant.instrument(k -> 0.9 * 0.9); // asks for 1.9
        Framework.await("lowest", 20, () -> plant.setpoint() == LOW, plant::setpoint);
        List<Plant.Write> writes = plant.writes();
        assertTrue("few writes: " + writes.size(), writes.size() > 20);
        Plant.Write before = writes.get(0);
        Plant.Write anchor = before;
        for (Plant.Write write : writes) {
            assertTrue("outside: " + write, write.value() >= LOW && write.value() <= HIGH);
            // from an anchor a second back: the rate as the machine feels it, free of the jitter of one cycle
            double seconds = (write.nanos() - anchor.nanos()) / 1e9;
            double change = write.value() - anchor.value();
            double slack = 0.5; // one cycle late by 100 ms at the rate
            assertTrue(
                    change + " in " + seconds + " s",
                    change <= UP_PER_SECOND * seconds + slack && -change <= DOWN_PER_SECOND * seconds + slack);
            if (seconds > 1) {
                anchor = before;
            }
            before = write;
        }
        assertTrue(pipeline.mode() == Mode.CLOSED && loop.closed());
        assertTrue(loop.counts().limited() > 0);
    }

    // A failing model or a spike would end at the actuator.
    @Test
    public void c_uselessPredictionsAreRefusedWithTheirReason() {
        close();
        refuses(-1, "quality"); // the model answers NaN
        refuses(Double.NaN, "quality");
        refuses(1e4, "envelope"); // asks for 101
        assertTrue("the loop bears refusals: " + loop.lastOpenReason(), loop.closed());
        int before = plant.writes().size();
        plant.instrument(k -> 9 + k % 2 * 0.1);
        Framework.await("writes go on", 10, () -> plant.writes().size() > before);
    }

    private void refuses(double x, String guard) {
        plant.instrument(k -> x);
        Framework.await(
                "refusals for " + x,
                10,
                () -> recorder.last().written().kind() == Kind.REFUSED
                        && recorder.last().written().reason().startsWith(guard),
                () -> recorder.last());
        int writes = plant.writes().size();
        int results = recorder.size();
        Framework.await("20 cycles", 10, () -> recorder.size() > results + 20);
        assertEquals(writes, plant.writes().size());
        assertTrue(loop.counts().refused().getOrDefault(guard, 0L) > 0);
    }

    // A restart of the pipeline would leave the loop closed with nobody at the controls.
    @Test
    public void d_aRestartedPipelineComesBackOpen() throws Exception {
        close();
        Framework.room(context, "pipeline").stop();
        assertFalse(loop.closed());
        int writes = plant.writes().size();
        Framework.room(context, "pipeline").start();
        pipeline = Framework.service(context, Pipeline.class);
        Framework.await("model back", 20, () -> Framework.served(pipeline) == 1);
        int results = recorder.size();
        Framework.await("20 cycles", 10, () -> recorder.size() > results + 20);
        assertEquals(Mode.ADVISORY, pipeline.mode());
        assertEquals(writes, plant.writes().size());
    }

    // Two loops would fight over one valve.
    @Test
    public void e_aSecondLoopOnTheTagIsRefused() throws IOException {
        long log = Framework.logEnd(context);
        Path file = home.resolve("etc/io.penstock.actuation~second.cfg.json");
        Framework.drop(file, LOOP.formatted("second", "other"));
        Framework.await(
                "the second loop is refused by name",
                10,
                () -> Framework.log(context, log)
                        .contains("target: 'SP' is taken by io.penstock.actuation~loop.cfg.json"),
                () -> Framework.log(context, log));
        long more = Framework.logEnd(context);
        Framework.drop(file, LOOP.formatted("second", "line").replace("\"SP\"", "\"X\""));
        Framework.await(
                "a second loop on the pipeline is refused by name",
                10,
                () -> Framework.log(context, more)
                        .contains("pipeline: 'line' is taken by io.penstock.actuation~loop.cfg.json"),
                () -> Framework.log(context, more));
        close();
        assertEquals("loop", Framework.service(context, WriteLoop.class).name());
        Files.delete(file);
    }

    // A release nobody approved for this machine would go on moving it.
    @Test
    public void f_anUnapprovedReleaseOpensTheLoop() throws IOException {
        close();
        Framework.deploy(context, pipeline, 2);
        assertFalse(loop.closed());
        assertEquals(Mode.ADVISORY, pipeline.mode());
        assertTrue(loop.lastOpenReason(), loop.lastOpenReason().contains("line 2.0.0"));
        awaitOutput(5); // predictions go on
        int writes = plant.writes().size();
        assertTrue(pipeline.setMode(Mode.CLOSED, OPERATOR, "try").toString().contains("line 2.0.0"));
        int results = recorder.size();
        Framework.await("20 cycles", 10, () -> recorder.size() > results + 20);
        assertEquals(writes, plant.writes().size());
    }

    // Nobody could say afterwards who moved the machine, and why it stopped.
    @Test
    public void g_theAuditHoldsItAll() throws IOException {
        String actions = "";
        try (Stream<Path> files = Files.list(home.resolve("data/audit"))) {
            for (Path file : files.filter(f -> f.toString().endsWith(".jsonl")).toList()) {
                actions += Files.readString(file);
            }
        }
        for (String action : List.of(
                "LOOP_CLOSED",
                "LOOP_CLOSE_REFUSED",
                "LOOP_OPENED",
                "WRITE_LIMITED",
                "WRITE_REFUSED",
                "WRITE_CONFIRMED",
                "RELEASE",
                "MODE",
                "CONFIGURATION")) {
            assertTrue(action, actions.contains("\"" + action + "\""));
        }
        String verdict = Framework.penstock("audit", "verify", "--home", home.toString());
        assertTrue(verdict, verdict.startsWith("0: "));
    }

    private void close() {
        assertEquals(List.of(), pipeline.setMode(Mode.CLOSED, OPERATOR, "test").refusals());
        assertEquals(Mode.CLOSED, pipeline.mode());
        Framework.await("the first write", 10, () -> !plant.writes().isEmpty(), () -> recorder.last());
    }

    private void awaitOutput(double y) {
        Framework.await(
                "output " + y,
                20,
                () -> recorder.size() > 0
                        && StatusCode.isGood(recorder.last().status())
                        && Math.abs(recorder.last().y() - y) < 1e-6,
                () -> recorder.size() == 0 ? "nothing" : recorder.last());
    }
}
