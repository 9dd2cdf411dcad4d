// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.memory.ContractMemory;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.peers.PeerProcess;
import io.penstock.publication.opcua.Fakes.FakePipeline;
import java.nio.file.Path;
import java.time.Clock;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The nodes that a contract makes are counted with the contract. */
final class NodesMemoryTest {
    private static final int GROWTH = 3;

    @TempDir
    Path pki;

    private static ModelArtifact model(int inputs, int features, int outputs) {
        return Fakes.model(
                "1.0.0",
                IntStream.range(0, features).mapToObj(i -> "feature" + i).toList(),
                IntStream.range(0, outputs)
                        .mapToObj(i -> Fakes.output("output" + i, "M1", 1, 8))
                        .toList(),
                IntStream.range(0, inputs)
                        .mapToObj(i -> Fakes.input("input" + i, "NTU", 0.5, 400))
                        .toArray(InputSpec[]::new));
    }

    // Two contracts with two thousand features each fill the heap with nodes that nobody counted.
    @Test
    void nodesTakeNoMoreThanComputed() throws Exception {
        Fakes gateway = new Fakes();
        for (int i = 0; i < GROWTH; i++) {
            gateway.pipelines.add(new FakePipeline("p" + i, model(1, 1, 1)));
        }
        Settings settings = Fakes.settings(PeerProcess.freePort(), false, false, 3);
        try (ResultsServer server =
                ResultsServer.start(settings, pki, gateway, new ConcurrentHashMap<>(), Clock.systemUTC(), () -> {})) {
            check(server, "p0", model(400, 1, 1));
            check(server, "p1", model(1, 1500, 1));
            check(server, "p2", model(1, 1, 200));
        }
    }

    private static void check(ResultsServer server, String pipeline, ModelArtifact model) {
        long before = used();
        server.nodes()
                .publish(Fakes.result(
                        pipeline, model, Mode.ADVISORY, Fakes.INSTANT_NS, 2.5, 0, WriteOutcome.NOT_OFFERED));
        long taken = used() - before;
        long computed = ContractMemory.nodeBytes(model.contract());
        assertTrue(taken <= computed, pipeline + ": computed " + computed + ", taken " + taken);
    }

    /** What is reachable: the least of several looks, since other threads leave garbage meanwhile. */
    private static long used() {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            System.gc();
            least = Math.min(
                    least,
                    Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
        }
        return least;
    }
}
