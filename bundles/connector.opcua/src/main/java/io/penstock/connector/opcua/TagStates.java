// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The last known sample of every tag, and who wants the next. Listeners are called under this object's lock, so that each
 * hears one sample at a time and nothing after it closed; milo's own threads and the connector's timer come here.
 *
 * <p>Source times are the server's, to the 100 ns OPC UA has (Part 6 §5.2.2.5). What the connector says itself about a tag
 * (connection lost, node unknown) carries the tag's last source time plus 1 ns, likewise a value that changed within the same
 * 100 ns: order stays strict, no clock of ours is mixed with the plant's, and rounded to 100 ns the server's time comes out.
 */
final class TagStates {
    private static final Logger LOG = LoggerFactory.getLogger(TagStates.class);
    private static final long TICK_NS = 100;
    /** Less is values out of order; more is a clock that was set. */
    private static final long CLOCK_STEP_NS = 2_000_000_000L;

    private static final long TICKS_TO_1970 = 116_444_736_000_000_000L;
    /** InfoType DataValue and Overflow, Part 4 §7.39.1: the server's queue dropped values before this one. */
    private static final int OVERFLOW_MASK = 0x0C80;

    private static final int OVERFLOW = 0x0480;

    /** One line of the tag list: one node of the server, {@code length} tags. */
    static final class Item {
        final TagDefinition definition;
        private final State[] elements;

        private Item(TagDefinition definition) {
            this.definition = definition;
            elements = new State[definition.length()];
        }
    }

    /** Where a tag is found: its line and its place in the array. */
    record Place(Item item, int index) {}

    private static final class State {
        final TagId id;
        Sample last;
        boolean delivered;
        boolean hadValue;
        boolean wentBack;
        int loss;

        State(TagId id) {
            this.id = id;
            last = new Sample(id, Double.NaN, StatusCode.BAD_WAITING_FOR_INITIAL_DATA, 0, System.nanoTime());
        }
    }

    private record Arrival(long timeNs, Item item, DataValue value) {}

    private final class Listening implements TagSource.Subscription {
        final SampleListener listener;
        private boolean begun;
        private boolean complained;

        Listening(SampleListener listener) {
            this.listener = listener;
        }

        @Override
        public void close() {
            synchronized (lock) {
                listening.remove(this);
            }
        }

        void call(Runnable callback) {
            if (!begun) {
                return;
            }
            try {
                callback.run();
            } catch (RuntimeException | Error e) { // e.g. NoClassDefFoundError: the listener's bundle is being replaced
                if (!complained) {
                    complained = true;
                    LOG.error("A listener of {} throws; its samples are lost, further throws are not logged", name, e);
                }
            }
        }
    }

    private final Object lock = new Object();
    private final String name;
    private final List<Item> items = new ArrayList<>();
    private final Map<TagId, Place> places = new LinkedHashMap<>();
    private final List<Listening> listening = new CopyOnWriteArrayList<>();
    private final Map<TagId, String> problems = new ConcurrentHashMap<>();
    private int losses;
    private final Clock clock;
    private volatile @Nullable Instant lastGood;
    private long duplicates;
    private long older;
    private long overflows;

    TagStates(String name, List<TagDefinition> definitions, Clock clock) {
        this.name = name;
        this.clock = clock;
        for (TagDefinition definition : definitions) {
            Item item = new Item(definition);
            for (int i = 0; i < item.elements.length; i++) {
                item.elements[i] = new State(definition.element(i));
                places.put(item.elements[i].id, new Place(item, i));
            }
            items.add(item);
        }
    }

    List<Item> items() {
        return items;
    }

    @Nullable
    Place place(TagId tag) {
        return places.get(tag);
    }

    /** Since start, of all tags. */
    record Counts(long repeated, long older, long overflowed) {}

    Counts counts() {
        synchronized (lock) {
            return new Counts(duplicates, older, overflows);
        }
    }

    /** When the subscription last said anything. */
    @Nullable
    Instant lastGood() {
        return lastGood;
    }

    /** Tags that cannot be used as configured, with the reason. */
    Map<TagId, String> problems() {
        return problems;
    }

