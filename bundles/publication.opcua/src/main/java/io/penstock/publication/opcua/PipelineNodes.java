// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.actuation.Mode;
import io.penstock.api.actuation.WriteCounts;
import io.penstock.api.actuation.WriteLoop;
import io.penstock.api.actuation.WriteOutcome;
import io.penstock.api.actuation.WriteReceipt;
import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.pipeline.Pipeline;
import io.penstock.api.pipeline.PipelineStatistics;
import io.penstock.api.publication.CycleResult;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.eclipse.milo.opcua.sdk.server.nodes.UaFolderNode;
import org.eclipse.milo.opcua.sdk.server.nodes.UaNode;
import org.eclipse.milo.opcua.sdk.server.nodes.UaObjectNode;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.jspecify.annotations.Nullable;

/**
 * The nodes of one pipeline. Ids depend on the pipeline and on the names in the contract, never on the model's version: a new
 * model keeps what it also has, and adds or removes only what differs. Its monitor makes results and figures take turns.
 */
final class PipelineNodes {
    private static final long QUIET_NANOS = 2_000_000_000L;

    /** What a client shows beside the node. */
    private static final Map<String, String> DESCRIPTIONS = Map.ofEntries(
            Map.entry("Model/Name", "Its name"),
            Map.entry("Model/Version", "Its version"),
            Map.entry("Model/Sha256", "Checksum of its bundle"),
            Map.entry("Model/Signer", "Who signed its release"),
            Map.entry("Model/Sequence", "The release's number, which grows"),
            Map.entry("Model/Fallback", "What a rollback returns to; empty if there is nothing"),
            Map.entry("Write/LastOutcome", "ASKED, LIMITED, SUPPRESSED, REFUSED, SHED or NOT_OFFERED"),
            Map.entry("Write/LastReason", "Guard and reason; empty if nothing stood in the way"),
            Map.entry("Write/LastValue", "What the connector was asked to write; BadNoData if nothing was"),
            Map.entry("Write/LastReceipt", "What became of the last write, as JSON"),
            Map.entry("Write/LastOpenReason", "Why the loop opened last"),
            Map.entry("Write/Closed", "Whether predictions are written"),
            Map.entry("Write/Asked", "Values handed to the connector"),
            Map.entry("Write/Applied", "Writes that the device acknowledged"),
            Map.entry("Write/Limited", "Values that a limit or rate changed"),
            Map.entry("Write/Suppressed", "Values inside the deadband or too soon after the last"),
            Map.entry("Write/Refused", "Values that a guard refused"),
            Map.entry("Write/ReadBackMismatches", "Writes that the plant showed otherwise"),
            Map.entry("Write/Failed", "Writes that were not acknowledged"),
            Map.entry("Write/RefusedBy", "Refusals by guard, as JSON"),
            Map.entry("Cycle/Count", "Cycles"),
            Map.entry("Cycle/Missed", "Cycles that did not run"),
            Map.entry("Cycle/Overruns", "Cycles that took longer than the period"),
            Map.entry("Cycle/Failures", "Cycles without a usable prediction"),
            Map.entry("Cycle/DroppedResults", "Results that a slow publisher did not get"),
            Map.entry("Cycle/DroppedSamples", "Samples lost to full queues"),
            Map.entry("Cycle/CycleMicrosP50", "Median of a whole cycle"),
            Map.entry("Cycle/CycleMicrosP99", "99th percentile of a whole cycle"),
            Map.entry("Cycle/InferenceMicrosP50", "Median of the model's run"),
            Map.entry("Cycle/AcquisitionToWriteMicrosP50", "Median from the newest input's arrival to its write"),
            Map.entry("Cycle/AcquisitionToWriteMicrosP99", "99th percentile of the same"),
            Map.entry("Cycle/Detail", "What is wrong, in words; empty if all is well"));

    private final ResultsNamespace namespace;
    private final String name;
    private final UaObjectNode object;
    private final UaFolderNode inputsFolder;
    private final UaFolderNode featuresFolder;
    private final UaFolderNode outputsFolder;
    private final Map<String, Analog> analogs = new HashMap<>();
    private final Map<String, PushNode> fixed = new LinkedHashMap<>();
    private final PushNode mode;
    private final PushNode lastOutcome;
    private final PushNode lastReason;
    private final PushNode lastValue;

