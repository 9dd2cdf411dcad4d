// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.pipeline.Pipeline;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.service.component.runtime.dto.ComponentConfigurationDTO;
import org.osgi.service.component.runtime.dto.ComponentDescriptionDTO;
import org.osgi.service.component.runtime.dto.UnsatisfiedReferenceDTO;

/** What tests inside the framework share. */
final class Framework {
    private Framework() {}

    static Path home(BundleContext context) {
        return Path.of(context.getProperty("penstock.home"));
    }

    /** The bundles of the project, without model bundles and the probe. */
    static List<Bundle> rooms(BundleContext context) {
        return Arrays.stream(context.getBundles())
                .filter(bundle -> bundle.getSymbolicName().startsWith("io.penstock.")
                        && !bundle.getSymbolicName().startsWith("io.penstock.model.")
                        && bundle.getLocation().startsWith("reference:"))
                .toList();
    }

    static Bundle room(BundleContext context, String name) {
        return Arrays.stream(context.getBundles())
                .filter(bundle -> name.equals(bundle.getSymbolicName().replaceFirst("^io[.]penstock[.]", "")))
                .findFirst()
                .orElseThrow();
    }

    /** Bundles that do not run. Model bundles are data and are never started. */
    static List<String> notActive(BundleContext context) {
        List<String> found = new ArrayList<>();
        for (Bundle bundle : context.getBundles()) {
            boolean fragment = bundle.getHeaders().get(Constants.FRAGMENT_HOST) != null;
            boolean model = bundle.getSymbolicName().startsWith("io.penstock.model.");
            int wanted = fragment || model ? Bundle.RESOLVED : Bundle.ACTIVE;
            if ((bundle.getState() & (wanted | Bundle.ACTIVE)) == 0) {
                found.add(bundle.getSymbolicName() + " is in state " + bundle.getState());
            }
        }
        return found;
    }

    static void awaitAllActive(BundleContext context) {
        await("all bundles active", 10, () -> notActive(context).isEmpty(), () -> notActive(context));
    }

    /** Why bundles do not start, in the framework's words; tries it. */
    static List<String> reasons(BundleContext context) {
        List<String> found = new ArrayList<>();
        for (Bundle bundle : rooms(context)) {
            try {
                bundle.start();
            } catch (BundleException e) {
                found.add(bundle.getSymbolicName() + ": " + e.getMessage());
            }
        }
        return found;
    }

    static String why(ComponentDescriptionDTO component, ComponentConfigurationDTO configuration) {
        StringBuilder why = new StringBuilder(component.name)
                .append(
                        configuration.properties.get("service.pid") == null
                                ? ""
                                : " " + configuration.properties.get("service.pid"))
                .append(": state ")
                .append(configuration.state);
        for (UnsatisfiedReferenceDTO missing : configuration.unsatisfiedReferences) {
            why.append(", misses ").append(missing.name).append(missing.target == null ? "" : " " + missing.target);
        }
        return configuration.failure == null ? why.toString() : why + ", failed: " + configuration.failure;
    }

    static void await(String what, int seconds, BooleanSupplier condition) {
        await(what, seconds, condition, () -> "");
    }

    /** Waits for a condition, bounded. */
    static void await(String what, int seconds, BooleanSupplier condition, Supplier<?> found) {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("not within " + seconds + " s: " + what + "; found " + found.get());
            }
            LockSupport.parkNanos(5_000_000);
        }
    }

    /** The only working service of its type, waited for. */
    static <T> T service(BundleContext context, Class<T> type) {
        return service(context, type, service -> true);
    }

    private static <T> T service(BundleContext context, Class<T> type, Predicate<T> wanted) {
        List<T> found = new ArrayList<>();
        await("service " + type.getName(), 30, () -> {
            try {
                for (ServiceReference<T> reference : context.getServiceReferences(type, null)) {
                    T service = context.getService(reference); // null where its component failed to start
                    if (service != null && wanted.test(service)) {
                        found.add(service);
                    }
                }
            } catch (InvalidSyntaxException e) {
                throw new IllegalArgumentException(e);
            }
            return !found.isEmpty();
        });
        return found.get(0);
    }

    /** Writes beside and renames, as an administrator should. */
    static void drop(Path file, String text) throws IOException {
        Path beside = file.resolveSibling("." + file.getFileName() + ".part");
        Files.writeString(beside, text);
        Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE);
    }

    static void drop(Path from, Path folder, String name) throws IOException {
        Path beside = folder.resolve("." + name + ".part");
        Files.copy(from, beside, StandardCopyOption.REPLACE_EXISTING);
        Files.move(beside, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Configures pipeline {@code line} on tag X and waits for it. */
    static Pipeline pipeline(BundleContext context, int periodMs) throws IOException {
        drop(home(context).resolve("etc/io.penstock.pipeline~line.cfg.json"), """
                { "name": "line", "model": "line", "versionRange": "[1.0,100.0)", "trigger": "grid", "periodMs": %d,
                  "bindings": ["x=X"], "resultQueue": 32768, "catchUpMs": 60000 }
                """.formatted(periodMs));
        return service(context, Pipeline.class, found -> found.name().equals("line"));
    }

    /** Drops release {@code line-<version>} and waits until it serves. */
    static ModelArtifact deploy(BundleContext context, Pipeline pipeline, int version) throws IOException {
        Path home = home(context);
        String name = "line-" + version + ".penstock";
        drop(home.resolve("made/" + name), home.resolve("releases"), name);
        await(name + " serves", 40, () -> served(pipeline) == version, () -> service(context, ModelCatalog.class)
                .receipts());
        return pipeline.model().orElseThrow();
    }

    /** Sequence of the model that serves, 0 for none. */
    static long served(Pipeline pipeline) {
        return pipeline.model().map(model -> model.identity().sequence()).orElse(0L);
    }

    /** What was logged since a place in the file. */
    static String log(BundleContext context, long from) {
        try {
            byte[] all = Files.readAllBytes(home(context).resolve("log/penstock.log"));
            return new String(all, (int) from, all.length - (int) from, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static long logEnd(BundleContext context) throws IOException {
        return Files.size(home(context).resolve("log/penstock.log"));
    }

    /** Runs {@code bin/penstock} of the distribution; the output, after the exit code. */
    static String penstock(String... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("penstock.distribution"), "bin", "penstock")
                .toString());
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try {
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor() + ": " + output;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }
}
