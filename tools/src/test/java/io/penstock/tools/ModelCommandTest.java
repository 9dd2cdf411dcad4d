// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The way of a model from a folder to a release, by the commands a data scientist types. */
class ModelCommandTest {
    @TempDir
    Path folder;

    private String output = "";

    private int run(Object... arguments) {
        StringWriter out = new StringWriter();
        CommandLine commandLine = Penstock.commandLine();
        commandLine.setOut(new PrintWriter(out, true));
        commandLine.setErr(new PrintWriter(out, true));
        String[] texts = new String[arguments.length];
        for (int i = 0; i < texts.length; i++) {
            texts[i] = arguments[i].toString();
        }
        int code = commandLine.execute(texts);
        output = out.toString();
        return code;
    }

    // The first hour of a data scientist would end at the first command.
    @Test
    void fromFolderToVerifiedRelease() throws Exception {
        Path model = folder.resolve("model");
        assertEquals(0, run("model", "init", "--directory", model, "--name", "dose"), output);
        Files.write(model.resolve("model.onnx"), TestGraph.doubled());
        Path bundle = folder.resolve("dose.jar");
        assertEquals(
                0,
                run(
                        "model",
                        "pack",
                        "--directory",
                        model,
                        "--golden-inputs",
                        model.resolve("golden-inputs.json"),
                        "--out",
                        bundle),
                output);
        byte[] first = Files.readAllBytes(bundle);
        run(
                "model",
                "pack",
                "--directory",
                model,
                "--golden-inputs",
                model.resolve("golden-inputs.json"),
                "--out",
                bundle);
        assertArrayEquals(first, Files.readAllBytes(bundle));

        Path keys = folder.resolve("keys");
        assertEquals(0, run("keys", "demo", "--out", keys), output);
        assertEquals(1, run("keys", "demo", "--out", keys));
        assertTrue(output.contains("a key is not overwritten"), output);
        assertEquals(0, sign(keys, bundle, 3), output);
        Path release = folder.resolve("dose-1.0.0.penstock");
        byte[] signed = Files.readAllBytes(release);
        assertEquals(0, sign(keys, bundle, 3), output);
        assertArrayEquals(signed, Files.readAllBytes(release));

        Path trust = folder.resolve("trust");
        Files.createDirectories(trust);
        assertEquals(1, run("model", "verify", release, "--trust", trust));
        assertTrue(output.contains("no CA certificate in " + trust), output);
        Files.copy(keys.resolve("ca.pem"), trust.resolve("ca.pem"));
        assertEquals(0, run("model", "verify", release, "--trust", trust, "--replay"), output);
        assertTrue(output.contains("CN=Penstock demo signer"), output);
        assertTrue(output.contains("2 golden cycles on ONNX Runtime"), output);

        assertEquals(0, run("model", "inspect", release, "--json"), output);
        assertTrue(output.contains("\"sequence\" : 3"), output);
        assertTrue(output.contains("\"verified\" : false"), output);
        assertEquals(0, run("model", "inspect", bundle), output);
        assertTrue(output.contains("signature   none"), output);

        signed[signed.length - 200] ^= 1;
        Files.write(release, signed);
        assertEquals(1, run("model", "verify", release, "--trust", trust));
        assertTrue(output.contains("sha256 of the bundle is"), output);
    }

    private int sign(Path keys, Path bundle, int sequence) {
        return run(
                "model",
                "sign",
                bundle,
                "--key",
                keys.resolve("signer-key.pem"),
                "--certificate",
                keys.resolve("signer.pem"),
                "--sequence",
                sequence);
    }

    // A wrong option would end in a stack trace.
    @Test
    void errorsAreOneLineWithTheNextStep() throws Exception {
        assertEquals(
                1, run("model", "pack", "--directory", folder.resolve("nothing"), "--out", folder.resolve("x.jar")));
        assertTrue(output.contains("is no folder; begin one with 'penstock model init'"), output);
        assertEquals(1, run("model", "pack", "--directory", folder, "--out", folder.resolve("x.jar")));
        assertTrue(output.contains("model.json: is missing"), output);
        assertEquals(1, run("model", "inspect", folder.resolve("nothing")));
        assertEquals(2, run("model", "sign"));
        assertTrue(output.contains("--sequence"), output);
        assertEquals(1, run("model", "status", "--home", folder));
        assertTrue(output.contains("is no home of a gateway"), output);
    }

    // An operator would wait for ever for a gateway that does not run.
    @Test
    void rollbackWithoutAGatewaySaysSo() throws Exception {
        Files.createDirectories(folder.resolve("etc"));
        assertEquals(1, run("model", "rollback", "--home", folder, "--pipeline", "dosing", "--reason", "test"));
        assertTrue(output.contains("does not run; start it"), output);
        assertEquals(0, run("model", "status", "--home", folder), output);
        assertTrue(output.contains("does not run"), output);
        assertTrue(output.contains("drop a release into"), output);
    }
}
