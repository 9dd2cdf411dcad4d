// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.command;

import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelStanding;
import io.penstock.api.model.Receipt;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.api.pipeline.PipelineStatistics;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What the gateway does at this moment, as its rooms tell it. The shape is promised to programs, see the room's README: keys
 * may be added, none changes its meaning.
 */
final class Status {
    private static final int MOST_RECEIPTS = 20;
    private static final int MOST_PIPELINES = 200;

    private final Gateway gateway;
    private final Clock clock;
    private final Instant started;

    Status(Gateway gateway, Clock clock) {
        this.gateway = gateway;
        this.clock = clock;
        started = clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    boolean knows(String pipeline) {
        return gateway.pipeline(pipeline).isPresent() || standings().containsKey(pipeline);
    }

    private Map<String, ModelStanding> standings() {
        Map<String, ModelStanding> found = new TreeMap<>();
        gateway.catalog().ifPresent(catalog -> catalog.standings().forEach(one -> found.put(one.pipeline(), one)));
        return found;
    }

    /** @param only one pipeline, empty for all. */
    Map<String, @Nullable Object> now(String only) {
        Map<String, ModelStanding> standings = standings();
        Map<String, Pipeline> running = new TreeMap<>();
        gateway.pipelines().forEach(pipeline -> running.put(pipeline.name(), pipeline));
        TreeSet<String> names = new TreeSet<>(standings.keySet());
        names.addAll(running.keySet());
        List<String> attention = new ArrayList<>();
        List<Object> pipelines = new ArrayList<>();
        for (String name : names) {
            if ((only.isEmpty() || only.equals(name)) && pipelines.size() < MOST_PIPELINES) {
                pipelines.add(pipeline(name, running.get(name), standings.get(name), attention));
            }
        }
        gatewayWide(running, attention);
        Map<String, @Nullable Object> answer = new LinkedHashMap<>();
        answer.put("gateway", "running");
        answer.put("pid", ProcessHandle.current().pid());
        answer.put("since", started.toString());
        answer.put("time", clock.instant().truncatedTo(ChronoUnit.MILLIS).toString());
        answer.put("well", attention.isEmpty());
        answer.put("attention", attention);
        answer.put("pipelines", pipelines);
        answer.put(
                "quarantined", gateway.catalog().map(ModelCatalog::quarantined).orElse(List.of()));
        answer.put("crashes", shown(gateway.catalog().map(ModelCatalog::crashes).orElse(List.of())));
        answer.put("deaths", shown(gateway.catalog().map(ModelCatalog::deaths).orElse(List.of())));
        answer.put("receipts", receipts(only));
        return answer;
    }

    private void gatewayWide(Map<String, Pipeline> running, List<String> attention) {
        if (running.isEmpty()) {
            attention.add("no pipeline is running; look into etc/ and log/penstock.log");
        }
        if (gateway.catalog().isEmpty()) {
            attention.add("the bundle io.penstock.models is not running; look into log/penstock.log");
        }
        gateway.audit()
                .ifPresentOrElse(
                        log -> {
                            if (!log.writable()) {
                                attention.add("the audit log takes no records; make room or repair the disk");
                            }
                        },
                        () -> attention.add("there is no audit log; look into log/penstock.log"));
    }

    private Map<String, @Nullable Object> pipeline(
            String name, @Nullable Pipeline pipeline, @Nullable ModelStanding standing, List<String> attention) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        ModelIdentity meant = standing == null ? null : standing.current();
        ModelIdentity serves = pipeline == null
                ? null
                : pipeline.model().map(ModelArtifact::identity).orElse(null);
        List<String> why = new ArrayList<>();
        map.put("name", name);
        map.put("state", pipeline == null ? "removed" : serves == null ? "without-model" : "serving");
        map.put("mode", pipeline == null ? null : pipeline.mode().name());
        map.put("model", model(serves));
        map.put("modelSince", serves != null && serves.equals(meant) ? since(standing) : null);
        map.put("meant", model(meant));
        map.put("fallback", standing == null ? null : model(standing.fallback()));
        map.put("underWay", standing == null ? "" : Text.shown(standing.underWay()));
        if (pipeline != null) {
            WriteLoop loop = pipeline.loop().orElse(null);
            map.put("loop", loop == null ? null : loop(loop));
            PipelineStatistics figures = pipeline.statistics();
            map.put("cycles", figures.cycles());
            map.put("missedCycles", figures.missedCycles());
            map.put("failures", figures.failures());
            map.put("detail", Text.shown(figures.detail()));
            if (serves == null && pipeline.mode() != Mode.OFF) {
                why.add("no model serves"
                        + (meant == null ? ", none was ever accepted for it" : ", meant is " + meant.label()));
            } else if (serves != null && meant != null && !serves.equals(meant)) {
                why.add(serves.label() + " serves, meant is " + meant.label());
            }
            if (!figures.detail().isEmpty()) {
                why.add(Text.shown(figures.detail()));
            }
        }
        map.put("why", why);
        why.forEach(reason -> attention.add("pipeline " + name + ": " + reason));
        return map;
    }

    private static @Nullable String since(@Nullable ModelStanding standing) {
        return standing == null || standing.since() == null
                ? null
                : standing.since().toString();
    }

    private static @Nullable Map<String, @Nullable Object> model(@Nullable ModelIdentity identity) {
        if (identity == null) {
            return null;
        }
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        map.put("name", identity.name());
        map.put("version", identity.version());
        map.put("sequence", identity.sequence());
        map.put("sha256", identity.sha256());
        return map;
    }

    private static Map<String, @Nullable Object> loop(WriteLoop loop) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        map.put("name", loop.name());
        map.put("target", loop.target().name());
        map.put("closed", loop.closed());
        map.put("lastOpenReason", Text.shown(loop.lastOpenReason()));
        return map;
    }

    private static List<String> shown(List<String> texts) {
        return texts.stream().map(Text::shown).toList();
    }

    private List<Object> receipts(String only) {
        List<Object> list = new ArrayList<>();
        for (Receipt receipt : gateway.catalog().map(ModelCatalog::receipts).orElse(List.of())) {
            if (list.size() < MOST_RECEIPTS
                    && (only.isEmpty() || receipt.pipelines().contains(only))) {
                Map<String, @Nullable Object> map = new LinkedHashMap<>();
                ModelIdentity identity = receipt.model();
                map.put("time", receipt.time().toString());
                map.put("outcome", receipt.outcome().name());
                map.put("file", Text.shown(receipt.file()));
                map.put("model", identity == null ? null : identity.label());
                map.put("pipelines", receipt.pipelines());
                map.put("reason", Text.shown(receipt.reason()));
                list.add(map);
            }
        }
        return list;
    }
}
