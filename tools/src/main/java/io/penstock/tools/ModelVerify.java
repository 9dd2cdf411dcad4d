// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.models.ReleaseReport;
import io.penstock.models.ReleaseVerifier;
import io.penstock.models.TrustStore;
import io.penstock.preprocessing.FeatureEngines;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Verifies a release as a gateway does. */
@Command(
        name = "verify",
        description = "Verifies signature and content of a release as a gateway does, apart from the sequence.",
        mixinStandardHelpOptions = true)
final class ModelVerify implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RELEASE", description = "The release, *.penstock.")
    private Path file;

    @Option(
            names = "--trust",
            paramLabel = "DIR",
            required = true,
            description = "Folder with CA certificates (*.pem) and revocation lists (*.crl), as etc/trust/models.")
    private Path trust;

    @Option(names = "--required-signer", description = "Subject that must have signed; repeat for several.")
    private List<String> requiredSigners = List.of();

    @Option(names = "--replay", description = "Also load the model and replay its golden vectors.")
    private boolean replay;

    @Option(
            names = "--gateway-heap",
            paramLabel = "MIB",
            defaultValue = "" + MemoryBudget.DEFAULT_HEAP_MIB,
            description = "Heap of the gateways it is for, as their -Xmx in MiB; default: ${DEFAULT-VALUE}.")
    private int gatewayHeapMiB;

    @Override
    public Integer call() throws IOException, ModelRejectedException {
        MemoryBudget budget = CommandFiles.budget(gatewayHeapMiB);
        byte[] bytes = CommandFiles.read("RELEASE", file);
        if (!Files.isDirectory(trust)) {
            throw new IOException("--trust: " + trust + " is no folder");
        }
        ReleaseVerifier verifier = new ReleaseVerifier(TrustStore.read(trust), requiredSigners, false);
        ReleaseReport report = ReleaseReport.verified(bytes, verifier, Instant.now(), budget);
        PrintWriter out = spec.commandLine().getOut();
        report.toLines().forEach(out::println);
        out.println("memory      " + report.memory(FeatureEngines.standard(), budget));
        if (replay) {
            try (Engines engines = new Engines()) {
                out.println("replayed    " + report.replay(engines.features(), engines.inference()));
            }
        }
        out.println("Good: " + file.getFileName() + " would be taken in by a gateway with a heap of " + budget
                + " that trusts " + trust);
        return 0;
    }
}
