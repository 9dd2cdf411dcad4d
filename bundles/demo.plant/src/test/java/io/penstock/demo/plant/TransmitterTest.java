// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class TransmitterTest {
    private final Transmitter uv = new Transmitter(PlantTag.AT_1003, 30, 0.01, 0, 12, new Random(1));

    // Had this failed, the demo's readings would be finer than any analogue input gives.
    @Test
    void readingIsAMultipleOfTheTwelveBitStep() {
        double step = 60.0 / 4095;
        for (int i = 0; i < 100; i++) {
            uv.measure(uv.follow(12 + i / 10.0, 10), 0);
            double counts = uv.reading() / step;
            assertEquals(Math.rint(counts), counts, 1e-6);
        }
    }

    // Had this failed, a signal above the range would have looked like a higher value.
    @Test
    void signalSaturatesAtNamurLimits() {
        uv.follow(500, 1e9);
        uv.measure(500, 0);
        assertEquals(60 * 16.5 / 16, uv.reading(), 0.02);
        assertFalse(uv.hasFailed());
    }

    // Had this failed, a broken wire would have been dosed as clear water.
    @Test
    void brokenWireReadsFarBelowTheRangeAndIsMarked() {
        uv.breakWire();
        uv.measure(12, 0);
        assertEquals(-15, uv.reading(), 0.02);
        assertTrue(uv.hasFailed());
        uv.repair();
        uv.measure(12, 0);
        assertEquals(12, uv.reading(), 1);
        assertFalse(uv.hasFailed());
    }

    // Had this failed, the frozen sensor of the demo would have kept moving.
    @Test
    void frozenInstrumentRepeatsItsLastValueThroughAStorm() {
        uv.measure(12, 0);
        double before = uv.reading();
        uv.freeze();
        for (int i = 0; i < 50; i++) {
            uv.measure(uv.follow(30, 10), i);
            assertEquals(before, uv.reading());
        }
        uv.repair();
        uv.measure(30, 50);
        assertNotEquals(before, uv.reading());
    }

    // Had this failed, fouling would not have crept.
    @Test
    void foulingAddsFivePercentAnHour() {
        Transmitter clean = new Transmitter(PlantTag.AT_1002A, 30, 0, 0, 100, new Random(1));
        clean.foul(2);
        clean.measure(100, 4);
        assertEquals(110, clean.reading(), 0.2);
    }
}