    /** Begins with the last known sample of each tag, on a thread of the connector. */
    TagSource.Subscription subscribe(SampleListener listener, Executor executor) {
        Listening added = new Listening(listener);
        listening.add(added);
        executor.execute(() -> {
            synchronized (lock) {
                if (listening.contains(added)) {
                    begin(added);
                }
            }
        });
        return added;
    }

    private void begin(Listening added) {
        added.begun = true;
        List<Sample> known = new ArrayList<>();
        for (Place place : places.values()) {
            State state = place.item().elements[place.index()];
            if (state.delivered) {
                known.add(state.last);
            }
        }
        known.sort(Comparator.comparingLong(Sample::sourceTimeNs));
        for (Sample sample : known) {
            added.call(() -> added.listener.onSample(sample));
        }
        added.call(added.listener::onBatchEnd);
    }

    /**
     * One notification: its values by source time, whatever the order of the items.
     *
     * @param current whether its session still stands, asked under the lock: behind a loss its values would look fresh.
     */
    void received(List<Item> from, List<DataValue> values, long nanoTime, BooleanSupplier current) {
        List<Arrival> arrivals = new ArrayList<>(values.size());
        for (int i = 0; i < values.size(); i++) {
            DataValue value = values.get(i);
            arrivals.add(new Arrival(timeNs(value), from.get(i), value));
        }
        arrivals.sort(Comparator.comparingLong(Arrival::timeNs));
        synchronized (lock) {
            if (!current.getAsBoolean()) {
                return;
            }
            for (Arrival arrival : arrivals) {
                arrived(arrival, nanoTime);
            }
            aliveLocked(nanoTime);
            batchEnd();
        }
    }

    private void arrived(Arrival arrival, long nanoTime) {
        Item item = arrival.item();
        TagDefinition definition = item.definition;
        DataValue value = arrival.value();
        int status = (int) value.statusCode().value();
        if ((status & OVERFLOW_MASK) == OVERFLOW) {
            overflows++;
        }
        String mismatch = StatusCode.isBad(status)
                ? null
                : WireValue.mismatch(value.value(), definition.dataType(), definition.length());
        if (mismatch != null) {
            status = StatusCode.BAD_TYPE_MISMATCH;
        }
        problem(item, mismatch);
        for (int i = 0; i < item.elements.length; i++) {
            double number = StatusCode.isBad(status)
                    ? Double.NaN
                    : definition.scaling().toEngineering(WireValue.number(value.value(), definition.length(), i));
            offer(item.elements[i], finite(number), status(number, status), arrival.timeNs(), nanoTime);
        }
    }

    /** A REAL that is NaN or infinite says that its source has no number, whatever status it came with. */
    static int status(double number, int status) {
        return StatusCode.isBad(status) || Double.isFinite(number) ? status : StatusCode.BAD_SENSOR_FAILURE;
    }

    static double finite(double number) {
        return Double.isFinite(number) ? number : Double.NaN;
    }

    private void offer(State state, double value, int status, long timeNs, long nanoTime) {
        long ordered = timeNs;
        if (state.delivered) {
            long lastTick = Math.floorDiv(state.last.sourceTimeNs(), TICK_NS) * TICK_NS;
            if (timeNs < lastTick) {
                older++;
                wentBack(state, timeNs);
                return;
            }
            if (timeNs == lastTick) {
                if (state.last.status() == status && Double.compare(state.last.value(), value) == 0) {
                    state.loss = 0;
                    duplicates++;
                    return;
                }
                ordered = state.last.sourceTimeNs() + 1;
            }
        }
        state.wentBack = false;
        state.loss = 0;
        deliver(state, new Sample(state.id, value, status, ordered, nanoTime));
    }

    /** The plant's clock was set back: until it has caught up nothing newer comes, and the old value must not look fresh. */
    private void wentBack(State state, long timeNs) {
        boolean afterLoss = state.loss != 0;
        state.loss = 0;
        if (!afterLoss && (state.wentBack || state.last.sourceTimeNs() - timeNs < CLOCK_STEP_NS)) {
            return;
        }
        state.wentBack = true;
        LOG.warn(
                "{} {}: source time went back by {} ms; its values are dropped until the server's clock has caught up. "
                        + "Check the server's clock; a restart of this connector accepts its time at once",
                name,
                state.id,
                (state.last.sourceTimeNs() - timeNs) / 1_000_000);
        if (!StatusCode.isBad(state.last.status())) {
            ownStatus(state, state.last.value(), StatusCode.UNCERTAIN_LAST_USABLE_VALUE);
        }
    }

