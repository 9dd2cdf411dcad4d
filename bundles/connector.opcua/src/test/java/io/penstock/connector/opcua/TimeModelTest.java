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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.junit.jupiter.api.Test;

/**
 * What a listener is told against a server whose every value is remembered. Random schedules of changes, notifications, reads
 * that overtake them, keep-alives, losses and returns, refusals, steps of our clock and jumps of the server's; {@code
 * scripts/time} runs a million steps.
 */
class TimeModelTest {
    private static final int STEPS = Integer.getInteger("penstock.time.steps", 30_000);
    private static final long SEED = Long.getLong("penstock.time.seed", 20_261_130);
    private static final int PART = 5_000;
    private static final int TAGS = 3;
    private static final long FAR = 4_070_908_800_000L; // 2099

    // A tag that falls silent, or speaks of another time than its own, is a machine moved by a value nobody has.
    @Test
    void listenersHearWhatTheServerSaid() {
        for (int part = 0; part * PART < STEPS; part++) {
            long seed = SEED + part;
            World world = new World(seed, part % 2 == 1);
            try {
                for (int step = 0; step < PART; step++) {
                    world.step();
                }
            } catch (AssertionError e) {
                throw new AssertionError(
                        "seed " + seed + " fails at step " + world.steps
                                + " (no shorter prefix does); what came before:\n  " + String.join("\n  ", world.log)
                                + "\n" + e.getMessage(),
                        e);
            }
            assertTrue(
                    world.confirmations > 10 && world.losses > 30 && world.samples > 300,
                    "too tame: " + world.confirmations + " confirmations, " + world.losses + " losses, " + world.samples
                            + " samples");
        }
    }

    /** One value of one tag at the server. */
    private record Said(double value, long status, long sourceMs, long serverMs) {
        DataValue onTheWire() {
            return DataValue.newValue()
                    .setValue(Variant.ofDouble(value))
                    .setStatus(status)
                    .setSourceTime(new DateTime(Instant.ofEpochMilli(sourceMs)))
                    .setServerTime(new DateTime(Instant.ofEpochMilli(serverMs)))
                    .build();
        }

        boolean sameAs(Said other) {
            return value == other.value && status == other.status && sourceMs == other.sourceMs;
        }
    }

    /** A read on its way back: what the server had when it answered. */
    private record Read(int tag, Said found, long sentNanos, int session) {}

    private static final class Tag {
        /** What the server has now, and what of it is on the way in notifications. */
        Said now;

        final Deque<Said> under = new ArrayDeque<>();
        /** The server's last word that was delivered in any session; null where the listener's last word is our own. */
        Said heard;

        long heardNanos;
        boolean lost;
        int loss;
        boolean hadValue;
        Sample expected;
        boolean refusedForLead;
    }

    private static final class World implements SampleListener {
        final Deque<String> log = new ArrayDeque<>();
        int steps;
        int confirmations;
        int losses;
        int samples;

        private final Random random;
        private final SettableClock clock = new SettableClock(1_700_000_000_000L);
        private final TagStates states;
        private final boolean refusesLeading;
        private final Tag[] tags = new Tag[TAGS];
        private final List<Read> reads = new ArrayList<>();
        private long nanos = 1_000_000_000L;
        private long skewMs;
        private int session = 1;
        private boolean connected = true;
        private int loss;
        private double counter;
        private List<TagStates.Item> lastItems = List.of();
        private List<DataValue> lastValues = List.of();
        private final List<Sample> told = new ArrayList<>();
        private final List<Plant.Confirmed> confirmed = new ArrayList<>();

        World(long seed, boolean refusesLeading) {
            random = new Random(seed);
            this.refusesLeading = refusesLeading;
            List<TagDefinition> definitions = new ArrayList<>();
            for (int i = 0; i < TAGS; i++) {
                definitions.add(Plant.tag("T" + i, "ns=1;s=T" + i, DataType.LREAL, 1));
                tags[i] = new Tag();
                tags[i].now = change(0);
                tags[i].under.add(tags[i].now);
            }
            states = new TagStates(
                    "plant",
                    definitions,
                    clock,
                    new SourceClocks("plant", new SourceClocks.Bounds(5_000, 10_000, refusesLeading), 100));
            states.subscribe(this, Runnable::run);
        }

        private Said change(double value) {
            long serverMs = clock.ms + skewMs;
            long status = random.nextInt(12) == 0 ? 0x40930000L : 0;
            return new Said(value, status, serverMs, serverMs);
        }

        @Override
        public void onSample(Sample sample) {
            told.add(sample);
        }

        @Override
        public void onConfirmed(TagId tag, long sourceTimeNs, long nanoTime) {
            confirmed.add(new Plant.Confirmed(tag, sourceTimeNs, nanoTime));
        }

