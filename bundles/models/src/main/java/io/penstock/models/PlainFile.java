// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A file that others may exchange at any instant, opened for reading. To open a pipe waits without end for who writes into it,
 * and no look before can tell that it is still a file; so it is opened on a thread of its own, which is left behind where that
 * takes too long, as on a file system that hangs. What is read is what was opened.
 */
final class PlainFile implements Closeable {
    private static final long OPENS_WITHIN_MS = 2_000;
    /** Threads left behind; beyond that nothing is opened until one comes back. */
    static final int MOST_HANGING = 8;

    private static final AtomicInteger HANGING = new AtomicInteger();

    private final FileChannel channel;
    private final long size;

    private PlainFile(FileChannel channel) throws IOException {
        this.channel = channel;
        size = channel.size(); // of pipes and devices 0
    }

    static PlainFile open(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException(file + " is no plain file, or gone");
        }
        return openWhatever(file, OPENS_WITHIN_MS);
    }

    /** As if it had been a file when it was looked at. */
    static PlainFile openWhatever(Path file, long withinMs) throws IOException {
        if (HANGING.get() >= MOST_HANGING) {
            throw new IOException(MOST_HANGING + " files hang in being opened: somebody drops pipes, or the file system"
                    + " hangs; end that, then restart the gateway if this stays");
        }
        CompletableFuture<FileChannel> opened = new CompletableFuture<>();
        Thread thread = new Thread(() -> open(file, opened), "io.penstock.models-open");
        thread.setDaemon(true);
        thread.start();
        try {
            return new PlainFile(opened.get(withinMs, TimeUnit.MILLISECONDS));
        } catch (TimeoutException e) {
            if (leave(opened)) {
                throw new IOException(
                        file + " does not open within " + withinMs
                                + " ms: it is a pipe, or its file system hangs; remove it and copy the release itself",
                        e);
            }
            return new PlainFile(opened.join());
        } catch (InterruptedException e) {
            if (!leave(opened)) {
                opened.join().close();
            }
            Thread.currentThread().interrupt();
            throw new InterruptedIOException(file + " was not read: interrupted");
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
        }
    }

    private static boolean leave(CompletableFuture<FileChannel> opened) {
        HANGING.incrementAndGet();
        if (opened.cancel(false)) {
            return true;
        }
        HANGING.decrementAndGet();
        return false;
    }

    private static void open(Path file, CompletableFuture<FileChannel> opened) {
        try {
            FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
            if (!opened.complete(channel)) {
                HANGING.decrementAndGet();
                channel.close();
            }
        } catch (IOException | RuntimeException | Error e) {
            if (!opened.completeExceptionally(e)) {
                HANGING.decrementAndGet();
            }
        }
    }

    /** How many hang at present. */
    static int hanging() {
        return HANGING.get();
    }

    /** In bytes, when it was opened. */
    long size() {
        return size;
    }

    /** Its content; nothing where it has no size, because a pipe would be waited for. */
    InputStream content() {
        return size == 0 ? InputStream.nullInputStream() : Channels.newInputStream(channel);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