    private Input[] inputs = {};
    private PushNode[] features = {};
    private PushNode[] outputs = {};
    private @Nullable ModelContract contract;
    private @Nullable Mode publishedMode;
    private @Nullable WriteOutcome publishedOutcome;
    private Map<String, String> tags = Map.of();
    private long lastResultNanos;
    private boolean seenResult;
    private boolean inService;

    private record Input(String name, PushNode value, PushNode age, PushNode tag) {}

    /** A node and what it was made of; another unit makes another node of the same id. */
    private record Analog(PushNode node, String unit, double low, double high) {}

    PipelineNodes(ResultsNamespace namespace, UaNode parent, String name) {
        this.namespace = namespace;
        this.name = name;
        object = namespace.object(parent, name, name, "Pipeline " + name);
        inputsFolder = namespace.folder(object, id("Inputs"), "Inputs", "What the model saw");
        featuresFolder = namespace.folder(object, id("Features"), "Features", "Numbers made of the inputs");
        outputsFolder = namespace.folder(object, id("Outputs"), "Outputs", "What the model predicts");

        mode = namespace.variable(object, id("Mode"), "Mode", NodeIds.String, "OFF, SHADOW, ADVISORY or CLOSED");
        group(
                "Model",
                "The model that serves",
                texts("Name", "Version", "Sha256", "Signer"),
                one("Sequence", NodeIds.Int64),
                texts("Fallback"));
        group(
                "Write",
                "What became of the last prediction, and counts since start",
                texts("LastOutcome", "LastReason"),
                one("LastValue", NodeIds.Double),
                texts("LastReceipt", "LastOpenReason"),
                one("Closed", NodeIds.Boolean),
                counts("Asked", "Applied", "Limited", "Suppressed", "Refused", "ReadBackMismatches", "Failed"),
                texts("RefusedBy"));
        group(
                "Cycle",
                "Figures since start; latencies in microseconds",
                counts("Count", "Missed", "Overruns", "Failures", "DroppedResults", "DroppedSamples"),
                doubles("CycleMicrosP50", "CycleMicrosP99", "InferenceMicrosP50"),
                doubles("AcquisitionToWriteMicrosP50", "AcquisitionToWriteMicrosP99"),
                texts("Detail"));
        lastOutcome = node("Write/LastOutcome");
        lastReason = node("Write/LastReason");
        lastValue = node("Write/LastValue");
    }

    UaObjectNode object() {
        return object;
    }

    /** Takes one result: the way of every cycle, so nothing is made that nobody reads. */
    synchronized void publish(CycleResult result) {
        if (!inService) {
            return;
        }
        Frame frame = result.frame();
        if (!seenResult || result.contract() != contract || frame.size() != inputs.length) {
            bind(
                    result.model(),
                    result.contract(),
                    frame.inputs(),
                    result.features().names(),
                    result.prediction().names(),
                    frame.instantNs());
        }
        seenResult = true;
        lastResultNanos = System.nanoTime();
        long instant = frame.instantNs();
        for (int i = 0; i < inputs.length; i++) {
            inputs[i].value().set(frame.value(i), frame.status(i), frame.sourceTimeNs(i));
            long age = frame.ageNanos(i);
            if (age == Long.MAX_VALUE) {
                inputs[i].age().bad(StatusCode.BAD_WAITING_FOR_INITIAL_DATA, instant);
            } else {
                inputs[i].age().set(age / 1e6, StatusCode.GOOD, instant);
            }
        }
        Features made = result.features();
        for (int i = 0; i < features.length; i++) {
            features[i].set(made.value(i), made.status(i), instant);
        }
        Prediction prediction = result.prediction();
        for (int i = 0; i < outputs.length; i++) {
            outputs[i].set(prediction.value(i), prediction.status(i), prediction.instantNs());
        }
        outcome(result.written(), instant);
        if (result.mode() != publishedMode) {
            publishedMode = result.mode();
            mode.change(Variant.ofString(result.mode().name()), instant);
        }
    }

    /** The pipeline is there: results count from now on. */
    synchronized void serve() {
        if (!inService) {
            inService = true;
            seenResult = false;
            publishedMode = null;
            publishedOutcome = null;
        }
    }

