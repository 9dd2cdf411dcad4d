// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.CountDownLatch;

/** A disk that fills up or hangs on command; half of what it refuses is written all the same. */
final class FakeDisk implements Disk {
    volatile boolean full;
    volatile boolean fullOnForce;
    volatile boolean forgetsToForce;
    volatile CountDownLatch hang = new CountDownLatch(0);

    @Override
    public void write(FileChannel file, ByteBuffer bytes, long position) throws IOException {
        if (full) {
            bytes.limit(bytes.position() + bytes.remaining() / 2);
            REAL.write(file, bytes, position);
            throw new IOException("No space left on device");
        }
        REAL.write(file, bytes, position);
    }

    @Override
    public void force(FileChannel file) throws IOException {
        try {
            hang.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
        if (fullOnForce) {
            throw new IOException("Input/output error");
        }
        if (!forgetsToForce) {
            REAL.force(file);
        }
    }
}
