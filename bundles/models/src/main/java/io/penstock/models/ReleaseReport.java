// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.api.inference.InferenceEngine;
import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.preprocessing.FeatureEngine;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What is in a release, or in a model bundle without signature, for people and for programs. */
public final class ReleaseReport {
    private static final long LIMIT = 1L << 30;

    private final ModelBundle content;
    private final @Nullable Statement statement;
    private final @Nullable String signer;
    private final String sha256;
    private final long size;

    private ReleaseReport(byte[] bundle, ModelBundle content, @Nullable Statement statement, @Nullable String signer) {
        this.content = content;
        this.statement = statement;
        this.signer = signer;
        sha256 = Names.sha256(bundle);
        size = bundle.length;
    }

    /**
     * Verifies a release as a gateway does, apart from its sequence and pipelines, which only a gateway knows.
     *
     * @throws ModelRejectedException with the reason a gateway would give.
     */
    public static ReleaseReport verified(byte[] release, ReleaseVerifier verifier, Instant now)
            throws ModelRejectedException {
        Release verified = Release.verify(release, verifier, now, LIMIT);
        verified.checkTime(now);
        return new ReleaseReport(
                verified.bundle(),
                verified.content(),
                verified.statement(),
                verified.identity().signer());
    }

    /** Reads a release or a model bundle without looking at the signature. */
    public static ReleaseReport unverified(byte[] file) throws ModelRejectedException {
        if (file.length > 4 && file[0] == 'P' && file[1] == 'K' && file[2] == 3) {
            return new ReleaseReport(file, ModelBundle.read(file, LIMIT), null, null);
        }
        ReleaseFile parts = ReleaseFile.parse(file);
        return new ReleaseReport(
                parts.bundle(), ModelBundle.read(parts.bundle(), LIMIT), ReleaseVerifier.unverified(parts.cms()), null);
    }

    /**
     * Replays the golden vectors.
     *
     * @return the evidence in one line.
     */
    public String replay(FeatureEngine features, InferenceEngine inference) throws ModelRejectedException {
        ModelIdentity identity =
                new ModelIdentity(content.contract().name(), content.contract().version(), 0, sha256, "");
        return new GoldenReplay(features, inference)
                .compare(new ModelArtifact(identity, content.contract(), content.onnx()), content.golden());
    }

    /** Name and version. */
    public String label() {
        return content.contract().name() + " " + content.contract().version();
    }

    /** One line per fact. */
    public List<String> toLines() {
        ModelContract contract = content.contract();
        List<String> lines = new ArrayList<>();
        lines.add("model       " + label());
        lines.add("bundle      " + size + " bytes, sha256 " + sha256);
        if (statement != null) {
            lines.add("sequence    " + statement.sequence());
            lines.add("pipelines   " + String.join(", ", statement.pipelines()));
            lines.add("valid       from " + statement.notBefore()
                    + (statement.notAfter() == null ? "" : " to " + statement.notAfter()));
        }
        lines.add("signature   "
                + (signer != null
                        ? signer + " (verified)"
                        : statement == null ? "none" : "not verified, use 'verify'"));
        lines.add("graph       ONNX, opset " + content.opset() + ", " + content.onnx().length + " bytes");
        lines.add("cycle       " + (contract.cycleMs() == 0 ? "any" : contract.cycleMs() + " ms"));
        for (InputSpec input : contract.inputs()) {
            lines.add(String.format(
                    Locale.ROOT,
                    "input       %s [%s] %s to %s, at most %d ms old, missing: %s%s",
                    input.name(),
                    input.unit(),
                    input.low(),
                    input.high(),
                    input.maximumAgeMs(),
                    ContractReader.policy(input.missing()),
                    input.required() ? "" : ", optional"));
        }
        lines.add("features    " + contract.features().size() + ", operators "
                + String.join(", ", BundleManifest.operators(contract)));
        for (TensorSpec tensor : contract.tensors()) {
            lines.add("tensor      " + tensor.name() + " "
                    + tensor.type().name().toLowerCase(Locale.ROOT) + " " + tensor.shape() + ", " + tensor.rows()
                    + " rows of " + tensor.features().size() + " features, "
                    + TensorLayouts.name(tensor.layout()));
        }
        for (OutputSpec output : contract.outputs()) {
            lines.add(String.format(
                    Locale.ROOT,
                    "output      %s [%s] %s to %s, of %s[%d]",
                    output.name(),
                    output.unit(),
                    output.low(),
                    output.high(),
                    output.tensor(),
                    output.index()));
        }
        lines.add("budget      " + contract.budget().deadlineMs() + " ms, "
                + contract.budget().memoryMiB() + " MiB");
        lines.add("golden      " + content.golden().cycles().size() + " cycles, tolerance of features "
                + content.golden().featureTolerance() + ", of outputs "
                + content.golden().outputTolerance());
        lines.add("reference   " + (content.reference() == null ? "none" : "training distribution"));
        return lines;
    }

    /** The same as JSON. */
    public String toJson() {
        ModelContract contract = content.contract();
        ObjectNode root = Json.newObject()
                .put("name", contract.name())
                .put("version", contract.version())
                .put("size", size)
                .put("sha256", sha256)
                .put("opset", content.opset())
                .put("cycleMs", contract.cycleMs());
        if (statement != null) {
            root.put("sequence", statement.sequence());
            Json.addTexts(root.putArray("pipelines"), statement.pipelines());
            root.put("notBefore", statement.notBefore().toString());
            if (statement.notAfter() != null) {
                root.put("notAfter", statement.notAfter().toString());
            }
        }
        root.put("verified", signer != null);
        if (signer != null) {
            root.put("signer", signer);
        }
        Json.addTexts(root.putArray("inputs"), contract.inputNames());
        Json.addTexts(root.putArray("operators"), BundleManifest.operators(contract));
        ArrayNode features = root.putArray("features");
        contract.features().forEach(feature -> features.add(feature.name()));
        Json.addTexts(root.putArray("outputs"), contract.outputNames());
        root.put("goldenCycles", content.golden().cycles().size());
        root.put("reference", content.reference() != null);
        return new String(Json.pretty(root), StandardCharsets.UTF_8).strip();
    }
}
