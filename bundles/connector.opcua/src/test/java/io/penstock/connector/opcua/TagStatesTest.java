// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.junit.jupiter.api.Test;

class TagStatesTest {
    private static final long T0 = 1_700_000_000_000L;

    private final TagDefinition scalar = Plant.tag("A", "ns=1;s=A", DataType.LREAL, 1);
    private final TagDefinition other = Plant.tag("B", "ns=1;s=B", DataType.LREAL, 1);
    private final TagStates tags = new TagStates("plant", List.of(scalar, other), Clock.systemUTC());
    private final Plant.Heard heard = new Plant.Heard();

    TagStatesTest() {
        tags.subscribe(heard, Runnable::run);
    }

    private static DataValue value(double value, long status, long ms) {
        return DataValue.newValue()
                .setValue(Variant.ofDouble(value))
                .setStatus(status)
                .setSourceTime(new DateTime(Instant.ofEpochMilli(ms)))
                .setServerTime(new DateTime(Instant.ofEpochMilli(ms + 7)))
                .build();
    }

    private void receive(int item, DataValue... values) {
        tags.received(Collections.nCopies(values.length, tags.items().get(item)), List.of(values), 1, () -> true);
    }

    private List<Integer> statuses(String tag) {
        return heard.of(tag).stream().map(Sample::status).toList();
    }

    // The server groups values by item; taken as they come, a frame would mix instants of the plant.
    @Test
    void oneNotificationIsDeliveredBySourceTime() {
        TagStates.Item a = tags.items().get(0);
        TagStates.Item b = tags.items().get(1);
        tags.received(
                List.of(a, a, b, b),
                List.of(value(1, 0, T0), value(3, 0, T0 + 2), value(2, 0, T0 + 1), value(4, 0, T0 + 3)),
                1,
                () -> true);
        assertEquals(
                List.of(1.0, 2.0, 3.0, 4.0),
                heard.samples().stream().map(Sample::value).toList());
        assertEquals(2, heard.batches(), "one at the beginning, one per notification");
    }

    // Values under way while the connection was lost would have looked fresh for as long as the server stays away.
    @Test
    void whatComesBehindALossOfItsSessionIsLeftOut() {
        receive(0, value(1, 0, T0));
        tags.lost();
        tags.received(List.of(tags.items().get(0)), List.of(value(2, 0, T0 + 1)), 2, () -> false);
        List<Sample> samples = heard.of("A");
        assertEquals(
                StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE,
                samples.get(samples.size() - 1).status());
    }

    // A notification repeated by the server after a lost answer would count every value twice.
    @Test
    void repeatedAndOlderValuesAreDroppedAndCounted() {
        receive(0, value(1, 0, T0), value(2, 0, T0 + 1));
        receive(0, value(1, 0, T0), value(2, 0, T0 + 1));
        assertEquals(
                List.of(1.0, 2.0), heard.of("A").stream().map(Sample::value).toList());
        assertEquals(new TagStates.Counts(1, 1, 0), tags.counts());
    }

    // After the plant's clock was set back an hour, the old value must not pass for a fresh one all that hour.
    @Test
    void clockSetBackMakesTheTagUncertainUntilItCaughtUp() {
        receive(0, value(1, 0, T0));
        receive(0, value(2, 0, T0 - 3_600_000));
        receive(0, value(3, 0, T0 - 3_599_000));
        assertEquals(List.of(0, StatusCode.UNCERTAIN_LAST_USABLE_VALUE), statuses("A"));
        assertTrue(tags.anyWentBack());
        receive(0, value(4, 0, T0 + 1));
        assertEquals(4, heard.last("A").value());
        assertEquals(0, heard.last("A").status());
        assertTrue(!tags.anyWentBack());
    }

    // What the contract promises at a loss, for a tag with a value, one that was Bad, and one that never came.
    @Test
    void lossIsToldOncePerTagAndTurnsBad() {
        receive(0, value(5, 0, T0));
        int loss = tags.lost();
        assertEquals(loss + 1, tags.lost());
        assertEquals(List.of(0, StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE), statuses("A"));
        assertEquals(5, heard.last("A").value());
        assertEquals(List.of(StatusCode.BAD_WAITING_FOR_INITIAL_DATA), statuses("B"));
        receive(1, value(6, 0, T0));
        tags.stillLost(loss);
        assertEquals(StatusCode.BAD_NO_COMMUNICATION, heard.last("A").status());
        assertTrue(Double.isNaN(heard.last("A").value()));
        assertEquals(0, heard.last("B").status(), "it came back before");
        receive(0, value(5, 0, T0));
        assertEquals(0, heard.last("A").status(), "unchanged at the plant, good again");
        assertEquals(T0 * 1_000_000, heard.last("A").sourceTimeNs() / 100 * 100);
    }

