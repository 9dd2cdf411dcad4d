// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.api.model.ModelRejectedException;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a release says about its bundle and what the signature covers.
 *
 * @param name model name.
 * @param version model version.
 * @param sequence number that only grows from release to release of this name.
 * @param size bytes of the bundle.
 * @param sha256 digest of the bundle.
 * @param onnxSha256 digest of {@code PENSTOCK-INF/model.onnx}.
 * @param contractSha256 digest of {@code PENSTOCK-INF/model.json}.
 * @param pipelines names of the pipelines it is for, {@code *} for all.
 * @param notBefore not to be taken in earlier.
 * @param notAfter not to be taken in later, null for no end.
 */
public record Statement(
        String name,
        String version,
        long sequence,
        long size,
        String sha256,
        String onnxSha256,
        String contractSha256,
        List<String> pipelines,
        Instant notBefore,
        @Nullable Instant notAfter) {
    public Statement {
        pipelines = List.copyOf(pipelines);
    }

    /** The bytes that are signed: one line of JSON, keys in fixed order. */
    public byte[] toBytes() {
        ObjectNode node = Json.newObject();
        node.put("schema", 1);
        node.put("name", name);
        node.put("version", version);
        node.put("sequence", sequence);
        node.put("size", size);
        node.put("sha256", sha256);
        node.put("onnxSha256", onnxSha256);
        node.put("contractSha256", contractSha256);
        Json.addTexts(node.putArray("pipelines"), pipelines);
        node.put("notBefore", notBefore.toString());
        if (notAfter != null) {
            node.put("notAfter", notAfter.toString());
        }
        return Json.compact(node);
    }

    /** @throws ModelRejectedException if it is no statement, naming key, value and limit. */
    public static Statement parse(byte[] bytes) throws ModelRejectedException {
        try {
            Json json = Json.parse("statement", bytes);
            json.integer("schema", 1, 1);
            Statement statement = new Statement(
                    json.text("name", Names.MODEL, Names.MODEL_FORM),
                    json.text("version", Names.VERSION, Names.VERSION_FORM),
                    json.integer("sequence", 1, Long.MAX_VALUE),
                    json.integer("size", 1, Integer.MAX_VALUE),
                    json.text("sha256", Names.SHA256, Names.SHA256_FORM),
                    json.text("onnxSha256", Names.SHA256, Names.SHA256_FORM),
                    json.text("contractSha256", Names.SHA256, Names.SHA256_FORM),
                    json.texts("pipelines", 1, 200, Names.PIPELINE, Names.PIPELINE_FORM),
                    json.instant("notBefore"),
                    json.optionalInstant("notAfter"));
            json.end();
            if (statement.notAfter() != null && !statement.notAfter().isAfter(statement.notBefore())) {
                throw json.fault(
                        "notAfter",
                        "must be later than notBefore " + statement.notBefore() + ", was " + statement.notAfter());
            }
            return statement;
        } catch (IllegalArgumentException e) {
            throw new ModelRejectedException(e.getMessage(), e);
        }
    }

    /** Whether this release is for a pipeline of that name. */
    public boolean isFor(String pipeline) {
        return pipelines.contains("*") || pipelines.contains(pipeline);
    }
}