    /** About once a second: all that is not part of a result. */
    synchronized void refresh(Pipeline pipeline, Optional<ModelIdentity> fallback, long nowNs) {
        Map<String, String> bound = new HashMap<>();
        pipeline.bindings().forEach(binding -> bound.put(binding.input(), binding.tag()));
        tags = bound;
        for (Input input : inputs) {
            input.tag().change(Variant.ofString(bound.getOrDefault(input.name(), "")), nowNs);
        }
        boolean quiet = !seenResult || System.nanoTime() - lastResultNanos > QUIET_NANOS;
        ModelArtifact serving = pipeline.model().orElse(null);
        if (quiet && serving != null && serving.contract() != contract) { // it may be OFF, or its cycle long
            ModelContract next = serving.contract();
            bind(
                    serving.identity(),
                    next,
                    next.inputNames(),
                    next.features().stream()
                            .map(ModelContract.FeatureSpec::name)
                            .toList(),
                    next.outputNames(),
                    nowNs);
        }
        identity(serving == null ? null : serving.identity(), nowNs);
        text("Model/Fallback", fallback.map(ModelIdentity::label).orElse(""), nowNs);
        mode.change(Variant.ofString(pipeline.mode().name()), nowNs);
        statistics(pipeline.statistics(), nowNs);
        loop(pipeline.loop().orElse(null), nowNs);
    }

    /** The pipeline is gone for now: nobody shall take its last values for present ones. */
    synchronized void outOfService(long nowNs) {
        inService = false;
        fixed.values().forEach(node -> node.bad(StatusCode.BAD_OUT_OF_SERVICE, nowNs));
        for (Input input : inputs) {
            input.value().bad(StatusCode.BAD_OUT_OF_SERVICE, nowNs);
            input.age().bad(StatusCode.BAD_OUT_OF_SERVICE, nowNs);
        }
        for (PushNode node : features) {
            node.bad(StatusCode.BAD_OUT_OF_SERVICE, nowNs);
        }
        for (PushNode node : outputs) {
            node.bad(StatusCode.BAD_OUT_OF_SERVICE, nowNs);
        }
    }

    synchronized void remove() {
        inService = false;
        namespace.remove(object);
        namespace.tellOrphans();
    }

    private void bind(
            @Nullable ModelIdentity model,
            @Nullable ModelContract serving,
            List<String> inputNames,
            List<String> featureNames,
            List<String> outputNames,
            long nowNs) {
        Map<String, ModelContract.InputSpec> inputSpecs = new HashMap<>();
        Map<String, ModelContract.OutputSpec> outputSpecs = new HashMap<>();
        if (serving != null) {
            serving.inputs().forEach(spec -> inputSpecs.put(spec.name(), spec));
            serving.outputs().forEach(spec -> outputSpecs.put(spec.name(), spec));
        }
        Set<String> kept = new HashSet<>();
        List<Input> in = new ArrayList<>();
        for (String input : inputNames) {
            ModelContract.InputSpec spec = inputSpecs.get(input);
            in.add(input(input, spec, kept, nowNs));
        }
        List<PushNode> made = new ArrayList<>();
        for (String feature : featureNames) {
            made.add(analog(featuresFolder, "Features/" + feature, feature, "", Double.NaN, Double.NaN, kept));
        }
        List<PushNode> out = new ArrayList<>();
        for (String output : outputNames) {
            ModelContract.OutputSpec spec = outputSpecs.get(output);
            out.add(
                    spec == null
                            ? analog(outputsFolder, "Outputs/" + output, output, "", Double.NaN, Double.NaN, kept)
                            : analog(
                                    outputsFolder,
                                    "Outputs/" + output,
                                    output,
                                    spec.unit(),
                                    spec.low(),
                                    spec.high(),
                                    kept));
        }
        analogs.entrySet().removeIf(entry -> {
            if (kept.contains(entry.getKey())) {
                return false;
            }
            namespace.remove(entry.getValue().node());
            return true;
        });
        inputs = in.toArray(Input[]::new);
        features = made.toArray(PushNode[]::new);
        outputs = out.toArray(PushNode[]::new);
        contract = serving;
        identity(model, nowNs);
        namespace.tellOrphans();
    }

