// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.models.ModelPacker;
import io.penstock.preprocessing.FeatureEngines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Makes a model bundle. */
@Command(
        name = "pack",
        description =
                "Packs a folder with model.json, golden.json, model-card.md, reference.json and an ONNX file into a"
                        + " model bundle. The same files make the same bytes.",
        mixinStandardHelpOptions = true)
final class ModelPack implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--directory", paramLabel = "DIR", required = true, description = "Folder with the files.")
    private Path directory;

    @Option(names = "--onnx", paramLabel = "FILE", description = "The graph, if it is not DIR/model.onnx.")
    private Path onnx;

    @Option(
            names = "--golden-inputs",
            paramLabel = "FILE",
            description =
                    "Raw inputs as in golden.json; features and outputs are computed with the gateway's own engines.")
    private Path goldenInputs;

    @Option(names = "--out", paramLabel = "FILE", required = true, description = "The bundle to write, e.g. model.jar.")
    private Path out;

    @Option(
            names = "--gateway-heap",
            paramLabel = "MIB",
            defaultValue = "" + MemoryBudget.DEFAULT_HEAP_MIB,
            description = "Heap of the gateways it is for, as their -Xmx in MiB; default: ${DEFAULT-VALUE}.")
    private int gatewayHeapMiB;

    @Override
    public Integer call() throws IOException, ModelRejectedException {
        if (!Files.isDirectory(directory)) {
            throw new IOException("--directory: " + directory + " is no folder; begin one with 'penstock model init'");
        }
        ModelPacker packer = new ModelPacker(directory);
        if (onnx != null) {
            packer.setOnnx(CommandFiles.read("--onnx", onnx));
        }
        MemoryBudget budget = CommandFiles.budget(gatewayHeapMiB);
        packer.checkMemory(FeatureEngines.standard(), budget);
        if (goldenInputs != null) {
            byte[] inputs = CommandFiles.read("--golden-inputs", goldenInputs);
            spec.commandLine()
                    .getOut()
                    .println("Computing golden vectors of " + packer.contract().name() + " ...");
            try (Engines engines = new Engines()) {
                packer.computeGolden(
                        goldenInputs.getFileName().toString(), inputs, engines.features(), engines.inference());
            }
        }
        byte[] bundle = packer.pack(FeatureEngines.standard(), budget);
        CommandFiles.write(out, bundle);
        spec.commandLine()
                .getOut()
                .println("Packed " + packer.contract().name() + " "
                        + packer.contract().version() + " into " + out + ", " + bundle.length + " bytes, sha256 "
                        + CommandFiles.sha256(bundle));
        return 0;
    }
}
