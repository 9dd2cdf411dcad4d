// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import picocli.CommandLine.Command;

/** Everything about keys of people who sign releases. */
@Command(
        name = "keys",
        description = "Makes keys for trials.",
        mixinStandardHelpOptions = true,
        subcommands = {KeysDemo.class})
final class KeysCommand {
    private KeysCommand() {}
}
