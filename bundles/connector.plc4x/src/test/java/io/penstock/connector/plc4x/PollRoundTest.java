// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.connector.plc4x.PollPlan.Group;
import io.penstock.connector.plc4x.Wire.Code;
import io.penstock.connector.plc4x.Wire.Reply;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Polls against a device that refuses, fails, answers and falls silent by any pattern. Registers hold the number of the round
 * they are read in, so that a value tells when it was read.
 */
final class PollRoundTest {
    private static final int REGISTERS = 48;
    private static final int ROUNDS = 120;
    private static final int CALM_ROUNDS = 40;
    /** Every random schedule; a command may ask for more, see CONTRIBUTING. */
    private static final int SEEDS = Integer.getInteger("penstock.seeds", 150);

    static List<Integer> seeds() {
        List<Integer> seeds = new ArrayList<>();
        for (int seed = 1; seed <= SEEDS; seed++) {
            seeds.add(seed);
        }
        return seeds;
    }

    // A tag that the device refuses stayed Good with an old value, or one that it answers stayed Bad: the operator
    // believes it.
    @ParameterizedTest
    @MethodSource("seeds")
    void whatATagShowsIsWhatTheDeviceSaidInThisPoll(int seed) {
        Random random = new Random(seed);
        Rig rig = new Rig(random.nextInt(4) == 0 ? overlapping(random) : scattered(random), random);
        for (int round = 0; round < ROUNDS; round++) {
            rig.device.moody(random);
            rig.poll();
        }
        rig.device.calm(random);
        for (int round = 0; round < CALM_ROUNDS; round++) {
            rig.poll();
        }
        for (int round = 0; round < 3; round++) {
            rig.poll();
            rig.assertEveryTagShowsTheDevice();
        }
    }

    // Registers 1, 5, 11, 15 with a hole at 8, and a device that says "address" four times while it starts.
    @Test
    void aHoleBesideATransientRefusalLeavesNoTagGoodAndUnread() {
        Rig rig = new Rig(tags(1, 5, 11, 15), new Random(1));
        rig.device.hole(7, Code.ADDRESS);
        for (int refusals = 0; refusals < 12; refusals++) {
            Rig other = new Rig(tags(1, 5, 11, 15), new Random(1));
            other.device.hole(7, Code.ADDRESS);
            other.device.refuseNext(refusals, Code.ADDRESS);
            for (int round = 0; round < CALM_ROUNDS; round++) {
                other.poll();
            }
            other.assertEveryTagShowsTheDevice();
        }
        rig.poll();
        rig.assertEveryTagShowsTheDevice();
    }

    // A gap that cannot be read cost every later poll a refused request and two more; so did a limit of the device.
    @Test
    void aGapIsFoundOnceAndTriedAgainAfterAWhile() {
        Rig rig = new Rig(tags(1, 3, 5, 7), new Random(1));
        rig.device.hole(3, Code.ADDRESS);
        rig.poll();
        assertTrue(rig.device.asked > 2, "it looked for the gap");
        rig.poll();
        assertEquals(2, rig.device.asked, "one request on each side of the gap");
        rig.device.holes.clear();
        rig.poll();
        assertEquals(2, rig.device.asked, "the gap is not tried in every poll");
        rig.pass(TimeUnit.MILLISECONDS.toNanos(2000));
        rig.poll();
        rig.poll();
        assertEquals(1, rig.device.asked, "a gap that has been closed is read over again");
    }

    private static List<TagDefinition> tags(int... addresses) {
        return Arrays.stream(addresses)
                .mapToObj(a -> Fixtures.tag("T" + a, "holding-register:" + a, DataType.INT))
                .toList();
    }

    /** Some of the registers, with gaps, in two periods and two areas. */
    private static List<TagDefinition> scattered(Random random) {
        List<TagDefinition> tags = new ArrayList<>();
        for (int address = 1; address < REGISTERS; address += 1 + random.nextInt(5)) {
            tags.add(new TagDefinition(
                    Fixtures.tag("T" + address, "holding-register:1", DataType.INT)
                            .id(),
                    "",
                    (random.nextInt(5) == 0 ? "input-register:" : "holding-register:") + address,
                    DataType.INT,
                    1,
                    ByteOrder.ABCD,
                    random.nextInt(4) == 0 ? 40 : 20,
                    Scaling.NONE,
                    "",
                    false));
        }
        return tags;
    }

