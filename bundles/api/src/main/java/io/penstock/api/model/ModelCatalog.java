// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.model;

import io.penstock.api.access.Actor;
import java.util.List;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/**
 * What models are on the gateway and what became of releases. Thread-safe; reading it waits for nobody. {@link #rollback} and
 * {@link #cancel} wait for no release that is read, tried or warming up, but for a cycle of their pipeline.
 */
@ProviderType
public interface ModelCatalog {
    /** The last receipts, newest first, at most 100. */
    List<Receipt> receipts();

    /** The model that a rollback of this pipeline would return to. */
    Optional<ModelIdentity> fallback(String pipeline);

    /** What each pipeline is meant to run, by name; also of those that are configured no more. */
    List<ModelStanding> standings();

    /** Releases that are not run any more because the gateway crashed with them, in words. */
    List<String> quarantined();

    /** How many crashes of the gateway are charged to which release, in words. */
    List<String> crashes();

    /** The last deaths of the gateway, newest first: when, of what, who was charged and why, in words. */
    List<String> deaths();

    /**
     * Returns a pipeline to the fallback of what serves, and remembers that. What is on its way to the pipeline is given up,
     * and what was dropped before is held back: else it would undo this. The receipt's steps tell of it.
     */
    Receipt rollback(String pipeline, Actor actor, String reason);

    /**
     * Gives up what is on its way to a pipeline and holds back what was dropped before; what serves stays.
     *
     * @return CANCELLED, or FAILED_NOTHING_CHANGED where the release took over at that very moment.
     */
    Receipt cancel(String pipeline, Actor actor, String reason);
}
