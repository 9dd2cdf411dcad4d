// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.access.Actor;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.models.AcceptedReleases.UnreadableException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a person may do against a model: go back, or cancel what is on its way. On the caller's thread, beside whatever the room
 * does: no release that is read, tried or warming up is waited for, and no disk that does not answer.
 */
final class Rollback {
    private static final Logger LOG = LoggerFactory.getLogger(Rollback.class);
    /** How long the disk may take where memory has the model too; the disk knows of signers that were revoked. */
    private static final long READ_MS = 400;
    /** How long the disk may take to keep what was decided, before who asked is told that it has not. */
    private static final long SAVE_MS = 400;
    /** What is given up ends in milliseconds, unless it hangs. */
    private static final long END_MS = 300;

    private final Parts parts;
    private final Restoration restoration;
    private final HeldBack heldBack;
    private final Trial trial;
    private final Settling settling;
    private final Set<String> running = new HashSet<>();
    private final Map<String, FutureTask<Release>> reading = new ConcurrentHashMap<>();

    Rollback(Parts parts, Restoration restoration, HeldBack heldBack, Trial trial, Settling settling) {
        this.parts = parts;
        this.restoration = restoration;
        this.heldBack = heldBack;
        this.trial = trial;
        this.settling = settling;
    }

    /** Writes down how given up swaps ended. */
    interface Settling {
        void settle() throws InterruptedException;
    }

    /** What a rollback is about. */
    private record Way(Pipeline pipeline, String id, ModelIdentity identity) {}

    /** Whether one is under way; who asks holds {@link Parts#deciding}. */
    boolean runs(String pipeline) {
        return running.contains(pipeline);
    }

    /** Returns a pipeline to the model before; done again, to the one before that. */
    Receipt run(String name, Actor actor, String reason) throws InterruptedException {
        String who = actor.name() + " (" + actor.origin() + "): " + reason;
        List<String> steps = new ArrayList<>();
        ModelIdentity identity = parts.accepted().fallback(name);
        boolean mine = false;
        try {
            Way way;
            parts.deciding().lock();
            try {
                way = way(name);
                mine = running.add(name);
            } finally {
                parts.deciding().unlock();
            }
            Release release = fetch(name, way, steps);
            Swaps.Ended ended = exchange(way, release, actor, steps);
            steps.add("ACTIVE " + name + ": " + Swaps.figures(Objects.requireNonNull(ended.report())));
            return finish(name, way, new Outcome(RolloutOutcome.ROLLED_BACK, "rolled back by " + who), actor, steps);
        } catch (ModelRejectedException e) {
            Failures.checkStop();
            Outcome outcome =
                    new Outcome(RolloutOutcome.FAILED_NOTHING_CHANGED, Failures.message(e) + " [asked by " + who + "]");
            return finish(name, null, outcome, actor, steps, "rollback", identity);
        } finally {
            if (mine) {
                parts.deciding().lock();
                try {
                    running.remove(name);
                } finally {
                    parts.deciding().unlock();
                }
            }
        }
    }

    private record Outcome(RolloutOutcome outcome, String reason) {}

    private Way way(String name) throws ModelRejectedException {
        if (running.contains(name)) {
            throw new ModelRejectedException("rollback: pipeline " + name
                    + " is being rolled back already; wait for the answer to that, then see where it is");
        }
        String id = parts.accepted().fallbackId(name);
        if (id == null) {
            throw new ModelRejectedException(
                    "rollback: pipeline " + name + " has no model to return to; pipelines with one are "
                            + parts.store().state().pipelines().keySet().stream()
                                    .filter(known -> parts.accepted().fallbackId(known) != null)
                                    .toList());
        }
        Pipeline pipeline = parts.pipelines()
                .get(name)
                .orElseThrow(() -> new ModelRejectedException(
                        "rollback: pipeline " + name + " is not running at present; check its configuration in etc/"));
        if (!parts.accepted().fits(pipeline, id)) {
            throw new ModelRejectedException("rollback: " + parts.accepted().label(id)
                    + " is not what pipeline " + name + " wants ("
                    + pipeline.requirement().model() + " "
                    + pipeline.requirement().versionRange()
                    + "); change its configuration first");
        }
        String missing = parts.probe().waitsFor();
        if (!missing.isEmpty()) {
            throw new ModelRejectedException("rollback: pipeline " + name + " waits for " + missing);
        }
        Release underWay = parts.swaps().underWay(name);
        if (underWay != null && pipeline.model().isEmpty()) {
            throw new ModelRejectedException("rollback: pipeline " + name + " has no model and is about to begin with "
                    + underWay.identity().label() + "; try again in a moment");
        }
        return new Way(
                pipeline,
                id,
                Objects.requireNonNull(parts.store().state().releases().get(id)).identity());
    }

