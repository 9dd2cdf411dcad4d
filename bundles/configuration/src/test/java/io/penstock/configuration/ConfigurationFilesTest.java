// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.configuration.Uniqueness.Claim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigurationFilesTest {
    @TempDir
    Path etc;

    // A huge file in etc/ ended the whole gateway for want of memory, and again after every restart.
    @Test
    void hugeFileIsRefusedUnread() throws IOException {
        Path file = etc.resolve("io.penstock.audit.cfg.json");
        Files.writeString(file, "{\"a\":\"" + "x".repeat(1 << 20) + "\"}");
        assertTrue(refusal(file).startsWith("at most 1048576 bytes"));
    }

    // A tag list of 30 MB, or one with a million columns, ended the gateway likewise.
    @Test
    void hugeTagListIsRefusedUnread() throws IOException {
        Files.writeString(etc.resolve("long.csv"), "x".repeat((4 << 20) + 1));
        Files.writeString(etc.resolve("wide.csv"), "Tag;".repeat(1 << 20));
        for (String name : new String[] {"long.csv", "wide.csv"}) {
            String message =
                    String.valueOf(assertThrows(IllegalArgumentException.class, () -> new TagLists(etc).read(name))
                            .getMessage());
            assertTrue(message.contains("at most 4"), message);
            assertTrue(message.length() < 500, message);
        }
    }

    // A pipe called like a configuration stopped every later change of configuration until the next restart.
    @Test
    void pipeIsRefusedAtOnce() throws Exception {
        Path pipe = etc.resolve("a.cfg.json");
        assertTrue(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor(10, TimeUnit.SECONDS));
        assertTimeoutPreemptively(
                Duration.ofSeconds(10), () -> assertEquals("a plain file is needed, this is none", refusal(pipe)));
        Path list = etc.resolve("a.csv");
        Files.move(pipe, list);
        assertTimeoutPreemptively(
                Duration.ofSeconds(10),
                () -> assertTrue(assertThrows(IllegalArgumentException.class, () -> new TagLists(etc).read("a.csv"))
                        .getMessage()
                        .contains("no plain file")));
    }

    // On a home behind a link, as an update by /opt/penstock -> penstock-1.0 has it, no configuration was read at all.
    @Test
    void aHomeMayBeALink() throws IOException {
        Path real = Files.createDirectories(etc.resolve("penstock-1.0/etc"));
        Path home = Files.createSymbolicLink(etc.resolve("penstock"), real.getParent());
        Path file = Files.createFile(real.resolve("a.cfg.json"));
        assertTrue(ConfigurationFiles.in(home.resolve("etc"), file.toFile()));
        Files.delete(file);
        assertTrue(ConfigurationFiles.in(home.resolve("etc"), file.toFile()), "one that was deleted");
        Path tags = Files.createDirectories(real.resolve("tags"));
        assertFalse(ConfigurationFiles.in(
                home.resolve("etc"), tags.resolve("a.cfg.json").toFile()));
    }

    // Notepad's byte order mark was 'Unexpected char 65,279', its Windows-1252 'I/O error while parsing JSON'.
    @Test
    void otherEncodingsAreTakenOrNamed() throws IOException {
        Path marked = Files.writeString(etc.resolve("a.cfg.json"), "\uFEFF{}");
        assertEquals("{}", ConfigurationFiles.text(marked.toFile()));
        Path latin = Files.write(etc.resolve("b.cfg.json"), new byte[] {'{', '"', (byte) 0xFC, '"', '}'});
        assertEquals("it is not UTF-8; save it in that encoding", refusal(latin));
    }

    // Two connectors called alike, or with the same tag, fed one pipeline from two PLCs in turn; of two loops on one
    // pipeline the second never got a prediction, and nobody was told.
    @Test
    void whatAnotherFileClaimsIsRefusedUntilThatIsGone() {
        Uniqueness uniqueness = new Uniqueness();
        Claim plc1 = new Claim("name", "connectors", "plc1");
        uniqueness.take("one.cfg.json", Set.of(plc1, new Claim("name", "connectors", "plc2")));
        assertTrue(uniqueness.knows("one.cfg.json"));
        uniqueness.check("one.cfg.json", Set.of(plc1));
        uniqueness.check("two.cfg.json", Set.of(new Claim("name", "pipelines", "plc1")));
        uniqueness.check("two.cfg.json", Set.of(new Claim("target", "connectors", "plc1")));
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> uniqueness.check("two.cfg.json", Set.of(plc1)));
        assertTrue(refused.getMessage().startsWith("name: 'plc1' is taken by one.cfg.json"), refused.getMessage());
        uniqueness.forget("one.cfg.json");
        uniqueness.check("two.cfg.json", Set.of(plc1));
        assertFalse(uniqueness.knows("one.cfg.json"));
    }

    private static String refusal(Path file) {
        return String.valueOf(assertThrows(IllegalArgumentException.class, () -> ConfigurationFiles.text(file.toFile()))
                .getMessage());
    }
}
