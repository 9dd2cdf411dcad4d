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
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
 * <p>Source times are the server's, to the 100 ns OPC UA has (Part 6 §5.2.2.5), and only passed on: of two values the one that
 * came later is the newer. What the connector says itself about a tag (connection lost, node unknown) carries the time at which
 * it was recognised (Part 4 §7.11.3).
 */
final class TagStates {
    private static final Logger LOG = LoggerFactory.getLogger(TagStates.class);
    private static final long TICK_NS = 100;

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
        final SourceClocks.Verdict clock = new SourceClocks.Verdict();
        Sample last;
        /** When the source delivered, or was last asked for, the value of the last sample. */
        long trueNanos;

        boolean delivered;
        boolean hadValue;
        int loss;
        /** Whether the last sample is what the source said, of which the next three tell; else it is the connector's own word. */
        boolean said;

        double saidValue;
        int saidStatus;
        long saidTimeNs;
        boolean everSaid;
        /** What a read answered that did not confirm. */
        int readStatus;

        State(TagId id) {
            this.id = id;
            trueNanos = System.nanoTime();
            last = new Sample(id, Double.NaN, StatusCode.BAD_WAITING_FOR_INITIAL_DATA, 0, trueNanos);
        }
    }

    /** @param rank orders the values of one notification: by source time, but never two of one item against their order. */
    private record Arrival(long rank, long timeNs, Item item, DataValue value) {}

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
    private final SourceClocks sourceClocks;
    private List<Item> formerItems = List.of();
    private List<DataValue> formerValues = List.of();
    private int cursor;
    private volatile @Nullable Instant lastGood;
    private long duplicates;
    private long older;
    private long overflows;

    TagStates(String name, List<TagDefinition> definitions, Clock clock, SourceClocks sourceClocks) {
        this.name = name;
        this.clock = clock;
        this.sourceClocks = sourceClocks;
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
                Sample last = state.last;
                known.add(new Sample(last.tag(), last.value(), last.status(), last.sourceTimeNs(), state.trueNanos));
            }
        }
        known.sort(Comparator.comparingLong(Sample::sourceTimeNs));
        for (Sample sample : known) {
            added.call(() -> added.listener.onSample(sample));
        }
        added.call(added.listener::onBatchEnd);
    }

    /**
     * One notification: its values by source time, whatever the order of the items; those of one item as they came.
     *
     * @param current whether its session still stands, asked under the lock: behind a loss its values would look fresh.
     */
    void received(List<Item> from, List<DataValue> values, long nanoTime, BooleanSupplier current) {
        long wallNs = wallNs();
        List<Arrival> arrivals = new ArrayList<>(values.size());
        Map<Item, Long> ranks = new HashMap<>();
        long newestNs = Long.MIN_VALUE;
        for (int i = 0; i < values.size(); i++) {
            DataValue value = values.get(i);
            long timeNs = timeNs(value);
            arrivals.add(new Arrival(ranks.merge(from.get(i), timeNs, Math::max), timeNs, from.get(i), value));
            if (!sourceClocks.leads(timeNs, wallNs)) {
                newestNs = Math.max(newestNs, timeNs);
            }
        }
        arrivals.sort(Comparator.comparingLong(Arrival::rank));
        synchronized (lock) {
            if (!current.getAsBoolean()) {
                return;
            }
            lastGood = clock.instant();
            if (repeated(from, values)) {
                duplicates += values.size();
                return;
            }
            if (newestNs != Long.MIN_VALUE) {
                batchBegin(newestNs, nanoTime);
            }
            for (Arrival arrival : arrivals) {
                arrived(arrival, nanoTime, wallNs);
            }
            batchEnd();
        }
    }

    /** Whether the server sends its last notification once more, as it does when the acknowledgement went lost. */
    private boolean repeated(List<Item> from, List<DataValue> values) {
        boolean same = from.equals(formerItems) && values.size() == formerValues.size();
        for (int i = 0; same && i < values.size(); i++) {
            DataValue now = values.get(i);
            DataValue former = formerValues.get(i);
            same = now.statusCode().equals(former.statusCode())
                    && Objects.equals(now.sourceTime(), former.sourceTime())
                    && Objects.equals(now.serverTime(), former.serverTime())
                    && Objects.deepEquals(now.value().value(), former.value().value());
        }
        formerItems = from;
        formerValues = values;
        return same;
    }

    private void arrived(Arrival arrival, long nanoTime, long wallNs) {
        Item item = arrival.item();
        TagDefinition definition = item.definition;
        DataValue value = arrival.value();
        int status = (int) value.statusCode().value();
        if ((status & OVERFLOW_MASK) == OVERFLOW) {
            overflows++;
        }
        String mismatch = mismatch(definition, value);
        if (mismatch != null) {
            status = StatusCode.BAD_TYPE_MISMATCH;
        }
        problem(item, mismatch);
        for (int i = 0; i < item.elements.length; i++) {
            double number = number(definition, value, status, i);
            offer(item.elements[i], finite(number), status(number, status), arrival.timeNs(), nanoTime, wallNs);
        }
    }

    private static @Nullable String mismatch(TagDefinition definition, DataValue value) {
        return StatusCode.isBad((int) value.statusCode().value())
                ? null
                : WireValue.mismatch(value.value(), definition.dataType(), definition.length());
    }

    private static double number(TagDefinition definition, DataValue value, int status, int index) {
        return StatusCode.isBad(status)
                ? Double.NaN
                : definition.scaling().toEngineering(WireValue.number(value.value(), definition.length(), index));
    }

    /** A REAL that is NaN or infinite says that its source has no number, whatever status it came with. */
    static int status(double number, int status) {
        return StatusCode.isBad(status) || Double.isFinite(number) ? status : StatusCode.BAD_SENSOR_FAILURE;
    }

    static double finite(double number) {
        return Double.isFinite(number) ? number : Double.NaN;
    }

    private void offer(State state, double value, int status, long timeNs, long nanoTime, long wallNs) {
        state.loss = 0;
        if (state.said
                && state.saidStatus == status
                && state.saidTimeNs == timeNs
                && Double.compare(state.saidValue, value) == 0) {
            duplicates++;
            confirmed(state, nanoTime);
            return;
        }
        if (state.everSaid && timeNs < state.saidTimeNs) {
            older++;
            sourceClocks.wentBack(state.id, state.saidTimeNs, timeNs);
        }
        // Its first value in a session may be from any time; one that follows has just changed.
        sourceClocks.judge(state.clock, state.id, timeNs, wallNs, state.said && timeNs != state.saidTimeNs);
        state.said = true;
        state.everSaid = true;
        state.saidValue = value;
        state.saidStatus = status;
        state.saidTimeNs = timeNs;
        say(state, nanoTime);
    }

    /** Tells what the source said. */
    private void say(State state, long nanoTime) {
        boolean refused = state.clock.leads() && sourceClocks.refusesLeading();
        state.trueNanos = nanoTime;
        deliver(
                state,
                new Sample(
                        state.id,
                        refused ? Double.NaN : state.saidValue,
                        refused ? StatusCode.BAD_INVALID_TIMESTAMP : state.saidStatus,
                        state.saidTimeNs,
                        nanoTime));
    }

    private void confirmed(State state, long nanoTime) {
        if (nanoTime - state.trueNanos > 0) {
            state.trueNanos = nanoTime;
            for (Listening each : listening) {
                each.call(() -> each.listener.onConfirmed(state.id, state.last.sourceTimeNs(), nanoTime));
            }
        }
    }

    /** What the source clocks are suspected of, empty if nothing. */
    String clockWarning() {
        synchronized (lock) {
            return sourceClocks.warning();
        }
    }

    /** The subscription answered that nothing changed (Part 4 §5.14.1.1): the link lives. Of no tag it says anything. */
    void alive() {
        lastGood = clock.instant();
    }

    /**
     * Items with a value of which nothing was heard since then, at most so many; those that were not told last come first.
     */
    List<Item> unconfirmed(long sinceNanos, int most) {
        List<Item> found = new ArrayList<>();
        synchronized (lock) {
            for (int looked = 0; looked < items.size() && found.size() < most; looked++) {
                cursor = cursor + 1 >= items.size() ? 0 : cursor + 1;
                Item item = items.get(cursor);
                for (State state : item.elements) {
                    if (state.said && state.loss == 0 && state.trueNanos - sinceNanos < 0) {
                        found.add(item);
                        break;
                    }
                }
            }
        }
        return found;
    }

    /** Tags with a value of which nothing was heard since then although they are read again, in words; empty if there is none. */
    String agedWarning(long sinceNanos) {
        int count = 0;
        State first = null;
        synchronized (lock) {
            for (Item item : items) {
                for (State state : item.elements) {
                    if (state.said && state.loss == 0 && state.trueNanos - sinceNanos < 0) {
                        first = first == null ? state : first;
                        count++;
                    }
                }
            }
        }
        return first == null
                ? ""
                : "values of " + count + " tags grow old, first " + first.id + ": no change is told, and a read "
                        + (StatusCode.isBad(first.readStatus)
                                ? "answers " + Reasons.name(Integer.toUnsignedLong(first.readStatus))
                                : "does not find the same")
                        + "; let this gateway's user read it, or shorten its period";
    }

    /**
     * What a read found. Where it is what the subscription said last, that is confirmed; where not, a notification is under way
     * or the server samples slowly, and the tag grows older until it comes.
     *
     * @param nanoTime not later than the source was asked.
     * @param current as for {@link #received}.
     */
    void readAgain(List<Item> from, List<DataValue> values, long nanoTime, BooleanSupplier current) {
        long wallNs = wallNs();
        synchronized (lock) {
            if (!current.getAsBoolean()) {
                return;
            }
            boolean changed = false;
            for (int i = 0; i < from.size(); i++) {
                Item item = from.get(i);
                DataValue value = values.get(i);
                int code = mismatch(item.definition, value) == null
                        ? (int) value.statusCode().value()
                        : StatusCode.BAD_TYPE_MISMATCH;
                for (int k = 0; k < item.elements.length; k++) {
                    State state = item.elements[k];
                    double number = number(item.definition, value, code, k);
                    if (state.said
                            && state.loss == 0
                            && state.saidStatus == status(number, code)
                            && Double.compare(state.saidValue, finite(number)) == 0) {
                        changed |= confirmedByRead(state, nanoTime, wallNs);
                    } else {
                        state.readStatus = status(number, code);
                    }
                }
            }
            if (changed) {
                batchEnd();
            }
        }
    }

    /** True where a value was refused for its source time, which is none of the future any more. */
    private boolean confirmedByRead(State state, long nanoTime, long wallNs) {
        if (state.clock.leads() && !sourceClocks.leads(state.saidTimeNs, wallNs)) {
            sourceClocks.judge(state.clock, state.id, state.saidTimeNs, wallNs, false);
            if (sourceClocks.refusesLeading()) {
                say(state, nanoTime);
                return true;
            }
        }
        confirmed(state, nanoTime);
        return false;
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
            formerItems = List.of();
            formerValues = List.of();
            boolean changed = false;
            for (Item item : items) {
                for (State state : item.elements) {
                    if (state.loss == 0) {
                        state.loss = loss;
                        changed = true;
                        sourceClocks.forget(state.clock);
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

    private void ownStatus(State state, double value, int status) {
        state.said = false;
        deliver(state, new Sample(state.id, value, status, wallNs(), state.trueNanos));
    }

    private void deliver(State state, Sample sample) {
        state.last = sample;
        state.delivered = true;
        state.hadValue |= !StatusCode.isBad(sample.status());
        for (Listening each : listening) {
            each.call(() -> each.listener.onSample(sample));
        }
    }

    private void batchBegin(long newestNs, long nanoTime) {
        for (Listening each : listening) {
            each.call(() -> each.listener.onBatchBegin(newestNs, nanoTime));
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

    /** UTC nanoseconds by our own clock. */
    long wallNs() {
        Instant now = clock.instant();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }

    /**
     * The source time; where the server gives none, its own time (Part 4 §7.11.4), which is never older than the value; where it
     * gives neither, the beginning of 1970. Times that 64 bits of nanoseconds do not hold (before 1678, after 2262) become the
     * nearest that they do.
     */
    static long timeNs(DataValue value) {
        return timeOr(value, 0);
    }

    static long timeOr(DataValue value, long otherwise) {
        DateTime source = value.sourceTime();
        DateTime time = source == null || source.getUtcTime() == 0 ? value.serverTime() : source;
        if (time == null || time.getUtcTime() == 0) {
            return otherwise;
        }
        long most = Long.MAX_VALUE / TICK_NS;
        return Math.max(-most, Math.min(time.getUtcTime() - TICKS_TO_1970, most)) * TICK_NS;
    }
}