    /** The disk is asked first, for it knows of signers that were revoked; where it fails, memory has what was verified. */
    private Release fetch(String name, Way way, List<String> steps)
            throws ModelRejectedException, InterruptedException {
        Release kept = parts.kept().get(way.id());
        String trouble;
        try {
            FutureTask<Release> task = read(name, way.id());
            Release release = task == null
                    ? null
                    : task.get(kept == null ? parts.settings().swapTimeoutMs() : READ_MS, TimeUnit.MILLISECONDS);
            if (release != null && release.id().equals(way.id())) {
                steps.add("VERIFIED signer " + release.identity().signer());
                return release;
            }
            trouble = "store: the disk has not answered to the rollback before this one";
        } catch (TimeoutException e) {
            trouble = "store: the disk does not answer";
        } catch (ExecutionException e) {
            trouble = unreadable(e.getCause());
        }
        if (kept == null) {
            throw new ModelRejectedException(trouble);
        }
        steps.add("VERIFIED signer " + kept.identity().signer() + " when it was taken into memory");
        steps.add("NOT READ " + trouble + "; it serves from memory, but a restart needs its file");
        return kept;
    }

    private static String unreadable(Throwable cause) throws ModelRejectedException {
        if (cause instanceof ModelRejectedException verdict && !(verdict.getCause() instanceof IOException)) {
            throw verdict;
        }
        if (cause instanceof UnreadableException || cause instanceof ModelRejectedException) {
            return cause.getMessage() == null ? cause.toString() : cause.getMessage();
        }
        throw new IllegalStateException(cause);
    }

