// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.memory.MemoryBudget;
import java.util.List;
import javax.security.auth.x500.X500Principal;

/**
 * The room's configuration, checked.
 *
 * @param pollMs how often drop folder and requests are looked at.
 * @param stableMs how long an incomplete file must not change to count as cut off.
 * @param probeTimeoutMs longest trial of a model.
 * @param probeInOwnProcess whether a model is tried outside the gateway's process.
 * @param swapTimeoutMs how long a rollout waits for the next cycle of a pipeline before it lets it finish by itself.
 * @param maximumWarmUpMs how long the operators of a new model may run beside the old ones before it takes over.
 * @param pipelineWaitMs how long after the start a release waits for its pipeline.
 * @param maximumReleaseMiB largest release file, also unpacked.
 * @param requiredSigners subjects that must sign together, empty for any one.
 * @param revocationListRequired whether each CA needs a current revocation list.
 * @param maximumCrashes crashes after which a release is quarantined.
 */
record Settings(
        long pollMs,
        long stableMs,
        long probeTimeoutMs,
        boolean probeInOwnProcess,
        long swapTimeoutMs,
        long maximumWarmUpMs,
        long pipelineWaitMs,
        int maximumReleaseMiB,
        List<String> requiredSigners,
        boolean revocationListRequired,
        int maximumCrashes) {
    Settings {
        requiredSigners = List.copyOf(requiredSigners);
        inRange("pollMs", pollMs, 20, 10_000);
        inRange("stableMs", stableMs, 100, 3_600_000);
        inRange("probeTimeoutMs", probeTimeoutMs, 1_000, 3_600_000);
        inRange("swapTimeoutMs", swapTimeoutMs, 100, 3_600_000);
        inRange("maximumWarmUpMs", maximumWarmUpMs, 0, 86_400_000);
        inRange("pipelineWaitMs", pipelineWaitMs, 0, 3_600_000);
        inRange("maximumReleaseMiB", maximumReleaseMiB, 1, 1024);
        checkHeap(maximumReleaseMiB, MemoryBudget.ofThisProcess());
        inRange("maximumCrashes", maximumCrashes, 1, 100);
        for (String signer : requiredSigners) {
            try {
                new X500Principal(signer);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        "requiredSigners: subjects as CN=Data science,O=Waterworks, was '" + signer + "'", e);
            }
        }
        if (requiredSigners.stream().map(X500Principal::new).distinct().count() < requiredSigners.size()) {
            throw new IllegalArgumentException("requiredSigners: each subject once, were " + requiredSigners);
        }
    }

    /** File, content and the model before are in memory together; a gateway that runs out of it ends. */
    static void checkHeap(int maximumReleaseMiB, MemoryBudget budget) {
        long most = budget.largestReleaseBytes() >> 20;
        if (maximumReleaseMiB > most) {
            throw new IllegalArgumentException("maximumReleaseMiB: at most " + most
                    + ", an eighth of the gateway's heap of " + budget + ", was " + maximumReleaseMiB
                    + "; lower it, or give the gateway a larger heap, e.g. PENSTOCK_OPTS=-Xmx1g");
        }
    }

    /** What nobody has configured must not stop a gateway with a small heap. */
    static int unconfiguredReleaseMiB(MemoryBudget budget) {
        return (int) (budget.largestReleaseBytes() >> 20);
    }

    private static void inRange(String key, long value, long low, long high) {
        if (value < low || value > high) {
            throw new IllegalArgumentException(key + ": " + low + " to " + high + ", was " + value);
        }
    }

    static Settings of(Models.Config config) {
        int maximumReleaseMiB = config.maximumReleaseMiB();
        return new Settings(
                config.pollMs(),
                config.stableMs(),
                config.probeTimeoutMs(),
                config.probeInOwnProcess(),
                config.swapTimeoutMs(),
                config.maximumWarmUpMs(),
                config.pipelineWaitMs(),
                maximumReleaseMiB == 0 ? unconfiguredReleaseMiB(MemoryBudget.ofThisProcess()) : maximumReleaseMiB,
                List.of(config.requiredSigners()),
                config.revocationListRequired(),
                config.maximumCrashes());
    }

    long maximumReleaseBytes() {
        return (long) maximumReleaseMiB << 20;
    }
}
