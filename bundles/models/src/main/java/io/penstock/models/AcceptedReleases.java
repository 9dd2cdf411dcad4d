// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.pipeline.Pipeline;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Releases that were accepted, are in the store, and may serve again. One thread, except {@link #fallback}. */
final class AcceptedReleases {
    private final ReleaseStore store;
    private final VerifierSource verifiers;
    private final int maximumCrashes;
    private final MemoryBudget budget = MemoryBudget.ofThisProcess();

    AcceptedReleases(ReleaseStore store, VerifierSource verifiers, int maximumCrashes) {
        this.store = store;
        this.verifiers = verifiers;
        this.maximumCrashes = maximumCrashes;
    }

    /** Reads the trust anew, so that a new CA or revocation list counts at once. */
    interface VerifierSource {
        ReleaseVerifier get() throws ModelRejectedException;
    }

    ReleaseVerifier verifier() throws ModelRejectedException {
        return verifiers.get();
    }

    String label(String id) {
        State.Accepted accepted = store.state().releases().get(id);
        return accepted == null ? "release " + id : accepted.identity().label();
    }

    boolean quarantined(String id) {
        return store.state().crashes().getOrDefault(id, 0) >= maximumCrashes;
    }

    boolean mayServe(Pipeline pipeline, String id) {
        return store.contains(id) && fits(pipeline, id);
    }

    /** As {@link #mayServe}, whether or not its file is there. */
    boolean fits(Pipeline pipeline, String id) {
        State.Accepted accepted = store.state().releases().get(id);
        return accepted != null
                && !quarantined(id)
                && (accepted.pipelines().contains("*") || accepted.pipelines().contains(pipeline.name()))
                && Pipelines.wants(
                        pipeline,
                        accepted.identity().name(),
                        accepted.identity().version());
    }

    /** Byte for byte the newest one, or one that is meant to serve: who drops it again means it. */
    boolean mayBeTriedAgain(Release release) {
        State state = store.state();
        String name = release.identity().name();
        return state.releases().containsKey(release.id())
                && (release.identity().sequence() == state.highestSequence().getOrDefault(name, 0L)
                        || state.pipelines().values().stream()
                                .anyMatch(serving -> serving.current().equals(release.id())));
    }

    /** Byte for byte an older one that may be returned to, of which the store has nothing, or something else. */
    boolean isLostOrDamaged(Release release) {
        return store.state().releases().containsKey(release.id())
                && !mayBeTriedAgain(release)
                && !store.isWhole(release.id());
    }

    /** A stored release is verified as often as it is read; its certificates are judged as of its acceptance. */
    Release load(String id) throws ModelRejectedException {
        State.Accepted accepted =
                Objects.requireNonNull(store.state().releases().get(id));
        String damage;
        try {
            Release release = Release.read(
                    store.file(id),
                    verifiers.get(),
                    accepted.acceptedAt(),
                    budget.largestReleaseBytes(), // the heap may have been larger when it was accepted
                    budget.releaseBytes());
            if (release.id().equals(id)) {
                return release;
            }
            damage = "it is another release";
        } catch (NoSuchFileException e) {
            damage = "it is missing";
        } catch (IOException e) {
            damage = Failures.reason(e);
        } catch (ModelRejectedException e) {
            if (store.isWhole(id)) {
                throw e;
            }
            damage = Failures.message(e);
        }
        throw new ModelRejectedException("store: " + accepted.identity().label() + " was lost or changed on disk ("
                + store.file(id) + ": " + damage + "); drop that release again, under another name if its file is"
                + " still in the drop folder");
    }

    /** The model a rollback of this pipeline would return to, null if there is none. */
    @Nullable
    ModelIdentity fallback(String pipeline) {
        String id = fallbackId(pipeline);
        return id == null
                ? null
                : Objects.requireNonNull(store.state().releases().get(id)).identity();
    }

    @Nullable
    String fallbackId(String pipeline) {
        State state = store.state();
        State.Serving serving = state.pipelines().get(pipeline);
        if (serving != null) {
            for (int i = serving.history().size() - 1; i >= 0; i--) {
                String id = serving.history().get(i);
                if (state.releases().containsKey(id) && !quarantined(id)) {
                    return id;
                }
            }
        }
        return null;
    }
}
