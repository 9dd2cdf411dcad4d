// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.acquisition.ConnectionStatus;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.actuation.TagWriter;
import io.penstock.api.audit.AuditLog;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** The guards of closing, and those of a prediction that closing and offering have in common. */
final class Arming {
    private static final long AUDIT_MS = 2_000;
    /** What binary fractions add to decimal ones: a tolerance of exactly half a step is enough. */
    private static final double ROUNDING = 1e-9;

    private final Settings settings;
    private final List<TagWriter> writers;
    private final List<TagSource> sources;
    private final Lane lane;
    private final LongSupplier nanoTime;

    /** @param failing guards that forbid closing, in words; if empty the rest is there. */
    record Result(List<String> failing, @Nullable TagWriter maybeWriter, Setpoint setpoint, double prediction) {
        TagWriter writer() {
            if (maybeWriter == null) {
                throw new IllegalStateException("a guard failed: " + failing);
            }
            return maybeWriter;
        }
    }

    Arming(Settings settings, List<TagWriter> writers, List<TagSource> sources, Lane lane, LongSupplier nanoTime) {
        this.settings = settings;
        this.writers = writers;
        this.sources = sources;
        this.lane = lane;
        this.nanoTime = nanoTime;
    }

    /** Asks all guards, so that the actor learns of all that is missing at once. May take as long as one read. */
    Result ask(
            Actor actor,
            String reason,
            @Nullable Serving serving,
            SetpointLoop.@Nullable Seen seen,
            @Nullable AuditLog audit) {
        List<String> failing = new ArrayList<>();
        askActor(actor, reason, failing);
        askModel(serving, failing);
        askAudit(audit, failing);
        String busy = lane.busy();
        if (!busy.isEmpty()) {
            fail(failing, Guard.BUSY, busy);
        }
        TagWriter writer = askWriter(failing);
        double wanted = askPrediction(serving, seen, failing);
        Setpoint setpoint = Setpoint.UNKNOWN;
        if (writer != null) {
            askSource(writer, serving, failing);
            if (busy.isEmpty()) {
                setpoint = read(writer, failing);
            }
        }
        if (setpoint.known()) {
            if (outside(settings, setpoint.value())) {
                fail(failing, Guard.SETPOINT, outsideWords(settings, setpoint.value()));
            }
            if (serving != null && Math.abs(wanted - setpoint.value()) > settings.stepLimit()) {
                fail(failing, Guard.ENTRY, stepWords(settings, serving, wanted, setpoint.value()));
            }
        }
        return new Result(List.copyOf(failing), writer, setpoint, wanted);
    }

    private static void fail(List<String> failing, Guard guard, String words) {
        failing.add(guard.word() + ": " + words);
    }

    private static void askActor(Actor actor, String reason, List<String> failing) {
        if (!actor.hasAny(Role.OPERATOR, Role.ENGINEER, Role.SUPERVISOR)) {
            fail(failing, Guard.ROLE, actor.name() + " is none of OPERATOR, ENGINEER, SUPERVISOR but " + actor.roles());
        }
        if (reason.isBlank()) {
            fail(failing, Guard.ROLE, "a reason is needed; the audit keeps it");
        }
    }

    private void askModel(@Nullable Serving serving, List<String> failing) {
        if (serving == null) {
            fail(failing, Guard.MODEL, "no model serves pipeline " + settings.pipeline() + " yet");
        } else if (!serving.problem().isEmpty()) {
            fail(failing, Guard.MODEL, serving.problem());
        }
    }

    private static void askAudit(@Nullable AuditLog audit, List<String> failing) {
        if (audit == null) {
            fail(failing, Guard.AUDIT, "there is no audit log; start the audit bundle");
        } else if (!audit.writable() || !audit.flush(AUDIT_MS)) {
            fail(failing, Guard.AUDIT, "the audit log takes no records; free disk space and look into its messages");
        }
    }

    private @Nullable TagWriter askWriter(List<String> failing) {
        List<TagWriter> able =
                writers.stream().filter(w -> w.writes(settings.target())).toList();
        if (able.size() == 1) {
            return able.get(0);
        }
        fail(
                failing,
                Guard.WRITER,
                able.isEmpty()
                        ? "no connector writes tag " + settings.target()
                                + "; start its connector, and mark the tag writable in the tag list"
                        : "connectors " + able.stream().map(TagWriter::name).toList() + " all write tag "
                                + settings.target() + "; a tag belongs to one connector");
        return null;
    }

    private void askSource(TagWriter writer, @Nullable Serving serving, List<String> failing) {
        for (TagSource source : sources) {
            if (!source.name().equals(writer.name())) {
                continue;
            }
            ConnectionStatus connection = source.connection();
            if (connection.state() != ConnectionStatus.State.CONNECTED) {
                fail(
                        failing,
                        Guard.CONNECTION,
                        "connector " + source.name() + " is " + connection.state() + " " + connection.detail());
            }
            for (TagDefinition tag : source.tags()) {
                boolean target = tag.id().equals(settings.target())
                        || (tag.length() > 1
                                && settings.target().name().startsWith(tag.id().name() + "["));
                if (target && serving != null) {
                    askTag(tag, serving, failing);
                }
            }
        }
    }

