// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import java.lang.StackWalker.Option;
import java.util.UUID;
import org.osgi.annotation.bundle.Header;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds this bundle to one class loader for the life of the process. A native library belongs to one class loader; a second
 * version fails to load because of its SONAME, and a second copy of the same version stays mapped for ever.
 *
 * <p>An update is refused while the bundle runs: {@code Bundle.update} stops a bundle first and gives up if that throws
 * (Core §10.1.5.24). What cannot be refused (a refresh, an update of the stopped bundle) ends in a refused start.
 */
@Header(name = Constants.BUNDLE_ACTIVATOR, value = "${@class}")
public final class Pin implements BundleActivator {
    /** Differs in every class loader, that is in every revision and after every refresh. */
    private static final String LOADER = UUID.randomUUID().toString();

    private static final String PROPERTY = "io.penstock.inference.onnx.pin.";
    private static final String REMEDY = "; restart the gateway to change ONNX Runtime";
    private static final long RESTART_NANOS = 10_000_000_000L;
    private static final Logger LOG = LoggerFactory.getLogger(Pin.class);

    @Override
    public void start(BundleContext context) throws BundleException {
        // a framework that is started again in the same process has another UUID: no update, and nobody to protect
        String holder = claim(context.getProperty(Constants.FRAMEWORK_UUID), LOADER);
        if (!holder.equals(LOADER)) {
            String message = name(context.getBundle())
                    + " is pinned: an earlier revision of it has loaded ONNX Runtime in this process, and a native library"
                    + " cannot be loaded twice" + REMEDY;
            LOG.error(message);
            throw new BundleException(message, BundleException.ACTIVATOR_ERROR);
        }
    }

    /** Who holds the library in this framework: the caller, or the one that came before. */
    static String claim(String framework, String loader) {
        Object holder = System.getProperties().putIfAbsent(PROPERTY + framework, loader);
        return holder == null ? loader : holder.toString();
    }

    @Override
    public void stop(BundleContext context) throws BundleException {
        if (updating()) {
            Bundle bundle = context.getBundle();
            String message = name(bundle) + " is pinned and was not updated" + REMEDY;
            LOG.warn(message);
            Thread restart = new Thread(() -> restart(bundle), "inference.onnx-restart");
            restart.setDaemon(true);
            restart.start();
            throw new BundleException(message, BundleException.UNSUPPORTED_OPERATION);
        }
    }

    /** Nothing but the stack tells {@code stop} that it is the first half of an update. */
    private static boolean updating() {
        return StackWalker.getInstance(Option.RETAIN_CLASS_REFERENCE)
                .walk(frames -> frames.anyMatch(frame -> frame.getMethodName().equals("update")
                        && Bundle.class.isAssignableFrom(frame.getDeclaringClass())));
    }

    /** The refused update has stopped the bundle; the same revision goes on. */
    private static void restart(Bundle bundle) {
        long begin = System.nanoTime();
        while (true) {
            try {
                bundle.start(Bundle.START_TRANSIENT);
                LOG.info("{} goes on, gap {} ms", name(bundle), (System.nanoTime() - begin) / 1_000_000);
                return;
            } catch (BundleException | IllegalStateException e) {
                if (System.nanoTime() - begin > RESTART_NANOS) {
                    LOG.error("{} was stopped by a refused update and does not start again{}", name(bundle), REMEDY, e);
                    return;
                }
            }
            try {
                Thread.sleep(10); // the framework says only by exception that the refused update has not returned yet
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    private static String name(Bundle bundle) {
        return bundle.getSymbolicName() + " " + bundle.getVersion();
    }
}
