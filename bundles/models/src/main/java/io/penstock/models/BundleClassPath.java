// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.preprocessing.FeatureEngine;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.osgi.framework.Bundle;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.wiring.BundleWire;
import org.osgi.framework.wiring.BundleWiring;

/** The jars behind the engines and this room, with all they import: a class path for a plain Java process. */
final class BundleClassPath {
    private BundleClassPath() {}

    /** @throws IllegalStateException if a bundle does not lie in a file. */
    static ChildProbe.Command of(FeatureEngine features, InferenceEngine inference) {
        Set<Bundle> bundles = new LinkedHashSet<>();
        for (Class<?> type : List.of(Probe.class, features.getClass(), inference.getClass())) {
            Bundle bundle = FrameworkUtil.getBundle(type);
            if (bundle == null) {
                throw new IllegalStateException(type.getName() + " is in no bundle");
            }
            collect(bundle, bundles);
        }
        List<Path> jars = new ArrayList<>();
        jars.add(framework());
        for (Bundle bundle : bundles) {
            jars.add(file(bundle));
        }
        return new ChildProbe.Command(
                jars, features.getClass().getName(), inference.getClass().getName());
    }

    private static void collect(Bundle bundle, Set<Bundle> bundles) {
        BundleWiring wiring = bundle.adapt(BundleWiring.class);
        if (bundle.getBundleId() == 0 || wiring == null || !bundles.add(bundle)) {
            return;
        }
        for (BundleWire wire : wiring.getRequiredWires(null)) {
            collect(wire.getProvider().getBundle(), bundles);
        }
    }

    /** The engines' classes name those of the framework, whether one runs or not. */
    private static Path framework() {
        CodeSource source = FrameworkUtil.class.getProtectionDomain().getCodeSource();
        if (source == null) {
            throw new IllegalStateException("the framework lies in no file");
        }
        return Path.of(URI.create(source.getLocation().toString().replace(" ", "%20")));
    }

    private static Path file(Bundle bundle) {
        String location = bundle.getLocation().replaceFirst("^reference:", "");
        if (location.startsWith("file:")) {
            Path file = location.startsWith("file:/")
                    ? Path.of(URI.create(location.replace(" ", "%20")))
                    : Path.of(location.substring("file:".length()));
            if (Files.isRegularFile(file)) {
                return file;
            }
        }
        throw new IllegalStateException(
                "bundle " + bundle.getSymbolicName() + " lies in no file (" + bundle.getLocation() + ")");
    }
}
