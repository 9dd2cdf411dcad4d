// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.actuation.Mode;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import io.penstock.api.pipeline.Pipeline.Binding;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Frames, statuses and ages against a model that is slow and plain: it remembers every word of every source and looks through
 * all of them for each frame. Random schedules of notifications, confirmations, losses, connectors that come and go, steps of
 * our clock and jumps of the sources' own; {@code scripts/time} runs a million steps.
 */
class TimeModelTest {
    private static final int STEPS = Integer.getInteger("penstock.time.steps", 30_000);
    private static final long SEED = Long.getLong("penstock.time.seed", 20_261_130);
    private static final int PART = 5_000;
    private static final long MS = 1_000_000L;
    private static final long S = 1_000_000_000L;
    private static final long PERIOD_NS = 100 * MS;
    private static final long PLAUSIBLE_NS = 10 * S;
    private static final int TAGS = 3;

    // A machine would have been moved by values that were older than anyone could see.
    @Test
    void framesAreWhatTheSourcesSaid() {
        for (int part = 0; part * PART < STEPS; part++) {
            long seed = SEED + part;
            World world = new World(seed);
            try {
                for (int step = 0; step < PART; step++) {
                    world.step();
                }
            } catch (AssertionError e) {
                throw new AssertionError(
                        "seed " + seed + " fails at step " + world.steps + " (no shorter prefix does); run with"
                                + " -Dpenstock.time.seed=" + seed + " -Dpenstock.time.steps=1; what came before:\n  "
                                + String.join("\n  ", world.log) + "\n" + e.getMessage(),
                        e);
            }
            assertTrue(world.frames > PART / 20, "too few frames to mean anything: " + world.frames);
            assertTrue(world.clockSteps > 3 && world.confirmations > 20 && world.losses > 5, "too tame");
        }
    }

    /** What a source said, and what is known of it since. */
    private static final class Word {
        final double value;
        final int status;
        final long sourceNs;
        final long arrivalNanos;
        final long orderNanos;
        long trueNanos;

        Word(Sample sample, long orderNanos) {
            value = sample.value();
            status = sample.status();
            sourceNs = sample.sourceTimeNs();
            arrivalNanos = sample.arrivalNanos();
            this.orderNanos = orderNanos;
            trueNanos = sample.arrivalNanos();
        }
    }

    private static final class World {
        final Random random;
        final Deque<String> log = new ArrayDeque<>();
        int steps;
        int frames;
        int clockSteps;
        int confirmations;
        int losses;

        private long nanos = 77 * S;
        private long wallNs = 1_700_000_000L * S;
        private final Fakes.Source source = new Fakes.Source("NTU", "T0", "T1", "T2");
        private final GatewayTime time;
        private final Acquisition acquisition;
        private final Input[] inputs = new Input[TAGS];
        private final Frame frame = new Frame(List.of("i0", "i1", "i2"));
        private final List<List<Word>> words = new ArrayList<>();
        private final int[] taken = new int[TAGS];
        private final long[] lastTimes = new long[TAGS];
        private final long[] skews = new long[TAGS];
        private long next;
        private boolean bound;
        private double counter;

        World(long seed) {
            random = new Random(seed);
            Clock clock = new Clock() {
                @Override
                public ZoneId getZone() {
                    return ZoneOffset.UTC;
                }

                @Override
                public Clock withZone(ZoneId zone) {
                    return this;
                }

                @Override
                public Instant instant() {
                    return Instant.ofEpochSecond(wallNs / S, wallNs % S);
                }
            };
            time = new GatewayTime(clock, () -> nanos);
            Settings settings = new Settings(
                    "p",
                    "dose",
                    "[1.0,2.0)",
                    Settings.Trigger.GRID,
                    PERIOD_NS / MS,
                    Set.of(),
                    List.of(new Binding("i0", "T0"), new Binding("i1", "T1"), new Binding("i2", "T2")),
                    Mode.ADVISORY,
                    1 << 12, // what a full queue loses is another test
                    8,
                    60_000);
            acquisition = new Acquisition(settings, () -> wallNs, () -> {});
            for (int i = 0; i < TAGS; i++) {
                inputs[i] = acquisition.input("i" + i);
                words.add(new ArrayList<>());
                lastTimes[i] = Long.MIN_VALUE;
            }
            acquisition.add(source);
            bound = true;
            next = grid(time.nowNs());
        }

        private static long grid(long nowNs) {
            return Math.floorDiv(nowNs, PERIOD_NS) * PERIOD_NS + PERIOD_NS;
        }

