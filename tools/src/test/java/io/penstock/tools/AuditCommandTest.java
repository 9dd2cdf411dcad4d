// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Had one of these failed, an auditor would be told that a damaged log is whole, or the other way round. */
class AuditCommandTest {
    @TempDir
    Path home;

    private Path segment;

    private String last = "";

    /** Written as the audit room's README describes it, not by its code: the format is a promise to auditors. */
    @BeforeEach
    void aLogOfAGateway() throws Exception {
        Path directory = Files.createDirectories(home.resolve("data/audit"));
        segment = directory.resolve("audit-000001.jsonl");
        String prev = "0".repeat(64);
        StringBuilder log = new StringBuilder();
        for (int i = 1; i <= 3; i++) {
            String covered = "{\"seq\":" + i + ",\"time\":\"2026-11-23T10:00:00.00000000" + i
                    + "Z\",\"actor\":\"anna\",\"action\":\"MODE\",\"subject\":\"dose\",\"detail\":\"ADVISORY \\u001b[2J\","
                    + "\"offered\":null,\"value\":" + i + ".5,\"prev\":\"" + prev + "\"";
            prev = HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(covered.getBytes(StandardCharsets.UTF_8)));
            log.append(covered).append(",\"hash\":\"").append(prev).append("\"}\n");
        }
        Files.writeString(segment, log);
        last = "3:" + prev;
        Files.writeString(
                directory.resolve("head.json"),
                "{\"seq\":3,\"hash\":\"" + prev + "\",\"segment\":1,\"length\":" + log.length()
                        + ",\"firstSegment\":1,\"firstSeq\":1,\"firstPrev\":\"" + "0".repeat(64) + "\"}\n");
    }

    @Test
    void aWholeLogIsWhole() {
        assertEquals(0, Penstock.run("audit", "verify", "--home", home.toString()));
        assertEquals(0, Penstock.run("audit", "verify", "--home", home.toString(), "--expect", last));
        assertEquals(
                1, Penstock.run("audit", "verify", "--home", home.toString(), "--expect", "2" + last.substring(1)));
    }

    // The README's 'penstock audit show' was answered with a usage text: it alone of all commands wanted --home.
    @Test
    void homeNeedNotBeNamed() {
        assertEquals(0, Penstock.run("audit", "show", "--home", home.toString()));
        assertEquals(
                false,
                Penstock.commandLine()
                        .getSubcommands()
                        .get("audit")
                        .getSubcommands()
                        .get("show")
                        .getCommandSpec()
                        .findOption("--home")
                        .required());
    }

    @Test
    void anEditedLogIsBroken() throws Exception {
        String text = Files.readString(segment, StandardCharsets.UTF_8);
        Files.writeString(segment, text.replaceFirst("\"value\":2.5", "\"value\":3.5"));
        assertEquals(1, Penstock.run("audit", "verify", "--home", home.toString()));
        assertEquals(0, Penstock.run("audit", "show", "--home", home.toString()));
    }

    @Test
    void noLogIsNoWholeLog(@TempDir Path empty) {
        assertEquals(1, Penstock.run("audit", "verify", "--home", empty.toString()));
        assertEquals(1, Penstock.run("audit", "show", "--home", empty.toString()));
    }

    @Test
    void wrongUsageIsTold() {
        assertEquals(2, Penstock.run("audit"));
        assertEquals(2, Penstock.run("audit", "verify", "--home", home.toString(), "--expect", "1:abc"));
        assertEquals(2, Penstock.run("audit", "show", "--home", home.toString(), "--last", "0"));
    }
}
