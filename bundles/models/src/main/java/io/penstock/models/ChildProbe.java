// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/** Tries a model in a short-lived Java process of its own, under limits of time and memory. */
final class ChildProbe implements ModelProbe {
    private static final long LEAST_HEAP_MIB = 256;
    /** The file, what is in it, and copies while it is received. */
    private static final long HEAP_PER_BUNDLE_BYTE = 5;

    private static final long ADDRESS_SPACE_KIB = 8L << 20;
    private static final int LONGEST_ANSWER = 64 * 1024;

    private final ModelProbe engines;
    private final Supplier<Command> command;
    private final long timeoutMs;

    /**
     * What to start.
     *
     * @param classPath jars that hold the engines and this room.
     * @param featureEngine class name with a public constructor without arguments.
     * @param inferenceEngine the same.
     */
    record Command(List<Path> classPath, String featureEngine, String inferenceEngine) {
        Command {
            classPath = List.copyOf(classPath);
        }
    }

    /** @param engines tells what is waited for. */
    ChildProbe(ModelProbe engines, Supplier<Command> command, long timeoutMs) {
        this.engines = engines;
        this.command = command;
        this.timeoutMs = timeoutMs;
    }

    @Override
    public String waitsFor() {
        return engines.waitsFor();
    }

    @Override
    public void checkMemory(Release release) throws ModelRejectedException {
        engines.checkMemory(release);
    }

    @Override
    public String probe(Release release) throws ModelRejectedException, InterruptedException {
        long heapMiB = Math.max(LEAST_HEAP_MIB, 128 + ((release.bundle().length * HEAP_PER_BUNDLE_BYTE) >> 20));
        Process process;
        try {
            ProcessBuilder builder = new ProcessBuilder(arguments(command.get(), heapMiB))
                    .redirectError(ProcessBuilder.Redirect.DISCARD);
            builder.environment().put("ORT_DISABLE_TELEMETRY", "1");
            process = builder.start();
        } catch (IOException | IllegalStateException e) {
            throw new ModelRejectedException(
                    "probe: no process can be started to try the model in: " + e.getMessage()
                            + "; set probeInOwnProcess to false to try models inside the gateway",
                    e);
        }
        try {
            FutureTask<String> answer = talk(process, release);
            String output = answer.get(timeoutMs, TimeUnit.MILLISECONDS);
            if (!process.waitFor(timeoutMs, TimeUnit.MILLISECONDS)) {
                throw new TimeoutException();
            }
            String line = lineAfter(output, Probe.ANSWER);
            if (process.exitValue() == 0 && !line.isEmpty()) {
                return line + ", in a process of its own";
            }
            throw new ModelRejectedException(line.isEmpty() ? death(process.exitValue(), output, heapMiB) : line);
        } catch (TimeoutException e) {
            throw new ModelRejectedException(
                    "probe: the model was not loaded and replayed within " + timeoutMs
                            + " ms (probeTimeoutMs); make it smaller, or its golden vectors fewer",
                    e);
        } catch (ExecutionException e) {
            throw new ModelRejectedException("probe: the model could not be tried: " + e.getCause(), e);
        } finally {
            process.destroyForcibly();
        }
    }

    /** Libraries print what they like; what counts is marked. */
    private static String lineAfter(String output, String mark) {
        return output.lines()
                .filter(line -> line.startsWith(mark))
                .map(line -> line.substring(mark.length()).trim())
                .reduce("", (first, second) -> second);
    }

    private static String death(int code, String output, long heapMiB) {
        String exhausted = lineAfter(output, "Terminating due to ");
        if (!exhausted.isEmpty()) {
            return "probe: the model needs more than the " + heapMiB + " MiB of heap of the process it was tried in ("
                    + exhausted + "); make it, its tensors or its golden vectors smaller";
        }
        String frame = lineAfter(output, "# C ");
        return "probe: the model ended the process it was tried in (exit code " + code
                + (frame.isEmpty() ? "" : ", in " + frame)
                + "): it crashes the runtime or needs more than its memory; have it checked";
    }

    private static FutureTask<String> talk(Process process, Release release) {
        FutureTask<String> answer = new FutureTask<>(() -> {
            try (OutputStream in = process.getOutputStream()) {
                in.write(release.bundle());
            } catch (IOException e) {
                // it ended early; its exit code tells more
            }
            byte[] line = process.getInputStream().readNBytes(LONGEST_ANSWER);
            return new String(line, StandardCharsets.UTF_8).strip();
        });
        Thread thread = new Thread(
                answer, "io.penstock.models-probe-" + release.identity().name());
        thread.setDaemon(true);
        thread.start();
        return answer;
    }

    /** Twice the time it has: several threads compile and collect. */
    private long cpuSeconds() {
        return TimeUnit.MILLISECONDS.toSeconds(timeoutMs) * 2 + 10;
    }

    /** Where memory is short, the system ends this process, not the gateway. */
    private List<String> arguments(Command command, long heapMiB) {
        List<String> arguments = new ArrayList<>();
        if (Files.isExecutable(Path.of("/bin/sh"))) {
            arguments.addAll(List.of(
                    "/bin/sh",
                    "-c",
                    "ulimit -c 0; ulimit -v " + ADDRESS_SPACE_KIB + "; ulimit -t " + cpuSeconds()
                            + "; { echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null; exec \"$0\" \"$@\""));
        }
        arguments.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xshare:auto",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx" + heapMiB + "m",
                "-XX:+ExitOnOutOfMemoryError",
                "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=/dev/null",
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                String.join(
                        File.pathSeparator,
                        command.classPath().stream().map(Path::toString).toList()),
                Probe.class.getName(),
                command.featureEngine(),
                command.inferenceEngine()));
        return arguments;
    }
}
