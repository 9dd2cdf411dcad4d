// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** A device in memory: answers at once, unless it is told to hold or to refuse. */
class FakeWire implements Wire {
    final int[] registers = new int[1000];
    final Set<Integer> holes = Collections.synchronizedSet(new HashSet<>());
    final List<String> asked = Collections.synchronizedList(new ArrayList<>());
    volatile boolean hold;
    volatile Code refuses = Code.OK;
    private final List<Runnable> held = Collections.synchronizedList(new ArrayList<>());
    private final CompletableFuture<Void> gone = new CompletableFuture<>();

    @Override
    public CompletableFuture<Reply> read(Area area, int start, int count) {
        asked.add("read " + (start + 1) + "+" + count);
        return answer(() -> {
            for (int i = start; i < start + count; i++) {
                if (holes.contains(i)) {
                    return refusal(Code.ADDRESS);
                }
            }
            int[] values = new int[count];
            System.arraycopy(registers, start, values, 0, count);
            return refuses == Code.OK ? new Reply(Code.OK, values, System.nanoTime()) : refusal(refuses);
        });
    }

    @Override
    public CompletableFuture<Reply> write(Area area, int start, int[] values) {
        asked.add("write " + (start + 1) + "+" + values.length);
        return answer(() -> {
            System.arraycopy(values, 0, registers, start, values.length);
            return new Reply(Code.OK, Reply.NOTHING, System.nanoTime());
        });
    }

    private static Reply refusal(Code code) {
        return new Reply(code, Reply.NOTHING, System.nanoTime());
    }

    private CompletableFuture<Reply> answer(Supplier<Reply> work) {
        CompletableFuture<Reply> future = new CompletableFuture<>();
        if (hold) {
            held.add(() -> future.complete(work.get()));
        } else {
            future.complete(work.get());
        }
        return future;
    }

    /** Answers what it held back. */
    void release() {
        hold = false;
        while (!held.isEmpty()) {
            held.remove(0).run();
        }
    }

    int heldCount() {
        return held.size();
    }

    @Override
    public CompletableFuture<Void> gone() {
        return gone;
    }

    @Override
    public void close() {
        gone.complete(null);
    }

    @Override
    public void awaitClosed(long millis) {}
}
