// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Had one of these failed, an auditor would be told that a damaged log is whole, or the other way round. */
class AuditCommandTest {
    @TempDir
    Path home;

    /** As it is, and the two forms of before. */
    private static final List<String> ACTORS =
            List.of("\"anna\",\"origin\":\"opc.ua 10.0.0.7\"", "\"anna (opc.ua 10.0.0.7)\"", "\"cli:anna\"");

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
                    + "Z\",\"actor\":" + ACTORS.get(i - 1)
                    + ",\"action\":\"MODE\",\"subject\":\"dose\",\"detail\":\"ADVISORY \\u001b[2J\","
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

    private static String run(String... arguments) {
        StringWriter out = new StringWriter();
        Penstock.commandLine()
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(out, true))
                .execute(arguments);
        return out.toString();
    }

    // Who asked what anna did was shown some of it.
    @Test
    void allOfOnePersonIsShownWhereverSheActed() {
        String all = run("audit", "show", "--home", home.toString(), "--actor", "anna");
        assertEquals(3, all.lines().filter(line -> line.contains(" anna (")).count(), all);
        String here = run("audit", "show", "--home", home.toString(), "--actor", "anna", "--origin", "cli");
        assertEquals(
                1,
                here.lines()
                        .filter(line -> line.contains(" anna (cli) MODE dose"))
                        .count(),
                here);
    }

    // One scratch hid all that was changed behind it.
    @Test
    void everyBreakIsTold() throws Exception {
        String text = Files.readString(segment, StandardCharsets.UTF_8);
        Files.writeString(
                segment, text.replace("\"value\":1.5", "\"value\":7.5").replace("\"value\":3.5", "\"value\":9.5"));
        String told = run("audit", "verify", "--home", home.toString());
        assertEquals(true, told.contains("audit-000001.jsonl line 1: HASH: edited: record 1"), told);
        assertEquals(true, told.contains("audit-000001.jsonl line 3: HASH: edited: record 3"), told);
        assertEquals(true, told.contains("broken in 2 places: 1 records"), told);
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