        void step() {
            steps++;
            int what = random.nextInt(100);
            if (what < 40) {
                pass(random.nextInt(60) * MS + random.nextInt(1_000_000));
            } else if (what < 65) {
                notification();
            } else if (what < 80) {
                confirmation();
            } else if (what < 84) {
                loss();
            } else if (what < 87) {
                bindOrUnbind();
            } else if (what < 90) {
                sourceClockJumps();
            } else if (what < 92) {
                ourClockJumps();
            } else {
                pass(0); // late cycles come together
            }
            if (random.nextInt(4) != 0) {
                cycles();
            }
        }

        private void note(String event) {
            log.add(steps + " at " + nanos + " wall " + wallNs + ": " + event);
            if (log.size() > 40) {
                log.removeFirst();
            }
        }

        private void pass(long ns) {
            nanos += ns;
            wallNs += ns;
        }

        private void ourClockJumps() {
            long[] jumps = {120 * S, -120 * S, 3_600 * S, -3_600 * S, 1_900 * MS, -1_900 * MS, 3 * S, -3 * S, -50 * MS};
            long jump = jumps[random.nextInt(jumps.length)];
            wallNs += jump;
            clockSteps++;
            note("our clock jumps by " + jump);
        }

        private void sourceClockJumps() {
            long[] all = {0, 0, 0, 3 * MS, 4 * S, -4 * S, 30 * S, -30 * S, 3_600 * S, -3_600 * S, 2_300_000_000L * S};
            int tag = random.nextInt(TAGS);
            skews[tag] = all[random.nextInt(all.length)];
            note("clock of T" + tag + " is off by " + skews[tag]);
        }

        /** Samples of the last 200 ms, by source time as a connector sends them; two of one tick now and then. */
        private void notification() {
            if (!bound) {
                return;
            }
            int count = 1 + random.nextInt(8);
            List<Sample> batch = new ArrayList<>();
            long newest = Long.MIN_VALUE;
            long ns = wallNs - 200 * MS;
            for (int i = 0; i < count; i++) {
                ns += random.nextInt(5) == 0 ? 0 : random.nextInt(25) * MS;
                int tag = random.nextInt(TAGS);
                int status = random.nextInt(10) == 0 ? StatusCode.UNCERTAIN_SUB_NORMAL : StatusCode.GOOD;
                batch.add(new Sample(new TagId("T" + tag), ++counter, status, ns + skews[tag], nanos));
                if (skews[tag] < 5 * S) {
                    newest = Math.max(newest, ns + skews[tag]);
                }
            }
            boolean told = newest != Long.MIN_VALUE && random.nextInt(8) != 0;
            if (told) {
                listener().onBatchBegin(newest, nanos);
            }
            for (Sample sample : batch) {
                long behind = newest - sample.sourceTimeNs();
                boolean leads = told && sample.sourceTimeNs() < newest && behind <= PLAUSIBLE_NS;
                say(sample, leads ? nanos - behind : nanos);
            }
            listener().onBatchEnd();
        }

        private SampleListener listener() {
            return source.listeners.get(0);
        }

        private void say(Sample sample, long orderNanos) {
            note(sample.toString());
            words.get(tag(sample)).add(new Word(sample, orderNanos));
            listener().onSample(sample);
        }

        private static int tag(Sample sample) {
            return sample.tag().name().charAt(1) - '0';
        }

        private Word newest(int tag) {
            List<Word> all = words.get(tag);
            return all.isEmpty() ? null : all.get(all.size() - 1);
        }

        /** Of the newest word; of another one, of a lost tag, or of one not told since the connector came, it is nothing. */
        private void confirmation() {
            int tag = random.nextInt(TAGS);
            Word word = newest(tag);
            if (!bound || word == null) {
                return;
            }
            confirmations++;
            long read = nanos - random.nextInt(150) * MS;
            boolean wrong = random.nextInt(6) == 0;
            note("T" + tag + " is confirmed at " + read + (wrong ? ", not this sample" : ""));
            listener().onConfirmed(new TagId("T" + tag), word.sourceNs + (wrong ? 1 : 0), read);
            if (!wrong
                    && saidSinceBound(tag)
                    && word.status != StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE) {
                word.trueNanos = Math.max(word.trueNanos, read);
            }
        }

        private void loss() {
            if (!bound) {
                return;
            }
            losses++;
            for (int tag = 0; tag < TAGS; tag++) {
                Word word = newest(tag);
                if (word != null) {
                    boolean late = word.status == StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE;
                    say(
                            new Sample(
                                    new TagId("T" + tag),
                                    late ? Double.NaN : word.value,
                                    late || StatusCode.isBad(word.status)
                                            ? StatusCode.BAD_NO_COMMUNICATION
                                            : StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE,
                                    wallNs,
                                    word.trueNanos),
                            word.trueNanos);
                }
            }
            listener().onBatchEnd();
        }

