// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
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

    /** Bundles that do not run, each with the resolver's reason. Model bundles are data and are only installed. */
    static List<String> notActive(BundleContext context) {
        List<String> found = new ArrayList<>();
        for (Bundle bundle : context.getBundles()) {
            boolean fragment = bundle.getHeaders().get(Constants.FRAGMENT_HOST) != null;
            boolean model = bundle.getSymbolicName().startsWith("io.penstock.model.");
            int wanted = fragment || model ? Bundle.RESOLVED : Bundle.ACTIVE;
            if ((bundle.getState() & (wanted | Bundle.ACTIVE)) == 0) {
                found.add(bundle.getSymbolicName() + " is in state " + bundle.getState() + reason(bundle));
            }
        }
        return found;
    }

    private static String reason(Bundle bundle) {
        try {
            bundle.start();
            return "";
        } catch (BundleException e) {
            return ": " + e.getMessage();
        }
    }

    static String why(ComponentDescriptionDTO component, ComponentConfigurationDTO configuration) {
        StringBuilder why = new StringBuilder(component.name)
                .append(configuration.properties.get("service.pid") == null ? "" : " " + configuration.properties.get("service.pid"))
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

    /** The only service of its type, waited for. */
    static <T> T service(BundleContext context, Class<T> type) {
        return service(context, type, "(objectClass=*)");
    }

    static <T> T service(BundleContext context, Class<T> type, String filter) {
        List<ServiceReference<T>> found = new ArrayList<>();
        await("service " + type.getName() + " " + filter, 30, () -> {
            try {
                found.addAll(context.getServiceReferences(type, filter));
            } catch (org.osgi.framework.InvalidSyntaxException e) {
                throw new IllegalArgumentException(e);
            }
            return !found.isEmpty();
        });
        return context.getService(found.get(0));
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
}
