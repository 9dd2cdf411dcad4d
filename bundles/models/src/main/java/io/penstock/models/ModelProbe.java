// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;

/** Tries a model before any pipeline sees it. */
interface ModelProbe {
    /** What must come first, in words: an engine that is being updated; empty if it can be tried now. */
    String waitsFor();

    /**
     * Computes what its contract takes in a pipeline for which nothing is configured.
     *
     * @throws ModelRejectedException if this gateway cannot hold it, with the figures.
     */
    void checkMemory(Release release) throws ModelRejectedException;

    /**
     * Loads the model and replays its golden vectors, within a bounded time.
     *
     * @return the evidence.
     * @throws ModelRejectedException if it does not load, differs, or takes too long.
     */
    String probe(Release release) throws ModelRejectedException, InterruptedException;
}
