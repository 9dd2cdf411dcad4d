// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.penstock.api.access.Actor;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.actuation.TagWriter;
import io.penstock.api.actuation.WriteCounts;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.actuation.WriteOutcome.Kind;
import io.penstock.api.actuation.WriteReceipt;
import io.penstock.api.audit.AuditLog;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.audit.AuditTrail;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.TagId;
import io.penstock.api.model.ModelArtifact;
import java.time.Clock;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A write loop on a plain setpoint tag. {@link #offer} decides, in the order of {@link Guard}; {@link Lane} writes and reads
 * back; {@link #watch} looks after what no prediction would notice. Open whenever it is not {@link Engagement engaged}.
 */
@Component(
        configurationPid = SetpointLoop.PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE,
        immediate = true,
        service = WriteLoop.class)
@Designate(ocd = SetpointLoop.Config.class, factory = true)
public final class SetpointLoop implements WriteLoop, Lane.Events {
    static final String PID = "io.penstock.actuation";

    private static final Logger LOG = LoggerFactory.getLogger(SetpointLoop.class);
    private static final Actor GATEWAY = new Actor(AuditRecord.GATEWAY, Set.of(), AuditRecord.GATEWAY);
    private static final long WATCH_NANOS = MILLISECONDS.toNanos(250);
    private static final long CLOCK_STEP_MS = 2_000;
    private static final long AUDIT_NANOS = MILLISECONDS.toNanos(60_000);
    /** So long a closing waits for its record. */
    private static final long CLOSED_MS = 2_000;

    private static final long DRAIN_MS = 500;

    private final Settings settings;
    private final Leases leases;
    private final Clock clock;
    private final LongSupplier nanoTime;
    private final Lane lane;
    private final Arming arming;
    private final AuditTrail trail;
    private final Thread watcher;
    private final String deadbandWords;
    private final String periodWords;

    private final List<TagWriter> writers = new CopyOnWriteArrayList<>();
    private final List<TagSource> sources = new CopyOnWriteArrayList<>();

    private final AtomicReference<@Nullable Engagement> engaged = new AtomicReference<>();
    /** Grows with every opening by an actor, so that a closing that is still asking its guards gives way. */
    private final AtomicInteger openings = new AtomicInteger();

    private final AtomicReference<@Nullable String> shedToTell = new AtomicReference<>();
    private volatile @Nullable Serving serving;
    private volatile @Nullable Seen seen;
    private volatile String lastOpenReason = "";
    private volatile boolean stopping;

    private final AtomicLong limited = new AtomicLong();
    private final AtomicLong suppressed = new AtomicLong();
    private final Map<Guard, AtomicLong> refused = new EnumMap<>(Guard.class);

    // Below: the watcher's thread only.

    private long wallMs;
    private long wallNanos;
    private long auditBadSinceNanos;

    @ObjectClassDefinition(
            name = "Write loop",
            description = "Writes one output of one pipeline to one tag, inside limits that the plant decides.")
    @interface Config {
        @AttributeDefinition(description = "Name of the loop, unique on the gateway.")
        String name();

        @AttributeDefinition(
                description = "Name of the pipeline whose predictions it takes; no other loop may have it.")
        String pipeline();

        @AttributeDefinition(description = "Name of the output in the model's contract.")
        String output();

        @AttributeDefinition(description = "Tag it writes; no other loop may have it.")
        String target();

        @AttributeDefinition(description = "Lowest value ever written, engineering units.")
        double low();

        @AttributeDefinition(description = "Highest value ever written, engineering units.")
        double high();

        @AttributeDefinition(
                description =
                        "Outside by up to this many percent of high - low is clamped, further is refused; 0 to 100.")
        double maximumExcessPercent();

        @AttributeDefinition(description = "Fastest rise, engineering units per minute.")
        double rateUpPerMinute();

        @AttributeDefinition(description = "Fastest fall, engineering units per minute.")
        double rateDownPerMinute();

        @AttributeDefinition(description = "Smaller changes are not written, engineering units; 0 writes every value.")
        double deadband();

        @AttributeDefinition(
                description =
                        "Largest distance between prediction and setpoint when the loop closes, a model takes over or, before the first write, the plant moves it.")
        double stepLimit();

        @AttributeDefinition(description = "Oldest required input, milliseconds.")
        long maximumInputAgeMs();

        @AttributeDefinition(description = "Whether an Uncertain output may be written.")
        boolean acceptUncertain() default false;

        @AttributeDefinition(
                description = "A value is written within this from being computed, milliseconds; at least two cycles.")
        long validityMs();

        @AttributeDefinition(
                description = "Tag that shows the setpoint in force; the target if empty.",
                required = false)
        String readBackTag() default "";

        @AttributeDefinition(description = "Largest difference between written and shown, at most the deadband.")
        double readBackTolerance();

        @AttributeDefinition(
                description = "Within this after the acknowledgement the plant shows the value, milliseconds.")
        long readBackTimeMs();

        @AttributeDefinition(description = "So many mismatches in a row are borne; one more opens the loop.")
        long maximumReadBackMismatches();

        @AttributeDefinition(description = "A write or read is answered within this, milliseconds.")
        long writeDeadlineMs();

        @AttributeDefinition(description = "So many failed writes in a row are borne; one more opens the loop.")
        long maximumWriteFailures();

        @AttributeDefinition(description = "Writes are at least this far apart, milliseconds; 0 for no such limit.")
        long periodMinMs() default 0;

        @AttributeDefinition(
                description =
                        "How often the setpoint is looked at while nothing is written, milliseconds, at least 100.")
        long watchPeriodMs() default 1_000;

        @AttributeDefinition(description = "So many refusals in a row are borne; one more opens the loop.")
        long maximumConsecutiveRefusals();

        @AttributeDefinition(
                description =
                        "Longest time without a usable prediction, refused or not offered, milliseconds; then it opens.")
        long holdMs();

        @AttributeDefinition(
                description = "Releases the plant approved for this loop, as 'name version'; it closes with no other.")
        String[] approvedReleases();

        @AttributeDefinition(
                description =
                        "durable: what is written is on the audit's disk before it leaves; queued: it is on its way there, and writes of the last moment before a loss of power or a kill are not on record.")
        String intent() default "durable";
    }

    /** The last prediction while open, for the guards of closing. */
    record Seen(Serving serving, double value, int status, long computedNanos, long oldestInputNanos) {}

    /** @param properties the configuration as it is: a missing limit must not become 0. */
    @Activate
    public SetpointLoop(@Reference Leases leases, Map<String, Object> properties) {
        this(Settings.of(properties), leases, Clock.systemUTC(), System::nanoTime, LockSupport::parkNanos);
    }

    SetpointLoop(Settings settings, Leases leases, Clock clock, LongSupplier nanoTime, LongConsumer pause) {
        this.settings = settings;
        this.leases = leases;
        this.clock = clock;
        this.nanoTime = nanoTime;
        trail = new AuditTrail(settings.name(), clock);
        lane = new Lane(settings, this, clock, nanoTime, pause);
        arming = new Arming(settings, writers, sources, lane, nanoTime);
        watcher = new Thread(this::watchUntilStopped, "actuation-watch-" + settings.name());
        watcher.setDaemon(true);
        deadbandWords = "deadband: less than " + settings.deadband() + " from the setpoint";
        periodWords = "period: less than " + settings.periodMinMs() + " ms after the write before";
        for (Guard guard : Guard.values()) {
            refused.put(guard, new AtomicLong()); // all of them now: later it is only read
        }
        wallMs = clock.millis();
        wallNanos = nanoTime.getAsLong();
        leases.acquire(settings);
    }

    @Activate
    void start() {
        lane.start();
        watcher.start();
        LOG.info(
                "Loop {}: {}.{} to {}, {} to {}; open",
                settings.name(),
                settings.pipeline(),
                settings.output(),
                settings.target(),
                settings.low(),
                settings.high());
    }

    @Deactivate
    void stop() {
        stopping = true;
        openings.incrementAndGet();
        Engagement engagement = engaged.getAndSet(null);
        if (engagement != null) {
            opened(GATEWAY, "the loop's configuration changed or its bundle stopped");
            LOG.info("Loop {}: opened, {}; close it again", settings.name(), lastOpenReason);
        }
        lane.drain(DRAIN_MS);
        watcher.interrupt();
        try {
            lane.stop();
            watcher.join(300);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        leases.release(settings);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void addWriter(TagWriter writer) {
        lane.writerCame(writer);
        writers.add(writer);
    }

    void removeWriter(TagWriter writer) {
        writers.remove(writer);
        Engagement engagement = engaged.get();
        if (engagement != null && engagement.writer == writer) {
            shed(engagement, Guard.WRITER, "connector " + writer.name() + " is gone");
        }
        lane.writerGone(writer);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void addSource(TagSource source) {
        sources.add(source);
    }

    void removeSource(TagSource source) {
        sources.remove(source);
    }

    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC)
    void setAuditLog(AuditLog log) {
        trail.set(log);
    }

    void unsetAuditLog(AuditLog log) {
        trail.unset(log);
    }

    @Override
    public String name() {
        return settings.name();
    }

    @Override
    public String pipeline() {
        return settings.pipeline();
    }

    @Override
    public TagId target() {
        return settings.target();
    }

    @Override
    public String profile() {
        return "setpoint";
    }

    @Override
    public void model(ModelArtifact model) {
        Serving before = serving;
        if (before != null && before.sha256().equals(model.identity().sha256())) {
            return;
        }
        Serving next = Serving.of(settings, model);
        serving = next;
        Engagement engagement = engaged.get();
        if (engagement != null && !next.problem().isEmpty()) {
            shed(engagement, Guard.MODEL, next.problem());
        }
    }

    @Override
    public WriteOutcome offer(Prediction prediction) {
        Engagement engagement = engaged.get();
        Serving model = serving;
        if (engagement == null || !engagement.stands) {
            remember(model, prediction);
            String reason = shedToTell.get() == null ? null : shedToTell.getAndSet(null);
            return reason == null ? WriteOutcome.NOT_OFFERED : shedOutcome(Double.NaN, reason);
        }
        long now = nanoTime.getAsLong();
        engagement.offeredNanos = now;
        if (seen != null) {
            seen = null; // it grows old meanwhile; closing anew waits for the first one after the opening
        }
        if (model == null || !model.matches(prediction)) {
            return refuse(engagement, Guard.OUTPUT, Double.NaN, "outputs " + prediction.names(), now);
        }
        return decide(engagement, model, prediction, now);
    }

    private void remember(@Nullable Serving model, Prediction prediction) {
        if (model != null && model.matches(prediction)) {
            int index = model.index();
            seen = new Seen(
                    model,
                    prediction.value(index),
                    prediction.status(index),
                    prediction.computedNanos(),
                    prediction.oldestInputNanos());
        }
    }

    private WriteOutcome decide(Engagement engagement, Serving model, Prediction prediction, long now) {
        double offered = prediction.value(model.index());
        int status = prediction.status(model.index());
        Guard failing = Arming.failing(
                settings, model, offered, status, prediction.computedNanos(), prediction.oldestInputNanos(), now);
        if (failing != null) {
            return refuse(
                    engagement,
                    failing,
                    offered,
                    Arming.words(
                            failing,
                            settings,
                            model,
                            offered,
                            status,
                            prediction.computedNanos(),
                            prediction.oldestInputNanos(),
                            now),
                    now);
        }
        Setpoint setpoint = lane.setpoint();
        if (!setpoint.known()) {
            return refuse(
                    engagement, Guard.SETPOINT, offered, "the plant's setpoint is not known since the last write", now);
        }
        if (Arming.outside(settings, setpoint.value())) {
            return refuse(engagement, Guard.SETPOINT, offered, Arming.outsideWords(settings, setpoint.value()), now);
        }
        double wanted = Limits.clamp(offered, model.low(), model.high());
        boolean plantMoved = !engagement.acknowledged && setpoint.value() != engagement.enteredFrom;
        if (engagement.entered != model || plantMoved) {
            if (Math.abs(wanted - setpoint.value()) > settings.stepLimit()) {
                String reason = Arming.stepWords(settings, model, wanted, setpoint.value());
                count(Guard.ENTRY);
                shed(engagement, Guard.ENTRY, reason);
                return shedNow(offered, reason);
            }
            engagement.entered = model;
            engagement.enteredFrom = setpoint.value();
        }
        return move(engagement, model, offered, wanted, setpoint, prediction.computedNanos(), now);
    }

    private WriteOutcome move(
            Engagement engagement,
            Serving model,
            double offered,
            double wanted,
            Setpoint setpoint,
            long computedNanos,
            long now) {
        engagement.refusals = 0;
        engagement.holdSinceNanos = 0;
        double value = limit(engagement, wanted, setpoint, now);
        boolean outside = setpoint.value() > model.high() + settings.readBackTolerance()
                || setpoint.value() < model.low() - settings.readBackTolerance();
        double expected = lane.expected();
        // A setpoint that the plant still moves by itself restarts the ramp again and again: the first write may be a
        // small one.
        double entering = engagement.acknowledged ? value : wanted;
        boolean still = value == expected && settings.deadband() > 0;
        if (still || (Math.abs(entering - expected) < settings.deadband() && !outside)) {
            return suppress(model, offered, deadbandWords);
        }
        if (settings.periodMinMs() > 0
                && engagement.asked
                && now - engagement.askedNanos < MILLISECONDS.toNanos(settings.periodMinMs())) {
            return suppress(model, offered, periodWords);
        }
        engagement.asked = true;
        engagement.askedNanos = now;
        Lane.Ask ask = new Lane.Ask(engagement, model.label(), offered, value, setpoint.value(), computedNanos, now);
        if (value == offered) {
            audit("WRITE_ASKED", model.label(), offered, value); // before the lane has it: its intent comes after
            lane.ask(ask);
            return new WriteOutcome(Kind.ASKED, offered, value, "");
        }
        limited.incrementAndGet();
        String reason = value == wanted
                ? "envelope: " + Figure.of(offered) + " is outside " + Figure.of(model.low()) + " to "
                        + Figure.of(model.high())
                : "rate: " + Figure.of(value) + " now on the way from " + Figure.of(setpoint.value()) + " to "
                        + Figure.of(wanted) + ", limits +" + Figure.of(settings.rateUpPerMinute()) + " and -"
                        + Figure.of(settings.rateDownPerMinute()) + " per minute";
        audit("WRITE_LIMITED", model.label() + ": " + reason, offered, value);
        lane.ask(ask);
        return new WriteOutcome(Kind.LIMITED, offered, value, reason);
    }

    /**
     * Two limits in one: a ramp that follows the predictions at the plant's rates, so that a setpoint that stood still for an
     * hour does not jump by an hour's worth; and the same rates counted from the acknowledgement of the last write, so that
     * the plant itself never sees a faster change, however long the write took.
     */
    private double limit(Engagement engagement, double wanted, Setpoint setpoint, long now) {
        int resyncs = lane.resyncs();
        if (engagement.restart || engagement.resyncsSeen != resyncs) {
            // Until the first write from when the plant showed it: one that moves at every look would leave no time to
            // move
            // from it. Afterwards from now: whoever moved our setpoint is looked at once more before we move it back.
            engagement.rampNanos = engagement.restart || engagement.acknowledged ? now : setpoint.nanos();
            engagement.restart = false;
            engagement.resyncsSeen = resyncs;
            engagement.ramp = setpoint.value();
        }
        long elapsed = Math.min(now - engagement.rampNanos, MILLISECONDS.toNanos(settings.validityMs()));
        engagement.ramp = Limits.towards(settings, engagement.ramp, wanted, elapsed);
        engagement.rampNanos = now;
        return Limits.within(settings, Limits.rate(settings, setpoint, engagement.ramp, now));
    }

    private WriteOutcome suppress(Serving model, double offered, String reason) {
        suppressed.incrementAndGet();
        if (reason == deadbandWords) {
            lane.forget("the newest value is inside the deadband");
        }
        audit("WRITE_SUPPRESSED", model.label(), offered, Double.NaN);
        return new WriteOutcome(Kind.SUPPRESSED, offered, Double.NaN, reason);
    }

    private WriteOutcome refuse(Engagement engagement, Guard guard, double offered, String words, long now) {
        String reason = guard.word() + ": " + words;
        count(guard);
        audit("WRITE_REFUSED", label() + ": " + reason, offered, Double.NaN);
        lane.forget(reason);
        engagement.restart = true;
        engagement.refusal = reason;
        engagement.refusals++;
        if (engagement.holdSinceNanos == 0) {
            engagement.holdSinceNanos = now | 1;
        }
        String why = "";
        if (engagement.refusals > settings.maximumConsecutiveRefusals()) {
            why = engagement.refusals + " predictions in a row were refused, last by " + reason;
        } else if (now - engagement.holdSinceNanos > MILLISECONDS.toNanos(settings.holdMs())) {
            why = "predictions have been refused for more than " + settings.holdMs() + " ms, last by " + reason;
        }
        if (why.isEmpty()) {
            return WriteOutcome.refused(offered, reason);
        }
        shed(engagement, Guard.HOLD, why);
        return shedNow(offered, why);
    }

    private String label() {
        Serving model = serving;
        return model == null ? "no model" : model.label();
    }

    /** The outcome of an offer that opened the loop, or found it opened meanwhile for another reason. */
    private WriteOutcome shedNow(double offered, String reason) {
        String told = shedToTell.getAndSet(null);
        return shedOutcome(offered, told == null ? reason : told);
    }

    private static WriteOutcome shedOutcome(double offered, String reason) {
        return new WriteOutcome(Kind.SHED, offered, Double.NaN, reason);
    }

    @Override
    public boolean closed() {
        Engagement engagement = engaged.get();
        return engagement != null && engagement.stands;
    }

    @Override
    public synchronized List<String> close(Actor actor, String reason) {
        if (engaged.get() != null) {
            return List.of();
        }
        int opening = openings.get();
        Arming.Result result = arming.ask(actor, reason, serving, seen, trail.log());
        List<String> failing = result.failing();
        Engagement engagement = null;
        if (failing.isEmpty()) {
            engagement = new Engagement(result.writer(), actor.name(), result.setpoint(), lane.resyncs() + 1);
            failing = engage(engagement, actor, reason, result, opening);
        }
        if (!failing.isEmpty()) {
            trail.append(record(actor, "LOOP_CLOSE_REFUSED", String.join("; ", failing), Double.NaN, Double.NaN));
            LOG.info("Loop {}: not closed for {}: {}", settings.name(), actor.name(), failing);
        }
        return failing;
    }

    private List<String> engage(Engagement engagement, Actor actor, String reason, Arming.Result result, int opening) {
        String detail =
                reason + "; " + label() + ", setpoint " + result.setpoint().value();
        AuditRecord record = record(
                actor,
                "LOOP_CLOSED",
                detail,
                result.prediction(),
                result.setpoint().value());
        if (!trail.commit(record, CLOSED_MS)) {
            return List.of(Guard.AUDIT.word() + ": the record of closing was not on disk within " + CLOSED_MS
                    + " ms; free disk space or repair the disk");
        }
        lane.begin(result.setpoint());
        shedToTell.set(null);
        engaged.set(engagement);
        // Whoever opened, stopped, took the connector away or changed the model before this did not see the engagement;
        // whoever does so from here on sees it.
        Serving model = serving;
        if (!writers.contains(engagement.writer)) {
            shed(engagement, Guard.WRITER, "connector " + engagement.writer.name() + " is gone");
        } else if (openings.get() != opening || stopping) {
            shed(engagement, Guard.BUSY, "the loop was opened while its guards were asked");
        } else if (model == null || !model.problem().isEmpty()) {
            shed(engagement, Guard.MODEL, model == null ? "no model" : model.problem());
        } else {
            engagement.stands = true;
            LOG.info("Loop {}: closed by {}: {}", settings.name(), actor.name(), detail);
            return List.of();
        }
        return List.of(lastOpenReason);
    }

    @Override
    public void open(Actor actor, String reason) {
        openings.incrementAndGet();
        Engagement engagement = engaged.getAndSet(null);
        lane.forget("the loop was opened");
        boolean drained = lane.drain(DRAIN_MS);
        if (engagement != null) {
            opened(actor, reason + (drained ? "" : "; a write may still be on its way to the connector"));
        }
    }

    @Override
    public void shed(Engagement engagement, Guard guard, String reason) {
        if (engaged.compareAndSet(engagement, null)) {
            String words = guard.word() + ": " + reason;
            shedToTell.set(words);
            lane.forget("the loop opened");
            opened(GATEWAY, words);
            LOG.warn("Loop {}: opened by itself, {}; look into it and close it again", settings.name(), words);
        }
    }

    /** It is open: the record may take its time, but has its place even where the disk takes nothing. */
    private void opened(Actor actor, String reason) {
        lastOpenReason = reason;
        trail.insist(record(actor, "LOOP_OPENED", label() + ": " + reason, Double.NaN, Double.NaN), 0);
        if (actor != GATEWAY) {
            LOG.info("Loop {}: opened by {}: {}", settings.name(), actor.name(), reason);
        }
    }

    @Override
    public String lastOpenReason() {
        return lastOpenReason;
    }

    @Override
    public Optional<WriteReceipt> lastReceipt() {
        return Optional.ofNullable(lane.lastReceipt());
    }

    @Override
    public WriteCounts counts() {
        Map<String, Long> byGuard = new TreeMap<>();
        refused.forEach((guard, count) -> {
            if (count.get() > 0) {
                byGuard.put(guard.word(), count.get());
            }
        });
        return new WriteCounts(
                lane.asked(),
                lane.applied(),
                limited.get(),
                suppressed.get(),
                byGuard,
                lane.mismatches(),
                lane.failed());
    }

    @Override
    public @Nullable Engagement engagement() {
        return engaged.get();
    }

    @Override
    public void dropped(Lane.Ask ask, Guard guard, String reason) {
        count(guard);
        audit(
                guard == Guard.SUPERSEDED ? "WRITE_SUPERSEDED" : "WRITE_REFUSED",
                ask.label() + ": " + guard.word() + ": " + reason,
                ask.offered(),
                ask.value());
    }

    @Override
    public boolean intended(Lane.Ask ask, double value, long timeoutMs) {
        AuditRecord intent = record(GATEWAY, "WRITE_INTENT", ask.label(), ask.offered(), value);
        return settings.intent() == Settings.Intent.DURABLE
                ? trail.commit(intent, Math.max(timeoutMs, 1))
                : trail.append(intent);
    }

    @Override
    public void withdrawn(Lane.Ask ask, double value, Guard guard, String reason) {
        count(guard);
        audit("WRITE_WITHDRAWN", ask.label() + ": " + guard.word() + ": " + reason, ask.offered(), value);
    }

    @Override
    public void limitedAgain(Lane.Ask ask, double value) {
        audit(
                "WRITE_LIMITED",
                ask.label() + ": rate: " + value + " instead of " + ask.value() + " after the write before it",
                ask.offered(),
                value);
    }

    @Override
    public void ended(Lane.@Nullable Ask ask, WriteReceipt receipt) {
        String detail = ask == null ? label() : ask.label();
        if (!receipt.reason().isEmpty()) {
            detail += ": " + receipt.reason();
            LOG.warn("Loop {}: {}", settings.name(), receipt.reason());
        } else {
            detail += ": shown " + receipt.readBack();
        }
        audit("WRITE_" + receipt.result(), detail, ask == null ? Double.NaN : ask.offered(), receipt.value());
    }

    /** For tests that are their own threads: what the lane does next. */
    boolean step() {
        return lane.step();
    }

    /** For tests that are their own threads: how long the lane rests before its next step, unless a value comes. */
    long restNanos() {
        return lane.restNanos();
    }

    private void count(Guard guard) {
        refused.get(guard).incrementAndGet();
    }

    private boolean audit(String action, String detail, double offered, double value) {
        return trail.append(record(GATEWAY, action, detail, offered, value));
    }

    private AuditRecord record(Actor actor, String action, String detail, double offered, double value) {
        return new AuditRecord(
                trail.nowNs(), actor.name(), actor.origin(), action, settings.name(), detail, offered, value);
    }

    private void watchUntilStopped() {
        while (!stopping) {
            watch();
            LockSupport.parkNanos(this, WATCH_NANOS);
        }
    }

    /** What no prediction would notice: clock, audit, a silent pipeline, a hanging connector. */
    void watch() {
        long now = nanoTime.getAsLong();
        Engagement engagement = engaged.get();
        watchClock(engagement, now);
        watchAudit(engagement, now);
        if (engagement == null) {
            return;
        }
        long hold = MILLISECONDS.toNanos(settings.holdMs());
        long refusedSince = engagement.holdSinceNanos;
        if (now - engagement.offeredNanos > hold) {
            shed(engagement, Guard.HOLD, "no prediction was offered for more than " + settings.holdMs() + " ms");
        } else if (refusedSince != 0 && now - refusedSince > hold) {
            shed(
                    engagement,
                    Guard.HOLD,
                    "predictions have been refused for more than " + settings.holdMs() + " ms, last by "
                            + engagement.refusal);
        }
        long unseenMs = NANOSECONDS.toMillis(now - Math.max(lane.seenNanos(), engagement.closedNanos));
        if (unseenMs > settings.watchPeriodMs() + settings.holdMs()) {
            shed(
                    engagement,
                    Guard.SETPOINT,
                    settings.readBackTag() + " could not be read for " + unseenMs + " ms, limit "
                            + (settings.watchPeriodMs() + settings.holdMs())
                            + " ms; look into connector " + engagement.writer.name());
        }
        long callSince = lane.callSinceNanos();
        if (callSince != 0 && now - callSince > MILLISECONDS.toNanos(settings.writeDeadlineMs() + 2 * Lane.GRACE_MS)) {
            shed(
                    engagement,
                    Guard.WRITER,
                    "connector " + engagement.writer.name() + " has not answered for "
                            + NANOSECONDS.toMillis(now - callSince) + " ms");
        }
    }

    private void watchClock(@Nullable Engagement engagement, long now) {
        long wall = clock.millis();
        long step = wall - wallMs - NANOSECONDS.toMillis(now - wallNanos);
        wallMs = wall;
        wallNanos = now;
        if (engagement != null && Math.abs(step) > CLOCK_STEP_MS) {
            shed(
                    engagement,
                    Guard.CLOCK,
                    "the wall clock stepped by " + step + " ms, limit " + CLOCK_STEP_MS
                            + " ms; check time synchronisation");
        }
    }

    private void watchAudit(@Nullable Engagement engagement, long now) {
        if (trail.writable()) {
            auditBadSinceNanos = 0;
            return;
        }
        if (auditBadSinceNanos == 0) {
            auditBadSinceNanos = now | 1;
        }
        if (engagement != null && now - auditBadSinceNanos > AUDIT_NANOS) {
            shed(engagement, Guard.AUDIT, "the audit log has taken no records for more than 60 s");
        }
    }
}
