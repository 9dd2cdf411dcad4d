// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * What the gateway wants to run and what became of releases. Immutable; one file, so that a decision and its receipt are
 * on disk together or not at all.
 *
 * @param pipelines what serves where.
 * @param highestSequence highest sequence ever accepted, by model name.
 * @param releases accepted releases in the store, by id.
 * @param crashes how many crashes of the process are charged to a release, by id.
 * @param lastCrash the crash report counted last.
 * @param trying id of the release that is being activated, empty for none.
 * @param handled files of the drop folder that are done with: name and a space and id.
 * @param receipts newest first.
 */
record State(
        Map<String, Serving> pipelines,
        Map<String, Long> highestSequence,
        Map<String, Accepted> releases,
        Map<String, Integer> crashes,
        String lastCrash,
        String trying,
        List<String> handled,
        List<Receipt> receipts) {
    static final State EMPTY = new State(Map.of(), Map.of(), Map.of(), Map.of(), "", "", List.of(), List.of());
    private static final int MOST_RECEIPTS = 100;
    private static final int MOST_CRASHED = 100;
    static final int MOST_HANDLED = 1000;
    private static final int MOST_HISTORY = 5;
    private static final int MOST_STEPS = 1000;
    private static final int LONGEST_TEXT = 4000;
    private static final Pattern ANY = Pattern.compile("(?s).*");

    State {
        pipelines = Collections.unmodifiableMap(new TreeMap<>(pipelines));
        highestSequence = Collections.unmodifiableMap(new TreeMap<>(highestSequence));
        releases = Collections.unmodifiableMap(new TreeMap<>(releases));
        crashes = Collections.unmodifiableMap(new TreeMap<>(crashes));
        handled = List.copyOf(handled);
        receipts = List.copyOf(receipts);
    }

    /**
     * What serves on one pipeline.
     *
     * @param current id of the release.
     * @param history ids of those before, oldest first; the last is the fallback.
     */
    record Serving(String current, List<String> history) {
        Serving {
            history = List.copyOf(history);
        }

        Serving followedBy(String id) {
            List<String> before = new ArrayList<>(history);
            before.remove(id);
            if (!current.equals(id)) {
                before.add(current);
            }
            return new Serving(id, before.subList(Math.max(0, before.size() - MOST_HISTORY), before.size()));
        }

        Serving backTo(String id) {
            return new Serving(id, history.subList(0, Math.max(0, history.indexOf(id))));
        }
    }

    /**
     * An accepted release.
     *
     * @param identity which model.
     * @param file the name it came under.
     * @param pipelines names of the pipelines it is for, {@code *} for all.
     * @param acceptedAt when; its certificates are judged as of then.
     */
    record Accepted(ModelIdentity identity, String file, List<String> pipelines, Instant acceptedAt) {
        Accepted {
            pipelines = List.copyOf(pipelines);
        }
    }

    State withServing(String pipeline, Serving serving) {
        Map<String, Serving> changed = new TreeMap<>(pipelines);
        changed.put(pipeline, serving);
        return new State(changed, highestSequence, releases, crashes, lastCrash, trying, handled, receipts);
    }

    State withAccepted(String id, Accepted accepted) {
        Map<String, Accepted> changed = new TreeMap<>(releases);
        changed.put(id, bounded(accepted));
        Map<String, Long> highest = new TreeMap<>(highestSequence);
        highest.merge(accepted.identity().name(), accepted.identity().sequence(), Math::max);
        return new State(pipelines, highest, changed, crashes, lastCrash, trying, handled, receipts);
    }

    State withReleases(Map<String, Accepted> changed) {
        return new State(pipelines, highestSequence, changed, crashes, lastCrash, trying, handled, receipts);
    }

    State withCrashes(String id, int count, String report) {
        Map<String, Integer> changed = new TreeMap<>(crashes);
        if (count == 0) {
            changed.remove(id);
        } else {
            changed.put(id, count);
        }
        for (String other : crashes.keySet()) {
            if (changed.size() > MOST_CRASHED && !other.equals(id) && !releases.containsKey(other)) {
                changed.remove(other); // releases that were never accepted, or somebody could fill the file with them
            }
        }
        return new State(pipelines, highestSequence, releases, changed, report, trying, handled, receipts);
    }

    State withLastCrash(String report) {
        return new State(pipelines, highestSequence, releases, crashes, report, trying, handled, receipts);
    }

    State withTrying(String id) {
        return new State(pipelines, highestSequence, releases, crashes, lastCrash, id, handled, receipts);
    }

    State withHandled(List<String> changed) {
        List<String> kept = changed.subList(Math.max(0, changed.size() - MOST_HANDLED), changed.size());
        return new State(pipelines, highestSequence, releases, crashes, lastCrash, trying, kept, receipts);
    }

    State withReceipt(Receipt receipt) {
        List<Receipt> changed = new ArrayList<>(receipts);
        changed.add(0, bounded(receipt));
        return new State(
                pipelines,
                highestSequence,
                releases,
                crashes,
                lastCrash,
                trying,
                handled,
                changed.subList(0, Math.min(MOST_RECEIPTS, changed.size())));
    }

    /** What cannot be read back would leave the gateway without models after the next start. */
    private static Accepted bounded(Accepted accepted) {
        return new Accepted(
                bounded(accepted.identity()), bounded(accepted.file()), accepted.pipelines(), accepted.acceptedAt());
    }

    private static ModelIdentity bounded(ModelIdentity identity) {
        return new ModelIdentity(
                identity.name(),
                identity.version(),
                identity.sequence(),
                identity.sha256(),
                bounded(identity.signer()));
    }

    private static Receipt bounded(Receipt receipt) {
        ModelIdentity model = receipt.model();
        return new Receipt(
                bounded(receipt.file()),
                model == null ? null : bounded(model),
                receipt.pipelines(),
                receipt.outcome(),
                bounded(receipt.reason()),
                receipt.steps().stream().limit(MOST_STEPS).map(State::bounded).toList(),
                receipt.time());
    }

    private static String bounded(String text) {
        return text.length() <= LONGEST_TEXT ? text : text.substring(0, LONGEST_TEXT - 3) + "...";
    }

    byte[] toBytes() {
        ObjectNode root = Json.newObject();
        root.put("schema", 1);
        ObjectNode serving = root.putObject("pipelines");
        pipelines.forEach((name, value) -> {
            ObjectNode node = serving.putObject(name).put("current", value.current());
            Json.addTexts(node.putArray("history"), value.history());
        });
        ObjectNode highest = root.putObject("highestSequence");
        highestSequence.forEach(highest::put);
        ObjectNode accepted = root.putObject("releases");
        releases.forEach((id, value) -> {
            ObjectNode node = accepted.putObject(id)
                    .put("file", value.file())
                    .put("acceptedAt", value.acceptedAt().toString());
            Json.addTexts(node.putArray("pipelines"), value.pipelines());
            node.set("model", identity(value.identity()));
        });
        ObjectNode counts = root.putObject("crashes");
        crashes.forEach(counts::put);
        root.put("lastCrash", lastCrash);
        root.put("trying", trying);
        Json.addTexts(root.putArray("handled"), handled);
        ArrayNode list = root.putArray("receipts");
        receipts.forEach(receipt -> list.add(receipt(receipt)));
        return Json.pretty(root);
    }

    private static ObjectNode identity(ModelIdentity identity) {
        return Json.newObject()
                .put("name", identity.name())
                .put("version", identity.version())
                .put("sequence", identity.sequence())
                .put("sha256", identity.sha256())
                .put("signer", identity.signer());
    }

    static ObjectNode receipt(Receipt receipt) {
        ObjectNode node = Json.newObject().put("file", receipt.file());
        if (receipt.model() != null) {
            node.set("model", identity(receipt.model()));
        }
        Json.addTexts(node.putArray("pipelines"), receipt.pipelines());
        node.put("outcome", receipt.outcome().name()).put("reason", receipt.reason());
        Json.addTexts(node.putArray("steps"), receipt.steps());
        return node.put("time", receipt.time().toString());
    }

    /** @throws IllegalArgumentException if it is not what {@link #toBytes} writes. */
    static State parse(String file, byte[] bytes) {
        Json json = Json.parse(file, bytes);
        json.integer("schema", 1, 1);
        Map<String, Serving> pipelines = new TreeMap<>();
        Json serving = json.object("pipelines");
        for (String name : serving.keys()) {
            Json node = serving.object(name);
            pipelines.put(
                    name,
                    new Serving(
                            node.text("current", Names.SHA256, Names.SHA256_FORM),
                            node.texts("history", 0, MOST_HISTORY, Names.SHA256, Names.SHA256_FORM)));
        }
        Map<String, Long> highest = new TreeMap<>();
        Json sequences = json.object("highestSequence");
        sequences.keys().forEach(name -> highest.put(name, sequences.integer(name, 1, Long.MAX_VALUE)));
        Map<String, Accepted> releases = new TreeMap<>();
        Json accepted = json.object("releases");
        for (String id : accepted.keys()) {
            Json node = accepted.object(id);
            releases.put(
                    id,
                    new Accepted(
                            identity(node.object("model")),
                            node.text("file", LONGEST_TEXT),
                            node.texts("pipelines", 1, 200, Names.PIPELINE, Names.PIPELINE_FORM),
                            node.instant("acceptedAt")));
        }
        Map<String, Integer> crashes = new TreeMap<>();
        Json counts = json.object("crashes");
        for (String id : counts.keys()) {
            if (!Names.SHA256.matcher(id).matches()) {
                throw counts.fault(Json.shortened(id), "the key must be " + Names.SHA256_FORM);
            }
            crashes.put(id, (int) counts.integer(id, 0, 1_000_000));
        }
        return new State(
                pipelines,
                highest,
                releases,
                crashes,
                json.text("lastCrash", 1000),
                json.text("trying", 64),
                json.texts("handled", 0, MOST_HANDLED, ANY, "a text"),
                json.objects("receipts", 0, MOST_RECEIPTS).stream()
                        .map(State::receipt)
                        .toList());
    }

    private static ModelIdentity identity(Json json) {
        return new ModelIdentity(
                json.text("name", 100),
                json.text("version", 100),
                json.integer("sequence", 0, Long.MAX_VALUE),
                json.text("sha256", 100),
                json.text("signer", LONGEST_TEXT));
    }

    static Receipt receipt(Json json) {
        return new Receipt(
                json.text("file", LONGEST_TEXT),
                json.has("model") ? identity(json.object("model")) : null,
                json.texts("pipelines", 0, 10_000, ANY, "a text"),
                RolloutOutcome.valueOf(json.text("outcome", 40)),
                json.text("reason", 100_000),
                json.texts("steps", 0, 10_000, ANY, "a text"),
                json.instant("time"));
    }
}
