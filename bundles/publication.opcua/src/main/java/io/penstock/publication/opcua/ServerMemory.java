// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;

/**
 * The buffers of the results server, apart from those of the plant's connectors, which use Netty's shared allocator. What is
 * held for clients is counted at the door ({@link Connections}); this is the wall behind it: no new buffer beyond the bound, so
 * that the server loses a client where it would otherwise take the memory of a connector.
 */
final class ServerMemory extends PooledByteBufAllocator {
    /** Beside unread answers: what is being read, for each thread and connection at most one buffer of 64 KiB at a time. */
    static final long READING_BYTES = 8 << 20;

    private static final int PAGE = 8192;
    private static final int CHUNK_ORDER = 5;

    private final long most;

    /** No buffer is to be had within the bound. Not an OutOfMemoryError: that would end the process. */
    static final class UsedUpException extends IllegalStateException {
        private static final long serialVersionUID = 1L;

        UsedUpException(long used, long most) {
            super("the results server has " + used + " bytes of direct memory in use, of at most " + most
                    + "; raise answerMemoryMb if these are clients of the plant");
        }
    }

    /** No caches per thread: what is given back is free at once, and the figures are exact. */
    ServerMemory(Shares shares) {
        super(true, 1, 1, PAGE, CHUNK_ORDER, 0, 0, false);
        most = shares.answerBytes() + READING_BYTES;
    }

    @Override
    protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
        long used = pinnedDirectMemory();
        if (used + initialCapacity > most) {
            throw new UsedUpException(used, most);
        }
        return super.newDirectBuffer(initialCapacity, maxCapacity);
    }

    long most() {
        return most;
    }
}
