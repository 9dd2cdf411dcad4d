// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.time.Clock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * What rollout, restoration and rollback share.
 *
 * @param store what is on disk.
 * @param accepted releases that may serve.
 * @param ledger where results are written down.
 * @param retention what is installed and kept.
 * @param swaps swaps under way.
 * @param pipelines those that are there.
 * @param probe tries models.
 * @param settings the configuration.
 * @param clock the time of day.
 * @param nanoTime monotonic time.
 * @param kept verified releases in memory.
 * @param deciding held by whoever changes the state or what is under way, and never while something is waited for: no disk,
 *     no model, no cycle.
 */
record Parts(
        ReleaseStore store,
        AcceptedReleases accepted,
        Ledger ledger,
        Retention retention,
        Swaps swaps,
        Pipelines pipelines,
        ModelProbe probe,
        Settings settings,
        Clock clock,
        LongSupplier nanoTime,
        KeptReleases kept,
        ReentrantLock deciding) {}
