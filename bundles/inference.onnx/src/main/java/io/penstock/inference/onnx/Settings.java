// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

/** Limits of the engine; a model's contract may ask for less, never for more. */
record Settings(int sessionLimit, long memoryLimitMiB, long deadlineLimitMs) {
    Settings {
        within("sessionLimit", sessionLimit, 1, 1_000);
        within("memoryLimitMiB", memoryLimitMiB, 1, 1_048_576);
        within("deadlineLimitMs", deadlineLimitMs, 1, 600_000);
    }

    static Settings of(OnnxInferenceEngine.Config config) {
        return new Settings(config.sessionLimit(), config.memoryLimitMiB(), config.deadlineLimitMs());
    }

    private static void within(String key, long value, long low, long high) {
        if (value < low || value > high) {
            throw new IllegalArgumentException(key + ": " + low + " to " + high + ", was " + value);
        }
    }
}
