// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.api.pipeline.Pipeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
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

/** Releases come and go while a pipeline answers every millisecond. */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
@FixMethodOrder(MethodSorters.NAME_ASCENDING)
public class HotDeployIT {
    private static final int LAST = 6;
    private static final long GRID_NS = 1_000_000;

    @Inject
    private BundleContext context;

    private Path home;
    private Plant plant;
    private Recorder recorder;
    private ModelCatalog catalog;

    @Configuration
    public Option[] gateway() throws IOException {
        Path home = Shipped.newHome("hot-deploy");
        Releases.Model model = new Releases.Model(1, "NTU", 0);
        Releases releases = new Releases().trustedBy(home);
        Path made = home.resolve("made");
        releases.write(made, LAST, model);
        Files.write(made.resolve("late.penstock"), releases.release(9, 1, model));
        Files.write(made.resolve("stranger.penstock"), new Releases().release(9, 99, model));
        byte[] tampered = releases.release(9, 9, model);
        tampered[tampered.length - 400] ^= 1;
        Files.write(made.resolve("tampered.penstock"), tampered);
        byte[] bare = Files.readAllBytes(made.resolve("line-1.penstock"));
        Files.write(made.resolve("unsigned.penstock"), Releases.withoutSignature(bare));
        Files.write(made.resolve("half.penstock"), Arrays.copyOf(bare, bare.length - 500));
        return new Option[] {Shipped.gateway(home)};
    }

    @Before
    public void start() throws IOException {
        home = Framework.home(context);
        plant = new Plant(context, GRID_NS, 0, Plant::square);
        recorder = new Recorder(context);
        catalog = Framework.service(context, ModelCatalog.class);
        Framework.drop(home.resolve("etc/io.penstock.pipeline~line.cfg.json"), """
                { "name": "line", "model": "line", "versionRange": "[1.0,100.0)", "trigger": "grid", "periodMs": 1,
                  "bindings": ["x=X"], "resultQueue": 65536, "catchUpMs": 60000 }
                """);
    }

    @After
    public void stop() {
        recorder.close();
        plant.close();
    }

    // A swap would leave the plant without an answer, answer twice, or let the old model answer after the new one.
    @Test
    public void a_everyGridPointIsAnsweredOnceWhileModelsChange() throws Exception {
        Pipeline pipeline = Framework.service(context, Pipeline.class);
        for (int version = 1; version <= LAST; version++) {
            deploy("line-" + version);
            Receipt receipt = receipt("line-" + version);
            assertEquals(receipt.reason(), RolloutOutcome.ACTIVATED, receipt.outcome());
            awaitVersion(version);
        }
        Receipt back = catalog.rollback("line", new Actor("itest", Set.of(Role.ENGINEER), "itest"), "to see it");
        assertEquals(back.reason(), RolloutOutcome.ROLLED_BACK, back.outcome());
        awaitVersion(LAST - 1);

        List<Recorder.Result> results = recorder.results();
        assertTrue("too few results: " + results.size(), results.size() > 1000);
        long lost = 0;
        int swaps = 0;
        for (int i = 1; i < results.size(); i++) {
            Recorder.Result before = results.get(i - 1);
            Recorder.Result result = results.get(i);
            lost += (result.instantNs() - before.instantNs()) / GRID_NS - 1;
            assertTrue("twice or out of order at " + i, result.instantNs() > before.instantNs());
            assertEquals("off the grid", 0, result.instantNs() % GRID_NS);
            if (result.version() != before.version()) {
                swaps++;
                int expected = swaps < LAST ? swaps + 1 : LAST - 1;
                assertEquals("old after new", expected, result.version());
            }
        }
        assertEquals(LAST, swaps);
        assertEquals("grid points without an answer", 0, lost);
        for (Recorder.Result result : results) {
            if (StatusCode.isGood(result.status())) {
                assertEquals(Math.sqrt(result.x()) + result.version(), result.y(), 1e-4);
            }
        }
        long good = results.stream().filter(r -> StatusCode.isGood(r.status())).count();
        assertTrue(good + " good of " + results.size(), good > results.size() * 0.95);
        assertEquals(0, pipeline.statistics().missedCycles());
        assertEquals(0, pipeline.statistics().droppedResults());
    }

    // A changed, foreign, old or half-copied file would take over the machine, or stop the model that serves.
    @Test
    public void b_wrongReleasesAreRefusedAndTheServingModelDoesNotNotice() throws Exception {
        Pipeline pipeline = Framework.service(context, Pipeline.class);
        awaitVersion(LAST - 1);
        refused("tampered", "sha256");
        refused("unsigned", "release");
        refused("stranger", "signer");
        refused("late", "sequence");
        refused("half", "cut off");
        List<Recorder.Result> results = recorder.results();
        assertTrue(results.stream().allMatch(r -> r.version() == LAST - 1));
        for (int i = 1; i < results.size(); i++) {
            assertEquals(GRID_NS, results.get(i).instantNs() - results.get(i - 1).instantNs());
        }
        assertEquals(0, pipeline.statistics().missedCycles());
        assertEquals(List.of(), Framework.notActive(context));
    }

    private void refused(String name, String word) throws IOException {
        deploy(name);
        Receipt receipt = receipt(name);
        assertEquals(name, RolloutOutcome.REJECTED, receipt.outcome());
        assertTrue(name + ": " + receipt.reason(), receipt.reason().contains(word));
    }

    private void deploy(String name) throws IOException {
        Framework.drop(home.resolve("made/" + name + ".penstock"), home.resolve("releases"), name + ".penstock");
    }

    private Receipt receipt(String name) {
        Framework.await("receipt of " + name, 40, () -> find(name).isPresent(), catalog::receipts);
        return find(name).orElseThrow();
    }

    private Optional<Receipt> find(String name) {
        return catalog.receipts().stream()
                .filter(r -> r.file().equals(name + ".penstock"))
                .findFirst();
    }

    private void awaitVersion(int version) {
        Framework.await(
                "results of version " + version,
                20,
                () -> recorder.size() > 0 && recorder.last().version() == version,
                () -> recorder.size() == 0 ? "nothing" : recorder.last());
    }
}