    /** Arrays and single registers over the same addresses. */
    private static List<TagDefinition> overlapping(Random random) {
        List<TagDefinition> tags = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            int length = 1 + random.nextInt(4);
            int address = 1 + random.nextInt(REGISTERS - length);
            tags.add(Fixtures.tag(
                    "T" + i, "holding-register:" + address, DataType.INT, length, ByteOrder.ABCD, Scaling.NONE, false));
        }
        return tags;
    }

    /** A device whose moods are drawn by chance. */
    private static final class MoodyDevice {
        private static final Code[] REFUSALS = {Code.ADDRESS, Code.ADDRESS, Code.DATA, Code.DEVICE, Code.BUSY};

        private final Map<Integer, Code> holes = new HashMap<>();
        private int mostAtOnce = REGISTERS;
        private int refusing;
        private Code refusal = Code.ADDRESS;
        private double silence;
        private int asked;

        void hole(int register, Code code) {
            holes.put(register, code);
        }

        void refuseNext(int requests, Code code) {
            refusing = requests;
            refusal = code;
        }

        /** Holes open and close, whole requests are refused for a while, and now and then it says nothing. */
        void moody(Random random) {
            if (random.nextInt(4) == 0) {
                hole(random.nextInt(REGISTERS), random.nextInt(6) == 0 ? Code.UNSUPPORTED : Code.ADDRESS);
            }
            if (random.nextInt(4) == 0) {
                holes.remove(random.nextInt(REGISTERS));
            }
            if (random.nextInt(5) == 0) {
                refuseNext(random.nextInt(8), REFUSALS[random.nextInt(REFUSALS.length)]);
            }
            mostAtOnce = random.nextInt(10) == 0 ? 4 + random.nextInt(REGISTERS) : mostAtOnce;
            silence = random.nextInt(10) == 0 ? 0.2 : 0;
        }

        /** From now on it is what it is; addresses that do not exist say so. */
        void calm(Random random) {
            refusing = 0;
            silence = 0;
            holes.replaceAll((register, code) -> random.nextBoolean() ? Code.ADDRESS : Code.DATA);
        }

        boolean silent(Random random) {
            return random.nextDouble() < silence;
        }

        Code answer(Block block) {
            asked++;
            if (refusing > 0) {
                refusing--;
                return refusal;
            }
            return answers(block.start(), block.count());
        }

        Code answers(int start, int count) {
            if (count > mostAtOnce) {
                return Code.DATA;
            }
            for (int register = start; register < start + count; register++) {
                Code hole = holes.get(register);
                if (hole != null) {
                    return hole;
                }
            }
            return Code.OK;
        }
    }

    /** The rooms under test, the device, and what tags showed. */
    private static final class Rig implements PollRound.Device {
        private final Map<Long, Group> groups = new TreeMap<>();
        private final List<Item> items;
        private final PollPlan plan;
        private final PollRound polls;
        private final MoodyDevice device = new MoodyDevice();
        private final Random random;
        private final Map<Item, Double> shown = new HashMap<>();
        private final Map<Item, Integer> shownIn = new HashMap<>();
        private final Set<Item> refused = new HashSet<>();
        private long nanos = 1;
        private int round;
        private boolean silent;

        Rig(List<TagDefinition> tags, Random random) {
            this.random = random;
            Settings settings = Fixtures.settings(1);
            items = new TagTable(tags, settings).items();
            plan = new PollPlan(items, settings);
            polls = new PollRound(plan, this, () -> nanos);
            for (int i = 0; i < 2; i++) {
                Group group = plan.next(nanos);
                groups.put(group.periodMs(), group);
                group.advance(nanos + TimeUnit.HOURS.toNanos(i));
            }
            plan.restart(nanos);
        }

        void pass(long time) {
            nanos += time;
        }

        /** One poll of every group; where the device fell silent, the connection is opened anew. */
        void poll() {
            round++;
            device.asked = 0;
            pass(TimeUnit.MILLISECONDS.toNanos(100));
            for (Group group : groups.values()) {
                silent = false;
                List<Item> wanted = items.stream()
                        .filter(item -> item.definition().periodMs() == group.periodMs() && !refused.contains(item))
                        .toList();
                List<Block> planned = plan.begin(group, nanos);
                assertEachStandsInOneBlock(wanted, planned);
                if (polls.run(group)) {
                    wanted.forEach(item -> assertEquals(round, shownIn.get(item), item + " was heard of in this poll"));
                } else {
                    assertTrue(silent, "a poll ends early only where the device is silent");
                    plan.restart(nanos);
                }
                refused.forEach(item -> assertTrue(
                        Double.isNaN(shown.getOrDefault(item, 0.0)), item + " is refused and shows a value"));
            }
        }

        private void assertEachStandsInOneBlock(List<Item> wanted, List<Block> planned) {
            List<Item> all = planned.stream().flatMap(b -> b.items().stream()).toList();
            assertEquals(wanted.size(), all.size(), "items in requests");
            assertEquals(new HashSet<>(wanted), new HashSet<>(all));
            for (Block block : planned) {
                if (block.items().size() > 1) {
                    assertTrue(
                            refused.stream()
                                    .noneMatch(item -> item.area() == block.area()
                                            && item.start() < block.start() + block.count()
                                            && item.end() > block.start()),
                            block + " reads over a refused address");
                }
            }
        }

        /** The device is calm and was asked often enough: each tag shows its answer of this poll. */
        void assertEveryTagShowsTheDevice() {
            for (Item item : items) {
                Code code = device.answers(item.start(), item.count());
                double value = shown.getOrDefault(item, Double.NaN);
                if (code == Code.OK) {
                    assertEquals(round, value, item + " at " + item.address());
                } else {
                    assertTrue(Double.isNaN(value), item + " at " + item.address() + " shows " + value);
                }
            }
        }

        @Override
        public void turn(Group running) {}

        @Override
        public @Nullable Reply read(Block block) {
            nanos++;
            if (device.silent(random)) {
                silent = true;
                return null;
            }
            Code code = device.answer(block);
            int[] values = code == Code.OK ? new int[block.count()] : Reply.NOTHING;
            Arrays.fill(values, round);
            return new Reply(code, values, nanos);
        }

        @Override
        public void good(Block block, Reply reply) {
            block.items().forEach(item -> show(item, item.value(0, reply.values(), block.start())));
        }

        @Override
        public void bad(List<Item> without, Code code) {
            without.forEach(item -> show(item, Double.NaN));
        }

        private void show(Item item, double value) {
            shown.put(item, value);
            shownIn.put(item, round);
        }

        @Override
        public void refused(Item item, Code code, boolean news) {
            refused.add(item);
        }

        @Override
        public void accepted(Item item) {
            refused.remove(item);
        }
    }
}
