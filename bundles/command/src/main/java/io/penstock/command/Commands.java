// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.command;

import io.penstock.api.access.Actor;
import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.api.pipeline.Pipeline.ModeAnswer;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Carries requests out. Any thread; waits for nothing but the pipeline or the catalog that is asked. */
final class Commands {
    private static final Logger LOG = LoggerFactory.getLogger(Commands.class);

    private final Gateway gateway;
    private final Status status;

    Commands(Gateway gateway, Clock clock) {
        this.gateway = gateway;
        status = new Status(gateway, clock);
    }

    /** A request that is not fulfilled, with one word for programs. */
    static Map<String, @Nullable Object> refused(String error, List<String> reasons) {
        Map<String, @Nullable Object> answer = answer(false);
        answer.put("error", error);
        answer.put("reasons", reasons);
        return answer;
    }

    static Map<String, @Nullable Object> refused(String error, String reason) {
        return refused(error, List.of(reason));
    }

    private static Map<String, @Nullable Object> answer(boolean done) {
        Map<String, @Nullable Object> answer = new LinkedHashMap<>();
        answer.put("penstock", Request.VERSION);
        answer.put("done", done);
        return answer;
    }

    Map<String, @Nullable Object> run(Request request, Peer peer) {
        Actor actor = peer.actor(request.caller());
        return switch (request.command()) {
            case STATUS -> status(request);
            case OPEN -> mode(request, actor, null);
            case MODE -> mode(request, actor, request.mode());
            case ROLLBACK -> models(request, actor, RolloutOutcome.ROLLED_BACK);
            case CANCEL -> models(request, actor, RolloutOutcome.CANCELLED);
        };
    }

    private Map<String, @Nullable Object> status(Request request) {
        if (!request.pipeline().isEmpty() && !status.knows(request.pipeline())) {
            return unknown(request.pipeline());
        }
        Map<String, @Nullable Object> answer = answer(true);
        answer.putAll(status.now(request.pipeline()));
        return answer;
    }

    private Map<String, @Nullable Object> unknown(String name) {
        TreeSet<String> names = gateway.pipelines().stream()
                .map(Pipeline::name)
                .limit(50)
                .collect(Collectors.toCollection(TreeSet::new));
        return refused(
                "unknown-pipeline",
                "pipeline " + Text.shown(name) + " is not running; "
                        + (names.isEmpty() ? "none is" : "running are " + String.join(", ", names))
                        + ", look into etc/ and log/penstock.log for others");
    }

    /** @param wanted null to take the machine back: the loop opens, and a mode that is lower stays. */
    private Map<String, @Nullable Object> mode(Request request, Actor actor, @Nullable Mode wanted) {
        Pipeline pipeline = gateway.pipeline(request.pipeline()).orElse(null);
        if (pipeline == null) {
            return unknown(request.pipeline());
        }
        Mode before = pipeline.mode();
        Mode asked = wanted != null ? wanted : before.compareTo(Mode.ADVISORY) < 0 ? before : Mode.ADVISORY;
        ModeAnswer become = pipeline.setMode(asked, actor, request.reason());
        WriteLoop loop = pipeline.loop().orElse(null);
        Mode now = pipeline.mode();
        Map<String, @Nullable Object> answer =
                become.refusals().isEmpty() ? answer(true) : refused("refused", become.refusals());
        answer.put("remark", become.remark());
        answer.put("pipeline", pipeline.name());
        answer.put("was", before.name());
        answer.put("mode", now.name());
        answer.put("loop", loop == null ? null : loop.name());
        answer.put("closed", loop != null && loop.closed());
        answer.put("by", actor.name());
        return answer;
    }

    private Map<String, @Nullable Object> models(Request request, Actor actor, RolloutOutcome wanted) {
        ModelCatalog catalog = gateway.catalog().orElse(null);
        if (catalog == null) {
            return refused("away", "the bundle io.penstock.models is not running; look into log/penstock.log");
        }
        Receipt receipt = wanted == RolloutOutcome.ROLLED_BACK
                ? catalog.rollback(request.pipeline(), actor, request.reason())
                : catalog.cancel(request.pipeline(), actor, request.reason());
        ModelIdentity model = receipt.model();
        Map<String, @Nullable Object> answer =
                receipt.outcome() == wanted ? answer(true) : refused("refused", receipt.reason());
        answer.put("pipeline", request.pipeline());
        answer.put("outcome", receipt.outcome().name());
        answer.put("model", model == null ? null : model.label());
        answer.put(
                "serves",
                gateway.pipeline(request.pipeline())
                        .flatMap(Pipeline::model)
                        .map(artifact -> artifact.identity().label())
                        .orElse(null));
        answer.put("steps", receipt.steps().stream().map(Text::shown).limit(50).toList());
        answer.put("by", actor.name());
        return answer;
    }

    /** What went wrong in a room must not look like silence. */
    Map<String, @Nullable Object> fault(Request request, Throwable e) {
        LOG.error(
                "{} of {} by the command line ended by a fault of the gateway",
                request.command().word(),
                Text.shown(request.pipeline()),
                e);
        return refused(
                "fault",
                "a fault of the gateway, see log/penstock.log: " + Text.shown(Objects.requireNonNull(Text.message(e))));
    }
}
