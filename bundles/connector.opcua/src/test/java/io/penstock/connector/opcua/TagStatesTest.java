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
import io.penstock.api.data.TagId;
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
    private static final long FAR = 4_070_908_800_000L; // 2099

    private final TagDefinition scalar = Plant.tag("A", "ns=1;s=A", DataType.LREAL, 1);
    private final TagDefinition other = Plant.tag("B", "ns=1;s=B", DataType.LREAL, 1);
    private final SettableClock clock = new SettableClock(T0);
    private final TagStates tags = states(false);
    private final Plant.Heard heard = new Plant.Heard();

    private TagStates states(boolean refusesLeading) {
        SourceClocks clocks = new SourceClocks("plant", new SourceClocks.Bounds(5_000, 10_000, refusesLeading), 100);
        return new TagStates("plant", List.of(scalar, other), clock, clocks);
    }

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
    void aRepeatedNotificationIsDroppedAndCounted() {
        receive(0, value(1, 0, T0), value(2, 0, T0 + 1));
        receive(0, value(1, 0, T0), value(2, 0, T0 + 1));
        assertEquals(
                List.of(1.0, 2.0), heard.of("A").stream().map(Sample::value).toList());
        assertEquals(new TagStates.Counts(2, 0, 0), tags.counts());
        assertEquals(List.of(), heard.confirmed("A"), "nobody has looked at the tag");
        tags.lost();
        receive(0, value(1, 0, T0), value(2, 0, T0 + 1));
        assertEquals(2, heard.last("A").value(), "a new session begins with what there is");
    }

    // After the plant's clock was set back an hour the tag was deaf for an hour, after one sample of 2099 until then.
    // In one
    // notification, too, the last word of a tag is its newest.
    @Test
    void whatComesLaterIsNewerWhateverItsSourceTime() {
        receive(0, value(1, 0, T0));
        receive(0, value(2, 0, T0 - 3_600_000), value(3, 0, T0 - 3_599_000));
        receive(0, value(4, 0, FAR), value(5, 0, T0 + 1), value(6, 0, T0 - 1));
        receive(0, value(7, 0, T0 + 2));
        assertEquals(
                List.of(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0),
                heard.of("A").stream().map(Sample::value).toList());
        assertTrue(statuses("A").stream().allMatch(s -> s == 0));
        assertEquals(
                List.of(T0, T0 - 3_600_000, T0 - 3_599_000, FAR, T0 + 1, T0 - 1, T0 + 2),
                heard.of("A").stream().map(s -> s.sourceTimeNs() / 1_000_000).toList());
    }

    // Behind a clock that is hours ahead stood a value the model had never been allowed to see, or saw without anyone's
    // knowing.
    @Test
    void aLeadBeyondTheBoundIsToldAndUsedOrRefused() {
        receive(0, value(1, 0, T0 + 5_000));
        assertEquals("", tags.clockWarning());
        receive(0, value(2, 0, T0 + 5_001));
        assertEquals(
                "source times of 1 tags are ahead of this gateway's clock, first A by 5001 ms, values used as of their"
                        + " arrival; check both clocks",
                tags.clockWarning());
        assertEquals(2, heard.last("A").value());
        receive(0, value(3, 0, T0 + 1));
        assertEquals("", tags.clockWarning());

        TagStates strict = states(true);
        Plant.Heard told = new Plant.Heard();
        strict.subscribe(told, Runnable::run);
        strict.received(List.of(strict.items().get(0)), List.of(value(2, 0, T0 + 5_001)), 1, () -> true);
        assertEquals(StatusCode.BAD_INVALID_TIMESTAMP, told.last("A").status());
        assertTrue(Double.isNaN(told.last("A").value()));
        assertTrue(strict.clockWarning().contains("values refused"), strict.clockWarning());
        clock.ms += 1;
        strict.readAgain(List.of(strict.items().get(0)), List.of(value(2, 0, T0 + 5_001)), 9, () -> true);
        assertEquals(2, told.last("A").value(), "our own clock was behind, which has passed");
        assertEquals(9, told.last("A").arrivalNanos());
        assertEquals("", strict.clockWarning());
    }

    // A clock an hour behind makes fresh values look old to everyone who reads the source time.
    @Test
    void aLagIsToldForWhatHasJustChangedOnly() {
        receive(0, value(1, 0, T0 - 86_400_000));
        assertEquals("", tags.clockWarning(), "a static tag may be of yesterday");
        receive(0, value(2, 0, T0 - 10_101));
        assertEquals(
                "changes of 1 tags come late after their source times, first A by 10101 ms; check both clocks",
                tags.clockWarning());
        receive(0, value(3, 0, T0 - 10_100));
        assertEquals("", tags.clockWarning());
    }

    // "Source time went back" came 3450 times in an hour: the log was full of it and of nothing else.
    @Test
    void aClockThatGoesToAndFroFillsNoLog() {
        for (int i = 0; i < 1000; i++) {
            receive(0, value(i, 0, i % 2 == 0 ? FAR : T0));
        }
        assertEquals(1000, heard.of("A").size());
        assertEquals(500, tags.counts().older());
    }

    // Sixty losses of a static tag had moved its source time by 60 ns and made it Uncertain for good.
    @Test
    void aStaticTagSurvivesAnyNumberOfLosses() {
        receive(0, value(5, 0, T0));
        for (int i = 1; i <= 100; i++) {
            clock.ms += 1000;
            int loss = tags.lost();
            assertEquals((T0 + i * 1000L) * 1_000_000, heard.last("A").sourceTimeNs(), "when it was recognised");
            assertEquals(1, heard.last("A").arrivalNanos(), "its age goes on");
            receive(0, value(5, 0, T0));
            tags.stillLost(loss);
            assertEquals(new Sample(new TagId("A"), 5, 0, T0 * 1_000_000, 1), heard.last("A"));
        }
        assertEquals(new TagStates.Counts(0, 0, 0), tags.counts());
    }

    // Only evidence about the tag itself makes it young; what was read and is different does not, nor what the link
    // says.
    @Test
    void onlyTheSameValueReadAgainConfirms() {
        receive(0, value(5, 0, T0));
        TagStates.Item a = tags.items().get(0);
        assertEquals(List.of(a), tags.unconfirmed(2, 10));
        assertEquals(List.of(), tags.unconfirmed(1, 10));
        tags.alive();
        tags.readAgain(List.of(a), List.of(value(6, 0, T0 + 1)), 10, () -> true);
        tags.readAgain(List.of(a), List.of(value(5, 0x40930000L, T0)), 11, () -> true);
        tags.readAgain(List.of(a), List.of(value(5, 0, T0)), 12, () -> false);
        assertEquals(List.of(), heard.confirmed("A"));
        assertTrue(tags.agedWarning(2).contains("values of 1 tags grow old, first A"), tags.agedWarning(2));
        assertEquals("", tags.agedWarning(1));
        tags.readAgain(List.of(a), List.of(value(5, 0, T0 + 50)), 13, () -> true);
        tags.readAgain(List.of(a), List.of(value(5, 0, T0)), 13, () -> true);
        assertEquals(List.of(new Plant.Confirmed(new TagId("A"), T0 * 1_000_000, 13)), heard.confirmed("A"));
        assertEquals(1, heard.of("A").size());
        assertEquals(List.of(), tags.unconfirmed(13, 10));
        tags.lost();
        assertEquals(13, heard.last("A").arrivalNanos(), "a loss makes it neither younger nor older");
        tags.readAgain(List.of(a), List.of(value(5, 0, T0)), 20, () -> true);
        assertEquals(1, heard.confirmed("A").size(), "what is lost is not confirmed");
        assertEquals(List.of(), tags.unconfirmed(100, 10));
        Plant.Heard late = new Plant.Heard();
        tags.subscribe(late, Runnable::run);
        assertEquals(13, late.last("A").arrivalNanos());
    }

    // A date of 30000 that wraps round is one of 1770, and the other way about.
    @Test
    void timesBeyondSixtyFourBitsDoNotWrap() {
        receive(0, value(1, 0, 4_000_000_000_000_000L / 10), value(2, 0, -11_644_473_500_000L));
        assertTrue(heard.of("A").get(0).sourceTimeNs() > T0 * 1_000_000);
        assertTrue(heard.of("A").get(1).sourceTimeNs() < 0);
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
        assertEquals(T0 * 1_000_000, heard.last("A").sourceTimeNs());
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
