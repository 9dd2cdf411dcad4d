// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.access.Actor;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.audit.AuditTrail;
import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.model.ModelStanding;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.api.pipeline.Pipeline;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes a release from the drop folder to the pipelines, step by step, and back. One thread takes releases in, another one
 * {@link #tick ticks}, and any may go back: each decides in memory, under {@link Parts#deciding}, and waits without it. What is
 * on disk after each step is enough to go on from there, or to begin again.
 */
final class Rollouts {
    private static final Logger LOG = LoggerFactory.getLogger(Rollouts.class);
    /** While operators warm up, who drops a newer release must not wait for them. */
    private static final long LONGEST_WAIT_BESIDE_WARM_UP_MS = 1_000;

    private static final long DISK_MS = 30_000;

    /** Whether a file is done with. */
    enum Handling {
        DONE,
        LATER
    }

    private final Parts parts;
    private final Restoration restoration;
    private final Rollback rollback;
    private final CrashLedger crashes;
    private final AuditTrail audit;
    private final HeldBack heldBack = new HeldBack();
    private final Trial trial = new Trial();
    private final long startedNanos;
    private volatile String waitingFor = "";

    Rollouts(
            ReleaseStore store,
            AcceptedReleases.VerifierSource verifiers,
            Staging staging,
            ModelProbe probe,
            Pipelines pipelines,
            Settings settings,
            Clock clock,
            LongSupplier nanoTime,
            AuditTrail audit) {
        ReentrantLock deciding = new ReentrantLock();
        Swaps swaps = new Swaps(pipelines, deciding);
        Retention retention = new Retention(store, staging);
        parts = new Parts(
                store,
                new AcceptedReleases(store, verifiers, settings.maximumCrashes()),
                new Ledger(store, retention, swaps, audit, deciding, this::keepNeeded),
                retention,
                swaps,
                pipelines,
                probe,
                settings,
                clock,
                nanoTime,
                new KeptReleases(settings.maximumReleaseBytes()),
                deciding);
        restoration = new Restoration(parts, this::rollingBack);
        crashes = store.crashLedger();
        this.audit = audit;
        rollback = new Rollback(parts, restoration, heldBack, trial, this::settleEnded);
        startedNanos = nanoTime.getAsLong();
        store.state().pipelines().forEach((name, serving) -> {
            if (serving.heldBefore() != null) {
                heldBack.before(name, serving.heldBefore(), "it was dropped before a person went back or cancelled");
            }
        });
    }

    /**
     * Charges a crash of the process before this one, once, and begins the watch over this one.
     *
     * @param edit tells the configuration file that was changed last.
     */
    void start(CrashReports reports, RunFolder run, Supplier<Blame.Edit> edit) {
        parts.swaps().tell(run);
        State state = parts.store().state();
        List<String> ended = parts.store().servingAtEnd();
        if (!ended.isEmpty()) {
            RunFolder.Life life = run.before(ended.get(0));
            CrashReports.Crash crash = reports.find(ended.get(0), life.told(), life.toldAt())
                    .filter(found -> !found.id().equals(state.lastCrash()))
                    .orElse(null);
            if (crash != null) {
                charge(crash, Blame.of(crash, life, state, edit.get(), parts.accepted()::quarantined));
            }
        }
        if (!parts.store().state().trying().isEmpty()) {
            parts.store().record(parts.store().state().withTrying(""));
        }
        parts.ledger().tidy();
    }

    private void charge(CrashReports.Crash crash, Blame.Verdict verdict) {
        State state = parts.store().state();
        String id = verdict.id();
        String label = id.isEmpty() ? "" : parts.accepted().label(id);
        int count = id.isEmpty() ? 0 : state.crashes().getOrDefault(id, 0) + 1;
        parts.store().record(id.isEmpty() ? state.withLastCrash(crash.id()) : state.withCrashes(id, count, crash.id()));
        String finding = id.isEmpty()
                ? "charged to nobody: " + verdict.why()
                : "charged to " + label + " (" + count + " of "
                        + parts.settings().maximumCrashes() + "): "
                        + verdict.why()
                        + (parts.accepted().quarantined(id)
                                ? "; it is in quarantine, drop a new version, or its file again to try it once more"
                                : "");
        String what =
                crash.kind() + " " + crash.place() + (crash.thread().isEmpty() ? "" : " in thread " + crash.thread());
        LOG.error("The gateway died at {} of {}; {}", crash.time(), what, finding);
        crashes.died(new CrashLedger.Death(crash.time(), what, finding), id);
        Instant now = parts.clock().instant();
        audit.insist(
                AuditRecord.ofGateway(
                        now.getEpochSecond() * 1_000_000_000L + now.getNano(),
                        "CRASH",
                        label.isEmpty() ? AuditRecord.GATEWAY : label,
                        crash.time() + " " + what + "; " + finding),
                0);
    }

    /** One crash is forgotten for so many good hours of service. */
    private void forgive() {
        Map<String, Integer> counts = parts.store().state().crashes();
        Set<String> serving = counts.isEmpty()
                ? Set.of()
                : parts.store().state().pipelines().entrySet().stream()
                        .filter(entry -> counts.containsKey(entry.getValue().current())
                                && parts.pipelines()
                                        .get(entry.getKey())
                                        .flatMap(Pipeline::model)
                                        .isPresent())
                        .map(entry -> entry.getValue().current())
                        .collect(Collectors.toSet());
        for (String id : crashes.pass(parts.nanoTime().getAsLong(), counts.keySet(), serving)) {
            int count;
            parts.deciding().lock();
            try {
                State state = parts.store().state();
                count = state.crashes().getOrDefault(id, 1) - 1;
                parts.store().record(state.withCrashes(id, count, state.lastCrash()));
            } finally {
                parts.deciding().unlock();
            }
            LOG.info(
                    "One crash of {} is forgotten after {} hours of service; {} left",
                    parts.accepted().label(id),
                    CrashLedger.FORGIVEN_SECONDS / 3600,
                    count);
        }
    }

    /** Goes on with what had to wait: the disk, cycles of pipelines, pipelines without a model. */
    void tick() throws InterruptedException {
        parts.store().retry();
        forgive();
        settleEnded();
        restoration.tick();
    }

    private void settleEnded() throws InterruptedException {
        parts.deciding().lock();
        try {
            settle(parts.swaps().takeEnded());
        } finally {
            parts.deciding().unlock();
        }
    }

    private boolean rollingBack(String pipeline) {
        return rollback.runs(pipeline);
    }

    HeldBack heldBack() {
        return heldBack;
    }

    /** Reads the next fallback that is not in memory yet, so that a rollback needs no disk. */
    void keepFallbacks() {
        for (String pipeline : parts.store().state().pipelines().keySet()) {
            String id = parts.accepted().fallbackId(pipeline);
            if (id != null && parts.kept().wants(id)) {
                try {
                    parts.kept().put(parts.accepted().load(id));
                } catch (IOException | ModelRejectedException e) {
                    parts.kept().cannot(id);
                    LOG.warn(
                            "The fallback of {} is not in memory, a rollback will read it from disk: {}",
                            pipeline,
                            Failures.message(e));
                }
            }
        }
    }

    /** Whether this file, with this content, was done with before. */
    boolean handled(String file, String id) {
        return parts.store().state().handled().contains(file + " " + id);
    }

    Set<String> handledFiles() {
        return parts.store().state().handled().stream()
                .map(Rollouts::fileOf)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static String fileOf(String handled) {
        return handled.substring(0, handled.lastIndexOf(' '));
    }

    /** Forgets files that are no longer there: who drops one again means it. */
    void keepHandled(Set<String> files) {
        parts.deciding().lock();
        try {
            List<String> kept = parts.store().state().handled().stream()
                    .filter(entry -> files.contains(fileOf(entry)))
                    .toList();
            if (kept.size() < parts.store().state().handled().size()) {
                parts.store().record(parts.store().state().withHandled(kept));
            }
        } finally {
            parts.deciding().unlock();
        }
    }

    /** Refuses a file nobody needs to read. */
    void refuse(String file, String id, String reason) {
        finish(file, id, null, List.of(), RolloutOutcome.REJECTED, reason, List.of());
    }

    /**
     * Takes in one file.
     *
     * @param file the name to tell people.
     * @param id digest of its content.
     * @param stable whether it has not changed for a while; one that has may still be on its way.
     * @param seen since when it is there.
     */
    Handling handle(String file, Path path, String id, boolean stable, HeldBack.Seen seen)
            throws IOException, InterruptedException {
        try {
            return take(file, path, id, stable, seen);
        } catch (RuntimeException
                | StackOverflowError e) { // one file must not keep the others from their turn for ever
            LOG.error("Release {} could not be worked on because of a fault of the gateway; report it", file, e);
            finish(
                    file,
                    id,
                    null,
                    List.of(),
                    RolloutOutcome.FAILED_NOTHING_CHANGED,
                    "a fault of the gateway, see its log: " + e,
                    List.of("RECEIVED sha256 of the file " + id));
            return Handling.DONE;
        }
    }

    private Handling take(String file, Path path, String id, boolean stable, HeldBack.Seen seen)
            throws IOException, InterruptedException {
        Release release;
        try {
            release = Release.read(
                    path,
                    parts.accepted().verifier(),
                    parts.clock().instant(),
                    parts.settings().maximumReleaseBytes(),
                    MemoryBudget.ofThisProcess().releaseBytes());
        } catch (ModelRejectedException e) {
            Failures.checkStop();
            if (!stable) {
                return Handling.LATER;
            }
            finish(
                    file,
                    id,
                    null,
                    List.of(),
                    RolloutOutcome.REJECTED,
                    Failures.message(e),
                    List.of("RECEIVED sha256 of the file " + id));
            return Handling.DONE;
        }
        if (!release.id().equals(id)) {
            return Handling.LATER; // it was changed between two looks
        }
        if (parts.accepted().isLostOrDamaged(release)) {
            restore(file, release); // it is no new release: neither its time nor its sequence counts
            return Handling.DONE;
        }
        try {
            release.checkTime(parts.clock().instant());
            checkSequence(release);
        } catch (ModelRejectedException e) {
            finish(
                    file,
                    release.id(),
                    release.identity(),
                    List.of(),
                    RolloutOutcome.REJECTED,
                    Failures.message(e),
                    release.evidence());
            return Handling.DONE;
        }
        List<Pipeline> wanting = parts.pipelines().wanting(release.statement());
        if (mustWait(file, release.identity(), wanting)) {
            return Handling.LATER;
        }
        try {
            parts.probe().checkMemory(release);
        } catch (ModelRejectedException e) {
            finish(
                    file,
                    release.id(),
                    release.identity(),
                    names(wanting),
                    RolloutOutcome.REJECTED,
                    Failures.message(e),
                    release.evidence());
            return Handling.DONE;
        }
        rollOut(file, release, wanting, seen);
        return Handling.DONE;
    }

    /** Puts an older release back where a rollback finds it; to serve takes a role and a reason. */
    private void restore(String file, Release release) {
        String reason;
        try {
            parts.store().put(release);
            parts.store().known(release.id());
            List<String> fallbackOf = parts.store().state().pipelines().keySet().stream()
                    .filter(pipeline -> release.id().equals(parts.accepted().fallbackId(pipeline)))
                    .toList();
            reason = "store: " + release.identity().label() + " was lost or changed on disk and is whole again"
                    + (fallbackOf.isEmpty()
                            ? ""
                            : "; use 'penstock model rollback' to return to it on " + String.join(", ", fallbackOf));
        } catch (IOException e) {
            parts.store().known(release.id());
            reason = cannotBeKept(Failures.reason(e));
        }
        finish(
                file,
                release.id(),
                release.identity(),
                List.of(),
                RolloutOutcome.FAILED_NOTHING_CHANGED,
                reason,
                release.evidence());
    }

    private static String cannotBeKept(String why) {
        return "store: the release cannot be kept: " + why
                + "; make room or repair the disk, then remove the file and drop it again";
    }

    private void checkSequence(Release release) throws ModelRejectedException {
        if (parts.accepted().mayBeTriedAgain(release)) {
            return;
        }
        State state = parts.store().state();
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

    private boolean mustWait(String file, ModelIdentity identity, List<Pipeline> wanting) {
        parts.deciding().lock();
        try {
            return waits(file, identity, wanting);
        } finally {
            parts.deciding().unlock();
        }
    }

    private boolean waits(String file, ModelIdentity identity, List<Pipeline> wanting) {
        String reason = parts.probe().waitsFor();
        if (reason.isEmpty() && !parts.ledger().recording()) {
            reason = "the audit log, which takes no records at present; free disk space or repair the disk";
        }
        if (reason.isEmpty()
                && wanting.isEmpty()
                && parts.nanoTime().getAsLong() - startedNanos
                        < TimeUnit.MILLISECONDS.toNanos(parts.settings().pipelineWaitMs())) {
            reason = "a pipeline that wants it; the gateway has just started";
        }
        for (Pipeline pipeline : wanting) {
            Release before = parts.swaps().underWay(pipeline.name());
            if (rollback.runs(pipeline.name())) {
                reason = "pipeline " + pipeline.name() + ", which is being rolled back";
            } else if (before != null && pipeline.model().isEmpty()) {
                reason = "pipeline " + pipeline.name() + ", which has not begun its first cycle with "
                        + before.identity().label();
            } else if (before != null && before.identity().sequence() >= identity.sequence()) {
                reason = "pipeline " + pipeline.name() + ", on which "
                        + before.identity().label() + " is under way; " + atTheLatest();
            }
        }
        String waits = reason.isEmpty() ? "" : file + " waits for " + reason;
        if (!waits.equals(waitingFor) && !waits.isEmpty()) {
            LOG.info("Release {}", waits);
        }
        waitingFor = waits;
        return !reason.isEmpty();
    }

    private String atTheLatest() {
        return "it takes over with the first cycle after a warm-up of at most "
                + parts.settings().maximumWarmUpMs() + " ms (maximumWarmUpMs)";
    }

    private void rollOut(String file, Release release, List<Pipeline> wanting, HeldBack.Seen seen)
            throws InterruptedException {
        List<String> steps = new ArrayList<>(release.evidence());
        Rollout rollout = new Rollout(file, release.forSwap(), steps);
        boolean begun = false;
        List<Pipeline> left = wanting;
        try {
            if (wanting.isEmpty()) {
                throw new ModelRejectedException("release: it fits no pipeline: it is for pipelines "
                        + release.statement().pipelines() + " that want "
                        + release.identity().label() + ", " + parts.pipelines().requirements()
                        + "; configure one, then remove the file and drop it again");
            }
            left = withoutHeld(rollout, wanting, seen);
            if (left.isEmpty()) {
                return;
            }
            begin(release);
            begun = true;
            steps.add("STAGED " + parts.retention().stage(release));
            steps.add("PROBED " + probe(release, left));
            left = startSwaps(rollout, left, seen);
            long timeoutMs = parts.settings().swapTimeoutMs();
            parts.swaps()
                    .await(
                            rollout,
                            warmUp().isZero() ? timeoutMs : Math.min(timeoutMs, LONGEST_WAIT_BESIDE_WARM_UP_MS));
            leave(rollout, left);
        } catch (ModelRejectedException e) {
            Failures.checkStop();
            left = withoutHeld(rollout, left, seen);
            if (!left.isEmpty() || wanting.isEmpty()) {
                finish(
                        file,
                        release.id(),
                        release.identity(),
                        names(left),
                        RolloutOutcome.FAILED_NOTHING_CHANGED,
                        Failures.message(e),
                        steps);
            }
        } catch (InterruptedException e) {
            if (endedTrial() && withoutHeld(rollout, left, seen).isEmpty()) {
                return; // not the room is stopped: a person gave this release up
            }
            parts.deciding().lock();
            try {
                parts.swaps().cancelAll();
                if (begun) {
                    parts.store().record(parts.store().state().withTrying("")); // a stop is no crash
                }
            } finally {
                parts.deciding().unlock();
            }
            throw e;
        } finally {
            endTrial();
        }
    }

    private void endTrial() {
        parts.deciding().lock();
        try {
            trial.end();
        } finally {
            parts.deciding().unlock();
        }
    }

    private Duration warmUp() {
        return Duration.ofMillis(parts.settings().maximumWarmUpMs());
    }

    /** Tells of pipelines that it is held back from, and leaves them out. */
    private List<Pipeline> withoutHeld(Rollout rollout, List<Pipeline> wanting, HeldBack.Seen seen) {
        parts.deciding().lock();
        try {
            Map<String, String> reasons = heldBack.from(seen);
            List<Pipeline> held = wanting.stream()
                    .filter(pipeline -> reasons.containsKey(pipeline.name()))
                    .toList();
            if (!held.isEmpty()) {
                String reason = String.join(
                        "; ",
                        held.stream()
                                .map(pipeline -> "pipeline " + pipeline.name() + ": " + reasons.get(pipeline.name()))
                                .toList());
                finish(
                        rollout.file(),
                        rollout.release().id(),
                        rollout.release().identity(),
                        names(held),
                        RolloutOutcome.FAILED_NOTHING_CHANGED,
                        reason + "; remove its file and drop it again to try it once more",
                        rollout.steps());
            }
            return wanting.stream().filter(pipeline -> !held.contains(pipeline)).toList();
        } finally {
            parts.deciding().unlock();
        }
    }

    private boolean endedTrial() {
        parts.deciding().lock();
        try {
            return trial.ended();
        } finally {
            parts.deciding().unlock();
        }
    }

    /** A person may end it: then nobody waits for it any more, least of all they. */
    private String probe(Release release, List<Pipeline> wanting) throws ModelRejectedException, InterruptedException {
        parts.deciding().lock();
        try {
            trial.begin(release, Set.copyOf(names(wanting)));
            trial.run(Thread.currentThread());
        } finally {
            parts.deciding().unlock();
        }
        try {
            return parts.probe().probe(release);
        } finally {
            parts.deciding().lock();
            try {
                trial.ran();
            } finally {
                parts.deciding().unlock();
            }
        }
    }

    /** @return the pipelines it goes to. */
    private List<Pipeline> startSwaps(Rollout rollout, List<Pipeline> wanting, HeldBack.Seen seen)
            throws ModelRejectedException, InterruptedException {
        for (Pipeline pipeline : wanting) {
            makeWay(
                    pipeline.name(),
                    "it gave way to " + rollout.release().identity().label()
                            + ", which is newer; it is not tried again");
        }
        parts.deciding().lock();
        try {
            trial.end();
            List<Pipeline> left = withoutHeld(rollout, wanting, seen);
            for (Pipeline pipeline : left) {
                parts.swaps().start(rollout, pipeline, warmUp());
            }
            return left;
        } finally {
            parts.deciding().unlock();
        }
    }

    private void leave(Rollout rollout, List<Pipeline> wanting) throws InterruptedException {
        parts.deciding().lock();
        try {
            settle(parts.swaps().take(rollout));
            parts.swaps().leave(rollout);
            for (Pipeline pipeline : wanting) {
                if (parts.swaps().concerns(pipeline.name())) {
                    LOG.info(
                            "Model {} is ready on {}; {}",
                            rollout.release().identity().label(),
                            pipeline.name(),
                            atTheLatest());
                }
            }
        } finally {
            parts.deciding().unlock();
        }
    }

    /**
     * Gives up what is under way on a pipeline. The model that serves stays, unless the exchange was happening at that very
     * moment; then that is settled first.
     *
     * @throws ModelRejectedException if it does not end within {@code swapTimeoutMs}.
     */
    private void makeWay(String pipeline, String why) throws ModelRejectedException, InterruptedException {
        parts.deciding().lock();
        try {
            parts.swaps().giveUp(pipeline, why);
        } finally {
            parts.deciding().unlock();
        }
        parts.swaps().awaitGivenUp(pipeline, parts.settings().swapTimeoutMs());
        Release stuck;
        settleEnded();
        parts.deciding().lock();
        try {
            stuck = parts.swaps().stuck(pipeline);
        } finally {
            parts.deciding().unlock();
        }
        if (stuck != null) {
            throw new ModelRejectedException("pipeline " + pipeline + ": "
                    + stuck.identity().label() + " is under way and could not be given up within "
                    + parts.settings().swapTimeoutMs()
                    + " ms (swapTimeoutMs); does a model or an engine hang? try again");
        }
    }

    /** From here on a crash of the process counts against this release, and the disk has room for it. */
    private void begin(Release release) throws ModelRejectedException, InterruptedException {
        State state = parts.store().state();
        int crashes = state.crashes().getOrDefault(release.id(), 0);
        if (crashes >= parts.settings().maximumCrashes() && !state.releases().containsKey(release.id())) {
            throw new ModelRejectedException("release: the gateway crashed " + crashes
                    + " times while trying it (maximumCrashes "
                    + parts.settings().maximumCrashes()
                    + "); it is not tried again, have the model checked");
        }
        try {
            parts.store().put(release); // also where it is there: it may have been damaged
            recordTrying(release.id());
        } catch (IOException e) {
            throw new ModelRejectedException(cannotBeKept(Failures.reason(e)), e);
        } finally {
            parts.store().known(release.id());
        }
        String refused = parts.store().awaitSaved(DISK_MS);
        if (!refused.isEmpty()) {
            recordTrying("");
            throw new ModelRejectedException(cannotBeKept(refused));
        }
    }

    private void recordTrying(String id) {
        parts.deciding().lock();
        try {
            parts.store().record(parts.store().state().withTrying(id));
        } finally {
            parts.deciding().unlock();
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
        boolean over = ended.stream().noneMatch(e -> parts.swaps().concerns(e.rollout()));
        if (!active.isEmpty()) {
            State state = parts.store()
                    .state()
                    .withAccepted(
                            release.id(),
                            new State.Accepted(
                                    release.identity(),
                                    rollout.file(),
                                    release.statement().pipelines(),
                                    parts.clock().instant()))
                    .withCrashes(release.id(), 0, parts.store().state().lastCrash());
            List<String> steps = new ArrayList<>(rollout.steps());
            for (Swaps.Ended swap : active) {
                String name = swap.pipeline().name();
                State.Serving before = state.pipelines().get(name);
                state = state.withServing(
                        name,
                        before == null ? new State.Serving(release.id(), List.of()) : before.followedBy(release.id()));
                steps.add("ACTIVE " + name + ": " + Swaps.figures(Objects.requireNonNull(swap.report())));
                restoration.served(name);
            }
            parts.kept().put(release);
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
                    parts.store().state(),
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
        Receipt receipt = new Receipt(
                rollout.file(),
                release.identity(),
                names,
                outcome,
                reason,
                steps,
                parts.clock().instant());
        Receipt recorded = parts.ledger().recorded(receipt, "RELEASE");
        parts.ledger().finish(over ? done(state, rollout.file(), release.id()) : state, recorded);
    }

    private void finish(
            String file,
            String id,
            @Nullable ModelIdentity identity,
            List<String> names,
            RolloutOutcome outcome,
            String reason,
            List<String> steps) {
        Receipt receipt = new Receipt(
                file, identity, names, outcome, reason, steps, parts.clock().instant());
        Receipt recorded = parts.ledger().recorded(receipt, "RELEASE");
        parts.deciding().lock();
        try {
            parts.ledger().finish(done(parts.store().state(), file, id), recorded);
        } finally {
            parts.deciding().unlock();
        }
    }

    private void keepNeeded() {
        Map<String, State.Serving> pipelines = parts.store().state().pipelines();
        parts.kept()
                .keepOnly(
                        pipelines.values().stream().map(State.Serving::current).collect(Collectors.toSet()),
                        pipelines.keySet().stream()
                                .map(parts.accepted()::fallbackId)
                                .filter(Objects::nonNull)
                                .collect(Collectors.toSet()));
    }

    private static State done(State state, String file, String id) {
        List<String> handled = new ArrayList<>(state.handled());
        handled.removeIf(entry -> fileOf(entry).equals(file)); // of a file that changes only the last content counts
        handled.add(file + " " + id);
        State next = state.withHandled(handled);
        return next.trying().equals(id) ? next.withTrying("") : next; // it may have given way to one that is tried now
    }

    @Nullable
    ModelIdentity fallback(String pipeline) {
        return parts.accepted().fallback(pipeline);
    }

    Receipt rollback(String pipeline, Actor actor, String reason) throws InterruptedException {
        return rollback.run(pipeline, actor, reason);
    }

    Receipt cancel(String pipeline, Actor actor, String reason) throws InterruptedException {
        return rollback.cancel(pipeline, actor, reason);
    }

    /** What each pipeline is meant to run. */
    List<ModelStanding> standings() {
        State state = parts.store().state();
        List<ModelStanding> standings = new ArrayList<>();
        Set<String> names = new TreeSet<>(state.pipelines().keySet());
        names.addAll(parts.pipelines().names());
        for (String name : names) {
            State.Serving serving = state.pipelines().get(name);
            State.Accepted current = serving == null ? null : state.releases().get(serving.current());
            ModelIdentity identity = current == null ? null : current.identity();
            standings.add(new ModelStanding(
                    name,
                    identity,
                    since(state, name, identity),
                    parts.accepted().fallback(name),
                    underWay(name)));
        }
        return standings;
    }

    private static @Nullable Instant since(State state, String pipeline, @Nullable ModelIdentity identity) {
        return state.receipts().stream()
                .filter(receipt -> receipt.pipelines().contains(pipeline)
                        && (receipt.outcome() == RolloutOutcome.ACTIVATED
                                || receipt.outcome() == RolloutOutcome.ROLLED_BACK))
                .findFirst()
                .filter(receipt -> Objects.equals(receipt.model(), identity))
                .map(Receipt::time)
                .orElse(null);
    }

    private String underWay(String pipeline) {
        parts.deciding().lock();
        try {
            Release swapping = parts.swaps().underWay(pipeline);
            return rollback.runs(pipeline)
                    ? "it is being rolled back"
                    : swapping != null
                            ? swapping.identity().label() + " is ready; " + atTheLatest()
                            : !trial.words(pipeline).isEmpty() ? trial.words(pipeline) : waitingFor;
        } finally {
            parts.deciding().unlock();
        }
    }

    List<String> quarantined() {
        State state = parts.store().state();
        return state.crashes().entrySet().stream()
                .filter(entry -> parts.accepted().quarantined(entry.getKey()))
                .map(entry -> parts.accepted().label(entry.getKey()) + ": " + entry.getValue()
                        + " crashes of the gateway, maximumCrashes is "
                        + parts.settings().maximumCrashes())
                .toList();
    }

    List<String> crashes() {
        return parts.store().state().crashes().entrySet().stream()
                .map(entry -> parts.accepted().label(entry.getKey()) + ": " + entry.getValue())
                .toList();
    }

    List<String> deaths() {
        return crashes.deaths().stream().map(CrashLedger.Death::text).toList();
    }

    void stop() {
        parts.deciding().lock();
        try {
            parts.swaps().cancelAll();
            if (!parts.store().state().trying().isEmpty()) {
                parts.store().record(parts.store().state().withTrying(""));
            }
            parts.store().retry();
            parts.store().later(parts.store()::clearServing);
        } finally {
            parts.deciding().unlock();
        }
    }

    private static List<String> names(List<Pipeline> list) {
        return list.stream().map(Pipeline::name).toList();
    }
}
