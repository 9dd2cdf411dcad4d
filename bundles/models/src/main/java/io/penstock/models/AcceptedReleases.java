// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.pipeline.Pipeline;
import java.io.IOException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Releases that were accepted, are in the store, and may serve again. One thread, except {@link #fallback}. */
final class AcceptedReleases {
    private final ReleaseStore store;
    private final VerifierSource verifiers;
    private final int maximumCrashes;

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
        State.Accepted accepted = store.state().releases().get(id);
        return accepted != null
                && store.contains(id)
                && !quarantined(id)
                && (accepted.pipelines().contains("*") || accepted.pipelines().contains(pipeline.name()))
                && Pipelines.wants(
                        pipeline,
                        accepted.identity().name(),
                        accepted.identity().version());
    }

    /** A stored release is verified as often as it is read; its certificates are judged as of its acceptance. */
    Release load(String id) throws ModelRejectedException {
        State.Accepted accepted =
                Objects.requireNonNull(store.state().releases().get(id));
        try {
            Release release = Release.read(store.file(id), verifiers.get(), accepted.acceptedAt(), Integer.MAX_VALUE);
            if (!release.id().equals(id)) {
                throw new ModelRejectedException(
                        "store: release " + id + " was changed on disk; remove the file and drop it again");
            }
            return release;
        } catch (IOException e) {
            throw new ModelRejectedException(
                    "store: release " + id + " cannot be read: " + Failures.reason(e)
                            + "; remove the file and drop it again",
                    e);
        }
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