    /** On a thread of its own, one for each pipeline: a disk that hangs must not collect them. */
    private @Nullable FutureTask<Release> read(String name, String id) {
        FutureTask<Release> task = new FutureTask<>(() -> parts.accepted().load(id));
        FutureTask<Release> before = reading.put(name, task);
        if (before != null && !before.isDone()) {
            reading.put(name, before);
            return null;
        }
        Thread thread = new Thread(task, "io.penstock.models-read-" + name);
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    private Swaps.Ended exchange(Way way, Release release, Actor actor, List<String> steps)
            throws ModelRejectedException, InterruptedException {
        String name = way.pipeline().name();
        Rollout rollout = new Rollout("rollback", release.forSwap(), steps);
        parts.deciding().lock();
        try {
            holdBack(name, "rollback", actor, steps);
        } finally {
            parts.deciding().unlock();
        }
        awaitGivenUp(name, steps);
        parts.deciding().lock();
        try {
            parts.swaps().start(rollout, way.pipeline(), Duration.ZERO);
        } finally {
            parts.deciding().unlock();
        }
        long timeoutMs = parts.settings().swapTimeoutMs();
        parts.swaps().await(rollout, timeoutMs);
        parts.deciding().lock();
        try {
            List<Swaps.Ended> ended = parts.swaps().take(rollout);
            if (ended.isEmpty()) {
                parts.swaps().cancel(rollout);
                throw new ModelRejectedException("rollback: pipeline " + name + " did not begin a cycle within "
                        + timeoutMs + " ms (swapTimeoutMs); try again nearer to its next cycle");
            }
            if (ended.get(0).report() == null) {
                throw new ModelRejectedException(
                        "rollback: pipeline " + name + ": " + ended.get(0).failure());
            }
            return ended.get(0);
        } finally {
            parts.deciding().unlock();
        }
    }

    /** Ends what is on its way to a pipeline, and keeps away what was dropped before. Who calls holds the lock. */
    private List<String> holdBack(String name, String act, Actor actor, List<String> steps) {
        Instant at = parts.clock().instant();
        String words = "it gave way to the " + act + " that " + actor.name() + " asked for";
        heldBack.before(name, at, words);
        List<String> given = new ArrayList<>(
                parts.swaps().giveUp(name, words + "; remove its file and drop it again to try it once more"));
        String tried = trial.giveUp(name);
        if (tried != null) {
            given.add(tried);
        }
        given.forEach(label -> steps.add("CANCELLED " + label + ", which was on its way to " + name));
        steps.add("HELD BACK what was dropped before " + at + ": drop it again to have it on " + name);
        State state = parts.store().state();
        State.Serving serving = state.pipelines().get(name);
        if (serving != null) {
            parts.store().record(state.withServing(name, serving.held(at)));
        }
        return given;
    }

    private void awaitGivenUp(String name, List<String> steps) throws InterruptedException {
        parts.swaps().awaitGivenUp(name, END_MS);
        settling.settle();
        parts.deciding().lock();
        try {
            Release stuck = parts.swaps().stuck(name);
            if (stuck != null) {
                steps.add("NOT ENDED " + stuck.identity().label()
                        + " does not end, does a model or an engine hang? It takes over no more");
            }
        } finally {
            parts.deciding().unlock();
        }
    }

    /** Gives up what is on its way to a pipeline; what serves stays. */
    Receipt cancel(String name, Actor actor, String reason) throws InterruptedException {
        List<String> steps = new ArrayList<>();
        List<String> given;
        String who = actor.name() + " (" + actor.origin() + "): " + reason;
        Outcome unknown = null;
        parts.deciding().lock();
        try {
            if (running.contains(name)) {
                unknown = new Outcome(
                        RolloutOutcome.FAILED_NOTHING_CHANGED,
                        "cancel: pipeline " + name + " is being rolled back, which cancels too [asked by " + who + "]");
            } else if (parts.pipelines().get(name).isEmpty()) {
                unknown = new Outcome(
                        RolloutOutcome.FAILED_NOTHING_CHANGED,
                        "cancel: pipeline " + name + " is not running; running are "
                                + parts.pipelines().names() + " [asked by " + who + "]");
            }
            given = unknown == null ? holdBack(name, "cancelling", actor, steps) : List.of();
        } finally {
            parts.deciding().unlock();
        }
        if (unknown != null) {
            return finish(name, null, unknown, actor, steps, "cancel", null);
        }
        awaitGivenUp(name, steps);
        ModelIdentity serves = parts.pipelines()
                .get(name)
                .flatMap(Pipeline::model)
                .map(model -> model.identity())
                .orElse(null);
        Outcome outcome = serves != null && given.contains(serves.label())
                ? new Outcome(
                        RolloutOutcome.FAILED_NOTHING_CHANGED,
                        "cancel: " + serves.label() + " took over on " + name
                                + " at that very moment; go back if it is not wanted [asked by " + who + "]")
                : new Outcome(
                        RolloutOutcome.CANCELLED,
                        (given.isEmpty() ? "nothing was on its way" : String.join(", ", given)) + "; cancelled by "
                                + who);
        return finish(name, null, outcome, actor, steps, "cancel", serves);
    }

    private Receipt finish(String name, Way way, Outcome outcome, Actor actor, List<String> steps)
            throws InterruptedException {
        return finish(name, way, outcome, actor, steps, "rollback", way.identity());
    }

    private Receipt finish(
            String name,
            @Nullable Way way,
            Outcome outcome,
            Actor actor,
            List<String> steps,
            String file,
            @Nullable ModelIdentity identity)
            throws InterruptedException {
        Receipt decided = new Receipt(
                file,
                identity,
                List.of(name),
                outcome.outcome(),
                outcome.reason(),
                steps,
                parts.clock().instant());
        Receipt receipt = parts.ledger().recorded(decided, file.toUpperCase(Locale.ROOT), actor);
        parts.deciding().lock();
        try {
            State state = parts.store().state();
            if (way != null) {
                State.Serving serving = Objects.requireNonNull(state.pipelines().get(name));
                state = state.withServing(name, serving.backTo(way.id()));
                restoration.served(name);
            }
            parts.ledger().finish(state, receipt);
        } finally {
            parts.deciding().unlock();
        }
        String refused = parts.store().awaitSaved(SAVE_MS);
        if (!refused.isEmpty()) {
            LOG.warn("{} of {}: not on disk yet: {}", file, name, refused);
            return and(
                    receipt,
                    "NOT SAVED the disk refuses the desired state (" + refused
                            + "): a restart before it is written brings back the model before; make room or repair the"
                            + " disk");
        }
        String reserve = parts.store().inReserve();
        return reserve.isEmpty()
                ? receipt
                : and(
                        receipt,
                        "SAVED in the reserve, a restart keeps it; the disk takes no more: " + reserve
                                + "; make room or repair the disk");
    }

    /** To return to a good model is worth more than to write it down first, but who asked must know. */
    private static Receipt and(Receipt receipt, String step) {
        List<String> steps = new ArrayList<>(receipt.steps());
        steps.add(step);
        return new Receipt(
                receipt.file(),
                receipt.model(),
                receipt.pipelines(),
                receipt.outcome(),
                receipt.reason(),
                steps,
                receipt.time());
    }
}
