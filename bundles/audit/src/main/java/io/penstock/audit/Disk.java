// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** The two operations that a full or dying disk refuses; tests stand in for one. */
interface Disk {
    /** The real one. */
    Disk REAL = new Disk() {
        @Override
        public void write(FileChannel file, ByteBuffer bytes, long position) throws IOException {
            long at = position;
            while (bytes.hasRemaining()) {
                at += file.write(bytes, at);
            }
        }

        @Override
        public void force(FileChannel file) throws IOException {
            file.force(false);
        }
    };

    /** Writes all bytes; after an exception some may have been written. */
    void write(FileChannel file, ByteBuffer bytes, long position) throws IOException;

    /** Returns when what was written survives a loss of power. */
    void force(FileChannel file) throws IOException;
}
