// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.models.AcceptedReleases.UnreadableException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives pipelines that come, or come back after a restart or a new configuration, the model they are meant to have. One thread
 * ticks; what it decides, it decides under {@link Parts#deciding}.
 */
final class Restoration {
    private static final Logger LOG = LoggerFactory.getLogger(Restoration.class);
    private static final long FIRST_DELAY_MS = 500;
    private static final long LONGEST_DELAY_MS = 60_000;

    private final Parts parts;
    private final Predicate<String> rollback;
    private final Map<String, Unserved> unserved = new ConcurrentHashMap<>();

    /** @param rollback whether a pipeline is being rolled back. */
    Restoration(Parts parts, Predicate<String> rollback) {
        this.parts = parts;
        this.rollback = rollback;
    }

    /** A pipeline that has no model at present. */
    private record Unserved(long nextNanos, long delayMs, boolean reported) {}

    void tick() throws InterruptedException {
        long now = parts.nanoTime().getAsLong();
        for (Pipeline pipeline : parts.pipelines().takeAppeared()) {
            unserved.put(pipeline.name(), new Unserved(now, FIRST_DELAY_MS, false));
        }
        if (!parts.probe().waitsFor().isEmpty()) {
            return;
        }
        for (Map.Entry<String, Unserved> entry : Map.copyOf(unserved).entrySet()) {
            Pipeline pipeline = parts.pipelines().get(entry.getKey()).orElse(null);
            if (pipeline == null) {
                unserved.remove(entry.getKey());
            } else if (entry.getValue().nextNanos() - now <= 0 && free(pipeline)) {
                serve(pipeline, entry.getValue());
            }
        }
    }

    private boolean free(Pipeline pipeline) {
        parts.deciding().lock();
        try {
            return !parts.swaps().concerns(pipeline.name());
        } finally {
            parts.deciding().unlock();
        }
    }

    /** A release or a rollback has given it a model. */
    void served(String pipeline) {
        unserved.remove(pipeline);
    }

    /** Gives a pipeline that has just come, or come back, the model it is meant to have, or else the one before. */
    private void serve(Pipeline pipeline, Unserved before) throws InterruptedException {
        State.Serving meant = parts.store().state().pipelines().get(pipeline.name());
        List<String> candidates = candidates(pipeline);
        List<String> failures = new ArrayList<>();
        for (String id : candidates) {
            Release release;
            try {
                release = parts.accepted().load(id);
                parts.retention().stage(release);
                String serving =
                        pipeline.model().map(model -> model.identity().sha256()).orElse("");
                if (!serving.equals(release.identity().sha256())) {
                    Rollout rollout = new Rollout(
                            Objects.requireNonNull(
                                            parts.store().state().releases().get(id))
                                    .file(),
                            release.forSwap(),
                            List.of());
                    if (!start(rollout, pipeline, meant)) {
                        return; // a person or a release was faster
                    }
                    parts.swaps().await(rollout, parts.settings().swapTimeoutMs());
                    List<Swaps.Ended> ended = take(rollout);
                    if (ended.isEmpty()) {
                        unserved.remove(pipeline.name());
                        return; // its next cycle is far; what then comes is settled by tick()
                    }
                    if (ended.get(0).report() == null) {
                        throw new ModelRejectedException(ended.get(0).failure());
                    }
                    LOG.info(
                            "Model {} serves on {} again: {}",
                            release.identity().label(),
                            pipeline.name(),
                            Swaps.figures(Objects.requireNonNull(ended.get(0).report())));
                }
            } catch (UnreadableException | ModelRejectedException e) {
                Failures.checkStop();
                failures.add(parts.accepted().label(id) + ": " + Failures.message(e));
                continue;
            }
            unserved.remove(pipeline.name());
            parts.deciding().lock();
            try {
                served(pipeline, release, failures);
            } finally {
                parts.deciding().unlock();
            }
            return;
        }
        parts.deciding().lock();
        try {
            stayUnserved(pipeline, before, candidates.isEmpty(), failures);
        } finally {
            parts.deciding().unlock();
        }
    }

    /** @return false where something else was decided meanwhile. */
    private boolean start(Rollout rollout, Pipeline pipeline, State.@Nullable Serving meant) {
        parts.deciding().lock();
        try {
            if (parts.swaps().concerns(pipeline.name())
                    || rollback.test(pipeline.name())
                    || !Objects.equals(meant, parts.store().state().pipelines().get(pipeline.name()))) {
                return false;
            }
            parts.swaps().start(rollout, pipeline, Duration.ZERO);
            return true;
        } finally {
            parts.deciding().unlock();
        }
    }

    /** Leaves it to others where it has not ended. */
    private List<Swaps.Ended> take(Rollout rollout) throws InterruptedException {
        parts.deciding().lock();
        try {
            List<Swaps.Ended> ended = parts.swaps().take(rollout);
            parts.swaps().leave(rollout);
            return ended;
        } finally {
            parts.deciding().unlock();
        }
    }

    /** What may serve on a pipeline, best first. */
    private List<String> candidates(Pipeline pipeline) {
        State state = parts.store().state();
        List<String> wanted = new ArrayList<>();
        State.Serving serving = state.pipelines().get(pipeline.name());
        if (serving != null) {
            wanted.add(serving.current());
            for (int i = serving.history().size() - 1; i >= 0; i--) {
                wanted.add(serving.history().get(i));
            }
        }
        wanted.removeIf(id -> !parts.accepted().mayServe(pipeline, id));
        if (wanted.isEmpty() && (serving == null || !parts.accepted().quarantined(serving.current()))) {
            state.releases().entrySet().stream()
                    .filter(entry -> parts.accepted().mayServe(pipeline, entry.getKey()))
                    .max((a, b) -> Long.compare(
                            a.getValue().identity().sequence(),
                            b.getValue().identity().sequence()))
                    .ifPresent(entry -> wanted.add(entry.getKey()));
        }
        return wanted;
    }

    private void served(Pipeline pipeline, Release release, List<String> failures) {
        parts.kept().put(release);
        State state = parts.store().state();
        State.Serving serving = state.pipelines().get(pipeline.name());
        if (serving != null && serving.current().equals(release.id())) {
            parts.ledger().markServing();
            return;
        }
        String name = pipeline.name();
        List<String> names = List.of(name);
        Instant now = parts.clock().instant();
        if (serving == null || !serving.history().contains(release.id())) {
            State.Serving changed =
                    serving == null ? new State.Serving(release.id(), List.of()) : serving.followedBy(release.id());
            parts.ledger()
                    .finish(
                            state.withServing(name, changed),
                            parts.ledger()
                                    .recorded(
                                            new Receipt(
                                                    parts.accepted().label(release.id()),
                                                    release.identity(),
                                                    names,
                                                    RolloutOutcome.ACTIVATED,
                                                    "",
                                                    List.of("ACTIVE " + name
                                                            + ": newest accepted release that it wants"),
                                                    now),
                                            "RELEASE"));
        } else {
            boolean forGood = parts.accepted().quarantined(serving.current());
            String reason = forGood
                    ? parts.accepted().label(serving.current()) + " is in quarantine after "
                            + state.crashes().get(serving.current())
                            + " crashes of the gateway; drop its file again to try it once more"
                    : String.join("; ", failures);
            parts.ledger()
                    .finish(
                            forGood ? state.withServing(name, serving.backTo(release.id())) : state,
                            parts.ledger()
                                    .recorded(
                                            new Receipt(
                                                    "rollback",
                                                    release.identity(),
                                                    names,
                                                    RolloutOutcome.ROLLED_BACK,
                                                    reason,
                                                    List.of("ACTIVE " + name),
                                                    now),
                                            "ROLLBACK"));
        }
    }

    private void stayUnserved(Pipeline pipeline, Unserved before, boolean none, List<String> failures) {
        State.Serving serving = parts.store().state().pipelines().get(pipeline.name());
        boolean expected = serving != null;
        if (!expected && none) {
            unserved.remove(pipeline.name()); // nothing was ever released for it
            return;
        }
        if (!before.reported()) {
            String reason = none && expected && parts.accepted().quarantined(serving.current())
                    ? parts.accepted().label(serving.current())
                            + " is in quarantine after crashes of the gateway and there is no fallback;"
                            + " drop another release, or its file again to try it once more"
                    : none ? "no stored release fits what it wants; drop one" : String.join("; ", failures);
            parts.ledger()
                    .finish(
                            parts.store().state(),
                            parts.ledger()
                                    .recorded(
                                            new Receipt(
                                                    "rollback",
                                                    null,
                                                    List.of(pipeline.name()),
                                                    pipeline.model().isPresent()
                                                            ? RolloutOutcome.FAILED_NOTHING_CHANGED
                                                            : RolloutOutcome.ROLLBACK_FAILED,
                                                    reason,
                                                    List.of(),
                                                    parts.clock().instant()),
                                            "ROLLBACK"));
        }
        long delayMs = Math.min(LONGEST_DELAY_MS, before.delayMs() * 2);
        unserved.put(
                pipeline.name(),
                new Unserved(parts.nanoTime().getAsLong() + TimeUnit.MILLISECONDS.toNanos(delayMs), delayMs, true));
    }
}