    private Input input(String input, ModelContract.@Nullable InputSpec spec, Set<String> kept, long nowNs) {
        String path = "Inputs/" + input;
        boolean there = analogs.containsKey(path);
        PushNode before = there ? analogs.get(path).node() : null;
        PushNode value = spec == null
                ? analog(inputsFolder, path, input, "", Double.NaN, Double.NaN, kept)
                : analog(inputsFolder, path, input, spec.unit(), spec.low(), spec.high(), kept);
        String age = path + "/AgeMs";
        String tag = path + "/Tag";
        if (value != before) {
            // below a node that was made anew, and gone with the old one
            analogs.put(
                    age,
                    new Analog(
                            namespace.variable(value, id(age), "AgeMs", NodeIds.Double, "Age in the cycle, in ms"),
                            "",
                            Double.NaN,
                            Double.NaN));
            namespace
                    .variable(value, id(path + "/Unit"), "Unit", NodeIds.String, "UNECE common code")
                    .change(Variant.ofString(spec == null ? "" : spec.unit()), nowNs);
            PushNode bound = namespace.variable(value, id(tag), "Tag", NodeIds.String, "The tag bound to it");
            bound.change(Variant.ofString(tags.getOrDefault(input, "")), nowNs);
            analogs.put(tag, new Analog(bound, "", Double.NaN, Double.NaN));
        }
        kept.add(age);
        kept.add(tag);
        return new Input(input, value, analogs.get(age).node(), analogs.get(tag).node());
    }

    private PushNode analog(
            UaNode folder, String path, String label, String unit, double low, double high, Set<String> kept) {
        kept.add(path);
        Analog there = analogs.get(path);
        if (there != null) {
            if (there.unit().equals(unit)
                    && Double.compare(there.low(), low) == 0
                    && Double.compare(there.high(), high) == 0) {
                return there.node();
            }
            if (there.unit().equals(unit) && namespace.range(there.node(), low, high)) {
                // the same node: who follows it hears of the next value, not of a gap
                analogs.put(path, new Analog(there.node(), unit, low, high));
                return there.node();
            }
            namespace.remove(there.node());
        }
        PushNode node = namespace.analog(folder, id(path), label, unit, low, high, "");
        analogs.put(path, new Analog(node, unit, low, high));
        return node;
    }

    private void identity(@Nullable ModelIdentity identity, long nowNs) {
        if (identity == null) {
            for (String field : List.of("Name", "Version", "Sha256", "Signer", "Sequence")) {
                node("Model/" + field).bad(StatusCode.BAD_WAITING_FOR_INITIAL_DATA, nowNs);
            }
            return;
        }
        text("Model/Name", identity.name(), nowNs);
        text("Model/Version", identity.version(), nowNs);
        text("Model/Sha256", identity.sha256(), nowNs);
        text("Model/Signer", identity.signer(), nowNs);
        count("Model/Sequence", identity.sequence(), nowNs);
    }

    private void outcome(WriteOutcome written, long nowNs) {
        if (written == publishedOutcome) {
            return;
        }
        publishedOutcome = written;
        lastOutcome.change(Variant.ofString(written.kind().name()), nowNs);
        lastReason.change(Variant.ofString(written.reason()), nowNs);
        if (Double.isNaN(written.value())) {
            lastValue.bad(NO_DATA, nowNs);
        } else {
            lastValue.change(written.value(), nowNs);
        }
    }

    private void statistics(PipelineStatistics statistics, long nowNs) {
        count("Cycle/Count", statistics.cycles(), nowNs);
        count("Cycle/Missed", statistics.missedCycles(), nowNs);
        count("Cycle/Overruns", statistics.overruns(), nowNs);
        count("Cycle/Failures", statistics.failures(), nowNs);
        count("Cycle/DroppedResults", statistics.droppedResults(), nowNs);
        count("Cycle/DroppedSamples", statistics.droppedSamples(), nowNs);
        figure("Cycle/CycleMicrosP50", statistics.cycleMicrosP50(), nowNs);
        figure("Cycle/CycleMicrosP99", statistics.cycleMicrosP99(), nowNs);
        figure("Cycle/InferenceMicrosP50", statistics.inferenceMicrosP50(), nowNs);
        figure("Cycle/AcquisitionToWriteMicrosP50", statistics.acquisitionToWriteMicrosP50(), nowNs);
        figure("Cycle/AcquisitionToWriteMicrosP99", statistics.acquisitionToWriteMicrosP99(), nowNs);
        text("Cycle/Detail", statistics.detail(), nowNs);
    }

