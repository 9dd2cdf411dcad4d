// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.data.StatusCode;
import java.util.concurrent.CompletableFuture;

/**
 * One open connection to a device, one request at a time. Futures may stay open for ever or fail with anything: the caller
 * sets the deadline, and takes every failure that is no {@link Reply} for the end of the connection.
 */
interface Wire {
    /** Reads {@code count} registers (0 to 65535 each) or bits (0 or 1 each). */
    CompletableFuture<Reply> read(Area area, int start, int count);

    /** Writes registers or bits in one request. */
    CompletableFuture<Reply> write(Area area, int start, int[] values);

    /** Completes when the connection is gone, by whichever side. */
    CompletableFuture<Void> gone();

    /** Starts to close it; does not wait. */
    void close();

    /** Waits for its threads to end. */
    void awaitClosed(long millis) throws InterruptedException;

    /** Opens connections. */
    interface Opener {
        /** May take as long as the connect timeout. */
        Wire open() throws Exception;
    }

    /** What a device says. */
    enum Code {
        OK(StatusCode.GOOD),
        /** no such address, or not readable in one piece. */
        ADDRESS(StatusCode.BAD_NODE_ID_UNKNOWN),
        /** the device does not take this value or quantity. */
        DATA(StatusCode.BAD_NODE_ID_UNKNOWN),
        /** the function code is unknown to the device. */
        UNSUPPORTED(StatusCode.BAD_NOT_SUPPORTED),
        /** the device, or the one behind a gateway, failed. */
        DEVICE(StatusCode.BAD_DEVICE_FAILURE),
        /** ask again later. */
        BUSY(StatusCode.BAD_DEVICE_FAILURE);

        /** What a tag shows that was read with this answer. */
        final int status;

        Code(int status) {
            this.status = status;
        }
    }

    /**
     * Answer of a device.
     *
     * @param code how it went.
     * @param values what was read, empty for a write or a refusal.
     * @param nanos {@link System#nanoTime()} of the answer.
     */
    @SuppressWarnings("ArrayRecordComponent") // handed over once, never compared
    record Reply(Code code, int[] values, long nanos) {
        static final int[] NOTHING = {};
    }
}
