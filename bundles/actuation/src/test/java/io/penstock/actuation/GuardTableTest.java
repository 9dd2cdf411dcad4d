// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class GuardTableTest {
    // The plant would read of a guard that is not there, or not read of one that opens its loop.
    @Test
    void thePageShowsTheGuardsThatAreAsked() throws Exception {
        String page = Files.readString(Path.of("../../docs/write-back.md"));
        assertTrue(page.contains(Guard.table()), "docs/write-back.md differs; it should contain\n" + Guard.table());
    }
}
