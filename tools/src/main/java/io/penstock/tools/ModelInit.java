// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Begins a model. */
@Command(
        name = "init",
        description = "Writes a folder to begin with: contract, golden inputs and model card.",
        mixinStandardHelpOptions = true)
final class ModelInit implements Callable<Integer> {
    private static final List<String> FILES = List.of("model.json", "golden-inputs.json", "model-card.md");

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--directory",
            paramLabel = "DIR",
            required = true,
            description = "Folder to make; must not exist or be empty of these files.")
    private Path directory;

    @Option(names = "--name", required = true, description = "Model name, e.g. coagulant-dose.")
    private String name;

    @Override
    public Integer call() throws IOException {
        if (!name.matches("[a-z][a-z0-9]*(-[a-z0-9]+)*")) {
            throw new IOException("--name: a-z, 0-9 and single '-', beginning with a letter, was '" + name + "'");
        }
        Files.createDirectories(directory);
        for (String file : FILES) {
            if (Files.exists(directory.resolve(file))) {
                throw new IOException(directory.resolve(file) + " is there already; choose another folder");
            }
        }
        for (String file : FILES) {
            try (InputStream in = ModelInit.class.getResourceAsStream("init/" + file)) {
                if (in == null) {
                    throw new IOException("template " + file + " is missing in the program; install it again");
                }
                String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
                Files.writeString(directory.resolve(file), text.replace("my-model", name));
            }
        }
        spec.commandLine()
                .getOut()
                .println("Wrote " + String.join(", ", FILES) + " in " + directory
                        + ". Next: edit them, export your model to " + directory.resolve("model.onnx")
                        + ", then 'penstock model pack --directory " + directory + " --golden-inputs "
                        + directory.resolve("golden-inputs.json") + " --out " + name + ".jar'");
        return 0;
    }
}
