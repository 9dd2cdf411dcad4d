// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.actuation.Mode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The mode that somebody lowered a pipeline to, so that a restart does not raise it again; on a full disk too. A thread of its own
 * writes, so that nobody who lowers a mode waits longer than they say for a disk that hangs.
 */
final class ModeFile {
    private static final Logger LOG = LoggerFactory.getLogger(ModeFile.class);
    static final int SLOT = 4_096;
    private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long STOP_MS = 300;

    private final Path file;
    private final Slots slots;
    private final Thread thread;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // Below: guarded by the lock.

    private @Nullable Lowered wanted;
    private long wantedNumber;
    private long savedNumber;
    private boolean stopping;

    // Below: the thread only.

    private String reported = "";

    /**
     * @param mode the mode at most.
     * @param configured the configured mode that it is below; where that is another one now, whoever changed it decided anew.
     */
    record Lowered(Mode mode, Mode configured) {}

    ModeFile(Path home, String pipeline, Slots.Writer writer) {
        file = home.resolve("data").resolve("pipeline").resolve(pipeline + ".mode");
        slots = new Slots(file, SLOT, writer);
        thread = new Thread(this::run, "pipeline-mode-" + pipeline);
        thread.setDaemon(true);
    }

    /** What stands there, null if nothing was lowered; takes the space. Before {@link #start}. */
    @Nullable
    Lowered load() {
        Lowered found = null;
        try {
            String[] words = slots.load().split(" ", -1);
            found = words.length == 2 ? new Lowered(Mode.valueOf(words[0]), Mode.valueOf(words[1])) : null;
            if (slots.damaged()) {
                LOG.warn("{}: one of its two slots is damaged, the other one counts", file);
            }
        } catch (IOException | IllegalArgumentException e) {
            LOG.error(
                    "{} cannot be read ({}); the configured mode counts, look whether it was lowered",
                    file,
                    e.toString());
        }
        try {
            slots.take();
        } catch (IOException e) {
            LOG.warn(
                    "{}: no space for it ({}); a mode that is lowered may come back after a restart",
                    file,
                    e.toString());
        }
        return found;
    }

    void start() {
        thread.start();
    }

    /** Has it written, and returns its number for {@link #await}. Waits for nobody. */
    long save(@Nullable Lowered lowered) {
        lock.lock();
        try {
            wanted = lowered;
            wantedNumber++;
            changed.signalAll();
            return wantedNumber;
        } finally {
            lock.unlock();
        }
    }

    /** Whether it, or a later one, is on disk within this. */
    boolean await(long number, long timeoutMs) {
        long left = TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        lock.lock();
        try {
            while (savedNumber < number) {
                if (left <= 0) {
                    return false;
                }
                left = changed.awaitNanos(left);
            }
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            lock.unlock();
        }
    }

    /** What still waits for the disk is tried once more. */
    void stop() {
        lock.lock();
        try {
            stopping = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        try {
            thread.join(STOP_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        boolean failed = false;
        while (true) {
            Lowered next;
            long number;
            lock.lock();
            try {
                if (failed && !stopping) {
                    changed.awaitNanos(RETRY_NANOS);
                }
                while (wantedNumber == savedNumber && !stopping) {
                    changed.await();
                }
                if (wantedNumber == savedNumber || (stopping && failed)) {
                    return;
                }
                next = wanted;
                number = wantedNumber;
            } catch (InterruptedException e) {
                return;
            } finally {
                lock.unlock();
            }
            failed = !write(next);
            if (!failed) {
                saved(number);
            }
        }
    }

    private void saved(long number) {
        lock.lock();
        try {
            savedNumber = number;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private boolean write(@Nullable Lowered lowered) {
        try {
            slots.save(lowered == null ? "" : lowered.mode() + " " + lowered.configured());
            reported = "";
            return true;
        } catch (IOException e) {
            if (!reported.equals(e.toString())) { // once: a full disk must not be filled with lines about it
                reported = e.toString();
                LOG.error(
                        "{} cannot be written: {}; a restart before it is brings back the mode before; it is tried again",
                        file,
                        reported);
            }
            return false;
        }
    }
}