    // Bad before the cut and Bad after it for the same reason: "no communication" would send the electrician to the
    // cable.
    @Test
    void aTagThatCameBackUnchangedIsNotLostLater() {
        receive(0, value(5, 0, T0), value(0, 0x808C0000L, T0 + 1));
        receive(1, value(1, 0, T0));
        tags.refused(tags.items().get(1), StatusCode.BAD_NODE_ID_UNKNOWN, "the server has no such node");
        int loss = tags.lost();
        receive(0, value(0, 0x808C0000L, T0 + 1));
        tags.refused(tags.items().get(1), StatusCode.BAD_NODE_ID_UNKNOWN, "the server has no such node");
        tags.stillLost(loss);
        assertEquals(StatusCode.BAD_SENSOR_FAILURE, heard.last("A").status());
        assertEquals(StatusCode.BAD_NODE_ID_UNKNOWN, heard.last("B").status());
    }

    // A server that starts with an older clock after a power cut: the tag is told what it is, and not as lost.
    @Test
    void aClockBehindAfterALossIsSaidToBeThat() {
        receive(0, value(5, 0, T0));
        int loss = tags.lost();
        receive(0, value(6, 0, T0 - 1_000));
        tags.stillLost(loss);
        assertEquals(StatusCode.UNCERTAIN_LAST_USABLE_VALUE, heard.last("A").status());
        assertTrue(tags.anyWentBack());
        receive(0, value(7, 0, T0 + 1));
        assertEquals(7, heard.last("A").value());
    }

    // A REAL without a number, shown Good, passes every limit check there is.
    @Test
    void whatIsNoNumberIsBadAndAnythingBadKeepsItsStatus() {
        receive(0, value(Double.NaN, 0, T0), value(Double.POSITIVE_INFINITY, 0x40930000L, T0 + 1));
        receive(0, value(Double.NaN, 0x80320000L, T0 + 2));
        assertEquals(List.of(StatusCode.BAD_SENSOR_FAILURE, StatusCode.BAD_SENSOR_FAILURE, 0x80320000), statuses("A"));
        assertTrue(heard.of("A").stream().allMatch(s -> Double.isNaN(s.value())));
    }

    // While a pipeline's bundle is replaced its classes are gone; the other pipelines must hear every value.
    @Test
    void aListenerWhoseClassesAreGoneDoesNotHurtTheNext() {
        tags.subscribe(
                sample -> {
                    throw sample.value() == 1
                            ? new NoClassDefFoundError("bundle is gone")
                            : new AssertionError("defect");
                },
                Runnable::run);
        Plant.Heard after = new Plant.Heard();
        tags.subscribe(after, Runnable::run);
        receive(0, value(1, 0, T0), value(2, 0, T0 + 1));
        assertEquals(2, after.of("A").size());
        assertEquals(1, tags.lost());
    }

    // A sensor that was broken before the cable was cut is not made better by the cut.
    @Test
    void badStaysBadAtALoss() {
        receive(0, value(5, 0, T0), value(0, 0x808C0000L, T0 + 1));
        tags.lost();
        assertEquals(StatusCode.BAD_SENSOR_FAILURE, heard.last("A").status());
    }

    // A server without source times would otherwise have its values stamped with our clock.
    @Test
    void serverTimeStandsInForAMissingSourceTime() {
        receive(
                0,
                DataValue.newValue()
                        .setValue(Variant.ofDouble(1))
                        .setServerTime(new DateTime(Instant.ofEpochMilli(T0)))
                        .build());
        assertEquals(T0 * 1_000_000, heard.last("A").sourceTimeNs());
    }

    // Values the server had no room for are gone; nobody would know.
    @Test
    void overflowOfTheServersQueueIsCounted() {
        receive(0, value(1, 0x00000480L, T0));
        assertEquals(1, tags.counts().overflowed());
        assertEquals(0x480, heard.last("A").status(), "the status is passed on as it is");
    }

    // One consumer's defect must not stop the others.
    @Test
    void listenerThatThrowsDoesNotHurtTheNext() {
        List<Sample> after = new ArrayList<>();
        tags.subscribe(
                sample -> {
                    throw new IllegalStateException("defect");
                },
                Runnable::run);
        SampleListener next = after::add;
        tags.subscribe(next, Runnable::run);
        receive(0, value(1, 0, T0), value(2, 0, T0 + 1));
        assertEquals(2, after.size());
    }
}