        private void bindOrUnbind() {
            bound = !bound;
            note(bound ? "connector comes" : "connector goes");
            if (bound) {
                acquisition.add(source);
                for (int tag = 0; tag < TAGS; tag++) {
                    Word word = newest(tag);
                    if (word != null && random.nextBoolean()) { // what it knew when it went, or nothing
                        say(new Sample(new TagId("T" + tag), ++counter, 0, wallNs + skews[tag], nanos), nanos);
                    }
                }
                return;
            }
            acquisition.remove(source);
            for (int tag = 0; tag < TAGS; tag++) {
                Word word = newest(tag);
                if (word != null && saidSinceBound(tag)) {
                    words.get(tag)
                            .add(new Word(
                                    new Sample(
                                            new TagId("T" + tag),
                                            word.value,
                                            StatusCode.isBad(word.status)
                                                    ? StatusCode.BAD_NO_COMMUNICATION
                                                    : StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE,
                                            wallNs,
                                            word.trueNanos),
                                    word.trueNanos));
                }
            }
            bases = sizes();
        }

        private int[] bases = new int[TAGS];

        private int[] sizes() {
            return words.stream().mapToInt(List::size).toArray();
        }

        private boolean saidSinceBound(int tag) {
            return words.get(tag).size() > bases[tag];
        }

        /** As the conductor's thread does it. */
        private void cycles() {
            while (next <= time.nowNs()) {
                if (stepped()) {
                    continue;
                }
                cycle(next);
                next += PERIOD_NS;
                if (random.nextInt(4) == 0) {
                    return; // held up; it goes on later, one instant after the other
                }
            }
            stepped();
        }

        private boolean stepped() {
            if (time.takeStepNs() == 0) {
                return false;
            }
            acquisition.clockStepped(time);
            for (int tag = 0; tag < TAGS; tag++) {
                lastTimes[tag] = Long.MIN_VALUE;
            }
            next = grid(time.nowNs());
            note("a step is told");
            return true;
        }

        private void cycle(long instantNs) {
            frames++;
            frame.begin(frames, instantNs);
            acquisition.take(inputs, frame, instantNs, time);
            acquisition.freeze(inputs, frame, nanos);
            note("frame of " + instantNs);
            for (int tag = 0; tag < TAGS; tag++) {
                compare(tag, instantNs);
            }
        }

        private long arrivedNs(Word word) {
            return time.atNs(word.orderNanos);
        }

        private boolean counts(Word word, long instantNs) {
            boolean plausible = word.sourceNs <= arrivedNs(word) && word.sourceNs >= arrivedNs(word) - PLAUSIBLE_NS;
            return (plausible ? word.sourceNs : arrivedNs(word)) <= instantNs;
        }

        private void compare(int tag, long instantNs) {
            String which = "T" + tag + " in the frame of " + instantNs + ": ";
            List<Word> all = words.get(tag);
            int before = taken[tag];
            while (taken[tag] < all.size() && counts(all.get(taken[tag]), instantNs)) {
                taken[tag]++;
            }
            assertEquals(taken[tag] - before, frame.pendingCount(tag), which + "samples since the frame before");
            if (taken[tag] == 0) {
                assertEquals(Long.MAX_VALUE, frame.ageNanos(tag), which + "age");
                assertEquals(StatusCode.BAD_WAITING_FOR_INITIAL_DATA, frame.status(tag), which + "status");
                return;
            }
            Word word = all.get(taken[tag] - 1);
            assertEquals(word.value, frame.value(tag), which + "value");
            assertEquals(word.status, frame.status(tag), which + "status");
            assertEquals(word.sourceNs, frame.sourceTimeNs(tag), which + "source time");
            assertEquals(Math.max(0, nanos - word.trueNanos), frame.ageNanos(tag), which + "age");
            // what the plant was promised, whatever the model thinks
            for (int i = taken[tag]; i < all.size(); i++) {
                assertTrue(
                        time.atNs(all.get(i).arrivalNanos) > instantNs || arrivedNs(all.get(i)) > instantNs,
                        which + "a sample that had arrived is held back");
            }
            long ticks = frame.pendingCount(tag);
            for (int k = 0; k < frame.pendingCount(tag); k++) {
                Word sample = all.get(before + k);
                assertEquals(sample.value, frame.pendingValue(tag, k), which + "sample " + k);
                assertTrue(frame.pendingTimeNs(tag, k) > lastTimes[tag], which + "times ascend");
                lastTimes[tag] = frame.pendingTimeNs(tag, k);
            }
            assertTrue(frame.timeNs(tag) <= instantNs + ticks || ticks == 0, which + "not of the future");
        }
    }
}
