// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.access.Actor;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.api.pipeline.Pipeline;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes a release from the drop folder to the pipelines, step by step, and back. One thread calls it. What is on disk after
 * each step is enough to go on from there, or to begin again.
 */
final class Rollouts {
    private static final Logger LOG = LoggerFactory.getLogger(Rollouts.class);

    /** Reads the trust anew, so that a new CA or revocation list counts at once. */
    interface VerifierSource {
        ReleaseVerifier get() throws ModelRejectedException;
    }

    /** Whether a file is done with. */
    enum Handling {
        DONE,
        LATER
    }

    private final ReleaseStore store;
    private final VerifierSource verifiers;
    private final Staging staging;
    private final ModelProbe probe;
    private final Pipelines pipelines;
    private final Swaps swaps;
    private final Settings settings;
    private final Clock clock;
    private final LongSupplier nanoTime;
    private final Consumer<AuditRecord> audit;
    private final Retention retention;
    private final Map<String, Unserved> unserved = new HashMap<>();
    private final long startedNanos;
    private String waitingFor = "";

    Rollouts(
            ReleaseStore store,
            VerifierSource verifiers,
            Staging staging,
            ModelProbe probe,
            Pipelines pipelines,
            Settings settings,
            Clock clock,
            LongSupplier nanoTime,
            Consumer<AuditRecord> audit) {
        this.store = store;
        this.verifiers = verifiers;
        this.staging = staging;
        this.probe = probe;
        this.pipelines = pipelines;
        this.settings = settings;
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.audit = audit;
        swaps = new Swaps(pipelines);
        retention = new Retention(store, staging);
        startedNanos = nanoTime.getAsLong();
    }

    /** A pipeline that has no model at present. */
    private record Unserved(long nextNanos, long delayMs, boolean reported) {}

    /** Counts a crash of the process before this one, and begins the watch over this one. */
    void start(CrashReports reports) {
        State state = store.state();
        List<String> ended = store.servingAtEnd();
        CrashReports.Crash crash =
                ended.isEmpty() ? null : reports.find(ended.get(0)).orElse(null);
        if (crash != null && !crash.id().equals(state.lastCrash())) {
            List<String> blamed = state.trying().isEmpty() ? ended.subList(1, ended.size()) : List.of(state.trying());
            for (String id : blamed) {
                int count = state.crashes().getOrDefault(id, 0) + 1;
                state = state.withCrashes(id, count, crash.id());
                LOG.error("The gateway crashed at {} while {} served; crash {} of it", crash.frame(), label(id), count);
            }
        }
        if (!state.equals(store.state()) || !state.trying().isEmpty()) {
            store.record(state.withTrying(""));
        }
        retention.cleanUp(swaps.ids());
        store.markServing(served());
    }

    /** Goes on with what had to wait: the disk, cycles of pipelines, pipelines without a model. */
    void tick() throws InterruptedException {
        store.retry();
        settle(swaps.takeEnded());
        long now = nanoTime.getAsLong();
        for (Pipeline pipeline : pipelines.takeAppeared()) {
            unserved.put(pipeline.name(), new Unserved(now, 500, false));
        }
        if (!probe.waitsFor().isEmpty()) {
            return;
        }
        for (Map.Entry<String, Unserved> entry : Map.copyOf(unserved).entrySet()) {
            Pipeline pipeline = pipelines.get(entry.getKey()).orElse(null);
            if (pipeline == null) {
                unserved.remove(entry.getKey());
            } else if (entry.getValue().nextNanos() - now <= 0 && !swaps.concerns(pipeline.name())) {
                serve(pipeline, entry.getValue());
            }
        }
    }

    /** Whether this file, with this content, was done with before. */
    boolean handled(String file, String id) {
        return store.state().handled().contains(file + " " + id);
    }

    /** Forgets files that are no longer there: who drops one again means it. */
    void keepHandled(Set<String> files) {
        List<String> kept = store.state().handled().stream()
                .filter(entry -> files.contains(entry.substring(0, entry.lastIndexOf(' '))))
                .toList();
        if (kept.size() < store.state().handled().size()) {
            store.record(store.state().withHandled(kept));
        }
    }

