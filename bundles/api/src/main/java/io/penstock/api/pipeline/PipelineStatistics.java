// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.pipeline;

/**
 * Figures since the pipeline's start. Immutable snapshot; latencies in microseconds over the last cycles.
 *
 * @param cycles cycles run.
 * @param missedCycles points of the grid (or changes, where every change triggers) without a cycle.
 * @param overruns cycles that took longer than the period.
 * @param failures cycles without a usable prediction.
 * @param droppedResults results a slow publisher did not get.
 * @param droppedSamples samples lost to full queues.
 * @param cycleMicrosP50 median of a whole cycle.
 * @param cycleMicrosP99 99th percentile of a whole cycle.
 * @param inferenceMicrosP50 median of the model's run.
 * @param acquisitionToWriteMicrosP50 median from the arrival of the newest input to the write handed to the connector.
 * @param acquisitionToWriteMicrosP99 99th percentile of the same.
 * @param detail what is wrong in words, empty if all is well.
 */
public record PipelineStatistics(
        long cycles,
        long missedCycles,
        long overruns,
        long failures,
        long droppedResults,
        long droppedSamples,
        double cycleMicrosP50,
        double cycleMicrosP99,
        double inferenceMicrosP50,
        double acquisitionToWriteMicrosP50,
        double acquisitionToWriteMicrosP99,
        String detail) {}
