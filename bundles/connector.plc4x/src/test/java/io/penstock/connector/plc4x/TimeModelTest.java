// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import static io.penstock.connector.plc4x.Fixtures.settings;
import static io.penstock.connector.plc4x.Fixtures.tag;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * What a listener is told of polls, losses and silence while our clock is stepped at will, which is all the time a device
 * without a clock has; {@code scripts/time} runs a million steps.
 */
class TimeModelTest {
    private static final int STEPS = Integer.getInteger("penstock.time.steps", 30_000);
    private static final long SEED = Long.getLong("penstock.time.seed", 20_261_130);
    private static final int TAGS = 3;

    // After the clock had been two minutes ahead, no loop could be closed until the gateway was started anew.
    @Test
    void everyPollIsHeardWhateverTheClockDoes() {
        Random random = new Random(SEED);
        SampleHub hub = new SampleHub(new TagTable(
                List.of(
                        tag("T0", "holding-register:1", DataType.INT),
                        tag("T1", "holding-register:2", DataType.INT),
                        tag("T2", "holding-register:3", DataType.INT)),
                settings(1)));
        List<Sample> told = new ArrayList<>();
        SampleListener listener = told::add;
        hub.add(new SampleHub.Listening(listener, l -> {}));
        Sample[] last = new Sample[TAGS];
        long nanos = 1;
        long wallNs = 1_700_000_000_000_000_000L;
        for (int step = 0; step < STEPS; step++) {
            told.clear();
            long pass = random.nextInt(200) * 1_000_000L;
            nanos += pass;
            wallNs += pass;
            List<Sample> expected = new ArrayList<>();
            int what = random.nextInt(100);
            if (what < 10) {
                wallNs += (random.nextInt(7) - 3) * (random.nextBoolean() ? 1_500_000_000L : 3_600_000_000_000L);
            } else if (what < 80) {
                int i = random.nextInt(TAGS);
                int status = random.nextInt(8) == 0 ? StatusCode.BAD_SENSOR_FAILURE : StatusCode.GOOD;
                double value = random.nextInt(4);
                hub.publish(i, value, status, wallNs, nanos);
                expected.add(sample(i, StatusCode.isBad(status) ? Double.NaN : value, status, wallNs, nanos));
            } else {
                boolean silent = what >= 90;
                for (int i = 0; i < TAGS; i++) {
                    Sample before = last[i];
                    boolean bad = before == null || StatusCode.isBad(before.status());
                    int kept = before == null ? StatusCode.BAD_WAITING_FOR_INITIAL_DATA : before.status();
                    expected.add(sample(
                            i,
                            silent || bad ? Double.NaN : before.value(),
                            silent
                                    ? StatusCode.BAD_NO_COMMUNICATION
                                    : bad ? kept : StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE,
                            wallNs, // when it was recognised
                            before == null ? nanos : before.arrivalNanos()));
                }
                if (silent) {
                    hub.silent(wallNs, nanos);
                } else {
                    hub.lost(wallNs, nanos);
                }
            }
            assertEquals(expected, told, "seed " + SEED + " fails at step " + step + "; no shorter prefix does");
            expected.forEach(sample -> last[sample.tag().name().charAt(1) - '0'] = sample);
        }
    }

    private static Sample sample(int i, double value, int status, long sourceNs, long arrivalNanos) {
        return new Sample(new TagId("T" + i), value, status, sourceNs, arrivalNanos);
    }
}
