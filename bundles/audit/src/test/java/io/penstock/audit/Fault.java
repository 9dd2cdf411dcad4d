// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;

/** What a disk can do to the log. */
enum Fault {
    /** takes what fits into space that files have already. */
    FULL,
    /** refuses every call. */
    DEAD,
    /** takes half of each write and says nothing until the end of it, then refuses. */
    TORN,
    /** every call takes its time, but ends. */
    SLOW,
    /** the force does not come back. */
    HUNG;

    /** A disk with one fault that comes and goes. */
    static final class Faulty implements Disk {
        volatile Fault fault;
        volatile CountDownLatch hung = new CountDownLatch(0);

        void begin(Fault next) {
            hung = new CountDownLatch(next == HUNG ? 1 : 0);
            fault = next;
        }

        void end() {
            fault = null;
            hung.countDown();
        }

        @Override
        public void write(FileChannel file, ByteBuffer bytes, long position) throws IOException {
            Fault now = fault;
            if (now == DEAD) {
                throw new IOException("Input/output error");
            }
            if ((now == FULL || now == TORN) && position + bytes.remaining() > file.size()) {
                bytes.limit(bytes.position() + bytes.remaining() / 2);
                REAL.write(file, bytes, position);
                throw new IOException("No space left on device");
            }
            REAL.write(file, bytes, position);
        }

        @Override
        public void force(FileChannel file) throws IOException {
            Fault now = fault;
            if (now == DEAD) {
                throw new IOException("Input/output error");
            }
            if (now == SLOW) {
                LockSupport.parkNanos(20_000_000);
            }
            try {
                hung.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException(e);
            }
            REAL.force(file);
        }
    }
}
