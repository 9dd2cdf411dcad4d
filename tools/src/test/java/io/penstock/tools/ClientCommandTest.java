// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ClientCommandTest {
    /** Certificates of two clients; nobody has their keys. */
    private static final String A =
            "MIIBnDCCAUKgAwIBAgIUV0PbyvUzmTPuiD5SRkbGY3t17XYwCgYIKoZIzj0EAwIwEzERMA8GA1UEAwwIY2xpZW50LWEwIBcN"
                    + "MjYxMTIzMjM0NzMwWhgPMjEyNjEwMzAyMzQ3MzBaMBMxETAPBgNVBAMMCGNsaWVudC1hMFkwEwYHKoZIzj0CAQYIKoZIzj0D"
                    + "AQcDQgAEvK7EY5rA2RkPImfI7rZROLPCDV0qz00c0XlBsd5i9s58uE1nurlKXxdMrrG9osoULoYcG5TgMQhW8zTqxyh/0KNy"
                    + "MHAwHQYDVR0OBBYEFI7gH3/RMuOy/V2tgvZ/KkpBCwgaMB8GA1UdIwQYMBaAFI7gH3/RMuOy/V2tgvZ/KkpBCwgaMA8GA1Ud"
                    + "EwEB/wQFMAMBAf8wHQYDVR0RBBYwFIYSdXJuOnBsYW50OmNsaWVudC1hMAoGCCqGSM49BAMCA0gAMEUCIQDo5Lxn/Mfet7kT"
                    + "jeI10GV0OeGF5VLXSybtU+iWuWVf+wIgPdIxyuL4ei3eFINnw1sQ0FpvSvA3I+bCuZcYuJGetjU=";

    private static final String B =
            "MIIBfTCCASOgAwIBAgIUJXqRkZRnfYtBiI+2TZOrr2TF/lUwCgYIKoZIzj0EAwIwEzERMA8GA1UEAwwIY2xpZW50LWIwIBcN"
                    + "MjYxMTIzMjM0NzMwWhgPMjEyNjEwMzAyMzQ3MzBaMBMxETAPBgNVBAMMCGNsaWVudC1iMFkwEwYHKoZIzj0CAQYIKoZIzj0D"
                    + "AQcDQgAEs+zb08qCGkPj9kEOMDtKIba+G8JlsBN1eI75BTBv0vX1PrvuE2U/HTVrtVr83p8vKyJWm102vglP39NjTVUj8KNT"
                    + "MFEwHQYDVR0OBBYEFHU66L9TjFpsfy6jDwdksdz7RheYMB8GA1UdIwQYMBaAFHU66L9TjFpsfy6jDwdksdz7RheYMA8GA1Ud"
                    + "EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgYbl5q2LuIMj+Xk1g0CpuXf4/tvTLsfHkb83aqUhaENgCIQDE70ILU9Y9"
                    + "LXgt5b2Qz0+UCtNm4NdgvzRKj5X/HGEUzg==";

    @TempDir
    Path home;

    private Path trusted;
    private Path rejected;
    private String output = "";

    @BeforeEach
    void fill() throws IOException {
        Path pki = home.resolve("data").resolve("publication.opcua").resolve("pki");
        trusted = Files.createDirectories(pki.resolve("trusted").resolve("certs"));
        rejected = Files.createDirectories(pki.resolve("rejected").resolve("certs"));
        Files.write(rejected.resolve("x.der"), Base64.getDecoder().decode(A));
        Files.write(rejected.resolve("y.der"), Base64.getDecoder().decode(B));
    }

    private int penstock(String... arguments) {
        PrintStream out = System.out;
        PrintStream err = System.err;
        var captured = new ByteArrayOutputStream();
        try (PrintStream capture = new PrintStream(captured, true, StandardCharsets.UTF_8)) {
            System.setOut(capture);
            System.setErr(capture);
            return Penstock.run(arguments);
        } finally {
            System.setOut(out);
            System.setErr(err);
            output = captured.toString(StandardCharsets.UTF_8);
        }
    }

    private String fingerprintOf(String client) {
        assertEquals(0, penstock("client", "list", "--home=" + home));
        String before = "";
        for (String line : output.lines().toList()) {
            if (line.contains("CN=" + client)) {
                return before.substring(before.indexOf("  ") + 2);
            }
            before = line;
        }
        throw new AssertionError("no " + client + " in " + output);
    }

    private static long files(Path directory) throws IOException {
        try (var files = Files.list(directory)) {
            return files.count();
        }
    }

    // A certificate's subject could otherwise paint another client's fingerprint over its own, to be trusted in its
    // place.
    @Test
    void whatAStrangerWroteMovesNoCursor() {
        assertEquals("CN=a?[2J?rejected  12ab??", ClientCommand.shown("CN=a\u001b[2J\nrejected  12ab\u202e\u0000"));
        assertEquals("CN=Müller, O=Stadtwerke", ClientCommand.shown("CN=Müller, O=Stadtwerke"));
        assertEquals(201, ClientCommand.shown("x".repeat(60_000)).length());
    }

    // The control room's SCADA is turned away at first; one command lets exactly this one in.
    @Test
    void aRejectedClientIsListedTrustedAndRejectedAgain() throws IOException {
        String a = fingerprintOf("client-a");
        assertTrue(output.contains("rejected  " + a) && output.contains("urn:plant:client-a"), output);

        assertEquals(0, penstock("client", "trust", a.substring(0, 12), "--home=" + home), output);
        assertEquals(1, files(trusted));
        assertEquals(1, files(rejected));
        assertTrue(Files.exists(trusted.resolve(a + ".der")));
        assertEquals(0, penstock("client", "list", "--home=" + home));
        assertTrue(output.contains("trusted  " + a), output);

        assertEquals(0, penstock("client", "reject", a, "--home=" + home), output);
        assertEquals(0, files(trusted));
        assertEquals(2, files(rejected));
        assertEquals(0, penstock("client", "reject", a, "--home=" + home), output);
        assertTrue(output.contains("forgotten"), output);
        assertEquals(1, files(rejected));
    }

    // A mistyped fingerprint must never trust another machine.
    @Test
    void whatIsNotOneClientIsRefused() throws IOException {
        assertEquals(1, penstock("client", "trust", "0000000000", "--home=" + home));
        assertTrue(output.contains("no client with fingerprint 0000000000"), output);
        assertEquals(1, penstock("client", "trust", fingerprintOf("client-b").substring(0, 4), "--home=" + home));
        assertTrue(output.contains("at least 8 digits"), output);
        Files.writeString(rejected.resolve("z.der"), "no certificate");
        assertEquals(1, penstock("client", "list", "--home=" + home));
        assertTrue(output.contains("z.der is no certificate"), output);
        assertFalse(output.contains("Exception"), output);
        assertEquals(0, files(trusted));
    }
}
