// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelRejectedException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The content of a model bundle: data and nothing else.
 *
 * @param contract what goes in and comes out.
 * @param onnx the graph.
 * @param opset version of the default operator set it needs.
 * @param golden what it must reproduce.
 * @param reference how inputs and outputs were distributed in training, null if it does not say.
 * @param contractJson bytes of the contract.
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody
record ModelBundle(
        ModelContract contract,
        byte[] onnx,
        long opset,
        GoldenVectors golden,
        @Nullable ReferenceStatistics reference,
        byte[] contractJson) {
    static final String MANIFEST = "META-INF/MANIFEST.MF";
    static final String FOLDER = "PENSTOCK-INF/";
    static final String CONTRACT = FOLDER + "model.json";
    static final String ONNX = FOLDER + "model.onnx";
    static final String GOLDEN = FOLDER + "golden.json";
    static final String REFERENCE = FOLDER + "reference.json";
    static final String CARD = FOLDER + "model-card.md";
    private static final int LARGEST_JSON = 2 << 20;
    /** A release as large as may be still has a contract and some golden vectors. */
    private static final long LEAST_JSON_MEMORY = 4 << 20;

    private static final Set<String> REQUIRED = Set.of(MANIFEST, CONTRACT, ONNX, GOLDEN);
    private static final Pattern ENTRY =
            Pattern.compile("META-INF/MANIFEST\\.MF|PENSTOCK-INF/[A-Za-z0-9_-]{1,60}\\.(json|onnx|md|txt|csv)");
    private static final String ENTRY_FORM =
            "a model bundle holds META-INF/MANIFEST.MF and PENSTOCK-INF/<name>.json, .onnx, .md, .txt or .csv";
    /** Class file, ZIP, ELF, and the two of macOS and Windows programs. */
    private static final Map<Integer, String> PROGRAMS = Map.of(
            0xCAFEBABE,
            "a Java class",
            0x504B0304,
            "an archive",
            0x7F454C46,
            "a native library",
            0xFEEDFACF,
            "a native library",
            0xCFFAEDFE,
            "a native library");

    /** As {@link #read(byte[], long, long)} where memory is no matter, as in a process of its own. */
    static ModelBundle read(byte[] bundle, long maximumBytes) throws ModelRejectedException {
        return read(bundle, maximumBytes, Long.MAX_VALUE);
    }

    /**
     * Checks every byte of a bundle file.
     *
     * @param maximumBytes most it may unpack to.
     * @param memoryBytes heap for the file, what is in it, and what is made of that meanwhile.
     */
    static ModelBundle read(byte[] bundle, long maximumBytes, long memoryBytes) throws ModelRejectedException {
        Map<String, byte[]> entries =
                ZipReader.read(bundle, maximumBytes, name -> ENTRY.matcher(name).matches(), ENTRY_FORM);
        if (!entries.keySet().iterator().next().equals(MANIFEST)) {
            throw new ModelRejectedException("bundle: " + MANIFEST + " must be the first entry, was "
                    + entries.keySet().iterator().next());
        }
        for (String name : REQUIRED) {
            if (!entries.containsKey(name)) {
                throw new ModelRejectedException("bundle: entry " + name + " is missing");
            }
        }
        Set<String> names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
            if (!names.add(entry.getKey())) {
                throw new ModelRejectedException("bundle: entry '" + entry.getKey()
                        + "' differs from another in upper and lower case only; rename it");
            }
            refuseProgram(entry.getKey(), entry.getValue());
            if (entry.getKey().endsWith(".json") && entry.getValue().length > LARGEST_JSON) {
                throw new ModelRejectedException("bundle: entry '" + entry.getKey() + "' has "
                        + entry.getValue().length + " bytes, at most " + LARGEST_JSON
                        + " are allowed; make golden vectors fewer, weights belong into the graph");
            }
        }
        checkMemory(bundle, entries, memoryBytes);
        byte[] contractJson = Objects.requireNonNull(entries.get(CONTRACT));
        byte[] onnx = Objects.requireNonNull(entries.get(ONNX));
        byte[] reference = entries.get(REFERENCE);
        ModelContract contract = ContractReader.read(contractJson);
        long opset = OnnxHeader.opset(onnx);
        BundleManifest.check(Objects.requireNonNull(entries.get(MANIFEST)), contract, opset);
        return new ModelBundle(
                contract,
                onnx,
                opset,
                GoldenVectors.read(Objects.requireNonNull(entries.get(GOLDEN)), contract),
                reference == null ? null : ReferenceStatistics.read(reference, contract),
                contractJson);
    }

    ModelBundle withoutGolden() {
        GoldenVectors none = new GoldenVectors(golden.featureTolerance(), golden.outputTolerance(), List.of());
        return new ModelBundle(contract, onnx, opset, none, null, new byte[0]);
    }

    private static void checkMemory(byte[] bundle, Map<String, byte[]> entries, long memoryBytes)
            throws ModelRejectedException {
        long left = memoryBytes - bundle.length;
        for (byte[] entry : entries.values()) {
            left -= entry.length;
        }
        long parts = Math.max(LEAST_JSON_MEMORY, left) / Json.BYTES_PER_PART;
        for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
            if (entry.getKey().endsWith(".json")) {
                try {
                    Json.checkParts(entry.getKey().substring(FOLDER.length()), entry.getValue(), parts);
                } catch (IllegalArgumentException e) {
                    throw new ModelRejectedException(e.getMessage(), e);
                }
            }
        }
    }

    private static void refuseProgram(String name, byte[] bytes) throws ModelRejectedException {
        String program =
                bytes.length < 4 ? null : PROGRAMS.get(ByteBuffer.wrap(bytes).getInt());
        if (program == null && bytes.length >= 2 && bytes[0] == 'M' && bytes[1] == 'Z') {
            program = "a program";
        }
        if (program != null) {
            throw new ModelRejectedException(
                    "bundle: entry '" + name + "' is " + program + "; a model bundle holds data only");
        }
    }

    /** Writes a bundle file: entries in alphabetical order behind the manifest, times fixed. */
    static byte[] write(ModelContract contract, long opset, Map<String, byte[]> files) {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        entries.put(MANIFEST, BundleManifest.write(contract, opset));
        new TreeMap<>(files).forEach((name, bytes) -> entries.put(FOLDER + name, bytes));
        return ZipWriter.write(entries);
    }
}