    boolean anyWentBack() {
        synchronized (lock) {
            return places.values().stream().anyMatch(p -> p.item().elements[p.index()].wentBack);
        }
    }

    /** The subscription answered that nothing else changed (Part 4 §5.14.1.1). */
    void alive(long nanoTime) {
        synchronized (lock) {
            aliveLocked(nanoTime);
        }
    }

    private void aliveLocked(long nanoTime) {
        lastGood = clock.instant();
        for (Listening each : listening) {
            each.call(() -> each.listener.onAlive(nanoTime));
        }
    }

    /** The server will not deliver this item. */
    void refused(Item item, int status, String reason) {
        synchronized (lock) {
            problem(item, reason);
            boolean changed = false;
            for (State state : item.elements) {
                state.loss = 0;
                if (!state.delivered || state.last.status() != status) {
                    ownStatus(state, Double.NaN, status);
                    changed = true;
                }
            }
            if (changed) {
                batchEnd();
            }
        }
    }

    /** @return number of this loss, for {@link #stillLost}. */
    int lost() {
        synchronized (lock) {
            int loss = ++losses;
            boolean changed = false;
            for (Item item : items) {
                for (State state : item.elements) {
                    if (state.loss == 0) {
                        state.loss = loss;
                        changed = true;
                        ownStatus(state, state.last.value(), statusWhenLost(state));
                    }
                }
            }
            if (changed) {
                batchEnd();
            }
            return loss;
        }
    }

    private static int statusWhenLost(State state) {
        if (!state.hadValue) {
            return StatusCode.BAD_WAITING_FOR_INITIAL_DATA;
        }
        // What was Bad is not made better by losing sight of it.
        return StatusCode.isBad(state.last.status())
                ? state.last.status()
                : StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE;
    }

    /** Tags that did not come back since that loss are Bad from now on. */
    void stillLost(int loss) {
        synchronized (lock) {
            boolean changed = false;
            for (Item item : items) {
                for (State state : item.elements) {
                    if (state.loss == loss) {
                        changed = true;
                        ownStatus(state, Double.NaN, StatusCode.BAD_NO_COMMUNICATION);
                    }
                }
            }
            if (changed) {
                batchEnd();
            }
        }
    }

    /** The source time of a tag's last sample, 0 where there was none. */
    long lastTimeNs(Place place) {
        synchronized (lock) {
            return place.item().elements[place.index()].last.sourceTimeNs();
        }
    }

    private void ownStatus(State state, double value, int status) {
        deliver(state, new Sample(state.id, value, status, state.last.sourceTimeNs() + 1, state.last.arrivalNanos()));
    }

    private void deliver(State state, Sample sample) {
        state.last = sample;
        state.delivered = true;
        state.hadValue |= !StatusCode.isBad(sample.status());
        for (Listening each : listening) {
            each.call(() -> each.listener.onSample(sample));
        }
    }

    private void batchEnd() {
        for (Listening each : listening) {
            each.call(each.listener::onBatchEnd);
        }
    }

    private void problem(Item item, @Nullable String reason) {
        TagId id = item.definition.id();
        if (reason == null) {
            if (!problems.isEmpty() && problems.remove(id) != null) {
                LOG.info("{} {} ({}) delivers values now", name, id, item.definition.address());
            }
        } else if (!reason.equals(problems.put(id, reason))) {
            LOG.warn("{} {} ({}): {}; correct the tag list or the server", name, id, item.definition.address(), reason);
        }
    }

    /**
     * The source time; where the server gives none, its own time (Part 4 §7.11.4), which is never older than the value; where it
     * gives neither, the beginning of 1970.
     */
    static long timeNs(DataValue value) {
        DateTime source = value.sourceTime();
        DateTime time = source == null || source.getUtcTime() == 0 ? value.serverTime() : source;
        return time == null || time.getUtcTime() == 0 ? 0 : (time.getUtcTime() - TICKS_TO_1970) * TICK_NS;
    }
}
