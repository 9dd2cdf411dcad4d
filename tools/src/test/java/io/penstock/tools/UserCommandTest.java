// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.access.UserFile;
import io.penstock.api.access.Role;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class UserCommandTest {
    @TempDir
    Path home;

    private String output = "";

    private int penstock(String stdin, String... arguments) {
        InputStream in = System.in;
        PrintStream out = System.out;
        PrintStream err = System.err;
        var captured = new ByteArrayOutputStream();
        try (PrintStream capture = new PrintStream(captured, true, StandardCharsets.UTF_8)) {
            System.setIn(new ByteArrayInputStream(stdin.getBytes(StandardCharsets.UTF_8)));
            System.setOut(capture);
            System.setErr(capture);
            return Penstock.run(arguments);
        } finally {
            System.setIn(in);
            System.setOut(out);
            System.setErr(err);
            output = captured.toString(StandardCharsets.UTF_8);
        }
    }

    private List<UserFile.User> users() throws IOException {
        return new UserFile(UserFile.in(home), new SecureRandom()).users();
    }

    // The first hour on a new gateway: without this command nobody ever logs in.
    @Test
    void aUserIsAddedListedAndRemoved() throws IOException {
        Files.createDirectory(home.resolve("etc"));
        String at = "--home=" + home;
        assertEquals(0, penstock("", "user", "list", at));
        assertTrue(output.contains("nobody can log in; add one with: penstock user add"), output);

        assertEquals(
                0,
                penstock(
                        "a long password\n",
                        "user",
                        "add",
                        "anna",
                        "--role",
                        "OPERATOR",
                        "--role=ENGINEER",
                        at,
                        "--password-stdin"),
                output);
        assertEquals(List.of(new UserFile.User("anna", Set.of(Role.OPERATOR, Role.ENGINEER))), users());

        assertTrue(output.contains("no gateway runs in " + home + ", the next start records it"), output);
        assertEquals(0, penstock("", "user", "list", at));
        assertEquals("anna  OPERATOR,ENGINEER", output.strip());

        assertEquals(0, penstock("another password\n", "user", "password", "anna", at, "--password-stdin"), output);
        assertEquals(0, penstock("", "user", "remove", "anna", at));
        assertEquals(List.of(), users());
    }

    // A script installs gateways by the hundred; the password comes from a file, not from the process list.
    @Test
    void thePasswordMayComeFromAFile() throws IOException {
        Path secret = Files.writeString(home.resolve("secret"), "from a file it is\nsecond line\n");
        assertEquals(
                0,
                penstock(
                        "",
                        "user",
                        "add",
                        "scada",
                        "--role",
                        "OBSERVER",
                        "--home=" + home,
                        "--password-file",
                        secret.toString()),
                output);
        assertEquals("scada", users().get(0).name());
        assertFalse(output.contains("from a file"), output);
    }

    // Wrong usage must say what to do, with exit code 1 or 2, and leave no half-made user.
    @Test
    void whatIsWrongIsOneLineAndChangesNothing() throws IOException {
        String at = "--home=" + home;
        assertEquals(1, penstock("short\n", "user", "add", "anna", "--role", "OPERATOR", at, "--password-stdin"));
        assertEquals("penstock: password: 10 to 256 characters, had 5; choose another", output.strip());
        assertEquals(1, penstock("", "user", "add", "anna", "--role", "OPERATOR", at, "--password-stdin"));
        assertTrue(output.contains("no password in standard input"), output);
        assertEquals(2, penstock("", "user", "add", "anna", at, "--password-stdin"));
        assertEquals(2, penstock("", "user", "add", "anna", "--role", "BOSS", at, "--password-stdin"));
        assertEquals(1, penstock("", "user", "remove", "anna", at));
        assertEquals("penstock: there is no user anna; see: penstock user list", output.strip());
        assertEquals(List.of(), users());
    }
}
