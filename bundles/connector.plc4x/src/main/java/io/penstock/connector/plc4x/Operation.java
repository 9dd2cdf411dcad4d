// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.data.Sample;
import io.penstock.api.data.TagId;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** One write, or one direct read, on its way through the connector's thread. */
final class Operation {
    final TagId tag;
    final int element;
    /** Registers or bits to write; null for a read. */
    final int @Nullable [] values;

    final long deadlineNanos;
    final CompletableFuture<Integer> written = new CompletableFuture<>();
    final CompletableFuture<Sample> seen = new CompletableFuture<>();

    Operation(TagId tag, int element, int @Nullable [] values, long deadlineNanos) {
        this.tag = tag;
        this.element = element;
        this.values = values;
        this.deadlineNanos = deadlineNanos;
    }

    boolean isDone() {
        return written.isDone() || seen.isDone();
    }

    /** Ends it without a value. */
    void fail(int status, long sourceTimeNs) {
        if (values == null) {
            seen.complete(new Sample(tag, Double.NaN, status, sourceTimeNs, System.nanoTime()));
        } else {
            written.complete(status);
        }
    }
}
