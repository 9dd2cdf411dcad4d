// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.model.ModelRejectedException;
import java.util.ArrayList;
import java.util.List;

/**
 * What one pipeline holds of the {@link ContractShares}: its queues, the model that serves, and the candidates beside it. A
 * candidate has its place among those that serve before it is opened, so that the exchange itself cannot fail for it.
 * Thread-safe.
 */
final class Holding implements AutoCloseable {
    private final ContractShares shares;
    private final MemoryShare.Part serving;
    private final long queueBytes;
    private final List<Candidate> candidates = new ArrayList<>();
    private long servingBytes;
    private boolean closed;

    /** @throws IllegalArgumentException where there is no room for the queues. */
    Holding(ContractShares shares, String pipeline, long queueBytes) {
        this.shares = shares;
        this.queueBytes = queueBytes;
        serving = shares.serving().part("pipeline " + pipeline);
        String refusal = serving.resize(queueBytes);
        if (!refusal.isEmpty()) {
            throw new IllegalArgumentException("sampleQueue, bindings: " + refusal);
        }
    }

    /** A model that is about to take over; ends by {@link #serves} or {@link #close}. */
    final class Candidate implements AutoCloseable {
        private final MemoryShare.Part coming;
        private final long bytes;

        private Candidate(MemoryShare.Part coming, long bytes) {
            this.coming = coming;
            this.bytes = bytes;
        }

        /** It has taken over; what served before is gone. */
        void serves() {
            synchronized (Holding.this) {
                if (candidates.contains(this)) {
                    servingBytes = bytes;
                }
                close();
            }
        }

        /** It will not serve; also after it does, and twice. */
        @Override
        public void close() {
            synchronized (Holding.this) {
                if (candidates.remove(this)) {
                    coming.close();
                    settle();
                }
            }
        }
    }

    /**
     * Takes room for a model.
     *
     * @param comingBytes what stands beside the serving model.
     * @param bytes what it takes when it serves itself.
     * @param atOnce it does not warm up: who goes back to a model must not wait for the releases of other pipelines. It may take
     *     as much again as all that come, out of the share of the release that is read, since whoever reads it waits for this.
     * @throws ModelRejectedException where there is none, with the figures.
     */
    synchronized Candidate reserve(String model, long comingBytes, long bytes, boolean atOnce)
            throws ModelRejectedException {
        if (closed) {
            throw new ModelRejectedException(model + ": the pipeline is stopping; ask again when it is back");
        }
        Candidate candidate = new Candidate(shares.coming().part(model), bytes);
        String refusal =
                candidate.coming.resize(comingBytes, atOnce ? shares.budget().comingBytes() : 0);
        if (refusal.isEmpty()) {
            candidates.add(candidate);
            refusal = serving.resize(wanted());
        }
        if (!refusal.isEmpty()) {
            candidate.close();
            throw new ModelRejectedException(refusal);
        }
        return candidate;
    }

    /**
     * The model that serves takes another amount, since publishers came or went.
     *
     * @return empty if there is room, else why not; nothing has changed then.
     */
    synchronized String resize(long bytes) {
        long before = servingBytes;
        servingBytes = bytes;
        String refusal = closed ? "" : serving.resize(wanted());
        if (!refusal.isEmpty()) {
            servingBytes = before;
        }
        return refusal;
    }

    private long wanted() {
        long most = servingBytes;
        for (Candidate candidate : candidates) {
            most = Math.max(most, candidate.bytes);
        }
        return queueBytes + most;
    }

    private void settle() {
        serving.resize(closed ? 0 : wanted()); // never more than before
    }

    /** All of it is given back; also twice. */
    @Override
    public synchronized void close() {
        closed = true;
        List.copyOf(candidates).forEach(Candidate::close);
        serving.close();
    }
}
