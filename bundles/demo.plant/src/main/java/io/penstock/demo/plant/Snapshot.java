// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import java.time.Instant;

/**
 * What the PLC shows after one scan. Immutable by agreement: the arrays are not shared with the plant and nobody writes them.
 *
 * @param time of the scan.
 * @param titrated when the alkalinity was sampled.
 * @param plantSeconds the PLC's clock.
 * @param titrationAge seconds of the plant since then.
 * @param readings by the order of {@link PlantTag}.
 * @param failed whether NE 43 says that the transmitter has failed, in the same order.
 * @param requested last remote setpoint, NaN if there was none.
 * @param requestAge seconds of the wall clock since then.
 * @param state who decides the dose.
 * @param remoteSelected whether HS-2001 stands on REMOTE.
 * @param pumpFailed XS-2001 fault.
 * @param pumping whether coagulant flows.
 * @param life the PLC's life counter, 16 bits.
 */
@SuppressWarnings("ArrayRecordComponent") // nobody compares snapshots
record Snapshot(
        Instant time,
        Instant titrated,
        double plantSeconds,
        double titrationAge,
        double[] readings,
        boolean[] failed,
        double requested,
        double requestAge,
        Plc.State state,
        boolean remoteSelected,
        boolean pumpFailed,
        boolean pumping,
        int life) {
    double reading(PlantTag tag) {
        return readings[tag.index()];
    }

    boolean hasFailed(PlantTag tag) {
        return failed[tag.index()];
    }
}
