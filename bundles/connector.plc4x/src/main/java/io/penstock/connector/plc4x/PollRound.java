// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.connector.plc4x.PollPlan.Group;
import io.penstock.connector.plc4x.Wire.Code;
import io.penstock.connector.plc4x.Wire.Reply;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One poll of a group. It reads the requests that were planned when it began, and where the device refuses one, finds the
 * address that is to blame, for a device refuses a whole request because of it. What it learns counts from the next poll on.
 * One thread.
 */
final class PollRound {
    private static final int PROBES_PER_POLL = 4;

    /** Who is asked, and who is told. */
    interface Device {
        /** Before each question: other groups may have theirs. */
        void turn(Group running);

        /** The answer; null if the connection was lost or is being stopped. */
        @Nullable
        Reply read(Block block);

        /** Values of every item of a block. */
        void good(Block block, Reply reply);

        /** These items have no value. */
        void bad(List<Item> items, Code code);

        /** An item is left out from now on. */
        void refused(Item item, Code code, boolean news);

        /** An item is no longer left out. */
        void accepted(Item item);
    }

    private final PollPlan plan;
    private final Device device;
    private final LongSupplier nanoTime;

    PollRound(PollPlan plan, Device device, LongSupplier nanoTime) {
        this.plan = plan;
        this.device = device;
        this.nanoTime = nanoTime;
    }

    /** Whether it came to its end; false if the connection was lost or is being stopped. */
    boolean run(Group group) {
        for (Block block : plan.begin(group, nanoTime.getAsLong())) {
            Reply reply = ask(group, block);
            if (reply == null || !take(group, block, reply)) {
                return false;
            }
        }
        return probe(group);
    }

    private @Nullable Reply ask(Group group, Block block) {
        device.turn(group);
        return device.read(block);
    }

    private boolean take(Group group, Block block, Reply reply) {
        Code code = reply.code();
        switch (code) {
            case OK -> device.good(block, reply);
            case UNSUPPORTED -> block.items().forEach(item -> refuse(group, item, code));
            case BUSY -> device.bad(block.items(), code);
            case DEVICE -> {
                return deviceFailed(group, block);
            }
            default -> {
                return divide(group, block.items(), code);
            }
        }
        return true;
    }

    /** The device behind a gateway may be gone: two more questions tell that from a bad address. */
    private boolean deviceFailed(Group group, Block block) {
        List<Item> items = block.items();
        Reply first = items.size() == 1 ? null : ask(group, Block.of(items.subList(0, 1)));
        Reply last = first == null ? null : ask(group, Block.of(items.subList(items.size() - 1, items.size())));
        if (items.size() > 1 && last == null) {
            return false;
        }
        if (first == null || last == null || (first.code() == Code.DEVICE && last.code() == Code.DEVICE)) {
            device.bad(items, Code.DEVICE);
            return true;
        }
        return divide(group, items, Code.DEVICE);
    }

    private boolean divide(Group group, List<Item> items, Code code) {
        if (items.size() == 1) {
            refuse(group, items.get(0), code);
            return true;
        }
        int middle = items.size() / 2;
        boolean whole = true;
        for (List<Item> half : List.of(items.subList(0, middle), items.subList(middle, items.size()))) {
            Block block = Block.of(half);
            Reply reply = ask(group, block);
            if (reply == null) {
                return false;
            }
            if (reply.code() == Code.OK) {
                device.good(block, reply);
                continue;
            }
            whole = false;
            if (!divide(group, half, reply.code())) {
                return false;
            }
        }
        if (whole) { // what cannot be read is the gap between the halves, or so much at once
            plan.cut(group, items.get(middle), nanoTime.getAsLong());
        }
        return true;
    }

    private void refuse(Group group, Item item, Code code) {
        boolean news = plan.refuse(group, item, code, nanoTime.getAsLong());
        device.bad(List.of(item), code);
        device.refused(item, code, news);
    }

    /** Tries refused items of this group again, a few at a time. */
    private boolean probe(Group group) {
        for (Item item : plan.probes(group, nanoTime.getAsLong(), PROBES_PER_POLL)) {
            Block block = Block.of(List.of(item));
            Reply reply = ask(group, block);
            if (reply == null) {
                return false;
            }
            if (reply.code() == Code.OK) {
                plan.accept(item, nanoTime.getAsLong());
                device.good(block, reply);
                device.accepted(item);
            } else {
                refuse(group, item, reply.code());
            }
        }
        return true;
    }
}
