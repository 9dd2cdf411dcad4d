// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import static io.penstock.api.memory.HeapSize.words;

import io.penstock.api.memory.MemoryBudget;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.stream.Collectors;

/** An amount of memory of which parts are taken before the memory is, and given back after. Thread-safe. */
final class MemoryShare {
    private static final int NAMED = 3;

    private final String purpose;
    private final long bytes;
    private final MemoryBudget budget;
    private final Set<Part> parts = new LinkedHashSet<>(); // guarded by this, as are their sizes
    private long taken;

    MemoryShare(String purpose, long bytes, MemoryBudget budget) {
        this.purpose = purpose;
        this.bytes = bytes;
        this.budget = budget;
    }

    /** One taker's part. */
    final class Part implements AutoCloseable {
        private final String owner;
        private long size;

        private Part(String owner) {
            this.owner = owner;
        }

        /**
         * Makes it larger or smaller.
         *
         * @return empty if it is so large now, else why it stays as it was.
         */
        String resize(long to) {
            return resize(to, 0);
        }

        /** As {@link #resize(long)}, of so much more than the share has. */
        String resize(long to, long more) {
            synchronized (MemoryShare.this) {
                if (to > size && to - size > bytes + more - taken) {
                    return refusal(owner, to);
                }
                taken += to - size;
                size = to;
                if (to == 0) {
                    parts.remove(this);
                } else {
                    parts.add(this);
                }
                return "";
            }
        }

        long size() {
            synchronized (MemoryShare.this) {
                return size;
            }
        }

        /** Gives all of it back; also twice. */
        @Override
        public void close() {
            resize(0);
        }
    }

    /** A part of nothing yet. */
    Part part(String owner) {
        return new Part(owner);
    }

    synchronized long taken() {
        return taken;
    }

    private String refusal(String owner, long to) {
        String largest = parts.stream()
                .sorted(Comparator.comparingLong((Part part) -> part.size).reversed())
                .limit(NAMED)
                .map(part -> part.owner + " " + words(part.size))
                .collect(Collectors.joining(", "));
        return owner + " needs " + words(to) + " of heap; of " + words(bytes) + " for " + purpose + " " + words(taken)
                + " are taken" + (largest.isEmpty() ? "" : " (most by " + largest + ")")
                + "; make its windows, tensors or queues smaller, remove a pipeline, or give the gateway more than its heap of "
                + budget + ", e.g. PENSTOCK_OPTS=-Xmx512m";
    }
}
