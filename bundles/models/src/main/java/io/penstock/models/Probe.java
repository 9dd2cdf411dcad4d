// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.preprocessing.FeatureEngine;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * The program of the child process that tries a model: what crashes, hangs or eats memory in it does not do so in the
 * gateway. The bundle comes on standard input, the class names of the engines as arguments; the last line on
 * standard output that begins with {@link #ANSWER} tells the result. Exit code 0: reproduced; 3: refused, with the reason; anything else: the model ended the process.
 */
public final class Probe {
    static final int REFUSED = 3;
    private static final int ORPHANED = 5;
    static final String ANSWER = "PENSTOCK-PROBE ";

    private Probe() {}

    /** @param arguments class of the feature engine, class of the inference engine. */
    public static void main(String[] arguments) throws IOException {
        ProcessHandle.current().parent().ifPresent(Probe::endWith);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        byte[] bundle = System.in.readAllBytes();
        int code;
        try {
            ModelBundle content = ModelBundle.read(bundle, Integer.MAX_VALUE);
            ModelIdentity identity = new ModelIdentity(
                    content.contract().name(), content.contract().version(), 0, Names.sha256(bundle), "");
            GoldenReplay replay =
                    new GoldenReplay((FeatureEngine) engine(arguments[0]), (InferenceEngine) engine(arguments[1]));
            out.println(ANSWER
                    + replay.compare(
                            new ModelArtifact(identity, content.contract(), content.onnx()), content.golden()));
            code = 0;
        } catch (ModelRejectedException e) {
            out.println(ANSWER + Failures.message(e).replace('\n', ' '));
            code = REFUSED;
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            out.println(ANSWER + "probe: the engines cannot be made in a process of their own: " + e
                    + "; set probeInOwnProcess to false to try models inside the gateway");
            code = 4;
        }
        System.exit(code);
    }

    /** Killed, the gateway can end nobody: a model that hangs would keep a processor of the plant busy for ever. */
    private static void endWith(ProcessHandle gateway) {
        Thread watch = new Thread(
                () -> {
                    gateway.onExit().join();
                    Runtime.getRuntime().halt(ORPHANED);
                },
                "io.penstock.models-probe-watch");
        watch.setDaemon(true);
        watch.start();
    }

    private static Object engine(String className) throws ReflectiveOperationException {
        return Class.forName(className).getConstructor().newInstance();
    }
}