    /** Refuses a file nobody needs to read. */
    void refuse(String file, String id, String reason) {
        finish(file, id, null, List.of(), RolloutOutcome.REJECTED, reason, List.of());
    }

    /**
     * Takes in one file.
     *
     * @param stable whether it has not changed for a while; one that has may still be on its way.
     */
    Handling handle(String file, byte[] bytes, boolean stable) throws InterruptedException {
        Release release;
        try {
            release = Release.verify(bytes, verifiers.get(), clock.instant(), settings.maximumReleaseBytes());
        } catch (ModelRejectedException e) {
            checkStop();
            if (!stable) {
                return Handling.LATER;
            }
            finish(
                    file,
                    Names.sha256(bytes),
                    null,
                    List.of(),
                    RolloutOutcome.REJECTED,
                    message(e),
                    List.of("RECEIVED " + bytes.length + " bytes"));
            return Handling.DONE;
        }
        try {
            release.checkTime(clock.instant());
            checkSequence(release);
        } catch (ModelRejectedException e) {
            finish(
                    file,
                    release.id(),
                    release.identity(),
                    List.of(),
                    RolloutOutcome.REJECTED,
                    message(e),
                    release.evidence());
            return Handling.DONE;
        }
        List<Pipeline> wanting = pipelines.wanting(release.statement());
        if (mustWait(file, wanting)) {
            return Handling.LATER;
        }
        rollOut(file, bytes, release, wanting);
        return Handling.DONE;
    }

