// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** The name that {@link StatusCommand} had first. */
@Command(name = "status", description = "The same as: penstock status.", mixinStandardHelpOptions = true)
final class ModelStatus implements Callable<Integer> {
    @Mixin
    private StatusCommand.Asking asking;

    @Override
    public Integer call() throws IOException {
        return asking.call();
    }
}
