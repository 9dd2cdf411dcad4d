// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.pipeline.Pipeline;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import javax.inject.Inject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.ops4j.pax.exam.Configuration;
import org.ops4j.pax.exam.Option;
import org.ops4j.pax.exam.junit.PaxExam;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.BundleContext;

/** Many swaps: what each leaves behind, a gateway that runs for years pays. */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
public class SwapSoakIT {
    private static final int WARM_UP = 60;
    private static final int SWAPS = 200;

    @Inject
    private BundleContext context;

    private record Footprint(long threads, long files, long heapKiB, long rssKiB) {
        static Footprint now() throws IOException {
            for (int i = 0; i < 3; i++) {
                System.gc();
            }
            long files;
            try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
                files = open.count();
            }
            long rss = Files.readString(Path.of("/proc/self/status"))
                    .lines()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .sum();
            return new Footprint(
                    ManagementFactory.getThreadMXBean().getThreadCount(),
                    files,
                    ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() >> 10,
                    rss);
        }
    }

    @Configuration
    public Option[] gateway() {
        Path home = Shipped.newHome("swap-soak");
        new Releases().trustedBy(home).write(home.resolve("made"), 2, new Releases.Model(1, "NTU", 50));
        return new Option[] {Shipped.gateway(home)};
    }

    // The gateway would run out of threads, files or memory after some months of updates.
    @Test
    public void twoHundredSwapsLeaveNothingBehind() throws IOException, ModelRejectedException {
        Plant plant = new Plant(context, 1_000_000, 0, Plant::square);
        try {
            Pipeline pipeline = Framework.pipeline(context, 1);
            ModelArtifact[] models = {Framework.deploy(context, pipeline, 1), Framework.deploy(context, pipeline, 2)};
            swap(pipeline, models, WARM_UP);
            Footprint before = Footprint.now();
            long cycles = pipeline.statistics().cycles();
            swap(pipeline, models, SWAPS);
            Footprint after = Footprint.now();
            String figures = before + " before, " + after + " after " + SWAPS + " swaps";
            System.out.println(figures);
            assertTrue(figures, after.threads() <= before.threads() + 2);
            assertTrue(figures, after.files() <= before.files() + 2);
            assertTrue(figures, after.heapKiB() <= before.heapKiB() + 4 * 1024);
            assertTrue(figures, after.rssKiB() <= before.rssKiB() + 24 * 1024);
            assertTrue(pipeline.statistics().cycles() > cycles + SWAPS);
            assertEquals(0, pipeline.statistics().missedCycles());
        } finally {
            plant.close();
        }
    }

    private static void swap(Pipeline pipeline, ModelArtifact[] models, int times) throws ModelRejectedException {
        for (int i = 0; i < times; i++) {
            Pipeline.SwapReport report = pipeline.swap(models[i % 2]);
            assertEquals(report.toString(), report.operators(), report.restoredOperators());
            assertEquals(0, report.missedCycles());
        }
    }
}
