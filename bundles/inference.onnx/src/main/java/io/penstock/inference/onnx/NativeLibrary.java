// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads ONNX Runtime's two native libraries, once per class loader. In a framework Bundle-NativeCode finds them; on a plain
 * class path they are copied out of the jar, loaded and deleted again, for a mapped file needs no name.
 */
final class NativeLibrary {
    private static final Logger LOG = LoggerFactory.getLogger(NativeLibrary.class);
    private static final String PATH_PROPERTY = "onnxruntime.native.path"; // read by ai.onnxruntime.OnnxRuntime
    private static final long STACK_BYTES = 16L << 20;
    private static final List<String> FILES = List.of("libonnxruntime.so", "libonnxruntime4j_jni.so");

    private NativeLibrary() {}

    /** The environment, with libraries the framework has found. */
    static OrtEnvironment fromBundle() {
        return environment();
    }

    /** The environment, with libraries out of our own jar. */
    static OrtEnvironment fromClassPath() {
        if (ClassPath.OUTCOME instanceof RuntimeException failure) {
            throw new IllegalStateException(failure.getMessage(), failure);
        }
        return (OrtEnvironment) ClassPath.OUTCOME;
    }

    /** Loads on first use, once: half-loaded libraries cannot be loaded again. */
    private static final class ClassPath {
        /** The environment, or why there is none; thrown from here it would lose its message. */
        static final Object OUTCOME = load();

        private static Object load() {
            try {
                return unpack();
            } catch (RuntimeException e) {
                return e;
            }
        }

        private static OrtEnvironment unpack() {
            String folder = "/native/" + platform(System.getProperty("os.name"), System.getProperty("os.arch")) + "/";
            if (System.getProperty(PATH_PROPERTY) != null
                    || NativeLibrary.class.getResource(folder + FILES.get(0)) == null) {
                return environment(); // somebody chose other libraries, or the upstream jar brings its own
            }
            try {
                Path directory = Files.createTempDirectory("penstock-onnxruntime");
                try {
                    for (String file : FILES) {
                        try (InputStream library = NativeLibrary.class.getResourceAsStream(folder + file)) {
                            if (library == null) {
                                throw new IOException(
                                        folder + file + " is missing from the jar; build or copy it again");
                            }
                            Files.copy(library, directory.resolve(file));
                        }
                    }
                    System.setProperty(PATH_PROPERTY, directory.toString());
                    return environment();
                } finally {
                    System.clearProperty(PATH_PROPERTY);
                    for (String file : FILES) {
                        Files.deleteIfExists(directory.resolve(file));
                    }
                    Files.deleteIfExists(directory);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(
                        "ONNX Runtime cannot be unpacked to " + System.getProperty("java.io.tmpdir")
                                + "; it needs 30 MB there, or name another directory with -Djava.io.tmpdir",
                        e);
            }
        }
    }

    /** Folder of the libraries. */
    static String platform(String os, String architecture) {
        if (os.equals("Linux")) {
            switch (architecture) {
                case "amd64", "x86_64", "x86-64" -> {
                    return "linux-x64";
                }
                case "aarch64", "arm64" -> {
                    return "linux-aarch64";
                }
                default -> {}
            }
        }
        throw new IllegalStateException("ONNX Runtime is shipped for Linux on x86-64 and aarch64, this is " + os
                + " on " + architecture + "; run the gateway on one of those");
    }

    /** Made on a thread of its own: registering the operators overruns a stack of 1 MiB, which ends the process. */
    private static OrtEnvironment environment() {
        FutureTask<OrtEnvironment> task = new FutureTask<>(NativeLibrary::newEnvironment);
        Thread thread = new Thread(null, task, "inference.onnx-load", STACK_BYTES);
        thread.setDaemon(true);
        thread.start();
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true; // half-loaded libraries cannot be loaded again
                }
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof LinkageError error) {
                throw new IllegalStateException(
                        "ONNX Runtime cannot be loaded: " + Text.of(error)
                                + "; its directory must not be mounted noexec"
                                + " (the gateway's data/, outside it java.io.tmpdir), and Linux needs glibc 2.28 or newer",
                        error);
            }
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw new IllegalStateException(e.getCause().getMessage(), e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static OrtEnvironment newEnvironment() {
        if (System.getenv("ORT_DISABLE_TELEMETRY") == null) { // setTelemetry comes after the first report
            LOG.warn("ONNX Runtime reports its use to its maker unless ORT_DISABLE_TELEMETRY=1 is in the environment;"
                    + " start by bin/penstock-gateway, which sets it");
        }
        // FATAL: every error also arrives as an exception; stderr would repeat each one, twice per refused model
        OrtEnvironment environment = OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "penstock");
        try {
            environment.setTelemetry(false);
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime refuses to switch telemetry off: " + e.getMessage(), e);
        }
        return environment;
    }
}
