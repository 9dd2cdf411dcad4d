// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import java.io.ByteArrayInputStream;
import java.util.ArrayList;
import java.util.List;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.namespace.IdentityNamespace;
import org.osgi.framework.wiring.BundleRevision;
import org.osgi.framework.wiring.FrameworkWiring;
import org.osgi.resource.Namespace;
import org.osgi.resource.Requirement;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Installs model bundles in the OSGi framework. They are resolved, never started, and nothing is read from the framework's
 * cache: what serves comes from the verified store. So the cache may be lost or changed at any time.
 */
final class FrameworkStaging implements Staging {
    private static final Logger LOG = LoggerFactory.getLogger(FrameworkStaging.class);
    private static final String LOCATION = "penstock-model:";

    private final BundleContext context;

    FrameworkStaging(BundleContext context) {
        this.context = context;
    }

    /** Removes what an earlier run left in the cache. */
    void clear() {
        for (Bundle bundle : context.getBundles()) {
            if (bundle.getLocation().startsWith(LOCATION)) {
                uninstall(bundle);
            }
        }
    }

    @Override
    public String stage(String sha256, byte[] bytes) throws ModelRejectedException {
        Bundle bundle = context.getBundle(LOCATION + sha256);
        boolean isNew = bundle == null;
        try {
            if (bundle == null) {
                bundle = context.installBundle(LOCATION + sha256, new ByteArrayInputStream(bytes));
            }
        } catch (BundleException e) {
            throw new ModelRejectedException("bundle: the framework does not install it: " + e.getMessage(), e);
        }
        FrameworkWiring framework = context.getBundle(0).adapt(FrameworkWiring.class);
        if (!framework.resolveBundles(List.of(bundle))) {
            List<String> missing = missing(bundle, framework);
            if (isNew) {
                uninstall(bundle);
            }
            throw new ModelRejectedException("bundle: this gateway lacks what the model needs: "
                    + String.join(", ", missing) + "; update the gateway or have the model made without it");
        }
        return bundle.getSymbolicName() + " " + bundle.getVersion() + " resolved as bundle " + bundle.getBundleId();
    }

    private static List<String> missing(Bundle bundle, FrameworkWiring framework) {
        List<String> missing = new ArrayList<>();
        BundleRevision revision = bundle.adapt(BundleRevision.class);
        for (Requirement requirement : revision.getRequirements(null)) {
            if (!requirement.getNamespace().equals(IdentityNamespace.IDENTITY_NAMESPACE)
                    && framework.findProviders(requirement).isEmpty()) {
                missing.add(requirement.getNamespace() + " "
                        + requirement.getDirectives().get(Namespace.REQUIREMENT_FILTER_DIRECTIVE));
            }
        }
        return missing.isEmpty() ? List.of("something the framework does not name") : missing;
    }

    @Override
    public void unstage(String sha256) {
        Bundle bundle = context.getBundle(LOCATION + sha256);
        if (bundle != null) {
            uninstall(bundle);
        }
    }

    private static void uninstall(Bundle bundle) {
        try {
            bundle.uninstall();
        } catch (BundleException | IllegalStateException e) {
            LOG.warn("Model bundle {} cannot be uninstalled: {}", bundle.getLocation(), e.getMessage());
        }
    }
}
