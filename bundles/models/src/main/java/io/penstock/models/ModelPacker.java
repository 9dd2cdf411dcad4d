// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.preprocessing.FeatureEngine;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Makes a model bundle of a folder. The same files make the same bytes. */
public final class ModelPacker {
    private static final long LARGEST_BUNDLE = 1L << 30;

    private final Map<String, byte[]> files = new TreeMap<>();

    /**
     * Takes the files of a folder: {@code model.json}, {@code golden.json} and where they are there {@code reference.json},
     * {@code model-card.md}, {@code model.onnx} and further documents ({@code .md}, {@code .txt}, {@code .csv}).
     */
    public ModelPacker(Path directory) throws IOException {
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(
                directory, "{model.json,golden.json,reference.json,model.onnx,*.md,*.txt,*.csv}")) {
            for (Path file : stream) {
                if (Files.isRegularFile(file)) {
                    if (Files.size(file) > LARGEST_BUNDLE) {
                        throw new IOException(file + ": at most " + LARGEST_BUNDLE + " bytes, has " + Files.size(file));
                    }
                    files.put(file.getFileName().toString(), Files.readAllBytes(file));
                }
            }
        }
    }

    /** Takes the graph from elsewhere. */
    public void setOnnx(byte[] onnx) {
        files.put("model.onnx", onnx);
    }

    /**
     * Computes golden vectors by running raw inputs through the engines that gateways use.
     *
     * @param name of the file, for messages.
     * @param inputs JSON as golden vectors, without features and outputs.
     */
    public void computeGolden(String name, byte[] inputs, FeatureEngine features, InferenceEngine inference)
            throws ModelRejectedException {
        ModelContract contract = contract();
        byte[] onnx = needed("model.onnx");
        GoldenVectors raw = GoldenVectors.readInputs(name, inputs, contract);
        ModelIdentity identity = new ModelIdentity(contract.name(), contract.version(), 0, Names.sha256(onnx), "");
        GoldenVectors golden = new GoldenVectors(
                raw.featureTolerance(),
                raw.outputTolerance(),
                new GoldenReplay(features, inference).run(new ModelArtifact(identity, contract, onnx), raw.cycles()));
        files.put("golden.json", golden.toBytes());
    }

    /** @throws ModelRejectedException if a gateway with this heap cannot hold the contract. */
    public void checkMemory(FeatureEngine features, MemoryBudget budget) throws ModelRejectedException {
        ContractLimit.check(contract(), needed("model.onnx").length, features, budget);
    }

    /** The golden vectors as they will be packed, null if there are none. */
    public byte @Nullable [] golden() {
        return files.get("golden.json");
    }

    /** @throws ModelRejectedException if model.json is missing or wrong. */
    public ModelContract contract() throws ModelRejectedException {
        return ContractReader.read(needed("model.json"));
    }

    /** @throws ModelRejectedException if a gateway of any size would refuse the bundle. */
    public byte[] pack() throws ModelRejectedException {
        return pack(LARGEST_BUNDLE, Long.MAX_VALUE);
    }

    /**
     * Packs for a gateway of a certain size.
     *
     * @throws ModelRejectedException if such a gateway would refuse the bundle.
     */
    public byte[] pack(FeatureEngine features, MemoryBudget budget) throws ModelRejectedException {
        checkMemory(features, budget);
        byte[] bundle = pack(budget.largestReleaseBytes(), budget.releaseBytes());
        if (bundle.length > budget.largestReleaseBytes()) {
            throw new ModelRejectedException(
                    "bundle: has " + bundle.length + " bytes, a gateway with a heap of " + budget
                            + " takes releases of at most " + budget.largestReleaseBytes()
                            + "; make the graph smaller, or say that the gateway has more: --gateway-heap");
        }
        return bundle;
    }

    private byte[] pack(long maximumBytes, long memoryBytes) throws ModelRejectedException {
        byte[] bundle = ModelBundle.write(contract(), OnnxHeader.opset(needed("model.onnx")), files);
        ModelBundle.read(bundle, maximumBytes, memoryBytes);
        return bundle;
    }

    private byte[] needed(String name) throws ModelRejectedException {
        if (!files.containsKey(name)) {
            throw new ModelRejectedException(name + ": is missing in the folder"
                    + (name.equals("model.onnx") ? "; put it there or name it with --onnx" : ""));
        }
        return Objects.requireNonNull(files.get(name));
    }
}
