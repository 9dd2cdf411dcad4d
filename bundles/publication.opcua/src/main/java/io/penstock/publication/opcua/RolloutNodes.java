// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.Receipt;
import java.util.List;
import org.eclipse.milo.opcua.sdk.server.nodes.UaFolderNode;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.jspecify.annotations.Nullable;

/** What became of the last releases. */
final class RolloutNodes {
    private static final int SHOWN = 20;

    private final PushNode outcome;
    private final PushNode model;
    private final PushNode reason;
    private final PushNode last;
    private final PushNode recent;
    private @Nullable Receipt newest;

    RolloutNodes(ResultsNamespace namespace, UaFolderNode folder) {
        outcome = namespace.variable(folder, "Rollouts/LastOutcome", "LastOutcome", NodeIds.String, "ACTIVATED, …");
        model = namespace.variable(folder, "Rollouts/LastModel", "LastModel", NodeIds.String, "Name and version");
        reason = namespace.variable(folder, "Rollouts/LastReason", "LastReason", NodeIds.String, "Why, in words");
        last = namespace.variable(folder, "Rollouts/LastReceipt", "LastReceipt", NodeIds.String, "As JSON");
        recent = namespace.texts(
                folder, "Rollouts/Receipts", "Receipts", "The last " + SHOWN + ", newest first, as JSON");
    }

    void refresh(List<Receipt> receipts) {
        if (receipts.isEmpty() || receipts.get(0).equals(newest)) {
            return;
        }
        Receipt receipt = receipts.get(0);
        newest = receipt;
        long timeNs = PushNode.nanos(receipt.time());
        ModelIdentity identity = receipt.model();
        outcome.change(Variant.ofString(receipt.outcome().name()), timeNs);
        model.change(Variant.ofString(identity == null ? "" : identity.label()), timeNs);
        reason.change(Variant.ofString(receipt.reason()), timeNs);
        last.change(Variant.ofString(json(receipt)), timeNs);
        recent.change(
                Variant.ofStringArray(
                        receipts.stream().limit(SHOWN).map(RolloutNodes::json).toArray(String[]::new)),
                timeNs);
    }

    void outOfService(long nowNs) {
        newest = null;
        for (PushNode node : List.of(outcome, model, reason, last, recent)) {
            node.bad(StatusCode.BAD_OUT_OF_SERVICE, nowNs);
        }
    }

    private static String json(Receipt receipt) {
        ModelIdentity identity = receipt.model();
        return Json.object(
                "file",
                receipt.file(),
                "model",
                identity == null ? "" : identity.label(),
                "sha256",
                identity == null ? "" : identity.sha256(),
                "pipelines",
                receipt.pipelines(),
                "outcome",
                receipt.outcome().name(),
                "reason",
                receipt.reason(),
                "steps",
                receipt.steps(),
                "time",
                receipt.time().toString());
    }
}
