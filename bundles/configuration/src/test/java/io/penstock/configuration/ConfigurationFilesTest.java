// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.memory.MemoryBudget;
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
            String message = String.valueOf(assertThrows(
                            IllegalArgumentException.class, () -> tagLists().read(name))
                    .getMessage());
            assertTrue(message.contains("at most 4"), message);
            assertTrue(message.length() < 500, message);
        }
    }

    private TagLists tagLists() {
        return new TagLists(etc, MemoryBudget.ofGateway(160));
    }

    private void list(String name, int tags, int length) throws IOException {
        StringBuilder text = new StringBuilder("Tag;Address;DataType;Length;PeriodMs;Access\n");
        for (int i = 0; i < tags; i++) {
            text.append("T")
                    .append(i)
                    .append(";h:")
                    .append(i)
                    .append(";REAL;")
                    .append(length)
                    .append(";9;R\n");
        }
        Files.writeString(etc.resolve(name), text);
    }

    // A hundred thousand tags, or fifty arrays of two thousand, took the memory of all pipelines; the limit is exact.
    @Test
    void tagsAreCountedOverAllLists() throws IOException {
        int most = MemoryBudget.ofGateway(160).mostTags();
        TagLists lists = tagLists();
        list("a.csv", most, 1);
        assertEquals(most, lists.read("a.csv").size());
        assertEquals(most, lists.read("a.csv").size()); // read again it counts once
        list("b.csv", 1, 1);
        String full = refused(lists, "b.csv");
        assertTrue(full.startsWith("b.csv, line 2: more than 0 tags"), full);
        list("a.csv", most / 2, 1);
        assertEquals(most / 2, lists.read("a.csv").size());
        list("b.csv", 1, most - most / 2);
        assertTrue(refused(lists, "b.csv").contains("column Length"));
        list("b.csv", 4, (most - most / 2) / 4);
        assertEquals(4, lists.read("b.csv").size());
        list("c.csv", 100_000, 1);
        assertTrue(refused(lists, "c.csv").contains("PENSTOCK_OPTS"));
        Files.delete(etc.resolve("b.csv"));
        list("c.csv", most / 2, 1);
        assertEquals(most / 2, lists.read("c.csv").size()); // what was removed leaves room
    }

    private static String refused(TagLists lists, String name) {
        return String.valueOf(assertThrows(IllegalArgumentException.class, () -> lists.read(name))
                .getMessage());
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
                () -> assertTrue(assertThrows(
                                IllegalArgumentException.class, () -> tagLists().read("a.csv"))
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
