// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import io.penstock.api.data.StatusCode;
import io.penstock.api.pipeline.Pipeline;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
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
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;

/** Every room is stopped, started and updated under a running pipeline. */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
@FixMethodOrder(MethodSorters.NAME_ASCENDING)
public class BundleRestartIT {
    private static final int WINDOW = 150; // 1.5 s of cycles: a window that began anew would show

    /** The runtime refuses; what the others import is exchanged at the next start of the gateway. */
    private static final Set<String> PINNED =
            Set.of("io.penstock.inference.onnx", "io.penstock.api", "io.penstock.opcua.stack");

    @Inject
    private BundleContext context;

    private Plant plant;
    private Recorder recorder;
    private Pipeline pipeline;

    @Configuration
    public Option[] gateway() throws IOException {
        Path home = Shipped.newConfiguredHome("bundle-restart");
        new Releases().trustedBy(home).write(home.resolve("made"), 1, new Releases.Model(10, "NTU", WINDOW));
        return new Option[] {Shipped.gateway(home)};
    }

    @Before
    public void start() throws IOException {
        plant = new Plant(context, 10_000_000, 0, k -> 9);
        recorder = new Recorder(context);
        pipeline = Framework.pipeline(context, 10);
        if (Framework.served(pipeline) == 0) {
            Framework.deploy(context, pipeline, 1);
        }
        awaitGood(20);
    }

    @After
    public void stop() {
        recorder.close();
        plant.close();
    }

    // After an update of one room the plant would stay without answers until somebody restarts the gateway.
    @Test
    public void a_everyRoomIsStoppedAndStarted() throws Exception {
        for (Bundle room : Framework.rooms(context)) {
            during("stop and start of " + room.getSymbolicName(), () -> {
                room.stop();
                room.start();
            });
        }
        String log = Framework.log(context, 0);
        for (String back : List.of(
                "preprocessing", "inference", "connector plc1", "connector server1", "loop loop1", "publisher opcua")) {
            assertTrue(
                    back,
                    Pattern.compile(back + " is back(, .*)? after a gap of \\d+ ms")
                            .matcher(log)
                            .find());
        }
    }

    // The same, with a new build of one room at a time.
    @Test
    public void b_everyRoomIsUpdatedInPlace() throws Exception {
        for (Bundle room : Framework.rooms(context)) {
            if (!PINNED.contains(room.getSymbolicName())) {
                during("update of " + room.getSymbolicName(), () -> update(room));
            }
        }
    }

    // A second ONNX Runtime in the process would end inference for good.
    @Test
    public void c_theRuntimeRefusesAnUpdateAndGoesOn() throws Exception {
        Bundle runtime = Framework.room(context, "inference.onnx");
        during("refused update of io.penstock.inference.onnx", () -> {
            BundleException refusal = assertThrows(BundleException.class, runtime::update);
            assertTrue(
                    refusal.toString() + refusal.getCause(),
                    (refusal.getMessage() + refusal.getCause()).contains("restart"));
        });
    }

    // Rooms would be torn apart: some on the old packages, some on the new. They stay on the old until the next start.
    @Test
    public void d_updatesOfSharedPackagesWaitForTheNextStart() throws Exception {
        for (String shared : List.of("opcua.stack", "api")) {
            Bundle bundle = Framework.room(context, shared);
            during("update of " + bundle.getSymbolicName(), bundle::update);
        }
    }

    private interface Action {
        void run() throws BundleException;
    }

    /** As a person at a console: the framework gives way to a model that is being staged at that moment, and says so. */
    private static void update(Bundle room) throws BundleException {
        try {
            room.update();
        } catch (BundleException e) {
            if (!String.valueOf(e.getMessage()).contains("Unable to acquire global lock")) {
                throw e;
            }
            System.out.println("update of " + room.getSymbolicName() + " is started again: " + e.getMessage());
            Thread.interrupted(); // that is how the framework made way
            room.start();
        }
    }

    private void during(String what, Action action) throws BundleException {
        Recorder.Result before = awaitGood(20);
        recorder.clear();
        action.run();
        long done = System.nanoTime();
        Framework.await(
                what + ": good again",
                30,
                () -> recorder.size() > 5
                        && recorder.last().nanos() > done
                        && StatusCode.isGood(recorder.last().status()),
                () -> Framework.notActive(context) + " " + (recorder.size() == 0 ? "nothing" : recorder.last()));
        List<Recorder.Result> results = recorder.results();
        long gapNanos = 0;
        long lastGood = before.nanos();
        for (Recorder.Result result : results) {
            if (StatusCode.isGood(result.status())) {
                gapNanos = Math.max(gapNanos, result.nanos() - lastGood);
                lastGood = result.nanos();
            }
            assertTrue(
                    what + ": a window began anew: " + result,
                    result.featureStatus() != StatusCode.UNCERTAIN_INITIAL_VALUE);
        }
        System.out.printf("%s: longest gap between good results %d ms%n", what, gapNanos / 1_000_000);
        Framework.awaitAllActive(context);
        Recorder.Result last = recorder.last();
        assertEquals(1, last.version());
        assertEquals(4, last.y(), 1e-4);
    }

    private Recorder.Result awaitGood(int seconds) {
        Framework.await(
                "good results",
                seconds,
                () -> recorder.size() > 0 && StatusCode.isGood(recorder.last().status()),
                () -> recorder.size() == 0 ? "nothing" : recorder.last());
        return recorder.last();
    }
}
