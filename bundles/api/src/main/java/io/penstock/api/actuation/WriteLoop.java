// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.actuation;

import io.penstock.api.access.Actor;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.TagId;
import io.penstock.api.model.ModelArtifact;
import java.util.List;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/**
 * One loop from one output of one pipeline to one tag, with the plant's limits. Every write of the product is decided here.
 * A loop starts open and never closes by itself. Thread-safe; {@link #offer} is called by the pipeline's thread only.
 */
@ProviderType
public interface WriteLoop {
    /** The loop's configured name. */
    String name();

    /** The pipeline whose predictions it takes. */
    String pipeline();

    TagId target();

    /** Profile of the write-back, {@code setpoint} or {@code mailbox}. */
    String profile();

    /** Tells which model will offer from the next cycle on; a closed loop opens unless the plant approved this release. */
    void model(ModelArtifact model);

    /**
     * Decides on a prediction, and where it says ASKED or LIMITED hands the value to the connector. Waits for nobody.
     */
    WriteOutcome offer(Prediction prediction);

    /** Whether an actor closed it and no guard opened it since. */
    boolean closed();

    /**
     * Closes the loop.
     *
     * @return the guards that forbid it, in words; empty if it is closed now.
     */
    List<String> close(Actor actor, String reason);

    /** Opens the loop; always allowed. */
    void open(Actor actor, String reason);

    /** Why it opened last, empty if it never did. */
    String lastOpenReason();

    /** How the last write ended at the plant. */
    Optional<WriteReceipt> lastReceipt();

    /** Counts since start. */
    WriteCounts counts();
}
