// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.audit;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Bounded queue of many producers and one consumer without a lock: a pipeline's thread must not wait for another one that
 * was descheduled while it held one. A slot is free when the consumer has cleared it before it moved {@code head} on.
 */
final class Ring<E> {
    private final AtomicReferenceArray<@Nullable E> slots;
    private final AtomicLong tail = new AtomicLong();
    private final AtomicLong head = new AtomicLong();

    Ring(int capacity) {
        slots = new AtomicReferenceArray<>(capacity);
    }

    /** False if there are {@code most} in it, or it is full. */
    boolean offer(E element, int most) {
        int limit = Math.min(most, slots.length());
        while (true) {
            long position = tail.get();
            if (position - head.get() >= limit) {
                return false;
            }
            if (tail.compareAndSet(position, position + 1)) {
                slots.set(index(position), element);
                return true;
            }
        }
    }

    /** Null if it is empty, or if the next producer is still between claiming its slot and filling it. */
    @Nullable
    E poll() {
        long position = head.get();
        E element = slots.get(index(position));
        if (element != null) {
            slots.set(index(position), null);
            head.set(position + 1);
        }
        return element;
    }

    private int index(long position) {
        return (int) (position % slots.length());
    }

    /** How many elements were ever taken in. */
    long offered() {
        return tail.get();
    }

    /** How many elements were ever taken out. */
    long taken() {
        return head.get();
    }
}