        void step() {
            steps++;
            told.clear();
            confirmed.clear();
            int what = random.nextInt(100);
            if (what < 20) {
                pass(random.nextInt(200));
            } else if (what < 38) {
                changeSomething();
            } else if (what < 55) {
                notification();
            } else if (what < 67) {
                ask();
            } else if (what < 82) {
                answer();
            } else if (what < 84) {
                note("keep-alive");
                states.alive();
                nothing();
            } else if (what < 87) {
                loseOrReturn();
            } else if (what < 89) {
                note("it stays lost");
                stayLost();
            } else if (what < 91) {
                repeat();
            } else if (what < 94) {
                serverClockJumps();
            } else if (what < 96) {
                clock.ms += new long[] {120_000, -120_000, 3_600_000, -3_600_000, 1_500, -1_500}[random.nextInt(6)];
                note("our clock jumps");
            } else {
                lateListener();
            }
            neverDeaf();
        }

        private void note(String event) {
            log.add(steps + " at " + nanos + " wall " + clock.ms + ": " + event);
            if (log.size() > 40) {
                log.removeFirst();
            }
        }

        private void pass(long ms) {
            nanos += ms * 1_000_000 + 1;
            clock.ms += ms;
        }

        private void serverClockJumps() {
            skewMs = new long[] {0, 0, 0, 3, 4_000, 30_000, -4_000, -30_000, -3_600_000, FAR - clock.ms}
                    [random.nextInt(10)];
            note("the server's clock is off by " + skewMs);
        }

        private void changeSomething() {
            Tag tag = tags[random.nextInt(TAGS)];
            Said before = tag.now;
            tag.now = change(random.nextInt(5) == 0 ? before.value() : ++counter);
            if (tag.now.value() == before.value() && tag.now.status() == before.status()) {
                return; // no change, no notification; a read shows another source time
            }
            if (connected) {
                tag.under.add(tag.now);
            }
        }

        private void notification() {
            List<TagStates.Item> items = new ArrayList<>();
            List<DataValue> values = new ArrayList<>();
            List<List<Said>> news = new ArrayList<>();
            for (int i = 0; i < TAGS; i++) {
                List<Said> all = new ArrayList<>(tags[i].under);
                news.add(all);
                tags[i].under.clear();
                for (Said said : all) {
                    items.add(states.items().get(i));
                    values.add(said.onTheWire());
                }
            }
            if (!connected || items.isEmpty()) {
                return;
            }
            note("notification " + news);
            states.received(items, values, nanos, () -> true);
            lastItems = items;
            lastValues = values;
            for (int i = 0; i < TAGS; i++) {
                Tag tag = tags[i];
                List<Sample> expected = new ArrayList<>();
                int again = 0;
                for (Said said : news.get(i)) {
                    if (tag.heard != null && tag.heard.sameAs(said)) {
                        again++;
                    } else {
                        expected.add(heard(i, said));
                    }
                }
                assertEquals(expected, told(i), "T" + i);
                assertTrue(confirmed(i).size() <= again, "T" + i + " confirmed by nobody");
            }
        }

        private Sample heard(int i, Said said) {
            Tag tag = tags[i];
            tag.heard = said;
            tag.heardNanos = nanos;
            tag.lost = false;
            tag.expected = judged(i, said, nanos);
            return tag.expected;
        }

        private Sample judged(int i, Said said, long nanoTime) {
            Tag tag = tags[i];
            tag.refusedForLead = refusesLeading && said.sourceMs() > clock.ms + 5_000;
            samples++;
            tag.hadValue |= !tag.refusedForLead;
            return new Sample(
                    new TagId("T" + i),
                    tag.refusedForLead ? Double.NaN : said.value(),
                    tag.refusedForLead ? StatusCode.BAD_INVALID_TIMESTAMP : (int) said.status(),
                    said.sourceMs() * 1_000_000,
                    nanoTime);
        }

        private List<Sample> told(int i) {
            return told.stream().filter(s -> s.tag().name().equals("T" + i)).toList();
        }

        private List<Plant.Confirmed> confirmed(int i) {
            return confirmed.stream()
                    .filter(c -> c.tag().name().equals("T" + i))
                    .toList();
        }

        private void nothing() {
            assertEquals(List.of(), told, "samples out of nothing");
            assertEquals(List.of(), confirmed, "confirmed by nobody");
        }

        /** The server repeats its last notification, its acknowledgement went lost. */
        private void repeat() {
            if (connected && !lastItems.isEmpty()) {
                note("the last notification once more");
                states.received(lastItems, new ArrayList<>(lastValues), nanos, () -> true);
                nothing();
            }
        }