    private void loop(@Nullable WriteLoop loop, long nowNs) {
        if (loop == null) {
            fixed.forEach((path, node) -> {
                if (path.startsWith("Write/") && node != lastOutcome && node != lastReason && node != lastValue) {
                    node.bad(NO_DATA, nowNs);
                }
            });
            return;
        }
        WriteCounts counts = loop.counts();
        count("Write/Asked", counts.asked(), nowNs);
        count("Write/Applied", counts.applied(), nowNs);
        count("Write/Limited", counts.limited(), nowNs);
        count("Write/Suppressed", counts.suppressed(), nowNs);
        count(
                "Write/Refused",
                counts.refused().values().stream().mapToLong(Long::longValue).sum(),
                nowNs);
        count("Write/ReadBackMismatches", counts.readBackMismatches(), nowNs);
        count("Write/Failed", counts.failed(), nowNs);
        text(
                "Write/RefusedBy",
                Json.object(counts.refused().entrySet().stream()
                        .sorted(Map.Entry.comparingByKey())
                        .flatMap(entry -> java.util.stream.Stream.of(entry.getKey(), entry.getValue()))
                        .toArray()),
                nowNs);
        node("Write/Closed").change(Variant.ofBoolean(loop.closed()), nowNs);
        text("Write/LastOpenReason", loop.lastOpenReason(), nowNs);
        text("Write/LastReceipt", loop.lastReceipt().map(PipelineNodes::json).orElse(""), nowNs);
    }

    private static String json(WriteReceipt receipt) {
        return Json.object(
                "target",
                receipt.target().name(),
                "value",
                receipt.value(),
                "result",
                receipt.result().name(),
                "readBack",
                receipt.readBack(),
                "reason",
                receipt.reason(),
                "time",
                receipt.time().toString(),
                "writeMicros",
                receipt.writeMicros());
    }

    private void text(String path, String value, long nowNs) {
        node(path).change(Variant.ofString(value), nowNs);
    }

    private void count(String path, long value, long nowNs) {
        node(path).change(Variant.ofInt64(value), nowNs);
    }

    /** A latency nothing was measured for is no 0 and no NaN on somebody's trend. */
    private void figure(String path, double value, long nowNs) {
        if (Double.isNaN(value)) {
            node(path).bad(NO_DATA, nowNs);
        } else {
            node(path).change(value, nowNs);
        }
    }

    private PushNode node(String path) {
        PushNode node = fixed.get(path);
        if (node == null) {
            throw new IllegalStateException("no node " + path);
        }
        return node;
    }

    private String id(String path) {
        return name + "/" + path;
    }

    /** BadNoData: there is nothing to show, and nothing is wrong either. */
    private static final int NO_DATA = 0x809B0000;

    private record Field(String name, NodeId type) {}

    private static List<Field> texts(String... names) {
        return fields(names, name -> NodeIds.String);
    }

    private static List<Field> counts(String... names) {
        return fields(names, name -> NodeIds.Int64);
    }

    private static List<Field> doubles(String... names) {
        return fields(names, name -> NodeIds.Double);
    }

    private static List<Field> one(String name, NodeId type) {
        return List.of(new Field(name, type));
    }

    private static List<Field> fields(String[] names, Function<String, NodeId> type) {
        List<Field> fields = new ArrayList<>();
        for (String name : names) {
            fields.add(new Field(name, type.apply(name)));
        }
        return fields;
    }

    @SafeVarargs
    @SuppressWarnings("varargs")
    private void group(String group, String description, List<Field>... fields) {
        UaFolderNode folder = namespace.folder(object, id(group), group, description);
        fixed.put("Mode", mode);
        for (List<Field> some : fields) {
            for (Field field : some) {
                String path = group + "/" + field.name();
                fixed.put(
                        path,
                        namespace.variable(
                                folder, id(path), field.name(), field.type(), DESCRIPTIONS.getOrDefault(path, "")));
            }
        }
    }
}
