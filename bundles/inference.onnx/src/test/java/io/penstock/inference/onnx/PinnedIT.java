// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.data.Prediction;
import io.penstock.api.data.StatusCode;
import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.inference.InferenceSession;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.felix.framework.FrameworkFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.wiring.BundleCapability;
import org.osgi.framework.wiring.BundleRevision;
import org.osgi.framework.wiring.FrameworkWiring;

/** The shipped bundle in Felix. The api and slf4j come from the test's class path, so that the test can call the engine. */
class PinnedIT {
    private static final Path BUNDLE = Path.of(System.getProperty("bundle"));

    @TempDir
    private Path cache;

    private Framework framework;
    private Bundle bundle;

    @BeforeEach
    void start() throws Exception {
        Map<String, String> configuration = new HashMap<>();
        configuration.put(Constants.FRAMEWORK_STORAGE, cache.toString());
        configuration.put(
                Constants.FRAMEWORK_SYSTEMPACKAGES_EXTRA,
                "org.slf4j;version=2.0.17,org.osgi.util.converter;version=1.0.9,io.penstock.api.configuration;version=1.0.0,"
                        + "io.penstock.api.data;version=1.0.0,io.penstock.api.inference;version=1.0.0,"
                        + "io.penstock.api.memory;version=1.0.0,io.penstock.api.model;version=1.0.0");
        framework = new FrameworkFactory().newFramework(configuration);
        framework.start();
        BundleContext context = framework.getBundleContext();
        for (String type : List.of(
                "org.osgi.util.function.Function",
                "org.osgi.util.promise.Promise",
                "org.osgi.service.component.ComponentContext",
                "org.apache.felix.scr.info.ScrInfo")) {
            URL jar = Class.forName(type, false, getClass().getClassLoader())
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation();
            context.installBundle(jar.toString()).start();
        }
        bundle = context.installBundle(BUNDLE.toUri().toString());
        bundle.start();
    }

    @AfterEach
    void stop() throws Exception {
        framework.stop();
        framework.waitForStop(10_000);
    }

    private InferenceEngine engine() throws InterruptedException {
        long end = System.nanoTime() + 30_000_000_000L;
        while (true) {
            ServiceReference<InferenceEngine> reference =
                    framework.getBundleContext().getServiceReference(InferenceEngine.class);
            InferenceEngine engine =
                    reference == null ? null : framework.getBundleContext().getService(reference);
            if (engine != null) {
                return engine;
            }
            assertTrue(System.nanoTime() < end, "no engine within 30 s");
            Thread.onSpinWait();
        }
    }

    private void serves() throws Exception {
        var artifact = TestModels.mlp().artifact();
        try (InferenceSession session = engine().open(artifact)) {
            int status = session.run(TestModels.features(artifact.contract()), new Prediction(List.of("y")));
            assertEquals(StatusCode.GOOD, status, session::lastError);
        }
    }

    private static long mappedLibraries() throws Exception {
        return Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .filter(line -> line.contains("libonnxruntime.so"))
                .map(line -> line.substring(line.indexOf('/')))
                .distinct()
                .count();
    }

    // The resolver would refuse every model, or take the libraries from a directory anybody can write to.
    @Test
    void engineServesInFelixWithLibrariesFromTheCache() throws Exception {
        serves();
        BundleCapability capability = bundle.adapt(BundleRevision.class)
                .getDeclaredCapabilities("io.penstock.inference")
                .get(0);
        assertEquals(Map.of("format", "onnx", "opset", 26L, "aiOnnxMlOpset", 5L), capability.getAttributes());
        assertTrue(Files.readString(Path.of("/proc/self/maps")).contains(cache + "/"), "mapped from the cache");
    }

    // An operator's stop and start of the bundle must not need a restart of the gateway.
    @Test
    void stopAndStartOfTheSameRevisionWork() throws Exception {
        serves();
        long libraries = mappedLibraries();
        bundle.stop();
        assertNull(framework.getBundleContext().getServiceReference(InferenceEngine.class));
        bundle.start();
        serves();
        assertEquals(libraries, mappedLibraries());
    }

    // An update in the running gateway would end inference for good, with an UnsatisfiedLinkError in the log.
    @Test
    void updateIsRefusedAndTheOldRevisionGoesOn() throws Exception {
        serves();
        BundleRevision before = bundle.adapt(BundleRevision.class);
        try (InputStream same = Files.newInputStream(BUNDLE)) {
            BundleException refusal = assertThrows(BundleException.class, () -> bundle.update(same));
            assertTrue(text(refusal).contains("pinned and was not updated; restart the gateway"), text(refusal));
        }
        serves();
        assertEquals(Bundle.ACTIVE, bundle.getState());
        assertEquals(before, bundle.adapt(BundleRevision.class));
    }

    // A refresh cannot be refused; a second copy of the library in the process can.
    @Test
    void refreshedBundleDoesNotStartAndSaysWhatToDo() throws Exception {
        serves();
        long libraries = mappedLibraries();
        refresh(List.of(bundle));
        assertNull(framework.getBundleContext().getServiceReference(InferenceEngine.class));
        BundleException refusal = assertThrows(BundleException.class, bundle::start);
        assertTrue(text(refusal).contains("is pinned"), text(refusal));
        assertTrue(text(refusal).contains("restart the gateway"), text(refusal));
        assertEquals(libraries, mappedLibraries());
    }

    // The same for a bundle that was stopped before it was updated: nothing can refuse that update.
    @Test
    void updateWhileStoppedEndsInARefusedStart() throws Exception {
        serves();
        bundle.stop();
        bundle.update(Files.newInputStream(BUNDLE));
        BundleException refusal = assertThrows(BundleException.class, bundle::start);
        assertTrue(text(refusal).contains("restart the gateway"), text(refusal));
    }

    private static String text(Throwable error) {
        return error + (error.getCause() == null ? "" : " / " + text(error.getCause()));
    }

    private void refresh(Collection<Bundle> bundles) throws InterruptedException {
        CountDownLatch done = new CountDownLatch(1);
        FrameworkWiring wiring = framework.adapt(FrameworkWiring.class);
        assertNotNull(wiring);
        wiring.refreshBundles(bundles, event -> {
            if (event.getType() == FrameworkEvent.PACKAGES_REFRESHED) {
                done.countDown();
            }
        });
        assertTrue(done.await(30, TimeUnit.SECONDS));
    }
}