        /** A read leaves; the server answers it with what it has at this moment. */
        private void ask() {
            if (connected) {
                int tag = random.nextInt(TAGS);
                reads.add(new Read(tag, tags[tag].now, nanos, session));
            }
        }

        /** A read comes back, before or behind the notifications that were under way with it. */
        private void answer() {
            if (reads.isEmpty()) {
                return;
            }
            Read read = reads.remove(random.nextInt(reads.size()));
            Tag tag = tags[read.tag()];
            note("T" + read.tag() + " was read at " + read.sentNanos() + ": " + read.found());
            states.readAgain(
                    List.of(states.items().get(read.tag())),
                    List.of(read.found().onTheWire()),
                    read.sentNanos(),
                    () -> connected && read.session() == session);
            boolean same = connected
                    && read.session() == session
                    && tag.heard != null
                    && read.found().value() == tag.heard.value()
                    && read.found().status() == tag.heard.status();
            if (same && tag.refusedForLead && tag.heard.sourceMs() <= clock.ms + 5_000) {
                tag.expected = judged(read.tag(), tag.heard, read.sentNanos());
                tag.heardNanos = read.sentNanos();
                assertEquals(List.of(tag.expected), told);
            } else if (same && read.sentNanos() > tag.heardNanos) {
                confirmations++;
                tag.heardNanos = read.sentNanos();
                assertEquals(
                        List.of(new Plant.Confirmed(
                                new TagId("T" + read.tag()), tag.heard.sourceMs() * 1_000_000, read.sentNanos())),
                        confirmed);
                assertEquals(List.of(), told);
            } else {
                nothing();
            }
        }

        private void loseOrReturn() {
            connected = !connected;
            note(connected ? "connected" : "lost");
            lastItems = List.of();
            if (connected) {
                session++;
                for (Tag tag : tags) {
                    tag.under.add(tag.now); // the initial value of a new subscription
                }
                return;
            }
            losses++;
            loss = states.lost();
            for (int i = 0; i < TAGS; i++) {
                Tag tag = tags[i];
                tag.under.clear();
                if (tag.lost) {
                    assertEquals(List.of(), told(i), "lost twice");
                    continue;
                }
                boolean bad = tag.expected == null || StatusCode.isBad(tag.expected.status());
                int status = !tag.hadValue
                        ? StatusCode.BAD_WAITING_FOR_INITIAL_DATA
                        : bad ? tag.expected.status() : StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE;
                own(i, bad ? Double.NaN : tag.expected.value(), status);
                tag.lost = true;
                tag.loss = loss;
            }
        }

        /** Our own word: recognised now, as old as the value was. */
        private void own(int i, double value, int status) {
            Tag tag = tags[i];
            assertEquals(1, told(i).size(), "T" + i + " is told once");
            Sample sample = told(i).get(0);
            if (tag.expected == null) {
                tag.heardNanos = sample.arrivalNanos();
            }
            tag.expected = new Sample(new TagId("T" + i), value, status, clock.ms * 1_000_000, tag.heardNanos);
            tag.heard = null;
            tag.refusedForLead = false;
            assertEquals(tag.expected, sample, "T" + i);
        }

        private void stayLost() {
            int which = loss - random.nextInt(2);
            if (which <= 0) {
                return;
            }
            states.stillLost(which);
            for (int i = 0; i < TAGS; i++) {
                if (tags[i].lost && tags[i].loss == which) {
                    own(i, Double.NaN, StatusCode.BAD_NO_COMMUNICATION);
                } else {
                    assertEquals(List.of(), told(i), "T" + i + " is not lost");
                }
            }
        }

        private void lateListener() {
            Plant.Heard late = new Plant.Heard();
            states.subscribe(late, Runnable::run).close();
            for (int i = 0; i < TAGS; i++) {
                Tag tag = tags[i];
                if (tag.expected != null) {
                    Sample last = tag.expected;
                    assertEquals(
                            new Sample(last.tag(), last.value(), last.status(), last.sourceTimeNs(), tag.heardNanos),
                            late.last("T" + i));
                }
            }
        }

        /** With nothing under way the listener has what the server has, whatever any clock did. */
        private void neverDeaf() {
            for (int i = 0; i < TAGS; i++) {
                Tag tag = tags[i];
                if (connected && tag.under.isEmpty() && tag.heard != null) {
                    assertEquals(tag.now.value(), tag.heard.value(), "T" + i + " is deaf");
                    assertEquals(tag.now.status(), tag.heard.status(), "T" + i + " is deaf");
                }
                assertTrue(!connected || tag.heard != null || !tag.under.isEmpty(), "T" + i + " is not heard of");
                assertTrue(tag.heardNanos <= nanos || !tag.hadValue, "of the future");
            }
        }
    }
}
