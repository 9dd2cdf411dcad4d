// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.memory;

/**
 * How the heap of a gateway is shared out. The same arithmetic holds in the gateway, for the heap it was started with, and on
 * the command line, for the heap that is named there. What is not listed here (framework, classes, services, the garbage of the
 * cycles) has the rest.
 *
 * @param heapBytes the largest heap, as {@link Runtime#maxMemory} tells it.
 */
public record MemoryBudget(long heapBytes) {
    /** {@code -Xmx} in MiB of a gateway for which nothing else is configured. */
    public static final int DEFAULT_HEAP_MIB = 160;

    private static final long MIB = 1L << 20;
    /** A survivor space of the young generation that {@code bin/penstock-gateway} sets, which the JVM does not count. */
    private static final long SURVIVOR_BYTES = 1_638_400;

    /** @throws IllegalArgumentException if the heap is too small for a gateway. */
    public MemoryBudget {
        if (heapBytes < 32 * MIB) {
            throw new IllegalArgumentException("heap: at least 32 MiB, was " + heapBytes / MIB
                    + "; start the gateway with a larger one, e.g. PENSTOCK_OPTS=-Xmx160m");
        }
    }

    /** Of the process this runs in. */
    public static MemoryBudget ofThisProcess() {
        return new MemoryBudget(Runtime.getRuntime().maxMemory());
    }

    /** Of a gateway that is started with this {@code -Xmx} in MiB. */
    public static MemoryBudget ofGateway(int heapMiB) {
        return new MemoryBudget(heapMiB * MIB - SURVIVOR_BYTES);
    }

    /** All models that serve and the sample queues of all pipelines, together: a fifth. */
    public long servingBytes() {
        return whole(heapBytes / 5);
    }

    /** All models that stand beside serving ones until they take over, together; so none may be larger: an eighth. */
    public long comingBytes() {
        return whole(heapBytes / 8);
    }

    /** Largest release, packed and unpacked: an eighth. */
    public long largestReleaseBytes() {
        return whole(heapBytes / 8);
    }

    /** The release that is read, checked and tried, with all that is made of it meanwhile: a quarter. */
    public long releaseBytes() {
        return whole(heapBytes / 4);
    }

    /** Memory outside the heap for the input and output tensors of all open models, together: a quarter of the heap's size. */
    public long tensorBytes() {
        return whole(heapBytes / 4);
    }

    /** Tags of all tag lists together, each element of an array counted: 64 for each MiB of heap, of 1 KiB each. */
    public int mostTags() {
        return (int) Math.min(1_000_000, heapBytes / MIB * 64);
    }

    private static long whole(long bytes) {
        return bytes / MIB * MIB;
    }

    /** The heap, for people. */
    @Override
    public String toString() {
        return (heapBytes + SURVIVOR_BYTES) / MIB + " MiB";
    }
}
