// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.access.Users;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.audit.AuditTrail;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.pipeline.Pipeline;
import java.util.List;
import java.util.Optional;

/** The services of the gateway that happen to be there; asked anew each time. Thread-safe. */
interface Gateway {
    List<Pipeline> pipelines();

    List<TagSource> sources();

    Optional<ModelCatalog> catalog();

    Optional<Users> users();

    AuditTrail audit();

    default Optional<Pipeline> pipeline(String name) {
        return pipelines().stream().filter(p -> p.name().equals(name)).findFirst();
    }
}
