// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;

/** One thread that terminates runs past their limit. It sleeps until the first run that could be due. */
final class Watchdog {
    private static final long STOP_MS = 500;

    private final List<RunGuard> guards = new CopyOnWriteArrayList<>();
    private final Thread thread = new Thread(this::watch, "inference.onnx-watchdog");
    private volatile boolean stopped;

    Watchdog() {
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    void add(RunGuard guard) {
        guards.add(guard);
        LockSupport.unpark(thread);
    }

    void remove(RunGuard guard) {
        guards.remove(guard);
    }

    /** A limit has become shorter. */
    void wake() {
        LockSupport.unpark(thread);
    }

    private void watch() {
        while (!stopped) {
            long now = RunGuard.now();
            long next = Long.MAX_VALUE;
            for (RunGuard guard : guards) {
                next = Math.min(next, guard.check(now));
            }
            if (next == Long.MAX_VALUE) {
                LockSupport.park(this);
            } else {
                LockSupport.parkNanos(this, next - RunGuard.now());
            }
        }
    }

    void stop() {
        stopped = true;
        LockSupport.unpark(thread);
        try {
            thread.join(STOP_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
