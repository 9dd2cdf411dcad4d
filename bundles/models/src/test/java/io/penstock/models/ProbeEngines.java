// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.preprocessing.FeatureProgram;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Engines a child process can make, one of which kills it. */
public final class ProbeEngines {
    /** Environment variable that names a file to make when a model is opened. */
    static final String MARK = "PENSTOCK_TEST_MARK";

    private ProbeEngines() {}

    /** As {@link Fakes.FakeFeatures}. */
    public static final class ProbeFeatures implements FeatureEngine {
        private final FeatureEngine fake = new Fakes.FakeFeatures();

        @Override
        public ProgramMemory memory(ModelContract contract, long shortestCycleMs) {
            return fake.memory(contract, shortestCycleMs);
        }

        @Override
        public FeatureProgram compile(ModelContract contract) {
            return fake.compile(contract);
        }

        @Override
        public Optional<UnitConversion> conversion(String fromUnit, String toUnit) {
            return fake.conversion(fromUnit, toUnit);
        }
    }

    /** As {@link Fakes.FakeInference}, but "crash" ends the process and "memory" fills it. */
    public static final class ProbeInference implements InferenceEngine {
        private final InferenceEngine fake = new Fakes.FakeInference();

        @Override
        public InferenceSession open(ModelArtifact model) throws ModelRejectedException {
            String onnx = new String(model.onnx(), StandardCharsets.ISO_8859_1);
            if (onnx.contains("crash")) {
                System.out.println("# C  [libonnxruntime.so+0x84bdca]");
                Runtime.getRuntime().halt(134);
            }
            String mark = System.getenv(MARK);
            if (mark != null) {
                try {
                    Files.createFile(Path.of(mark));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
            if (onnx.contains("memory")) {
                long[][] rows = new long[1 << 20][];
                for (int i = 0; i < rows.length; i++) {
                    rows[i] = new long[1 << 20];
                }
            }
            return fake.open(model);
        }

        @Override
        public String runtime() {
            return fake.runtime();
        }
    }
}
