// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.api.model.ModelRejectedException;
import io.penstock.models.ReleaseReport;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows what is in a release or bundle. */
@Command(
        name = "inspect",
        description = "Shows what is in a release or model bundle, without verifying the signature.",
        mixinStandardHelpOptions = true)
final class ModelInspect implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "FILE", description = "A release (*.penstock) or a model bundle (*.jar).")
    private Path file;

    @Option(names = "--json", description = "For programs.")
    private boolean json;

    @Override
    public Integer call() throws IOException, ModelRejectedException {
        ReleaseReport report = ReleaseReport.unverified(CommandFiles.read("FILE", file));
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(report.toJson());
        } else {
            report.toLines().forEach(out::println);
        }
        return 0;
    }
}
