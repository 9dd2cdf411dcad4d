// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.pipeline.Pipeline.Binding;
import io.penstock.api.preprocessing.FeatureEngine.UnitConversion;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stage 1: gathers the bound tags of all connectors and freezes frames. Connectors come and go on any thread; {@link #take}
 * and {@link #freeze} belong to the pipeline's thread.
 */
final class Acquisition {
    private static final Logger LOG = LoggerFactory.getLogger(Acquisition.class);

    private final Map<String, Input> byInput = new HashMap<>();
    private final Map<String, List<Input>> byTag = new HashMap<>();
    private final List<Input> triggers = new ArrayList<>();
    private final Map<TagSource, Feed> feeds = new ConcurrentHashMap<>();
    private final Map<String, Long> goneNanos = new ConcurrentHashMap<>();
    private final Runnable onChange;
    private final LongSupplier wallNs;
    private volatile Map<String, String> wantedUnits = Map.of();
    private volatile BiFunction<String, String, Optional<UnitConversion>> converter = (from, to) -> Optional.empty();

    Acquisition(Settings settings, LongSupplier wallNs, Runnable onChange) {
        this.wallNs = wallNs;
        this.onChange = onChange;
        for (Binding binding : settings.bindings()) {
            Input input = new Input(binding.input(), binding.tag(), settings.sampleQueue());
            byInput.put(binding.input(), input);
            byTag.computeIfAbsent(binding.tag(), t -> new ArrayList<>()).add(input);
            if (settings.triggerTags().contains(binding.tag())) {
                triggers.add(input);
            }
        }
    }

    @Nullable
    Input input(String name) {
        return byInput.get(name);
    }

    /** Subscribes to a connector if it has a bound tag. */
    void add(TagSource source) {
        Map<TagId, List<Input>> mine = new HashMap<>();
        for (TagDefinition definition : source.tags()) {
            for (int i = 0; i < definition.length(); i++) {
                TagId tag = definition.element(i);
                List<Input> inputs = byTag.get(tag.name());
                if (inputs != null) {
                    mine.put(tag, inputs);
                }
            }
        }
        if (!mine.isEmpty()) {
            Feed feed = new Feed(mine);
            feeds.put(source, feed);
            checkUnits();
            feed.subscription = source.subscribe(feed);
            Long gone = goneNanos.remove(source.name());
            if (gone != null) {
                LOG.info(
                        "Connector {} is back after a gap of {} ms",
                        source.name(),
                        (System.nanoTime() - gone) / 1_000_000);
            }
        }
    }

    /** Forgets a connector; its tags keep their last value, marked as no longer confirmed. */
    void remove(TagSource source) {
        Feed feed = feeds.remove(source);
        if (feed != null) {
            goneNanos.put(source.name(), System.nanoTime());
            feed.close(wallNs.getAsLong());
            checkUnits();
            onChange.run();
        }
    }

    void close() {
        feeds.keySet().forEach(this::remove);
    }

    /** Learns which units the model wants; tags in other units are converted, or have no value where that is impossible. */
    void want(List<InputSpec> specs, BiFunction<String, String, Optional<UnitConversion>> conversions) {
        Map<String, String> units = new HashMap<>();
        specs.forEach(spec -> units.put(spec.name(), spec.unit()));
        wantedUnits = units;
        converter = conversions;
        checkUnits();
        for (Input input : byInput.values()) {
            input.want(units.containsKey(input.name()) || triggers.contains(input));
        }
    }

    private void checkUnits() {
        for (Input input : byInput.values()) {
            String wanted = wantedUnits.get(input.name());
            TagDefinition definition = definition(input.tag()).orElse(null);
            if (definition == null) {
                if (!input.everDefined()) { // else its connector is away for a moment, which its samples say
                    input.setConversion(null, feeds.isEmpty() ? null : missing(input));
                }
            } else if (wanted == null) {
                input.define();
                input.setConversion(null, null);
            } else {
                input.define();
                Optional<UnitConversion> conversion = conversion(definition.unit(), wanted, converter);
                input.setConversion(
                        conversion.orElse(null), conversion.isPresent() ? null : mismatch(input, definition, wanted));
            }
        }
    }

    private static String missing(Input input) {
        return "input '" + input.name() + "': no connector has tag '" + input.tag()
                + "'; add it to a tag list or bind another";
    }

    static String mismatch(Input input, TagDefinition definition, String wanted) {
        return "input '" + input.name() + "': tag '" + input.tag() + "' is in '" + definition.unit()
                + "', the model wants '" + wanted
                + "' and there is no conversion; correct the tag list's unit or bind another tag";
    }

    static Optional<UnitConversion> conversion(
            String from, String to, BiFunction<String, String, Optional<UnitConversion>> conversions) {
        return from.equals(to) ? Optional.of(new UnitConversion(1, 0)) : conversions.apply(from, to);
    }

    /** The definition of a tag, if a connector that is here has it. */
    Optional<TagDefinition> definition(String tag) {
        for (TagSource source : feeds.keySet()) {
            for (TagDefinition definition : source.tags()) {
                for (int i = 0; i < definition.length(); i++) {
                    if (definition.element(i).name().equals(tag)) {
                        return Optional.of(definition);
                    }
                }
            }
        }
        return Optional.empty();
    }

    /** From when on the first of the waiting samples of trigger tags counts, {@link Long#MAX_VALUE} if none waits. */
    long nextTriggerNs(GatewayTime time) {
        long next = Long.MAX_VALUE;
        for (int i = 0; i < triggers.size(); i++) {
            next = Math.min(next, triggers.get(i).nextTimeNs(time));
        }
        return next;
    }

    /** Begins a frame: what changed from here on is new. */
    void forgetChanges() {
        for (int i = 0; i < triggers.size(); i++) {
            triggers.get(i).forgetChange();
        }
    }

    /** Takes what is not newer than the instant into the frame's inputs. */
    void take(@Nullable Input[] inputs, Frame frame, long instantNs, GatewayTime time) {
        for (int i = 0; i < inputs.length; i++) {
            Input input = inputs[i];
            if (input != null) {
                input.take(instantNs, time, frame, i);
            }
        }
    }

    /** Takes what nobody took; true if a trigger tag changed. */
    boolean changed(long instantNs, GatewayTime time) {
        boolean changed = false;
        for (int i = 0; i < triggers.size(); i++) {
            Input trigger = triggers.get(i);
            if (trigger.nextTimeNs(time) <= instantNs) {
                trigger.take(instantNs, time, null, 0); // bound, but not an input of this model
            }
            changed |= trigger.changed();
        }
        return changed;
    }

    /** The gateway's clock was stepped. */
    void clockStepped(GatewayTime time) {
        for (Input input : byInput.values()) {
            input.clockStepped(time);
        }
    }

    /** Sets the frame's values. */
    void freeze(@Nullable Input[] inputs, Frame frame, long nanos) {
        for (int i = 0; i < inputs.length; i++) {
            freeze(inputs[i], frame, i, nanos);
        }
    }

    void freeze(@Nullable Input input, Frame frame, int index, long nanos) {
        if (input == null) {
            frame.set(index, Double.NaN, StatusCode.BAD_CONFIGURATION_ERROR, 0, Long.MAX_VALUE);
        } else {
            input.freeze(frame, index, nanos);
        }
    }

    long droppedSamples() {
        long sum = 0;
        for (Input input : byInput.values()) {
            sum += input.dropped();
        }
        return sum;
    }

    /** The first trouble of an input, empty if there is none. */
    String trouble() {
        for (Input input : byInput.values()) {
            String trouble = input.trouble();
            if (trouble != null) {
                return trouble;
            }
        }
        return "";
    }

    /** One connector's samples on their way to the inputs. */
    private final class Feed implements SampleListener {
        private final Map<TagId, List<Input>> inputs;
        private final Map<TagId, Sample> last = new ConcurrentHashMap<>();
        private TagSource.@Nullable Subscription subscription;
        private long newestNs = Long.MIN_VALUE; // of the batch that is coming; the connector's thread

        Feed(Map<TagId, List<Input>> inputs) {
            this.inputs = inputs;
        }

        @Override
        public void onBatchBegin(long newestSourceTimeNs, long nanoTime) {
            newestNs = newestSourceTimeNs;
        }

        @Override
        public void onSample(Sample sample) {
            List<Input> targets = inputs.get(sample.tag());
            if (targets != null) {
                last.put(sample.tag(), sample);
                long order = sample.arrivalNanos() - behindNewest(sample);
                for (int i = 0; i < targets.size(); i++) {
                    targets.get(i).offer(sample, order);
                }
            }
        }

        /** A clock that leads does so for all that came together: they keep their distances. */
        private long behindNewest(Sample sample) {
            long behind = newestNs - sample.sourceTimeNs();
            return newestNs > sample.sourceTimeNs() && behind > 0 && behind <= Input.PLAUSIBLE_NANOS ? behind : 0;
        }

        @Override
        public void onBatchEnd() {
            newestNs = Long.MIN_VALUE;
            onChange.run();
        }

        @Override
        public void onConfirmed(TagId tag, long sourceTimeNs, long nanoTime) {
            List<Input> targets = inputs.get(tag);
            Sample known = last.get(tag);
            if (targets == null
                    || known == null
                    || known.sourceTimeNs() != sourceTimeNs
                    || known.status() == StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE
                    || nanoTime - known.arrivalNanos() <= 0) {
                return;
            }
            last.put(tag, new Sample(tag, known.value(), known.status(), sourceTimeNs, nanoTime));
            for (int i = 0; i < targets.size(); i++) {
                targets.get(i).confirm(sourceTimeNs, nanoTime);
            }
        }

        void close(long nowNs) {
            TagSource.Subscription open = subscription;
            if (open != null) {
                open.close();
            }
            last.forEach((tag, sample) -> {
                int status = StatusCode.isBad(sample.status())
                        ? StatusCode.BAD_NO_COMMUNICATION
                        : StatusCode.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE;
                Sample unconfirmed = new Sample(tag, sample.value(), status, nowNs, sample.arrivalNanos());
                inputs.getOrDefault(tag, List.of()).forEach(input -> input.offer(unconfirmed));
            });
        }
    }
}
