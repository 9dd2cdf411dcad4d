// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

    // The data scientist heard of it from the plant, where the gateway had ended.
    @Test
    void packAndVerifyRefuseWhatADefaultGatewayCannotHold() throws Exception {
        Path model = folder.resolve("model");
        run("model", "init", "--directory", model, "--name", "dose");
        Files.write(model.resolve("model.onnx"), TestGraph.doubled());
        String json = Files.readString(model.resolve("model.json"));
        String window = "{\"operator\":\"movingMedian\",\"window\":65536}";
        String large = json.replaceFirst(
                "\"operators\": *\\[",
                "\"operators\": [" + (window + ",").repeat(10) + window
                        + (json.matches("(?s).*\"operators\": *\\[\\s*\\].*") ? "" : ","));
        Files.writeString(model.resolve("model.json"), large);
        Path bundle = folder.resolve("dose.jar");
        Object[] pack = {
            "model",
            "pack",
            "--directory",
            model,
            "--golden-inputs",
            model.resolve("golden-inputs.json"),
            "--out",
            bundle,
            "--gateway-heap",
            160
        };
        assertEquals(1, run(pack));
        String refusal = output.substring(output.indexOf("model.json: the contract needs "));
        assertTrue(refusal.contains("a gateway with a heap of 160 MiB has 19.0 MiB"), refusal);
        assertTrue(refusal.contains("movingMedian"), refusal);
        assertFalse(Files.exists(bundle));
        String enough = refusal.replaceAll("(?s).*--gateway-heap (\\d+).*", "$1");

        pack[pack.length - 1] = enough;
        assertEquals(0, run(pack), output);
        Path keys = folder.resolve("keys");
        run("keys", "demo", "--out", keys);
        assertEquals(0, sign(keys, bundle, 3), output);
        Path release = folder.resolve("dose-1.0.0.penstock");
        Path trust = folder.resolve("trust");
        Files.createDirectories(trust);
        Files.copy(keys.resolve("ca.pem"), trust.resolve("ca.pem"));
        assertEquals(1, run("model", "verify", release, "--trust", trust));
        assertTrue(output.contains(refusal.strip()), output + " has not the words of pack: " + refusal);
        assertEquals(0, run("model", "verify", release, "--trust", trust, "--gateway-heap", enough), output);
        assertTrue(output.contains("memory      "), output);
        assertEquals(1, run("model", "verify", release, "--trust", trust, "--gateway-heap", "1"));
        assertTrue(output.contains("--gateway-heap: 64 to "), output);
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

    // A slip in --out would destroy the signer's key, or a release that plants have already.
    @Test
    void filesWithAnotherContentAreNotOverwritten() throws Exception {
        Path model = folder.resolve("model");
        run("model", "init", "--directory", model, "--name", "dose");
        Files.write(model.resolve("model.onnx"), TestGraph.doubled());
        Path key = folder.resolve("signer-key.pem");
        Files.writeString(key, "the only copy");
        Object[] pack = {
            "model",
            "pack",
            "--directory",
            model,
            "--golden-inputs",
            model.resolve("golden-inputs.json"),
            "--out",
            folder.resolve("dose.jar")
        };
        assertEquals(0, run(pack), output);
        pack[pack.length - 1] = key;
        assertEquals(1, run(pack));
        assertTrue(output.contains("is there already with another content"), output);
        assertEquals("the only copy", Files.readString(key));
    }

    // A release would be signed that no gateway takes in; the plant would be the first to tell.
    @Test
    void signingWithWhatCannotSignIsRefused() throws Exception {
        Path model = folder.resolve("model");
        run("model", "init", "--directory", model, "--name", "dose");
        Files.write(model.resolve("model.onnx"), TestGraph.doubled());
        Path bundle = folder.resolve("dose.jar");
        Path golden = model.resolve("golden-inputs.json");
        run("model", "pack", "--directory", model, "--golden-inputs", golden, "--out", bundle);
        Path keys = folder.resolve("keys");
        run("keys", "demo", "--out", keys);
        Path key = keys.resolve("signer-key.pem");
        Path signer = keys.resolve("signer.pem");
        Files.write(folder.resolve("binary"), new byte[] {(byte) 0xFF, 0, 1});

        refused("extended key usage none", sign(bundle, key, keys.resolve("ca.pem"), "--sequence", 1));
        refused("no private key in PKCS#8 PEM", sign(bundle, folder.resolve("binary"), signer, "--sequence", 1));
        refused("no private key in PKCS#8 PEM", sign(bundle, signer, signer, "--sequence", 1));
        refused("holds no certificate", sign(bundle, key, folder.resolve("binary"), "--sequence", 1));
        refused("sequence: 1 to", sign(bundle, key, signer, "--sequence", 0));
        refused(
                "--passphrase-file: there is no file",
                sign(bundle, key, signer, "--sequence", 1, "--passphrase-file", folder.resolve("nothing")));
        refused("must be later", sign(bundle, key, signer, "--sequence", 1, "--not-after", "1960-01-01T00:00:00Z"));
        assertEquals(2, run(sign(bundle, key, signer, "--sequence", "many")));
        assertEquals(1, output.lines().count(), output);
        assertEquals(2, run("model", "sign", "--no-such-option"));
        assertEquals(1, output.lines().count(), output);
        assertEquals(2, run("model"));
        assertEquals(1, output.lines().count(), output);
        assertFalse(Files.exists(folder.resolve("dose-1.0.0.penstock")));
    }

    private void refused(String reason, Object... arguments) {
        assertEquals(1, run(arguments), output);
        assertTrue(output.contains(reason), output);
        assertEquals(1, output.lines().count(), output);
    }

    private static Object[] sign(Path bundle, Path key, Path certificate, Object... more) {
        List<Object> arguments =
                new ArrayList<>(List.of("model", "sign", bundle, "--key", key, "--certificate", certificate));
        arguments.addAll(List.of(more));
        return arguments.toArray();
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
