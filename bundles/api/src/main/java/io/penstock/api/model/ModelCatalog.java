// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.model;

import io.penstock.api.access.Actor;
import java.util.List;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/** What models are on the gateway and what became of releases. Thread-safe; {@link #rollback} may take seconds. */
@ProviderType
public interface ModelCatalog {
    /** The last receipts, newest first, at most 100. */
    List<Receipt> receipts();

    /** The model that a rollback of this pipeline would return to. */
    Optional<ModelIdentity> fallback(String pipeline);

    /** Returns a pipeline to its fallback and remembers that. */
    Receipt rollback(String pipeline, Actor actor, String reason);
}