    /** What fails because the room is being stopped is nobody's fault and leaves no receipt. */
    private static void checkStop() throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }

    private void checkSequence(Release release) throws ModelRejectedException {
        State state = store.state();
        if (state.releases().containsKey(release.id()) && store.contains(release.id())) {
            return; // byte for byte one that was accepted
        }
        ModelIdentity identity = release.identity();
        long highest = state.highestSequence().getOrDefault(identity.name(), 0L);
        if (identity.sequence() <= highest) {
            throw new ModelRejectedException("release: sequence " + identity.sequence() + " of " + identity.name()
                    + " must be above " + highest + ", the highest this gateway accepted; sign it with a higher one,"
                    + " or use 'penstock model rollback' to return to an older model");
        }
        for (State.Accepted accepted : state.releases().values()) {
            ModelIdentity other = accepted.identity();
            if (other.label().equals(identity.label()) && !other.sha256().equals(identity.sha256())) {
                throw new ModelRejectedException("release: " + identity.label()
                        + " was accepted before with another content (sequence " + other.sequence()
                        + "); give the new one a new version");
            }
        }
    }

    private boolean mustWait(String file, List<Pipeline> wanting) {
        String reason = probe.waitsFor();
        if (reason.isEmpty()
                && wanting.isEmpty()
                && nanoTime.getAsLong() - startedNanos < TimeUnit.MILLISECONDS.toNanos(settings.pipelineWaitMs())) {
            reason = "a pipeline that wants it; the gateway has just started";
        }
        for (Pipeline pipeline : wanting) {
            if (swaps.concerns(pipeline.name())) {
                reason =
                        "pipeline " + pipeline.name() + ", which has not begun its first cycle with the release before";
            }
        }
        String waits = reason.isEmpty() ? "" : file + " waits for " + reason;
        if (!waits.equals(waitingFor) && !waits.isEmpty()) {
            LOG.info("Release {}", waits);
        }
        waitingFor = waits;
        return !reason.isEmpty();
    }

    private void rollOut(String file, byte[] bytes, Release release, List<Pipeline> wanting)
            throws InterruptedException {
        List<String> steps = new ArrayList<>(release.evidence());
        Rollout rollout = new Rollout(file, release, steps);
        boolean begun = false;
        try {
            if (wanting.isEmpty()) {
                throw new ModelRejectedException("release: it fits no pipeline: it is for pipelines "
                        + release.statement().pipelines() + " that want "
                        + release.identity().label() + ", " + pipelines.requirements()
                        + "; configure one, then drop the file again");
            }
            begin(release, bytes);
            begun = true;
            steps.add("STAGED " + staging.stage(release.identity().sha256(), release.bundle()));
            retention.staged(release);
            steps.add("PROBED " + probe.probe(release));
            for (Pipeline pipeline : wanting) {
                swaps.start(rollout, pipeline);
            }
            settle(swaps.await(rollout, settings.swapTimeoutMs()));
            for (Pipeline pipeline : wanting) {
                if (swaps.concerns(pipeline.name())) {
                    LOG.info(
                            "Model {} is ready and waits for the next cycle of {}",
                            release.identity().label(),
                            pipeline.name());
                }
            }
        } catch (ModelRejectedException e) {
            checkStop();
            finish(
                    file,
                    release.id(),
                    release.identity(),
                    names(wanting),
                    RolloutOutcome.FAILED_NOTHING_CHANGED,
                    message(e),
                    steps);
        } catch (InterruptedException e) {
            swaps.cancelAll();
            if (begun) {
                store.record(store.state().withTrying("")); // a stop is no crash
            }
            throw e;
        }
    }

    /** From here on a crash of the process counts against this release, and the disk has room for it. */
    private void begin(Release release, byte[] bytes) throws ModelRejectedException {
        State state = store.state();
        int crashes = state.crashes().getOrDefault(release.id(), 0);
        if (crashes >= settings.maximumCrashes() && !state.releases().containsKey(release.id())) {
            throw new ModelRejectedException("release: the gateway crashed " + crashes
                    + " times while trying it (maximumCrashes " + settings.maximumCrashes()
                    + "); it is not tried again, have the model checked");
        }
        try {
            if (!store.contains(release.id())) {
                store.put(release.id(), bytes);
            }
            store.commit(state.withTrying(release.id()));
        } catch (IOException e) {
            throw new ModelRejectedException(
                    "store: the release cannot be kept: " + reason(e)
                            + "; make room or repair the disk, then drop it again",
                    e);
        }
    }

    private void settle(List<Swaps.Ended> ended) {
        List<Swaps.Ended> rest = new ArrayList<>(ended);
        while (!rest.isEmpty()) {
            Rollout rollout = rest.get(0).rollout();
            List<Swaps.Ended> together =
                    rest.stream().filter(e -> e.rollout() == rollout).toList();
            rest.removeAll(together);
            settle(rollout, together);
        }
    }

    private void settle(Rollout rollout, List<Swaps.Ended> ended) {
        List<Swaps.Ended> active =
                ended.stream().filter(e -> e.report() != null).toList();
        List<Swaps.Ended> failed =
                ended.stream().filter(e -> e.report() == null).toList();
        Release release = rollout.release();
        boolean over = ended.stream().noneMatch(e -> swaps.concerns(e.rollout()));
        if (!active.isEmpty()) {
            State state = store.state()
                    .withAccepted(release.id(), new State.Accepted(release.identity(), rollout.file(), clock.instant()))
                    .withCrashes(release.id(), 0, store.state().lastCrash());
            List<String> steps = new ArrayList<>(rollout.steps());
            for (Swaps.Ended swap : active) {
                String name = swap.pipeline().name();
                State.Serving before = state.pipelines().get(name);
                state = state.withServing(
                        name,
                        before == null ? new State.Serving(release.id(), List.of()) : before.followedBy(release.id()));
                steps.add("ACTIVE " + name + ": " + Swaps.figures(Objects.requireNonNull(swap.report())));
                unserved.remove(name);
            }
            finish(rollout, over, state, active, RolloutOutcome.ACTIVATED, "", steps);
        }
        if (!failed.isEmpty()) {
            String reason = String.join(
                    "; ",
                    failed.stream()
                            .map(swap -> "pipeline " + swap.pipeline().name() + ": " + swap.failure())
                            .toList());
            finish(
                    rollout,
                    over,
                    store.state(),
                    failed,
                    RolloutOutcome.FAILED_NOTHING_CHANGED,
                    reason,
                    rollout.steps());
        }
    }

    private void finish(
            Rollout rollout,
            boolean over,
            State state,
            List<Swaps.Ended> swapped,
            RolloutOutcome outcome,
            String reason,
            List<String> steps) {
        Release release = rollout.release();
        List<String> names =
                swapped.stream().map(swap -> swap.pipeline().name()).toList();
        Receipt receipt =
                new Receipt(rollout.file(), release.identity(), names, outcome, reason, steps, clock.instant());
        finish(over ? done(state, rollout.file(), release.id()) : state, receipt, "RELEASE", "gateway");
    }

    private void finish(
            String file,
            String id,
            @Nullable ModelIdentity identity,
            List<String> names,
            RolloutOutcome outcome,
            String reason,
            List<String> steps) {
        Receipt receipt = new Receipt(file, identity, names, outcome, reason, steps, clock.instant());
        finish(done(store.state(), file, id), receipt, "RELEASE", "gateway");
    }

    private static State done(State state, String file, String id) {
        List<String> handled = new ArrayList<>(state.handled());
        handled.remove(file + " " + id);
        handled.add(file + " " + id);
        return state.withHandled(handled).withTrying("");
    }

    private void finish(State state, Receipt receipt, String action, String actor) {
        store.record(state.withReceipt(receipt));
        retention.cleanUp(swaps.ids());
        store.markServing(served());
        String model = receipt.model() == null ? "" : " (" + receipt.model().label() + ")";
        switch (receipt.outcome()) {
            case ACTIVATED ->
                LOG.info(
                        "Release {}{} serves on {}: {}",
                        receipt.file(),
                        model,
                        receipt.pipelines(),
                        receipt.steps().get(receipt.steps().size() - 1));
            case ROLLED_BACK -> LOG.warn("{} returned to{}: {}", receipt.pipelines(), model, receipt.reason());
            case ROLLBACK_FAILED -> LOG.error("No model serves on {}: {}", receipt.pipelines(), receipt.reason());
            default -> LOG.warn("Release {}{} {}: {}", receipt.file(), model, receipt.outcome(), receipt.reason());
        }
        Instant time = receipt.time();
        audit.accept(AuditRecord.of(
                time.getEpochSecond() * 1_000_000_000L + time.getNano(),
                actor,
                action,
                receipt.file() + model,
                receipt.outcome() + " on " + receipt.pipelines()
                        + (receipt.reason().isEmpty() ? "" : ": " + receipt.reason())));
    }

    /** Gives a pipeline that has just come, or come back, the model it is meant to have, or else the one before. */
    private void serve(Pipeline pipeline, Unserved before) throws InterruptedException {
        List<String> candidates = candidates(pipeline);
        List<String> failures = new ArrayList<>();
        for (String id : candidates) {
            Release release;
            try {
                release = load(id);
                staging.stage(release.identity().sha256(), release.bundle());
                retention.staged(release);
                String serving =
                        pipeline.model().map(model -> model.identity().sha256()).orElse("");
                if (!serving.equals(release.identity().sha256())) {
                    Rollout rollout = new Rollout(
                            Objects.requireNonNull(store.state().releases().get(id))
                                    .file(),
                            release,
                            List.of());
                    swaps.start(rollout, pipeline);
                    List<Swaps.Ended> ended = swaps.await(rollout, settings.swapTimeoutMs());
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
            } catch (ModelRejectedException e) {
                checkStop();
                failures.add(label(id) + ": " + message(e));
                continue;
            }
            unserved.remove(pipeline.name());
            served(pipeline, release, failures);
            return;
        }
        stayUnserved(pipeline, before, candidates.isEmpty(), failures);
    }

    /** What may serve on a pipeline, best first. */
    private List<String> candidates(Pipeline pipeline) {
        State state = store.state();
        List<String> wanted = new ArrayList<>();
        State.Serving serving = state.pipelines().get(pipeline.name());
        if (serving != null) {
            wanted.add(serving.current());
            for (int i = serving.history().size() - 1; i >= 0; i--) {
                wanted.add(serving.history().get(i));
            }
        }
        wanted.removeIf(id -> !mayServe(pipeline, id));
        if (wanted.isEmpty() && (serving == null || !quarantined(serving.current()))) {
            state.releases().entrySet().stream()
                    .filter(entry -> mayServe(pipeline, entry.getKey()))
                    .max((a, b) -> Long.compare(
                            a.getValue().identity().sequence(),
                            b.getValue().identity().sequence()))
                    .ifPresent(entry -> wanted.add(entry.getKey()));
        }
        return wanted;
    }

    private boolean mayServe(Pipeline pipeline, String id) {
        State.Accepted accepted = store.state().releases().get(id);
        return accepted != null
                && store.contains(id)
                && !quarantined(id)
                && Pipelines.wants(
                        pipeline,
                        accepted.identity().name(),
                        accepted.identity().version());
    }

    private boolean quarantined(String id) {
        return store.state().crashes().getOrDefault(id, 0) >= settings.maximumCrashes();
    }

    /** A stored release is verified as often as it is read; its certificates are judged as of its acceptance. */
    private Release load(String id) throws ModelRejectedException {
        State.Accepted accepted =
                Objects.requireNonNull(store.state().releases().get(id));
        try {
            Release release = Release.verify(store.read(id), verifiers.get(), accepted.acceptedAt(), Integer.MAX_VALUE);
            if (!release.id().equals(id)) {
                throw new ModelRejectedException("store: release " + id + " was changed on disk; drop it again");
            }
            return release;
        } catch (IOException e) {
            throw new ModelRejectedException(
                    "store: release " + id + " cannot be read: " + reason(e) + "; drop it again", e);
        }
    }

    private void served(Pipeline pipeline, Release release, List<String> failures) {
        State state = store.state();
        State.Serving serving = state.pipelines().get(pipeline.name());
        if (serving != null && serving.current().equals(release.id())) {
            store.markServing(served());
            return;
        }
        String name = pipeline.name();
        List<String> names = List.of(name);
        Instant now = clock.instant();
        if (serving == null || !serving.history().contains(release.id())) {
            State.Serving changed =
                    serving == null ? new State.Serving(release.id(), List.of()) : serving.followedBy(release.id());
            finish(
                    state.withServing(name, changed),
                    new Receipt(
                            label(release.id()),
                            release.identity(),
                            names,
                            RolloutOutcome.ACTIVATED,
                            "",
                            List.of("ACTIVE " + name + ": newest accepted release that it wants"),
                            now),
                    "RELEASE",
                    "gateway");
        } else {
            boolean forGood = quarantined(serving.current());
            String reason = forGood
                    ? label(serving.current()) + " is in quarantine after "
                            + state.crashes().get(serving.current())
                            + " crashes of the gateway; drop its file again to try it once more"
                    : String.join("; ", failures);
            finish(
                    forGood ? state.withServing(name, serving.backTo(release.id())) : state,
                    new Receipt(
                            "rollback",
                            release.identity(),
                            names,
                            RolloutOutcome.ROLLED_BACK,
                            reason,
                            List.of("ACTIVE " + name),
                            now),
                    "ROLLBACK",
                    "gateway");
        }
    }

    private void stayUnserved(Pipeline pipeline, Unserved before, boolean none, List<String> failures) {
        State.Serving serving = store.state().pipelines().get(pipeline.name());
        boolean expected = serving != null;
        if (!expected && none) {
            unserved.remove(pipeline.name()); // nothing was ever released for it
            return;
        }
        if (!before.reported()) {
            String reason = none && expected && quarantined(serving.current())
                    ? label(serving.current())
                            + " is in quarantine after crashes of the gateway and there is no fallback;"
                            + " drop another release, or its file again to try it once more"
                    : none ? "no stored release fits what it wants; drop one" : String.join("; ", failures);
            finish(
                    store.state(),
                    new Receipt(
                            "rollback",
                            null,
                            List.of(pipeline.name()),
                            pipeline.model().isPresent()
                                    ? RolloutOutcome.FAILED_NOTHING_CHANGED
                                    : RolloutOutcome.ROLLBACK_FAILED,
                            reason,
                            List.of(),
                            clock.instant()),
                    "ROLLBACK",
                    "gateway");
        }
        long delayMs = Math.min(60_000, before.delayMs() * 2);
        unserved.put(
                pipeline.name(),
                new Unserved(nanoTime.getAsLong() + TimeUnit.MILLISECONDS.toNanos(delayMs), delayMs, true));
    }

    /** The model a rollback of this pipeline would return to, null if there is none. */
    @Nullable
    ModelIdentity fallback(String pipeline) {
        String id = fallbackId(pipeline);
        return id == null
                ? null
                : Objects.requireNonNull(store.state().releases().get(id)).identity();
    }

    private @Nullable String fallbackId(String pipeline) {
        State state = store.state();
        State.Serving serving = state.pipelines().get(pipeline);
        if (serving != null) {
            for (int i = serving.history().size() - 1; i >= 0; i--) {
                String id = serving.history().get(i);
                if (state.releases().containsKey(id) && !quarantined(id)) {
                    return id;
                }
            }
        }
        return null;
    }

    /** Returns a pipeline to the model before; done again, to the one before that. */
    Receipt rollback(String name, Actor actor, String reason) throws InterruptedException {
        String why = "rolled back by " + actor.name() + " (" + actor.origin() + "): " + reason;
        String id = fallbackId(name);
        ModelIdentity identity = fallback(name);
        List<String> steps = new ArrayList<>();
        Receipt receipt;
        State state = store.state();
        try {
            if (id == null) {
                throw new ModelRejectedException(
                        "rollback: pipeline " + name + " has no model to return to; pipelines with one are "
                                + state.pipelines().keySet().stream()
                                        .filter(known -> fallbackId(known) != null)
                                        .toList());
            }
            Pipeline pipeline = pipelines
                    .get(name)
                    .orElseThrow(() -> new ModelRejectedException("rollback: pipeline " + name
                            + " is not running at present; check its configuration in etc/"));
            if (swaps.concerns(name) || !probe.waitsFor().isEmpty()) {
                throw new ModelRejectedException("rollback: pipeline " + name
                        + " is waiting for its next cycle or for an engine; try again in a moment");
            }
            Release release = load(id);
            steps.add("VERIFIED signer " + release.identity().signer());
            steps.add("STAGED " + staging.stage(release.identity().sha256(), release.bundle()));
            retention.staged(release);
            Rollout rollout = new Rollout("rollback", release, steps);
            swaps.start(rollout, pipeline);
            List<Swaps.Ended> ended = swaps.await(rollout, settings.swapTimeoutMs());
            if (ended.isEmpty()) {
                swaps.cancel(rollout);
                throw new ModelRejectedException("rollback: pipeline " + name + " did not begin a cycle within "
                        + settings.swapTimeoutMs() + " ms (swapTimeoutMs); try again nearer to its next cycle");
            }
            if (ended.get(0).report() == null) {
                throw new ModelRejectedException(
                        "rollback: pipeline " + name + ": " + ended.get(0).failure());
            }
            steps.add("ACTIVE " + name + ": "
                    + Swaps.figures(Objects.requireNonNull(ended.get(0).report())));
            state = state.withServing(
                    name, Objects.requireNonNull(state.pipelines().get(name)).backTo(id));
            unserved.remove(name);
            receipt = new Receipt(
                    "rollback", identity, List.of(name), RolloutOutcome.ROLLED_BACK, why, steps, clock.instant());
        } catch (ModelRejectedException e) {
            checkStop();
            receipt = new Receipt(
                    "rollback",
                    identity,
                    List.of(name),
                    RolloutOutcome.FAILED_NOTHING_CHANGED,
                    message(e) + " [" + why + "]",
                    steps,
                    clock.instant());
        }
        finish(state, receipt, "ROLLBACK", actor.name());
        return receipt;
    }

    void stop() {
        swaps.cancelAll();
        if (!store.state().trying().isEmpty()) {
            store.record(store.state().withTrying(""));
        }
        store.retry();
        store.clearServing();
    }

    private List<String> served() {
        return store.state().pipelines().values().stream()
                .map(State.Serving::current)
                .distinct()
                .toList();
    }

    private String label(String id) {
        State.Accepted accepted = store.state().releases().get(id);
        return accepted == null ? "release " + id : accepted.identity().label();
    }

    private static List<String> names(List<Pipeline> list) {
        return list.stream().map(Pipeline::name).toList();
    }

    private static String reason(IOException e) {
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }

    private static String message(Exception e) {
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }
}
