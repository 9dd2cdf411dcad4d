// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.models.GatewayHome;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Shows which models a gateway runs. */
@Command(
        name = "status",
        description = "Shows which model serves where, and what became of the last releases.",
        mixinStandardHelpOptions = true)
final class ModelStatus implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelCommand.Home home;

    @Option(names = "--receipts", defaultValue = "10", description = "How many receipts to show, newest first.")
    private int receipts;

    @Option(names = "--json", description = "For programs.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        if (receipts < 0) {
            throw new IOException("--receipts: at least 0, was " + receipts);
        }
        GatewayHome gateway = new GatewayHome(home.path());
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(gateway.statusJson());
        } else {
            gateway.status(receipts).forEach(out::println);
        }
        return 0;
    }
}