    private void askTag(TagDefinition tag, Serving serving, List<String> failing) {
        if (!tag.unit().isEmpty() && !serving.unit().isEmpty() && !tag.unit().equals(serving.unit())) {
            fail(
                    failing,
                    Guard.UNIT,
                    "tag " + settings.target() + " has unit " + tag.unit() + ", output " + settings.output() + " of "
                            + serving.label() + " has " + serving.unit());
        }
        Scaling scaling = tag.scaling();
        double step = Math.abs((scaling.high() - scaling.low()) / (scaling.rawHigh() - scaling.rawLow()));
        boolean rounds = tag.dataType() != DataType.REAL && tag.dataType() != DataType.LREAL;
        if (rounds && step / 2 > settings.readBackTolerance() * (1 + ROUNDING)) {
            fail(
                    failing,
                    Guard.RESOLUTION,
                    "tag " + settings.target() + " is " + tag.dataType() + " in steps of " + Figure.of(step)
                            + ", readBackTolerance " + settings.readBackTolerance()
                            + " is less than half of one; scale the tag finer or raise readBackTolerance");
        }
    }

    private double askPrediction(@Nullable Serving serving, SetpointLoop.@Nullable Seen seen, List<String> failing) {
        if (serving == null || seen == null || seen.serving() != serving) {
            fail(
                    failing,
                    Guard.PREDICTION,
                    "there is no prediction yet since the loop opened or the model came; try again after the next cycle,"
                            + " and where this stays, see that the pipeline is in ADVISORY and its model serves");
            return Double.NaN;
        }
        long now = nanoTime.getAsLong();
        Guard guard = failing(
                settings, serving, seen.value(), seen.status(), seen.computedNanos(), seen.oldestInputNanos(), now);
        if (guard != null) {
            fail(
                    failing,
                    Guard.PREDICTION,
                    guard.word() + ": "
                            + words(
                                    guard,
                                    settings,
                                    serving,
                                    seen.value(),
                                    seen.status(),
                                    seen.computedNanos(),
                                    seen.oldestInputNanos(),
                                    now));
            return Double.NaN;
        }
        return Limits.clamp(seen.value(), serving.low(), serving.high());
    }

    private Setpoint read(TagWriter writer, List<String> failing) {
        CompletableFuture<Sample> answer = new CompletableFuture<>();
        String words;
        try {
            writer.read(settings.readBackTag(), settings.writeDeadlineMs()).whenComplete((sample, failure) -> {
                if (failure == null) {
                    answer.complete(sample);
                } else {
                    answer.completeExceptionally(failure);
                }
            });
            Sample sample = answer.get(settings.writeDeadlineMs() + Lane.GRACE_MS, MILLISECONDS);
            if (sample != null && Lane.usable(sample)) {
                return new Setpoint(sample.value(), nanoTime.getAsLong());
            }
            words = sample == null ? "nothing" : StatusCode.name(sample.status());
        } catch (TimeoutException e) {
            words = "no answer within " + settings.writeDeadlineMs() + " ms";
        } catch (ExecutionException e) {
            words = String.valueOf(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            words = "interrupted";
        } catch (RuntimeException e) {
            words = e.toString();
        }
        fail(
                failing,
                Guard.SETPOINT,
                "the present setpoint " + settings.readBackTag() + " could not be read from connector " + writer.name()
                        + ": " + words);
        return Setpoint.UNKNOWN;
    }

    /** The first of the guards of a prediction that fails, null if none does. */
    static @Nullable Guard failing(
            Settings settings,
            Serving serving,
            double value,
            int status,
            long computedNanos,
            long oldestInputNanos,
            long now) {
        long since = now - computedNanos;
        if (since < 0 || since > MILLISECONDS.toNanos(settings.validityMs())) {
            return Guard.VALIDITY;
        }
        if (!(StatusCode.isGood(status) || (settings.acceptUncertain() && StatusCode.isUncertain(status)))) {
            return Guard.QUALITY;
        }
        if (!Double.isFinite(value)) {
            return Guard.FINITE;
        }
        long oldest = MILLISECONDS.toNanos(settings.maximumInputAgeMs());
        if (oldestInputNanos < 0 || oldestInputNanos > oldest - since) {
            return Guard.AGE;
        }
        double excess = Math.max(serving.low() - value, value - serving.high());
        if (excess > excessLimit(settings)) {
            return Guard.ENVELOPE;
        }
        return null;
    }

    private static double excessLimit(Settings settings) {
        return settings.maximumExcessPercent() / 100 * (settings.high() - settings.low());
    }

    static String words(
            Guard guard,
            Settings settings,
            Serving serving,
            double value,
            int status,
            long computedNanos,
            long oldestInputNanos,
            long now) {
        long sinceMs = NANOSECONDS.toMillis(now - computedNanos);
        return switch (guard) {
            case VALIDITY -> "computed " + sinceMs + " ms ago, valid for " + settings.validityMs() + " ms";
            case QUALITY -> "the output is " + StatusCode.name(status) + "; Cycle/Detail tells why";
            case FINITE -> "the output is " + value;
            case AGE ->
                oldestInputNanos == Long.MAX_VALUE
                        ? "an input never had a value"
                        : "the oldest input is " + (NANOSECONDS.toMillis(oldestInputNanos) + sinceMs)
                                + " ms old, limit " + settings.maximumInputAgeMs() + " ms";
            case ENVELOPE ->
                value + " is outside " + serving.low() + " to " + serving.high() + " by more than "
                        + excessLimit(settings);
            default -> guard.word();
        };
    }

    /** Beyond the tolerance: a REAL next to a limit is not outside. */
    static boolean outside(Settings settings, double setpoint) {
        return setpoint > settings.high() + settings.readBackTolerance()
                || setpoint < settings.low() - settings.readBackTolerance();
    }

    static String outsideWords(Settings settings, double setpoint) {
        return "the plant's setpoint " + setpoint + " is outside " + settings.low() + " to " + settings.high()
                + "; bring it inside by hand";
    }

    static String stepWords(Settings settings, Serving serving, double wanted, double setpoint) {
        return serving.label() + " wants " + wanted + ", the plant's setpoint is " + setpoint + ": further apart than "
                + settings.stepLimit() + "; bring the setpoint nearer by hand";
    }
}
